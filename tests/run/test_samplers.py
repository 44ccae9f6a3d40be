"""Clocks put together, meters that die, dumpsys that prints noise, samples beside frames."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.capture.rows import FrameTime, SampleRow
from farm.run.samplers import clock, dumpsys, figure, meter
from farm.run.samplers.clock import Offset, estimate
from farm.run.samplers.dumpsys import Dumpsys
from farm.run.samplers.figure import Axis
from farm.run.samplers.meter import Meter
from farm.run.samplers.series import drawn, stored
from tests.virtual.bench import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from farm.fleet.adb import AdbServer
    from farm.store.artifacts import ArtifactStore
    from farm.virtual import VirtualPhone

MS = 1_000_000


@given(
    offset=st.integers(-(10**15), 10**15),
    trips=st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1),
)
def test_the_true_offset_is_within_the_error(offset: int, trips: list[tuple[int, int, int]]) -> None:
    told = [(sent, sent + out + offset, sent + out + back) for sent, out, back in trips]
    found = estimate(told)
    assert found is not None
    assert abs(found.ns - offset) <= found.error_ns + 1
    assert found.error_ns <= (min(out + back for _, out, back in trips) + 1) // 2 + 1, "the shortest trip bounds it"


def test_contradicting_trips_leave_the_shortest() -> None:
    found = estimate([(0, 100, 10), (0, 900, 4)])
    assert found is not None
    assert abs(found.ns - 898) <= found.error_ns
    assert estimate([]) is None
    assert estimate([(10, 5, 0)]) is None


def test_a_virtual_phones_clock_is_this_computers(adb: AdbServer, phone: VirtualPhone) -> None:
    from farm.fleet.adb import PushItem
    from farm.run import bundle, stage

    device = adb.device(phone.serial)
    files = bundle.for_abi("x86_64", virtual=True, data=phone.root)
    remote = "/data/local/tmp/agent"
    device.push([PushItem(remote, lambda: [files.agent.read_bytes()], 0o755)], stage.DEADLINE_S)
    found = clock.ask(device, remote)
    assert abs(found.ns) <= found.error_ns, "one kernel, one clock"
    with pytest.raises(Exception, match="tells no time"):
        clock.ask(device, "/system/bin/sh")


METER = "import time\nwhile True:\n    print(time.time(), {watts}, flush=True)\n    time.sleep(0.01)\n"


def script(tmp_path: Path, text: str) -> tuple[str, ...]:
    path = tmp_path / "meter.py"
    path.write_text(text)
    return (sys.executable, str(path), "{serial}")


def test_a_meter_is_read_on_the_agents_clock(tmp_path: Path) -> None:
    watched = Meter(script(tmp_path, METER.format(watts="len(__import__('sys').argv[1])")), "R5CT")
    began = time.monotonic_ns()
    watched.start()
    wait_until(lambda: len(watched.figures("latency", Offset(0, 0))) >= 10)
    watched.stop()
    found = watched.figures("latency", Offset(7_000_000_000, 5))
    assert watched.problem == ""
    assert {f.value for f in found} == {4.0}, "it was told the serial"
    for one in found:
        assert began - 10 * MS <= one.time_ns - 7_000_000_000 <= time.monotonic_ns() + 10 * MS
        assert one.error_ns == 5
        assert one.by == "meter"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import time\nprint(time.time(), 2.5, flush=True)\ntime.sleep(60)\n", "ended with status -9"),
        ("raise SystemExit(3)", "ended with status 3"),
        ("while True: print('volts: 4.1 amps: 0.3')", "no `UNIX_SECONDS WATTS`"),
    ],
)
def test_a_meter_that_fails_says_so_and_what_it_told_stays(tmp_path: Path, text: str, words: str) -> None:
    watched = Meter(script(tmp_path, text), "x")
    watched.start()
    if "-9" in words:
        assert watched._process is not None
        os.kill(watched._process.pid, signal.SIGKILL)
    wait_until(lambda: watched.problem != "")
    watched.stop()
    assert words in watched.problem
    assert len(watched.figures("latency", Offset(0, 0))) == ("-9" in words)


def test_a_meter_that_is_not_there_says_so() -> None:
    watched = Meter(("/nowhere/meter",), "x")
    watched.start()
    watched.stop()
    assert "cannot be started" in watched.problem


@given(st.binary(max_size=200))
def test_any_line_is_a_figure_or_none(line: bytes) -> None:
    found = meter.parse(line)
    assert found is None or (found[0] > 0 and abs(found[1]) < 1e5)


@given(st.text(max_size=2000))
def test_any_dumpsys_is_read(text: str) -> None:
    dumpsys.parse({}, 0, 1)
    for name in ("battery", "current", "thermal"):
        dumpsys.parse({name: text}, 0, 1)


def test_dumpsys_of_a_virtual_phone(adb: AdbServer, phone: VirtualPhone) -> None:
    watched = Dumpsys(adb.device(phone.serial), 0.2)
    watched.start()
    wait_until(lambda: len(watched.figures("latency", Offset(0, 0))) >= 8)
    watched.stop()
    found = watched.figures("latency", Offset(0, 0))
    assert {"battery/temperature", "cmd/battery/status", "cmd/battery/voltage_now", "thermalservice/skin"} <= {
        f.source for f in found
    }
    assert watched.problem == ""
    assert all(f.error_ns > 0 for f in found)
    assert all(20 < f.value < 45 for f in found if f.quantity == "temperature")


def test_dumpsys_that_prints_noise_is_a_problem(adb: AdbServer, phone: VirtualPhone) -> None:
    program = phone.root / "system/bin/dumpsys"
    program.unlink()
    noise = random.Random(1).choices("abcdefgh 0123456789:", k=2000)  # noqa: S311  # no secret
    program.write_text(f"#!/system/bin/sh\necho '{''.join(noise)}'\n")
    program.chmod(0o755)
    watched = Dumpsys(adb.device(phone.serial), 0.2)
    watched.start()
    wait_until(lambda: not watched._thread.is_alive())
    watched.stop()
    assert "nothing that can be read" in watched.problem
    assert watched.figures("latency", Offset(0, 0)) == []


def frames(n: int) -> list[FrameTime]:
    return [
        FrameTime(index=i, repetition=0, name="", preprocess_ns=10 * MS, invoke_ns=70 * MS, start_ns=1000 * MS + i * 100 * MS)
        for i in range(n)
    ]  # fmt: skip


def row(at_ms: int, source: str, value: int, phase: str = "frames") -> SampleRow:
    return SampleRow(time_ns=at_ms * MS, took_ns=2 * MS, phase=phase, source=source, value=value)


def test_samples_meet_the_frame_that_ran_then() -> None:
    axis = Axis(frames(5), [(0, "idle"), (900 * MS, "warm-up"), (1000 * MS, "frames"), (1500 * MS, "over")])
    assert axis.window("idle") == (0, 900 * MS)
    assert axis.window("over") is None
    assert [axis.phase(t * MS) for t in (-1, 0, 950, 1200, 2000)] == ["", "idle", "warm-up", "frames", "over"]
    (found,) = figure.of_agent([row(1140, "clock/4/khz", 2_800_000)], "latency")
    placed = figure.aligned(found, axis)
    assert (placed.frame, placed.value, placed.unit) == (1, 2800.0, "MHz")
    assert axis.position(1140 * MS) == pytest.approx(1.4)
    (between,) = figure.of_agent([row(1190, "zone/3/skin", 31_500)], "latency")
    assert figure.aligned(between, axis).frame == figure.NO_FRAME
    assert between.value == 31.5
    assert axis.position(100 * MS) is None
    assert axis.position(2000 * MS) is None


def test_ticks_become_a_share_and_rss_stays_apart_from_pss() -> None:
    rows = []
    for i, (busy, whole) in enumerate([(100, 1000), (150, 1100), (250, 1200)]):
        rows += [row(i, "load/busy_ticks", busy), row(i, "load/all_ticks", whole)]
    found = figure.of_agent(rows, "latency")
    assert [f.value for f in found] == [0.5, 1.0]
    assert {f.source for f in found} == {"load"}
    both = figure.of_agent([row(1, "memory/rss_bytes", 2 << 20), row(1, "memory/pss_bytes", 1 << 20)], "latency")
    assert [(f.source, f.value) for f in both] == [("memory/rss_bytes", 2.0), ("memory/pss_bytes", 1.0)]
    series = drawn(
        both * 2, [], Axis([FrameTime(index=0, repetition=0, name="", preprocess_ns=0, invoke_ns=5 * MS, start_ns=1)])
    )
    assert {s.source for s in series} == {"memory/rss_bytes", "memory/pss_bytes"}


def test_all_samples_are_one_parquet_file_in_time(artifacts: ArtifactStore) -> None:
    import pyarrow.parquet as pq

    found = figure.of_agent([row(i, "zone/1/a", 30_000 + i) for i in (3, 1, 2)], "latency")
    assert stored([], artifacts) == ""
    table = pq.read_table(artifacts.path(stored(found, artifacts))).to_pylist()
    assert [r["raw"] for r in table] == [30_001, 30_002, 30_003]
    assert table[0].keys() >= {"time_ns", "error_ns", "by", "source", "unit", "value", "phase", "frame", "repetition"}
