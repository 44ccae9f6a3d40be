"""Virtual phones: an adb daemon and an Android-like shell in a root of its own, for a real adb server to talk to.

A virtual phone says so: its property `ro.farm.virtual` is 1, and whatever is measured on it is the host's.
"""

from __future__ import annotations

from farm.virtual.packages import install
from farm.virtual.phones import down, fault, freeze, kill, listed, thaw, up
from farm.virtual.state import VirtualPhone

__all__ = ["VirtualPhone", "down", "fault", "freeze", "install", "kill", "listed", "thaw", "up"]
