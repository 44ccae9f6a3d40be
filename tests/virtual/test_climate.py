"""A hot phone is a slow one, and its shell does not notice how."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from farm import virtual
from farm.virtual import climate
from farm.virtual.family import Family
from farm.virtual.physics import Given

from .bench import Adb, Bench, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOP = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done"


@pytest.fixture(scope="module")
def warm(adb: Adb, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("warm")
    (phone,) = virtual.up(folder, owner_pid=os.getpid())
    adb.connect(phone)
    yield Bench(adb, phone)
    virtual.down(folder)


def _override(bench: Bench, name: str, text: str) -> Path:
    path = bench.phone.root / climate.OVERRIDE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    climate.put(path, text)
    return path


def _speed(bench: Bench) -> float:
    """The highest clock that heat allows, as a share of the highest there is."""
    folder = "/sys/devices/system/cpu/cpufreq"
    policy = bench.shell(f"ls {folder}").split()[-1]
    allowed, most = bench.shell(f"cat {folder}/{policy}/scaling_max_freq {folder}/{policy}/cpuinfo_max_freq").split()
    return int(allowed) / int(most)


def _share(bench: Bench) -> float:
    """How much of the wall clock a busy command is on the CPU."""
    real, user, system = bench.shell(f"{{ time -p sh -c '{LOOP}'; }} 2>&1").split()[1::2]
    return (float(user) + float(system)) / float(real)


def test_work_shows_in_clock_and_heat(warm: Bench) -> None:
    node = warm.phone.root / "sys/devices/system/cpu/cpufreq/policy1/scaling_cur_freq"
    if not node.exists():
        node = warm.phone.root / "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq"
    zone = warm.phone.root / "sys/class/thermal/thermal_zone1/temp"
    idle, cool = int(node.read_text()), int(zone.read_text())
    client = warm.start("shell", "while :; do :; done")
    wait_until(lambda: int(node.read_text()) > idle and int(zone.read_text()) > cool + 500)
    client.kill()
    client.communicate()
    wait_until(lambda: int(node.read_text()) == idle)


@pytest.mark.slow
def test_hot_means_slow_and_well_again_means_fast(warm: Bench) -> None:
    assert _speed(warm) == 1
    hot = _override(warm, "thermal/celsius", "95")
    wait_until(lambda: _speed(warm) < 0.3)
    slow = _share(warm)
    hot.unlink()
    wait_until(lambda: _speed(warm) == 1)
    assert slow < 0.6, "a quarter of the clock leaves it a quarter of the time, and some for what is shared here"
    assert _share(warm) > slow * 1.3


@pytest.mark.slow
def test_a_shell_does_not_take_a_stopped_child_for_a_job(warm: Bench) -> None:
    hot = _override(warm, "thermal/celsius", "120")
    wait_until(lambda: _speed(warm) < 0.3)
    out = warm.shell(
        "for i in 1 2 3 4 5 6 7 8; do sh -c 'sleep 0.1; echo one'; done; (sleep 0.3; echo two) | cat; echo $?"
    )
    assert out == "one\n" * 8 + "two\n0\n"
    hot.unlink()
    wait_until(lambda: _speed(warm) == 1)


def test_what_is_given_shows_at_once_and_in_the_nodes(warm: Bench) -> None:
    files = [_override(warm, "battery/level", "7"), _override(warm, "battery/status", "3")]
    text = warm.shell("dumpsys battery")
    assert "  level: 7\n" in text
    assert "  status: 3\n" in text
    wait_until(lambda: warm.shell("cat /sys/class/power_supply/battery/capacity") == "7\n")
    assert warm.shell("cat /sys/class/power_supply/battery/status") == "Discharging\n"
    for file in files:
        file.unlink()
    wait_until(lambda: warm.shell("cat /sys/class/power_supply/battery/capacity") == "100\n")
    text = warm.shell("dumpsys battery")
    assert "  level: 100\n" in text
    assert "  status: 3\n" not in text


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "1e99", "-1e99", "9" * 100, "\0"])
def test_what_is_no_figure_decides_nothing(tmp_path: Path, text: str) -> None:
    for name in ("battery/level", "battery/status", "thermal/celsius", "thermal/status", "battery/temperature"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert climate.given(tmp_path) == Given()
    assert climate.given(tmp_path / "nowhere") == Given()


def test_a_family_is_held_and_released_and_who_was_stopped_stays_so() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 60 & (sleep 60 & wait) & wait"]) as first:
        family = Family(first.pid)

        def states() -> list[str]:
            pids = family._descendants()
            return [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in pids]

        wait_until(lambda: states() == ["S"] * 3, 60)  # all there, and what they are to become
        stopped = family._descendants()[0]
        os.kill(stopped, signal.SIGSTOP)
        wait_until(lambda: states().count("T") == 1, 60)
        family.hold()
        wait_until(
            lambda: states() == ["T"] * 3, 60
        )  # `hold` waits for milliseconds, this computer may be busy for longer
        family.release()
        wait_until(lambda: sorted(states()) == ["S", "S", "T"], 60)
        for pid in family._descendants():
            os.kill(pid, signal.SIGKILL)
        first.wait()
    assert family.alone()
    assert family.cpu_seconds() == 0


def test_cpu_time_is_that_of_all_who_ever_ran(tmp_path: Path) -> None:
    code = "import subprocess, sys, time\nfor _ in range(2): subprocess.run([sys.executable, '-c', 'sum(range(5_000_000))'])\n"
    script = tmp_path / "work.py"
    script.write_text(code + "time.sleep(60)")
    with subprocess.Popen([sys.executable, str(script)]) as first:
        family, started = Family(first.pid), time.monotonic()
        wait_until(lambda: family.alone() and family.cpu_seconds() > 0.05, 30)
        assert family.cpu_seconds() < 2 * (time.monotonic() - started)
        first.kill()
