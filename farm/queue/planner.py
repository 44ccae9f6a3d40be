"""A submission and the devices there are become runs: each configuration, on each matching device, so many times."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from farm.errors import NoDeviceError, SelectorError
from farm.fleet.selector import select
from farm.queue.scheduler import coming
from farm.report.document import Target
from farm.store.rows import Placement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.fleet.device import Device
    from farm.submission import Submission


def plan(submission: Submission, devices: Sequence[Device]) -> list[Placement]:
    """The runs of a submission: device by device, in the order of `devices`, configurations alternating.

    Raises:
        NoDeviceError: no device is ready, or will be by itself.
        SelectorError: the selector is wrong, no such device matches it, or fewer than were asked for.
    """
    there = [d for d in devices if coming(d)]
    if not there:
        others = ", ".join(f"{d.serial} is {d.standing.condition if d.standing else d.state}" for d in devices)
        raise NoDeviceError(
            f"no device is ready ({others})" if others else "no device is attached",
            remedy="plug in a phone with USB debugging on, or start virtual ones: `farm virtual up`",
        )
    matching, terms = select(submission.selector, there), submission.terms
    wanted = terms.devices
    if wanted is not None and wanted > len(matching):
        raise SelectorError(
            f"{wanted} devices are asked for, and {len(matching)} match",
            where=f"--on {submission.selector!r}",
            remedy="ask for fewer with --devices; see `farm devices`",
        )
    targets = [target_of(d) for d in matching] if wanted is None else [None] * wanted
    variants = [0] if terms.pair else list(range(len(submission.configurations())))
    work = {variant: "" if terms.fresh else _work(submission, variant) for variant in variants}
    return [
        Placement(target, variant, repetition, _fingerprint(work[variant], target, repetition))
        for target in targets
        for repetition in range(terms.times)
        for variant in variants
    ]


def target_of(device: Device) -> Target:
    """A device as the job's document has it."""
    return Target(serial=device.serial, abi=device.abi, kind=device.kind, model=device.model, sdk=device.sdk)


def _work(submission: Submission, variant: int) -> str:
    """What tells one run's work from another's, whoever asked for it."""
    asked = submission if submission.terms.pair else submission.of(variant)
    plain = asked.model_dump_json(exclude={"terms", "inputs", "selector"})
    return hashlib.sha256(f"{submission.terms.pair}{plain}".encode()).hexdigest()


def _fingerprint(work: str, target: Target | None, repetition: int) -> str:
    # A run for any device is its own: two of one job have to go to two devices.
    if not work or target is None:
        return ""
    return hashlib.sha256(f"{work} {target.serial} {repetition}".encode()).hexdigest()
