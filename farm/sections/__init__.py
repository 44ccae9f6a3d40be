"""Sections of farm.toml that are not the daemon's own, one noun a file."""
