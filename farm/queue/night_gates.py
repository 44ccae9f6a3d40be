"""Gates of schedules: each is checked once on what a night gave, also when the daemon died in between."""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING

from farm.errors import InfrastructureError, JobError
from farm.gate.check import unanswered
from farm.loop import Loop
from farm.store import gate_checks, nights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.sections.gate import Gate
    from farm.store.state import State

LOOK_S = 10.0
BACK_S = 3 * 86400.0
"""A night that ended longer ago is not checked any more: a weekend without the lab, and a day."""


class NightGates:
    """`check` asks a gate about a job for its night: name and number in, nothing out, JobError where it cannot be asked."""

    def __init__(
        self,
        gates: Sequence[Gate],
        state: State,
        *,
        check: Callable[[str, int], object],
        report_bug: Callable[[str, str], str],
    ) -> None:
        self._gates = [gate for gate in gates if gate.schedules]
        self._state = state
        self._check = check
        self._report_bug = report_bug
        self._loop = Loop("night gates", lambda: self.look(time.time()), LOOK_S, report_bug)

    def start(self) -> None:
        """Begin, with the nights that no daemon was there for."""
        if self._gates:
            self._loop.start()

    def stop(self, within_s: float) -> None:
        """End; a check that has no answer yet is asked again by the next daemon."""
        self._loop.stop(within_s)

    def look(self, now: float) -> None:
        """Check what is due at `now`, Unix seconds."""
        for gate in self._gates:
            for job in gate_checks.due(self._state, gate.name, gate.schedules, now - BACK_S):
                if self._loop.stopping:
                    return
                self._ask(gate, job, now)

    def _ask(self, gate: Gate, job: int, now: float) -> None:
        """What cannot be answered is told as that: a gate that nobody hears of is taken for one that passed."""
        try:
            self._check(gate.name, job)
        except InfrastructureError as e:  # the next look may find it mended
            self._report_bug("night gates", f"gate {gate.name}, job {job}: {e}\n{e.remedy}")
        except JobError as e:
            self._give_up(gate, job, f"{e}; {e.remedy}" if e.remedy else str(e), now)
        except Exception:
            file = self._report_bug("night gates", traceback.format_exc())
            self._give_up(gate, job, f"an error of the farm's own: report {file}", now)

    def _give_up(self, gate: Gate, job: int, why: str, now: float) -> None:
        answer = unanswered(gate, job, why, user=nights.KIND, now=now)
        gate_checks.add(self._state, f"night of job {job}, {gate.name}", answer, test_set="", cost=0.0, nightly=True)
