"""Runtimes that are pushed to devices: read, checked, and kept in the data folder under a name, pinned by their hashes."""
