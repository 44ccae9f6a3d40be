"""A submission and the devices there are become runs: one for each matching device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.errors import NoDeviceError
from farm.fleet.selector import select
from farm.report.document import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.fleet.device import Device
    from farm.submission import Submission


def plan(submission: Submission, devices: Sequence[Device]) -> list[Target]:
    """The targets of a submission's runs, in the order of `devices`.

    Raises:
        NoDeviceError: no device is ready.
        SelectorError: the selector is wrong, or no ready device matches it.
    """
    ready = [d for d in devices if d.state == "device"]
    if not ready:
        others = ", ".join(f"{d.serial} is {d.state}" for d in devices)
        raise NoDeviceError(
            f"no device is ready ({others})" if others else "no device is attached",
            remedy="plug in a phone with USB debugging on, or start virtual ones: `farm virtual up`",
        )
    return [
        Target(serial=d.serial, abi=d.abi, kind=d.kind, model=d.model, sdk=d.sdk)
        for d in select(submission.selector, ready)
    ]
