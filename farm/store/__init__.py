"""Where everything lasts: state in one SQLite file, artifacts as files named by their sha256."""
