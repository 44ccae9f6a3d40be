"""Perfetto's traces: what is asked of Perfetto, what is read of its files, and whole runs of which one is asked for."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from farm.android.command import Said
from farm.android.commands import perfetto
from farm.run.samplers import power
from farm.run.trace import reading
from farm.run.trace.config import config
from farm.run.trace.reading import read
from farm.run.trace.wire import fields, put, signed
from farm.sections.devices import Trace
from farm.trend.figures import configuration
from farm.virtual import profiles
from tests.conftest import ROOT
from tests.run.test_perform import Bench, bench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from farm.fleet.adb import AdbServer
    from farm.report.document import Run
    from farm.virtual import VirtualPhone

RECORDED = ROOT / "tests/recordings/perfetto"


def traced(b: Bench, **options: Any) -> Any:
    asked = b.submission(layer_frames=0, **options)
    return asked.model_copy(update={"passes": ("latency", "profile"), "trace": ("latency",)})


def message(data: bytes | memoryview) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for number, value in fields(data):
        found.setdefault(number, []).append(value if isinstance(value, int) else bytes(value))
    return found


def test_a_traced_pass_leaves_its_trace(b: Bench) -> None:
    run: Run = b.perform(traced(b))
    assert run.conditions["traced"] == "latency"
    (link,) = (e for e in run.evidence if e.is_trace)
    assert link.name == "trace-latency.pftrace"
    content = b.artifacts.read(link.sha256)
    assert hashlib.sha256(content).hexdigest() == link.sha256
    assert len(content) == link.bytes
    packets = [message(packet) for packet in message(content)[reading.PACKET]]
    given_config = config(Trace(), b.submission().pass_timeout_s + 60)
    assert [p[33] for p in packets if 33 in p] == [[given_config]], "the config it was started with"
    (system,) = (message(p[45][0]) for p in packets if 45 in p)
    assert b"farm-virtual" in system[4][0], "no figures of a phone"
    names = {message(part)[3][0] for p in packets if 2 in p for part in message(p[2][0])[1]}
    assert b"perfetto" in names
    times = [p[8][0] for p in packets]
    assert times == sorted(times)
    assert not any(reading.RAILS in p for p in packets), "no rail stands behind it"
    assert configuration(run) == "traced", "its figures are on no other run's line"
    left = b.device.script(f"ls {perfetto.FOLDER}; cat {perfetto.PID_FILE}; pgrep -x perfetto", 10)
    assert left.text == ""
    assert b"No such file" in left.stderr


def of_android(make_phone: Callable[..., VirtualPhone], adb: AdbServer, data: Path, sdk: int) -> Bench:
    kind = profiles.load("x86_64")
    return bench(adb, make_phone(kind=replace(kind, android=replace(kind.android, sdk=sdk))), data)


@pytest.mark.slow
def test_android_8_has_no_perfetto_and_the_run_says_so(
    make_phone: Callable[..., VirtualPhone], adb: AdbServer, data: Path
) -> None:
    run = (b := of_android(make_phone, adb, data, 27)).perform(traced(b))
    assert run.status == "done"
    assert run.verdict is not None
    assert "not found" in run.conditions["no trace of latency"]
    assert "traced" not in run.conditions
    assert not run.evidence


@pytest.mark.slow
def test_android_9_hands_its_trace_out_by_cat_and_keeps_its_service_on(
    make_phone: Callable[..., VirtualPhone], adb: AdbServer, data: Path
) -> None:
    run = (b := of_android(make_phone, adb, data, 28)).perform(traced(b))
    assert run.conditions["tracing service"] == "was off; persist.traced.enable was set to 1, and stays so"
    assert run.evidence, run.conditions
    (link,) = run.evidence
    assert message(b.artifacts.read(link.sha256)).keys() == {reading.PACKET}
    assert "tracing service" not in b.perform(traced(b)).conditions, "it is on by now"


@pytest.mark.slow
def test_a_trace_that_ends_before_its_pass_is_kept_and_said(b: Bench) -> None:
    def end(stage: str, done: int, _of: int) -> None:
        if stage == "latency" and done:
            b.device.script("pkill perfetto; while pgrep -x perfetto > /dev/null; do sleep 0.1; done", 10)

    run = b.perform(traced(b, repetitions=500), end)
    assert run.conditions["trace of latency"].startswith("ended before the pass did")
    assert [e.name for e in run.evidence] == ["trace-latency.pftrace"]


def test_a_pass_that_fails_leaves_its_trace_with_the_evidence(b: Bench) -> None:
    def kill(stage: str, done: int, _of: int) -> None:
        if stage == "latency" and done:
            b.device.script("pkill -9 -f -- '--runtim[e]'", 10)

    broken = b.break_off(traced(b, repetitions=500), kill)
    assert "trace-latency.pftrace" in [e.name for e in broken.partial.evidence]


def test_what_a_dead_lab_left_is_ended_and_removed(b: Bench) -> None:
    old = f"{perfetto.FOLDER}/farm-7-latency.pftrace"
    left = b.device.ask(perfetto.start(config(Trace(), 60), old), 20)
    assert left.pid is not None
    new = b.device.ask(perfetto.start(config(Trace(), 60), f"{perfetto.FOLDER}/farm-8-latency.pftrace"), 20)
    assert new.pid is not None
    gone = f"while [ -d /proc/{left.pid} ]; do sleep 0.1; done; ls {perfetto.FOLDER}"
    assert "farm-7" not in b.device.script(gone, 20).text
    assert b.device.ask(perfetto.stop(new.pid), 20) == perfetto.Stopped(early=False, killed=False)


def test_only_passes_that_run_alone_are_traced(b: Bench) -> None:
    asked = b.submission()
    for changes, word in (
        ({"passes": ("latency",), "trace": ("layers",)}, "nothing to trace"),
        ({"trace": ("latency",), "app": {"package": "a.b"}}, "is traced"),
    ):
        with pytest.raises(ValidationError, match=word):
            type(asked).model_validate(asked.model_dump() | changes)


def test_the_config_is_what_perfetto_calls_it() -> None:
    # Numbers as in protos/perfetto/config of Perfetto 0.59; its own classes print what is asserted here.
    told = message(config(Trace(size_mb=3, poll_ms=500), 1.5))
    assert told[3] == [1500]  # duration_ms
    assert told[8] == [1]  # write_into_file
    assert told[10] == [3 << 20]  # max_file_size_bytes
    sources = [message(message(source)[1][0]) for source in told[2]]
    assert [s[1][0] for s in sources] == [
        b"linux.ftrace",
        b"linux.process_stats",
        b"android.power",
        b"linux.system_info",
    ]
    assert [s[2][0] for s in sources] == [0, 1, 1, 1], "what is slow has a buffer of its own"
    assert b"sched/sched_switch" in message(sources[0][100][0])[1]
    assert message(sources[2][106][0]) == {1: [500], 2: [1, 2, 3, 4, 5], 3: [1]}


def test_a_file_of_perfettos_own_classes_is_read() -> None:
    found = read((RECORDED / "power.pftrace").read_bytes())
    assert (found.packets, found.cut_off) == (86, False)
    figures = found.figures("latency")
    rails = [f for f in figures if f.quantity == "energy"]
    assert {f.source for f in rails} == {"rail/S2M_VDD_CPUCL2/energy_uws", "rail/VSYS_PWR_MMWAVE/energy_uws"}
    assert len(rails) == 40 + 41
    assert rails[0].time_ns == 338_256_250_000_000, "on the clock of the agent: 41 s less, which the phone slept"
    supplies = {s.source: s for s in power.supplies(figures, None)}
    cpu = supplies["rail/S2M_VDD_CPUCL2/energy_uws"]
    assert cpu.boundary == "rail"
    assert {round(watts, 9) for _, watts in cpu.points} == {2.0}
    assert {f.value for f in figures if f.source == "perfetto/current_ua"} == {-1.469687}


def test_without_both_clocks_nothing_is_placed_in_time() -> None:
    packet = put(8, 5) + put(38, put(1, 7))
    found = read(put(1, packet))
    assert len(found.battery) == 1
    assert found.figures("latency") == []


def test_a_trace_cut_off_tells_what_came_before() -> None:
    whole = (RECORDED / "power.pftrace").read_bytes()
    found = read(whole[: len(whole) // 2])
    assert found.cut_off
    assert 0 < len(found.rails) < 81


@given(st.binary(max_size=400))
@example(b"\x0a\x06\x32\x04\x0a\x02\x08\x06")
def test_any_bytes_are_read_or_called_cut_off(data: bytes) -> None:
    found = read(data)
    found.figures("latency")
    assert found.packets <= len(data)


@given(st.binary(max_size=2000), st.integers(0, 3700))
def test_a_spoiled_file_is_no_error(noise: bytes, at: int) -> None:
    whole = bytearray((RECORDED / "power.pftrace").read_bytes())
    whole[at : at + len(noise)] = noise
    read(bytes(whole)).figures("latency")


@given(st.lists(st.tuples(st.integers(1, (1 << 29) - 1), st.integers(0, (1 << 64) - 1) | st.binary(max_size=300))))
def test_what_is_put_is_read(content: list[tuple[int, int | bytes]]) -> None:
    data = b"".join(put(number, value) for number, value in content)
    found = [(number, value if isinstance(value, int) else bytes(value)) for number, value in fields(data)]
    assert found == content


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_numbers_below_zero(number: int) -> None:
    assert signed(number % (1 << 64)) == number


@pytest.mark.parametrize(
    ("said", "started"),
    [
        (Said("pid 4711"), perfetto.Started(4711)),
        (Said("turned on\npid 4711"), perfetto.Started(4711, turned_on=True)),
        (
            Said("pid WARNING: linker: unused DT entry\n4711"),
            perfetto.Started(4711),
        ),  # tools/record_android_trace knows it
        (Said("pid "), perfetto.Started(None, problem="perfetto did not stay: pid ; see logcat")),
        (Said("", "no perfetto on this device\n", 127), perfetto.Started(None, problem="no perfetto on this device")),
    ],
)
def test_what_perfetto_says_when_it_starts(said: Said, started: perfetto.Started) -> None:
    assert perfetto.start.read(said) == started
