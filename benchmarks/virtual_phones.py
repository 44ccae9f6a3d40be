"""What a virtual phone costs: time to start, memory, time of one shell command, alone and among many.

    python benchmarks/virtual_phones.py -n 100

Memory is the proportional set size (PSS) of a phone's three processes: what they share is divided among those who share it.
Latency is `adb shell true` through a real adb server of its own, over one socket a command as the farm does it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from farm import virtual
from farm.fleet.private import private_adb_server
from farm.virtual import profiles

if TYPE_CHECKING:
    from farm.fleet.adb import AdbServer
    from farm.virtual import VirtualPhone

DEADLINE_S = 60.0
ROUNDS = 50


def main() -> None:
    """Start the phones, measure, print, end them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--count", type=int, default=100)
    parser.add_argument("--profile", default="", help="a profile's name or file")
    options = parser.parse_args()
    kind = profiles.load(options.profile)
    with tempfile.TemporaryDirectory() as name, private_adb_server() as adb:
        folder = Path(name)
        try:
            began = time.perf_counter()
            phones = virtual.up(folder, options.count, kind=kind, owner_pid=os.getpid())
            started = time.perf_counter() - began
            began = time.perf_counter()
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda phone: adb.connect(phone.serial, DEADLINE_S), phones))
            attached = time.perf_counter() - began
            memory = [sum(map(_pss_kib, _processes(phone))) / 1024 for phone in phones]
            used = _cpu_seconds(phones)
            alone = [_latency(adb, phones[0]) for _ in range(ROUNDS)]
            each = [_latency(adb, phone) for phone in phones]
            with ThreadPoolExecutor(16) as pool:
                together = list(pool.map(lambda phone: _latency(adb, phone), phones))
            time.sleep(10)
            idle = (_cpu_seconds(phones) - used) / len(phones)
        finally:
            virtual.down(folder)
    print(f"{len(phones)} phones, {kind.product.model}, {os.cpu_count()} CPUs")
    print(f"start                 {started:8.2f} s in all   {1000 * started / len(phones):8.1f} ms a phone")
    print(f"attach to adb         {attached:8.2f} s in all   {1000 * attached / len(phones):8.1f} ms a phone")
    print(f"memory, PSS           {sum(memory):8.1f} MiB in all {sum(memory) / len(memory):8.2f} MiB a phone")
    print(f"adb shell true, one   {_words(alone)}")
    print(f"  the first of each   {_words(each)}")
    print(f"  16 at a time        {_words(together)}")
    print(f"CPU since the start   {idle:8.3f} s a phone, of those commands and 10 s of rest")


def _latency(adb: AdbServer, phone: VirtualPhone) -> float:
    began = time.perf_counter()
    result = adb.device(phone.serial).shell(["true"], DEADLINE_S)
    assert result.exit_code == 0
    return 1000 * (time.perf_counter() - began)


def _words(milliseconds: list[float]) -> str:
    ordered = sorted(milliseconds)
    p90 = ordered[min(len(ordered) - 1, round(0.9 * len(ordered)))]
    return f"median {statistics.median(ordered):7.2f} ms   p90 {p90:7.2f} ms   of {len(ordered)}"


def _processes(phone: VirtualPhone) -> list[int]:
    """The keeper, the adb daemon, the first process inside."""
    keeper = int(_stat(phone.pid)[1])
    children = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
    return [keeper, *map(int, children)]


def _cpu_seconds(phones: list[VirtualPhone]) -> float:
    ticks = sum(int(word) for phone in phones for pid in _processes(phone) for word in _stat(pid)[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _pss_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
