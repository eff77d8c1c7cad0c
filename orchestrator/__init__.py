"""Run one operation over a very long list of cloud resources, and know for each of them what came of it."""
