"""The bulk verbs of the migration-task API: one file each, one shape."""
