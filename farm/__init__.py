"""farm: every phone in the lab as one bench."""

import logging

__version__ = "0.1.0"
logging.getLogger(__name__).addHandler(logging.NullHandler())  # a command that is a daemon for a moment says nothing
