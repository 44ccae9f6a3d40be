"""One device as the pages show it: where it stands, why, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.base import Part

if TYPE_CHECKING:
    from farm.fleet.device import Device

WORST_FIRST = (
    "needs-human", "quarantined", "unauthorized", "unresponsive", "offline", "cooling", "charging", "busy", "ready",
)  # fmt: skip
TONES = {
    "ready": "good", "busy": "good", "cooling": "warn", "charging": "warn", "quarantined": "bad", "needs-human": "bad",
    "unauthorized": "bad", "unresponsive": "bad", "offline": "bad",
}  # fmt: skip


class DeviceLine(Part):
    """A device now. Times are Unix seconds."""

    serial: str
    name: str = ""
    """What the lab calls it."""
    model: str = ""
    kind: str
    abi: str = ""
    sdk: int | None = None
    pool: str = ""
    labels: tuple[str, ...] = ()
    holder: str = ""
    """Who reserved it."""
    condition: str
    """One of WORST_FIRST."""
    reason: str = ""
    since: float = 0.0
    remedy: str = ""
    battery: int | None = None
    battery_c: float | None = None
    thermal: str = ""
    task: str = ""
    last_seen: float = 0.0
    run: int | None = None
    """That holds it."""
    job: int | None = None
    """Of that run."""

    @property
    def tone(self) -> str:
        """Color of its condition."""
        return TONES.get(self.condition, "")

    @property
    def word(self) -> str:
        """What people call it."""
        return self.name or self.serial


def line(device: Device, run: int | None = None, job: int | None = None) -> DeviceLine:
    """A device and the run that holds it."""
    standing = device.standing
    condition = standing.condition if standing is not None else "ready" if device.state == "device" else device.state
    return DeviceLine(
        serial=device.serial,
        name=device.name,
        model=device.model,
        kind=device.kind,
        abi=device.abi,
        sdk=device.sdk,
        pool=device.pool,
        labels=tuple(sorted(device.labels)),
        holder=device.holder,
        condition="busy" if run is not None and condition == "ready" else condition,
        reason=standing.reason if standing is not None else "",
        since=standing.since if standing is not None else 0.0,
        remedy=standing.remedy if standing is not None else "",
        battery=device.battery,
        battery_c=device.battery_c,
        thermal=device.thermal or "",
        task=device.task,
        last_seen=device.last_seen,
        run=run,
        job=job,
    )


def severity(device: DeviceLine) -> tuple[int, str]:
    """Sort key: what needs somebody comes first, then by name."""
    return WORST_FIRST.index(device.condition) if device.condition in WORST_FIRST else -1, device.word.lower()
