"""What people and CI ask of gates: which there are, what they need, whether a job passes, how it went before."""

from __future__ import annotations

import difflib
import hashlib
import threading
import time
from typing import TYPE_CHECKING

from farm.api.messages import NotFoundError
from farm.errors import GateError
from farm.fleet.device import Device
from farm.fleet.selector import parse
from farm.gate import check as checks
from farm.gate.answer import GateView
from farm.gate.explain import explain
from farm.store import gate_checks, nights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.api.desk import JobDesk
    from farm.gate.answer import Explanation, GateAnswer
    from farm.gate.budget import Budget
    from farm.gate.taken import Taken
    from farm.report.document import Target
    from farm.sections.gate import Gate
    from farm.store.artifacts import ArtifactStore
    from farm.store.state import State

NEWEST = 100
"""Jobs looked at for the newest that is over."""
OVER = ("done", "failed", "canceled")


class GateDesk:
    """The gates of farm.toml, over what is stored."""

    def __init__(
        self,
        gates: Sequence[Gate],
        state: State,
        artifacts: ArtifactStore,
        jobs: JobDesk,
        *,
        devices: Callable[[], Sequence[Device]],
    ) -> None:
        self._gates = {gate.name: gate for gate in gates}
        self._state = state
        self._artifacts = artifacts
        self._jobs = jobs
        self._devices = devices
        self._lock = threading.Lock()  # two checks at once must not both take the last of a test set

    def views(self) -> list[GateView]:
        """Every gate, and how it went last."""
        return [self.view(name) for name in self._gates]

    def view(self, name: str) -> GateView:
        """One gate, and how it went last.

        Raises:
            NotFoundError: there is no such gate. (As below.)
        """
        gate = self._gate(name)
        last = next(iter(gate_checks.newest(self._state, gate.name, 1)), None)
        return GateView(
            name=gate.name, on=gate.on, models=gate.models, schedules=gate.schedules, conditions=gate.conditions,
            confidence=gate.confidence, mode=gate.mode, adaptivity=gate.adaptivity, steps=gate.steps,
            baseline=gate.baseline, last=last, budget=self._budget_now(gate, last),
        )  # fmt: skip

    def explain(self, name: str, *, cells: int | None, differ: float) -> Explanation:
        """What a gate needs; `cells` are those of its last check when left out."""
        gate = self._gate(name)
        last = next(iter(gate_checks.newest(self._state, name, 1)), None)
        count = cells or (len(last.cells) if last is not None else 1)
        found = explain(
            gate.name, gate.parsed, confidence=gate.confidence, steps=gate.steps, adaptivity=gate.adaptivity,
            cells=count, differ=differ, over_runs=gate.over == "runs",
        )  # fmt: skip
        return found.model_copy(update={"budget": self._budget_now(gate, last)})

    def history(self, name: str, limit: int) -> list[GateAnswer]:
        """A gate's newest checks first."""
        return gate_checks.newest(self._state, self._gate(name).name, limit)

    def check(
        self, name: str, job: int | None, against: str, *, commit: str, user: str, nightly: bool = False
    ) -> GateAnswer:
        """Ask a gate about a job, the newest that is over when left out; the same question twice has one answer.

        `against`: `last-passed`, `baseline`, a job's number, or empty for what the gate says. `nightly`: it is the check
        that the job's night was due.

        Raises:
            GateError: the job is not over, the gate is about none of its runs, or it has nothing to do with `against`.
        """
        gate = self._gate(name)
        number = self._newest() if job is None else job
        runs = self._runs(number)
        new = [taken for taken, _ in runs if self._is_meant(gate, taken)]
        if not new:
            raise GateError(
                f"none of its runs is of this gate: on {gate.on or 'every device'},"
                f" models {', '.join(gate.models) or 'all'}",
                where=f"job {number}", remedy=f"see `farm show {number}` and [[gate]] in farm.toml",
            )  # fmt: skip
        compares = any(condition.compares for condition in gate.parsed)
        own = tuple(taken for _, taken in runs if taken is not None)
        if own and against:
            raise GateError(
                "it is a pair, whose B is compared with its A", where=f"job {number}", remedy="leave out --against"
            )
        old = checks.NOTHING
        if compares and own:
            old = checks.Old(f"{own[0].run.variant}, the A of its pair", own)
        elif compares:
            old = self._old(gate, number, against or gate.baseline, new)
        key = _key(gate, number, old)
        known = gate_checks.of_key(self._state, key)
        if known is not None:
            if nightly:
                gate_checks.mark(self._state, key)
            return known.model_copy(update={"subject": commit or known.subject})
        subject = commit or new[0].submission.terms.commit or f"job {number}"
        asked = checks.Asked(gate, number, subject, user, tuple(new), old, time.time())
        evidence = checks.gather(asked, self._artifacts)
        with self._lock:
            spent = gate_checks.spent(self._state, evidence.test_set, gate.name if gate.adaptivity == "none" else "")
            answer, cost = checks.conclude(asked, evidence, share=spent.share, passed=spent.passed)
            used = evidence.test_set if cost else ""
            return gate_checks.add(self._state, key, answer, test_set=used, cost=cost, nightly=nightly)

    def after_night(self, name: str, job: int) -> GateAnswer:
        """Ask a gate about the job of a night, for that night: once and never again.

        Raises:
            GateError: the gate is about none of its runs.
        """
        return self.check(name, job, "", commit="", user=nights.KIND, nightly=True)

    def _gate(self, name: str) -> Gate:
        if name not in self._gates:
            close = difflib.get_close_matches(name, self._gates, n=1)
            known = ", ".join(self._gates) or "none: write a [[gate]] in farm.toml (docs/gates.md)"
            remedy = f"did you mean {close[0]!r}?" if close else f"known: {known}"
            raise NotFoundError("there is no such gate", where=f"gate {name[:64]}", remedy=remedy)
        return self._gates[name]

    def _newest(self) -> int:
        for job in self._jobs.newest(NEWEST):
            if job.status == "done":
                return job.job
        raise NotFoundError("there is no job that is done", where="gate check", remedy="farm submit ... --wait")

    def _runs(self, job: int) -> list[tuple[Taken, Taken | None]]:
        """What is new of a job's runs, and of a pair's what is old."""
        from farm.gate.taken import taken

        document = self._jobs.job(job)
        if document.status not in OVER:
            raise GateError(
                f"it is {document.status}", where=f"job {job}", remedy="wait for it: farm submit --wait --gate NAME"
            )
        submission = self._state.submission(job)
        return [taken(run, submission) for run in document.runs]

    def _compared(self, job: int) -> list[Taken]:
        """The runs of a job that another one is compared with."""
        found = self._runs(job)
        if any(own is not None for _, own in found):
            raise GateError(
                "it is a pair, which is compared with itself", where=f"job {job}",
                remedy="name a job of one configuration with --against, or submit the new one as a pair too",
            )  # fmt: skip
        return [taken for taken, _ in found]

    def _is_meant(self, gate: Gate, taken: Taken) -> bool:
        if taken.run.target is None or not checks.named(taken.model, gate.models):
            return False
        device = self._device(taken.run.target)
        return all(clause.matches(device) for clause in parse(gate.on))

    def _device(self, target: Target) -> Device:
        """As the fleet knows it; one that is gone as it was when it ran."""
        known = next((d for d in self._devices() if d.serial == target.serial and d.properties), None)
        if known is not None:
            return known
        told = {
            "ro.product.cpu.abi": target.abi, "ro.product.model": target.model,
            "ro.build.version.sdk": "" if target.sdk is None else str(target.sdk),
            "ro.farm.virtual": "1" if target.kind == "virtual" else "",
            "ro.kernel.qemu": "1" if target.kind == "emulator" else "",
        }  # fmt: skip
        return Device(target.serial, "offline", {name: value for name, value in told.items() if value})

    def _old(self, gate: Gate, job: int, against: str, new: Sequence[Taken]) -> checks.Old:
        if against == "baseline":
            found = []
            for cell in dict.fromkeys(taken.cell for taken in new):
                run = gate_checks.accepted(self._state, *cell)
                other = None if run is None else self._state.job_of_run(run)
                if other is not None:
                    found += [taken for taken in self._compared(other) if taken.run.id == run]
            return checks.Old("the accepted baseline", tuple(found), "no level of it was accepted as the baseline")
        if against == "last-passed":
            passed = gate_checks.last_passed(self._state, gate.name, job)
            why = f"no earlier job passed gate {gate.name}: name one with --against JOB"
            if passed is None:
                return checks.Old("the last that passed", (), why)
            return checks.Old(f"job {passed}, the last that passed", tuple(self._compared(passed)), why)
        number = int(against) if against.isascii() and against.isdigit() and len(against) < 10 else 0
        if not number or number == job:
            raise GateError(
                f"{against[:40]!r} is nothing to compare job {job} with", where="--against",
                remedy="give the number of another job, baseline, or last-passed",
            )  # fmt: skip
        return checks.Old(f"job {number}", tuple(self._compared(number)), f"job {number} has no such run")

    def _budget_now(self, gate: Gate, last: GateAnswer | None) -> Budget | None:
        """What is left of the test set that was looked at last."""
        looked = last.budget if last is not None else None
        test_set = gate_checks.newest_set(self._state, gate.name) if looked is None else looked.test_set
        if not test_set:
            return None
        spent = gate_checks.spent(self._state, test_set, gate.name if gate.adaptivity == "none" else "")
        return checks.budget(gate, test_set, spent.share, passed=spent.passed)


def _key(gate: Gate, job: int, old: checks.Old) -> str:
    runs = ",".join(str(taken.run.id) for taken in old.runs)
    what = gate.model_dump_json(exclude={"schedules"})  # when it is asked is no part of the question
    return hashlib.sha256(f"{what} {job} [{runs}]".encode()).hexdigest()
