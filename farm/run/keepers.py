"""What looks after idle devices beside the fleet: their settings as they were, their batteries within a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from farm.fleet import hosts
from farm.fleet.enrolment import Enrolment
from farm.run.conditions.charge import Care
from farm.run.conditions.restorer import Restorer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.fleet.device import Device
    from farm.settings import Settings
    from farm.store.devices import Devices


class Keepers:
    """Both, started and stopped together. `store` has the devices that were laid out; `wanted`: serials that runs wait for."""

    def __init__(
        self,
        settings: Settings,
        store: Devices,
        *,
        devices: Callable[[], Sequence[Device]],
        leased: Callable[[], frozenset[str]],
        wanted: Callable[[], set[str]],
        report_bug: Callable[[str, str], object],
    ) -> None:
        self._restorer = Restorer(
            settings.data, devices=devices, leased=leased, handle=lambda serial: hosts.handle(settings, serial),
            report_bug=report_bug,
        )  # fmt: skip
        self._care = Care(
            settings, devices=devices, leased=leased, wanted=wanted, note=store.note, report_bug=report_bug
        )

    def start(self) -> None:
        """Begin."""
        self._restorer.start()
        self._care.start()

    def stop(self, within_s: float) -> None:
        """End."""
        self._restorer.stop(within_s)
        self._care.stop(within_s)


def enrolled(store: Devices, serial: str) -> Enrolment | None:
    """What is known of a device; None before it was enrolled."""
    row = store.get(serial)
    if row is None or row.enrolment is None:
        return None
    try:
        return Enrolment.model_validate_json(row.enrolment)
    except ValidationError:  # an older farm's: the fleet enrols it again
        return None
