"""The adb servers of the lab, and which of them holds a device.

A device of [adb] is called by adb's own serial; one of a [[host]] by SERIAL@NAME.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.fleet.adb import AdbServer

if TYPE_CHECKING:
    from collections.abc import Collection

    from farm.fleet.adb import AdbDevice
    from farm.settings import Settings


def servers(settings: Settings) -> dict[str, AdbServer]:
    """Every adb server by its name; [adb] has none."""
    known = {"": AdbServer(settings.adb.host, settings.adb.port)}
    return known | {host.name: AdbServer(host.host, host.port) for host in settings.host}


def join(adb_serial: str, host: str) -> str:
    """The farm's name for a device of this host."""
    return f"{adb_serial}@{host}" if host else adb_serial


def split(serial: str, hosts: Collection[str]) -> tuple[str, str]:
    """adb's serial and the host's name; what follows an @ is a host only where there is one of that name."""
    adb_serial, _, host = serial.rpartition("@")
    return (adb_serial, host) if adb_serial and host and host in hosts else (serial, "")


def handle(settings: Settings, serial: str) -> AdbDevice:
    """What talks to a device of this name; nothing is sent yet."""
    known = servers(settings)
    adb_serial, host = split(serial, known)
    return known[host].device(adb_serial)
