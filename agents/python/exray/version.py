"""One version for the library, the agent and this package (src/version.h)."""

__version__ = "0.2.0"
