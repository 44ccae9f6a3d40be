"""Every fault at every stage of a run: the right kind of error in time, or none; and the next run is well again."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest

from farm import virtual
from farm.errors import (
    AdbError,
    ConditionsError,
    DeadlineError,
    DeviceGoneError,
    FarmError,
    InfrastructureError,
    StorageError,
)
from farm.run import passes, perform, stage
from farm.run.work import BrokenOffError
from farm.sections.devices import Conditions
from tests.run.test_perform import bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.fleet.adb import AdbServer
    from farm.submission import Submission
    from farm.virtual import VirtualPhone
    from tests.run.test_perform import Bench

STAGES = ("stage", "latency", "pull latency", "layers")
DEADLINE_S = 4.0
PASS_S = 6.0
ALL_S = 60.0
"""More than all the deadlines of one attempt together."""
STORAGE = 512 << 20
FRAMES = 40
"""Enough for a pass to be in the middle when the fault comes."""

Errors = tuple[type[FarmError], ...]
GONE: Errors = (DeviceGoneError,)
SILENT: Errors = (DeadlineError,)
LOST: Errors = (DeadlineError, DeviceGoneError)
"""adb's own keep-alive may notice before our deadline does."""
FULL: Errors = (StorageError,)
REFUSED: Errors = (AdbError,)
UNFIT: Errors = (ConditionsError,)
WELL: Errors = ()

# What is to come of each fault at stage, latency, pull and layers.
EXPECTED: dict[str, tuple[Errors, Errors, Errors, Errors]] = {
    "freeze": (SILENT, SILENT, SILENT, SILENT),
    "kill": (GONE, GONE, GONE, GONE),
    "mute": (GONE, GONE, GONE, GONE),
    "unauthorized": (REFUSED, REFUSED, REFUSED, REFUSED),
    "drop": (LOST, LOST, LOST, LOST),
    "reset": (GONE, GONE, GONE, GONE),
    "storage-full": (FULL, FULL, FULL, FULL),
    "storage-read-only": (REFUSED, REFUSED, REFUSED, WELL),  # who has its file open writes on
    "low-battery": (UNFIT, WELL, WELL, WELL),  # the gates stand before the first pass
    "hot": (UNFIT, WELL, WELL, WELL),
    "slow": (WELL, WELL, WELL, WELL),
    "reboot": (GONE, GONE, GONE, GONE),
    "stuck-shell": (SILENT, SILENT, SILENT, SILENT),
    "garbage": (WELL, WELL, WELL, WELL),  # who the device is was asked before
    "install-refused": (WELL, WELL, WELL, WELL),  # a run in the shell installs nothing
    "clock-jump": (WELL, WELL, WELL, WELL),
}
OPTIONS: dict[str, dict[str, float]] = {"slow": {"bytes_s": 8 << 20, "latency_s": 0.002}, "reboot": {"down_s": 0.5}}
SAMPLE = {("storage-full", "layers")}


class Case(NamedTuple):
    fault: str
    stage: str
    expected: Errors


CASES = [Case(fault, at, errors) for fault, row in EXPECTED.items() for at, errors in zip(STAGES, row, strict=True)]


@pytest.fixture(autouse=True)
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadlines are the settings of other days; what happens when they pass is what is tested."""
    for module, names in ((stage, ("DEADLINE_S",)), (passes, ("PULL_SLACK_S",)), (perform, ("CLEAN_UP_S",))):
        for name in names:
            monkeypatch.setattr(module, name, DEADLINE_S)


@pytest.fixture(scope="module")
def b(adb: AdbServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One phone and one store for all: the references of the same frames are taken once."""
    folder = tmp_path_factory.mktemp("faults")
    made = bench(adb, _phone(adb, folder), folder)
    yield made
    virtual.down(folder)


def _phone(adb: AdbServer, folder: Path) -> VirtualPhone:
    (phone,) = virtual.up(folder, owner_pid=os.getpid(), storage_bytes=STORAGE)
    adb.connect(phone.serial)
    return phone


