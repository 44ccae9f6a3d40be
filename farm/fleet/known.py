"""What the fleet knows of one device at this moment, and how that becomes the Device that everybody else sees."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError

from farm.fleet import standing
from farm.fleet.device import Device
from farm.fleet.enrolment import Enrolment
from farm.fleet.standing import Facts, Gates, Vitals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.fleet.device import Standing, State
    from farm.sections.devices import DeviceNote
    from farm.store.devices import DeviceRow

ABSENT = "absent"
ENDPOINT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d{1,5}")
_PLAIN = {"device", "offline", "unauthorized", "authorizing"}


@dataclass(eq=False)
class Known:
    """One device. Times are of time.monotonic()."""

    serial: str
    """The farm's; `adb_serial` is adb's, on `host`."""
    host: str
    adb_serial: str
    state: str = ABSENT
    """adb's word."""
    left: float | None = None
    """When it ceased to be `device`."""
    greeted: bool = False
    """It told what it is since it came."""
    greet_at: float = 0.0
    properties: Mapping[str, str] = field(default_factory=dict)
    answers: bool = True
    silent: str = ""
    probed: float = 0.0
    vitals: Vitals = field(default_factory=Vitals)
    vitals_at: float | None = None
    gates: Gates = field(default_factory=Gates)
    task: str = ""
    heal: bool = False
    """Enrol it anew, and release it if that goes well."""
    problem: str = ""
    trouble: str = ""
    """Why it cannot come at all, for a person to mend."""
    tries: int = 0
    retry_at: float = 0.0
    connect_tries: int = 0
    connect_at: float = 0.0
    standing: Standing | None = None
    shown: tuple[object, Device] | None = None
    fingerprint: tuple[str | None, str] = (None, "")
    """Of the stored enrolment, and that enrolment: parsed once."""

    def hear(self, state: str, now: float, debounce_s: float) -> None:
        """adb says this of it now."""
        if state == self.state:
            return
        if self.state == "device":
            self.left = now
        if state == "device":
            self.answers, self.silent, self.trouble = True, "", ""
            self.connect_tries, self.connect_at, self.probed = 0, 0.0, 0.0
            if self.left is None or now - self.left > debounce_s:  # else it is the same phone, a moment later
                self.greeted, self.greet_at = False, 0.0
                self.vitals_at = None
        self.state = state

    @property
    def is_virtual(self) -> bool:
        """Whether it says so itself."""
        return self.properties.get("ro.farm.virtual") == "1"

    @property
    def is_endpoint(self) -> bool:
        """Whether adb can be told to connect to it."""
        return ENDPOINT.fullmatch(self.adb_serial) is not None

    def lacks_enrolment(self, row: DeviceRow | None) -> bool:
        """Whether it was never enrolled, or is another system than it was."""
        if row is None or self.heal:
            return True
        if row.enrolment != self.fingerprint[0]:
            self.fingerprint = (row.enrolment, _fingerprint(row.enrolment))
        return row.enrolment is None or self.fingerprint[1] != self.properties.get("ro.build.fingerprint", "")

    def device(
        self, row: DeviceRow | None, note: DeviceNote | None, *, leased: bool, enrols: bool, debounce_s: float
    ) -> Device:
        """As the others see it; the same object as before where nothing changed. `enrols`: the fleet is at work."""
        blip = self.left is not None and self.state != "device" and time.monotonic() - self.left < debounce_s
        facts = self._facts(row, leased=leased, enrols=enrols, blip=blip)
        reservation = row.reservation if row is not None else None
        holder = reservation.user if reservation is not None and reservation.expires > time.time() else ""
        key = (facts, holder, row, self.vitals, id(self.properties))
        if self.shown is not None and self.shown[0] == key:
            return self.shown[1]
        self.standing = standing.decide(facts, self.standing, time.time())
        made = Device(
            self.serial,
            facts.adb,
            self.properties or (row.properties if row is not None else {}),
            host=self.host,
            name=(note.name if note else "") or (row.name if row else ""),
            pool=(note.pool if note else "") or (row.pool if row else ""),
            labels=frozenset(note.labels if note else ()) | (row.labels if row else frozenset()),
            holder=holder,
            standing=self.standing,
            battery=self.vitals.level,
            battery_c=self.vitals.battery_c,
            thermal=self.vitals.thermal,
            task=facts.task,
            last_seen=row.last_seen if row is not None else 0.0,
        )
        self.shown = (key, made)
        return made

    def _facts(self, row: DeviceRow | None, *, leased: bool, enrols: bool, blip: bool) -> Facts:
        lacks = self.lacks_enrolment(row)
        task = self.task
        if not task and self.state == "device" and self.answers and not leased:
            if not self.greeted:
                task = "asked"
            elif lacks and enrols and not self.problem:
                task = "enrolled"
        return Facts(
            adb=self._state(),
            silent=self.silent if self.state in _PLAIN else self._word(),
            blip=blip,
            leased=leased,
            task=task,
            problem=self.problem,
            quarantine=row.quarantine if row is not None else "",
            quarantined=(row.quarantined or 0.0) if row is not None else 0.0,
            needs_human=self.trouble or (row.needs_human if row is not None else ""),
            gates=self.gates,
            enrolled=not lacks,
        )

    def _state(self) -> State:
        if self.state == "device":
            return "device" if self.answers else "unresponsive"
        if self.state in {"unauthorized", "authorizing"}:
            return self.state  # type: ignore[return-value]  # one of the two
        return "offline"

    def _word(self) -> str:
        return self.silent or ("not attached" if self.state == ABSENT else f"adb says: {self.state[:120]}")


def _fingerprint(enrolment: str | None) -> str:
    try:
        return Enrolment.model_validate_json(enrolment or "").fingerprint
    except ValidationError:
        return "?"  # unreadable: it is enrolled again
