"""The account on disk and on the terminal: summary, table, page, text."""
