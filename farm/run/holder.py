"""Who holds the agents' lock of a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.android.commands import agent
from farm.errors import InfrastructureError

if TYPE_CHECKING:
    from farm.fleet.adb import AdbDevice

DEADLINE_S = 30.0


def end(device: AdbDevice, lock: str, lease: int) -> None:
    """Have no agent under an older lease go on.

    Raises:
        InfrastructureError: the device has a newer lease, or the agent does not end.
    """
    holder = device.ask(agent.holder(lock), DEADLINE_S)
    if holder is None:
        return
    if holder.token > lease:
        raise InfrastructureError(
            f"lease {lease} is over: lease {holder.token} has had this device since", where=f"{device.serial}: {lock}",
            remedy="another lab uses the device, or this one's database is an old copy",
        )  # fmt: skip
    if device.send(agent.end(holder.pid, lock), DEADLINE_S).exit_code:
        raise InfrastructureError(
            f"agent {holder.pid} of lease {holder.token} does not end", where=device.serial, remedy="restart the device"
        )
