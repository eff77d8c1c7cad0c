"""The job file: read, checked all at once, made into options."""
