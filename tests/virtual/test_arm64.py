from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from farm import virtual
from farm.errors import InfrastructureError
from farm.virtual import profiles
from tests import arm64

from .bench import Adb, Bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOADER = "/lib/ld-linux-aarch64.so.1"
# The bits of AT_HWCAP by the words of /proc/cpuinfo: Linux, arch/arm64/kernel/cpuinfo.c, hwcap_str.
HWCAPS = [  # as they come
    *("fp", "asimd", "evtstrm", "aes", "pmull", "sha1", "sha2", "crc32", "atomics", "fphp", "asimdhp", "cpuid"),
    *("asimdrdm", "jscvt", "fcma", "lrcpc", "dcpop", "sha3", "sm3", "sm4", "asimddp", "sha512", "sve", "asimdfhm"),
    *("dit", "uscat", "ilrcpc", "flagm", "ssbs", "sb", "paca", "pacg"),
]


@pytest.fixture(scope="module")
def arm(adb: Adb, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    arm64.require()
    folder = tmp_path_factory.mktemp("arm64")
    (phone,) = virtual.up(folder, kind=profiles.load("arm64"), owner_pid=os.getpid())
    adb.connect(phone)
    yield Bench(adb, phone)
    virtual.down(folder)


def test_it_is_an_arm64_phone(arm: Bench) -> None:
    assert arm.phone.abi == "arm64-v8a"
    assert arm.shell("getprop ro.product.cpu.abi") == "arm64-v8a\n"
    assert arm.shell("getprop ro.farm.virtual") == "1\n"
    assert arm.shell("uname -m") == "aarch64\n"


@pytest.mark.parametrize(
    "command",
    [
        f"{LOADER} --version",
        f"env -i {LOADER} --version",
        f"sh -c 'sh -c \"{LOADER} --version\"'",
        f"echo --version | xargs {LOADER}",
        f"timeout 20 {LOADER} --version",
        "/data/local/tmp/script",
        "/data/local/tmp/pushed --version",
    ],
)
def test_aarch64_programs_run_whoever_starts_them(arm: Bench, command: str, tmp_path: Path) -> None:
    (tmp_path / "script").write_text(f"#!/system/bin/sh\n{LOADER} --version\n")
    arm.run("push", str(tmp_path / "script"), "/data/local/tmp/script")
    arm.shell(f"chmod 755 /data/local/tmp/script; cp {LOADER} /data/local/tmp/pushed; chmod 755 /data/local/tmp/pushed")
    assert "GLIBC" in arm.shell(command)


def test_cpuinfo_promises_what_the_emulated_cpu_has(arm: Bench) -> None:
    lines = arm.shell(f"LD_SHOW_AUXV=1 {LOADER} --version").splitlines()
    # qemu's own loader prints its own first.
    value = int([line for line in lines if line.startswith("AT_HWCAP:")][-1].split()[1], 16)
    has = {name for bit, name in enumerate(HWCAPS) if value >> bit & 1}
    lines = arm.shell("cat /proc/cpuinfo").splitlines()
    promised = next(line for line in lines if line.startswith("Features")).partition(":")[2].split()
    assert set(promised) == has
    assert "CPU part\t: 0xd0b" in lines


def test_the_phones_own_programs_stay_native(arm: Bench) -> None:
    assert "init" in arm.shell("ps -A -o PID,ARGS") or "1" in arm.shell("ps -A -o PID").split()
    assert arm.shell("cat /proc/self/maps").count("qemu") == 0


def test_a_program_of_the_hosts_own_kind_is_no_way_round(arm: Bench) -> None:
    assert arm.run("shell", "mount -t binfmt_misc none /proc/sys/fs/binfmt_misc").returncode != 0
    assert arm.run("shell", "echo -1 > /proc/sys/fs/binfmt_misc/status").returncode != 0


def test_two_kinds_of_phones_side_by_side(adb: Adb, lab: Path) -> None:
    arm64.require()
    (first,) = virtual.up(lab, kind=profiles.load("arm64"), owner_pid=os.getpid())
    (second,) = virtual.up(lab, owner_pid=os.getpid())
    for phone in (first, second):
        adb.connect(phone)
    assert Bench(adb, first).run("shell", LOADER, "--version").returncode == 0
    if second.abi != first.abi:
        assert Bench(adb, second).run("shell", LOADER, "--version").returncode != 0
    assert [phone.abi for phone in virtual.listed(lab)] == [first.abi, second.abi]


def test_without_qemu_it_says_what_to_install(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if profiles.load().abi == "arm64-v8a":
        pytest.skip("this machine is an ARM: it needs none")
    monkeypatch.setenv("PATH", str(lab))
    with pytest.raises(InfrastructureError, match="needs qemu-aarch64") as caught:
        virtual.up(lab, kind=profiles.load("arm64"))
    assert caught.value.remedy == "apt install qemu-user libc6-arm64-cross libstdc++6-arm64-cross"
    assert not lab.exists()
