"""Who holds the agents' lock of a device, as agents/native/src/lease.c writes it: `PID TOKEN`."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from farm.errors import InfrastructureError

if TYPE_CHECKING:
    from farm.fleet.adb import AdbDevice

DEADLINE_S = 30.0
_RECORD = re.compile(r"\s*(\d{1,10})\s+(\d{1,20})\s*")


def end(device: AdbDevice, lock: str, lease: int) -> None:
    """Have no agent under an older lease go on.

    Raises:
        InfrastructureError: the device has a newer lease, or the agent does not end.
    """
    record = _RECORD.fullmatch(device.shell(["cat", lock], DEADLINE_S).text)
    if record is None:
        return
    pid, token = record.groups()
    if int(token) > lease:
        raise InfrastructureError(
            f"lease {lease} is over: lease {token} has had this device since", where=f"{device.serial}: {lock}",
            remedy="another lab uses the device, or this one's database is an old copy",
        )  # fmt: skip
    # The number may have passed to a stranger, who is left alone. SIGTERM first: the capture is closed then.
    holds = f"[ {pid} != $$ ] && grep -qF -e {shlex.quote(lock)} /proc/{pid}/cmdline 2> /dev/null"
    line = (
        f"holds() {{ {holds}; }}; n=0; holds && kill {pid}; while holds; do n=$((n + 1)); [ $n -ne 30 ] || kill -9 {pid}; "
        "[ $n -lt 80 ] || exit 1; sleep 0.1; done"
    )
    if device.script(line, DEADLINE_S).exit_code:
        raise InfrastructureError(
            f"agent {pid} of lease {token} does not end", where=device.serial, remedy="restart the device"
        )
