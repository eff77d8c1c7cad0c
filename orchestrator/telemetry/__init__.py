"""Metrics and traces: folds of the event stream for those who watch from afar."""
