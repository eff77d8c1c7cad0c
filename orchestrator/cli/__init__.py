"""The command line: people, terminals, signals, exit codes. No other part of the library imports it."""
