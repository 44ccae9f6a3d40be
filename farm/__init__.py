"""farm: every phone in the lab as one bench."""

__version__ = "0.1.0"
