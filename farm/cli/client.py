"""Moved to `farm.client`."""

from farm.client import Client, connect, serve

__all__ = ["Client", "connect", "serve"]