def _submission(b: Bench) -> Submission:
    whole = b.submission(layer_frames=FRAMES, pass_timeout_s=PASS_S, repetitions=20, passes=("latency", "layers"))
    return whole.model_copy(update={"frames": whole.frames[:FRAMES]})


def _recover(b: Bench, fault: str) -> None:
    if fault == "kill":
        b.phone = _phone(b.adb, b.phone.root.parent.parent)
        return
    virtual.fault(b.phone, "clear")
    deadline = time.monotonic() + ALL_S
    while True:  # adb says `device` of a phone whose cable was pulled; TCP takes a while to notice that it is back
        assert time.monotonic() < deadline, "it did not come back"
        with contextlib.suppress(FarmError):
            if b.adb.states().get(b.phone.serial) != "device":
                b.adb.connect(b.phone.serial)
            b.device.shell(["true"], 5)
            return
        time.sleep(0.05)


def _suffer(b: Bench, case: Case) -> FarmError | None:
    """The error of a run in which the fault comes at its stage."""
    b.device.shell(["rm", "-rf", stage.FOLDER], 10)  # so that there is something to stage
    hit = False

    def strike(name: str, done: int, of: int) -> None:
        nonlocal hit
        if not hit and name == case.stage and (done > 0 or name.startswith("pull")):
            hit = True
            virtual.fault(b.phone, case.fault, **OPTIONS.get(case.fault, {}))

    began = time.monotonic()
    error: FarmError | None = None
    try:
        run = b.perform(_submission(b), strike)
    except BrokenOffError as broken:
        assert broken.partial.status == "failed"
        error = broken.cause
    else:
        assert run.status == "done"
    assert hit, "the stage came"
    assert time.monotonic() - began < ALL_S
    return error


def _check(b: Bench, case: Case) -> None:
    try:
        error = _suffer(b, case)
    finally:
        _recover(b, case.fault)
    if case.expected:
        assert isinstance(error, case.expected), repr(error)
        assert isinstance(error, InfrastructureError), "requeued, and counted against the device"
        assert error.message
        assert error.remedy, repr(error)
        assert b.phone.serial in error.where or case.fault == "kill"
    else:
        assert error is None
    assert b.perform(_submission(b)).status == "done"


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if (case.fault, case.stage) in SAMPLE],
    ids=lambda case: f"{case.fault}-{case.stage}".replace(" ", "-"),
)
def test_a_fault_ends_in_the_right_error_and_the_next_run_is_well(b: Bench, case: Case) -> None:
    _check(b, case)


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [case for case in CASES if (case.fault, case.stage) not in SAMPLE],
    ids=lambda case: f"{case.fault}-{case.stage}".replace(" ", "-"),
)
def test_every_other_fault_at_every_stage(b: Bench, case: Case) -> None:
    _check(b, case)


def test_every_fault_is_in_the_matrix() -> None:
    from farm.virtual.faults import KINDS

    assert list(EXPECTED) == list(KINDS)


@pytest.mark.slow
def test_what_low_battery_and_heat_were_is_in_the_runs_conditions(b: Bench) -> None:
    virtual.fault(b.phone, "low-battery", level=4)
    virtual.fault(b.phone, "hot", status=3)
    lenient = {"battery_min": 0, "battery_max_c": 90.0, "thermal_max": "emergency", "load_max": 1.0, "cooldown_s": 1.0}
    changed = b.settings.model_copy(update={"conditions": Conditions.model_validate(lenient)})
    run = replace(b, settings=changed).perform(_submission(b))
    assert run.conditions["battery"] == "4 %, discharging"
    assert run.conditions["thermal_status"] == "severe"
    virtual.fault(b.phone, "clear")


def test_a_device_whose_properties_are_noise_is_refused_by_name(b: Bench) -> None:
    virtual.fault(b.phone, "garbage")
    broken = b.break_off(_submission(b))
    assert isinstance(broken.cause, InfrastructureError)
    virtual.fault(b.phone, "clear")
    assert b.perform(_submission(b)).status == "done"
