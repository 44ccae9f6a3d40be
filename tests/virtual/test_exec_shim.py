"""The exec shim starts aarch64 programs as binfmt_misc does: the same commands on a phone with each, side by side."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from farm import builds, virtual
from farm.errors import InfrastructureError
from farm.virtual import emulator, profiles
from tests import arm64
from tests.agents.kit import NATIVE, locked
from tests.conftest import ROOT

from .bench import Adb, Bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE = ROOT / "tests" / "virtual"
PLACE = "/data/local/tmp"
WAYS = [
    *("execve", "execv", "execvp", "execvpe", "execl", "execlp", "execle", "fexecve", "execveat"),
    *("posix_spawn", "posix_spawnp", "vfork", "system", "popen"),
]
CALLERS = ("native", "aarch64")
SCRIPTS = {
    "script": f"#!{PLACE}/aarch64 show\n",
    "blanks": f"#!{PLACE}/aarch64  it's  one \n",
    "twice": f"#! {PLACE}/script \t\n",
    "relative": "#!./aarch64\n",
    "shell": f'#!/system/bin/sh\n{PLACE}/aarch64 show "$@"\nexit $?\n',
    "text": f'exec {PLACE}/aarch64 show "$@"',
    "endless": f"#!{PLACE}/endless\n",
    "nothing": "#!\n",
    "nowhere": "#!/no/such/file\n",
    "open-ended": f"#!{PLACE}/aarch64",
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with execute.c for both processors, and scripts."""
    arm64.require()
    if emulator.find(profiles.load("arm64")) is None:
        pytest.skip("this machine is an ARM: it needs no shim")
    cross = shutil.which("aarch64-linux-gnu-gcc")
    if cross is None:
        pytest.skip("no aarch64-linux-gnu-gcc here")
    with locked(NATIVE / "build" / ".lock"):
        for compiler, machine in (("cc", os.uname().machine), (cross, "aarch64")):
            target = f"build/linux-{machine}/exec-shim.so"
            command = ["make", "-C", str(NATIVE), f"CC={compiler}", f"PLATFORM=linux-{machine}", target]
            subprocess.run(command, check=True, capture_output=True)
    folder = tmp_path_factory.mktemp("programs")
    source = HERE / "execute.c"
    for compiler, name, more in (("cc", "native", ()), (cross, "aarch64", ()), (cross, "static", ("-static",))):
        subprocess.run([compiler, *more, "-O1", "-o", folder / name, source], check=True)
    for name, text in SCRIPTS.items():
        (folder / name).write_text(text)
    for path in folder.iterdir():
        path.chmod(0o755)
    shutil.copy(folder / "aarch64", folder / "forbidden")
    (folder / "forbidden").chmod(0o644)
    return folder


def _bench(adb: Adb, folder: Path, programs: Path, *, exec_shim: bool) -> Bench:
    (phone,) = virtual.up(folder, kind=profiles.load("arm64"), owner_pid=os.getpid(), exec_shim=exec_shim)
    adb.connect(phone)
    bench = Bench(adb, phone)
    assert bench.run("push", *map(str, programs.iterdir()), PLACE).returncode == 0
    bench.shell(f"chmod 644 {PLACE}/forbidden; mkfifo {PLACE}/pipe; chmod 755 {PLACE}/pipe")
    return bench


@pytest.fixture(scope="module")
def shim(adb: Adb, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A phone with the shim, forced."""
    folder = tmp_path_factory.mktemp("shim")
    yield _bench(adb, folder, programs, exec_shim=True)
    virtual.down(folder)


@pytest.fixture(scope="module")
def kernel(adb: Adb, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A phone whose kernel knows of qemu."""
    folder = tmp_path_factory.mktemp("kernel")
    bench = _bench(adb, folder, programs, exec_shim=False)
    if bench.phone.emulation != "binfmt_misc":
        virtual.down(folder)
        pytest.skip("this kernel has no binfmt_misc of a namespace's own to compare with")
    yield bench
    virtual.down(folder)


def _told(bench: Bench, command: str) -> tuple[int, str, str]:
    done = bench.run("shell", f"cd {PLACE}; {command}")
    return done.returncode, done.stdout.decode(errors="backslashreplace"), done.stderr.decode(errors="backslashreplace")


def test_the_kernel_of_that_phone_knows_nothing_of_aarch64(shim: Bench) -> None:
    assert shim.phone.emulation == "exec-shim"
    assert _told(shim, "ls /proc/sys/fs/binfmt_misc") == (0, "", "")
    assert _told(shim, f"./native raw {PLACE}/aarch64")[::2] == (97, "raw: Exec format error\n")
    assert _told(shim, "uname -m; getprop ro.product.cpu.abi") == (0, "aarch64\narm64-v8a\n", "")


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(
    "target",
    ["aarch64", "native", "script", *(pytest.param(name, marks=pytest.mark.slow) for name in ("twice", "shell"))],
)
def test_every_function_that_executes(shim: Bench, kernel: Bench, caller: str, target: str) -> None:
    # qemu 7.2 has no execveat; the shim does without where the program is aarch64's.
    ways = [how for how in WAYS if how != "execveat" or caller == "native"]
    lines = [f"PATH={PLACE}:$PATH ./{caller} {how} {PLACE}/{target}; echo ={how} $?" for how in ways]
    found, expected = (_told(bench, "\n".join(lines)) for bench in (shim, kernel))
    assert _nameless(found) == _nameless(expected)
    machine = "native" if target == "native" else "aarch64"
    assert sum(line.startswith(f"{machine} ") for line in found[1].splitlines()) == len(ways)
    assert all(f"={how} 7\n" in found[1] for how in ways)


def _nameless(told: tuple[int, str, str]) -> tuple[int, str, str]:
    """Without what a script or a descriptor that was executed is called, since kernels and C libraries differ in it."""
    status, text, error = told[0], told[1].replace("/proc/self/fd/", "/dev/fd/"), told[2]
    return status, re.sub(r"^(aarch64|native) \S+ ", r"\1 ", text, flags=re.MULTILINE), error


@pytest.mark.parametrize(
    "command",
    [
        "./aarch64 show 5",
        "env -i ./aarch64 show",
        f"env -i /system/bin/sh -c 'env; {PLACE}/aarch64 show 6'",
        f"env -i {PLACE}/aarch64 execv {PLACE}/aarch64",
        "./aarch64 show a | cat | tr a-z A-Z",
        "echo 'a b' | xargs ./aarch64 show",
        "yes | head -40000 | xargs ./aarch64 show | wc",
        "(for i in 1 2 3; do ./aarch64 show $i & done; wait) | sort",
        "(./aarch64 show; exit 4)",
        "exec ./aarch64 show 9",
        "exec -a other ./aarch64 show 9",
        "timeout 5 ./aarch64 show 3",
        "timeout -s INT 0.3 ./aarch64 vfork /system/bin/yes >/dev/null",
        "mkfifo wait; ./aarch64 execv /system/bin/cat <wait & sleep 0.2; kill -TERM $!; wait $!; echo $?; rm wait",
        "./script; ./twice a 'b  c' 3",
        "./blanks 'a b'",
        "./relative; ./open-ended",
        "./shell a b 8",
        "./text a b 8",
        "./endless",
        "./nothing",
        "./nowhere",
        "./forbidden",
        "sh -c ./forbidden",
        "./pipe",
        ".",
        "./none",
        f"./aarch64 execv {PLACE}/forbidden",
        f"./aarch64 execvp {PLACE}/text",
        f"./native execvp {PLACE}/text",
        f"PATH=/nowhere::/data ./native execvp {PLACE}/aarch64",
        f"PATH={PLACE} ./native execvp {PLACE}/forbidden",
        f"./aarch64 posix_spawnp {PLACE}/none",
        "ps -A -o COMM | grep -c qemu",
    ],
)
def test_commands_do_the_same(shim: Bench, kernel: Bench, command: str) -> None:
    found, expected = _told(shim, command), _told(kernel, command)
    scripts = re.search(r"script|relative|blanks", command)
    assert (_nameless(found) if scripts else found) == (_nameless(expected) if scripts else expected)


WORDS = [
    *(b"#!", b"#!", b" ", b"\t", b"\n", b"\0", b"\r", b"./", b"show", b"-", b"#", b"'", b"\xff", b"/"),
    *(f"{PLACE}/{name}".encode() for name in ("aarch64", "aarch64", "native", "script", "forbidden")),
    *(b"/system/bin/toybox", b"x" * 7, b"x" * 100, b" " * 220),
]
HEADS = st.lists(st.sampled_from(WORDS), max_size=9).map(lambda words: b"#!" + b"".join(words))


@settings(
    max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # to shrink would take minutes
@given(heads=st.lists(HEADS, min_size=30, max_size=30))
def test_first_lines_are_read_as_the_kernel_does(
    shim: Bench, kernel: Bench, tmp_path: Path, heads: list[bytes]
) -> None:
    names = [f"head-{number}" for number in range(len(heads))]
    for name, head in zip(names, heads, strict=True):
        (tmp_path / name).write_bytes(head)
        (tmp_path / name).chmod(0o755)
    told = []
    for bench in (shim, kernel):
        assert bench.run("push", *(str(tmp_path / name) for name in names), PLACE).returncode == 0
        command = "; ".join(f"echo {name}; ./native vfork $PWD/{name} 2>&1 </dev/null; echo $?" for name in names)
        told.append(re.split(r"^head-\d+\n", _nameless(_told(bench, command))[1], flags=re.MULTILINE)[1:])
    assert len(told[0]) == len(heads)
    assert [(head, *both) for head, *both in zip(heads, *told, strict=True) if both[0] != both[1]] == []


@pytest.mark.parametrize("number", [2, 6, 9, 11, 13, 15])
def test_signals_end_them_as_ever(shim: Bench, kernel: Bench, number: int) -> None:
    for command in (f"./aarch64 raise {number}; echo $?", f"exec ./aarch64 raise {number}"):
        found = _told(shim, command)
        assert found == _told(kernel, command)
        assert str(128 + number) in (found[1].strip(), str(found[0]))


def test_programs_without_a_loader_run_too(shim: Bench) -> None:
    status, text, _ = _told(shim, "./static show 7; ./native vfork $PWD/static")
    assert (status, [line.split()[0] for line in text.splitlines()]) == (7, ["aarch64", "aarch64"])


def test_nothing_of_it_shows_in_other_phones(shim: Bench, bench: Bench) -> None:
    assert bench.phone.emulation == ""
    assert bench.run("shell", "cat /system/etc/ld.so.preload").returncode != 0
    assert shim.run("shell", "echo > /system/etc/ld.so.preload").returncode != 0


def test_without_registration_the_shim_is_taken(programs: Path, tmp_path: Path) -> None:
    """The choice itself, in namespaces whose kernel was not told of qemu: as the mount's refusal leaves them."""
    program = """
import sys
from pathlib import Path
from farm.virtual import emulator, namespace, profiles
root = Path(sys.argv[1])
runs_on = emulator.find(profiles.load("arm64"))
emulator.create_places(root)
(root / emulator._PRELOAD).parent.mkdir(parents=True, exist_ok=True)
for item in emulator.mounts(runs_on):
    if not item.optional:
        namespace._apply(root, item)
print(emulator.register(runs_on, root), (root / emulator._PRELOAD).read_text().strip())
"""
    (tmp_path / "system/etc").mkdir(parents=True)
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c", program, tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"exec-shim /usr/lib/farm/{os.uname().machine}.so\n", done.stderr


def test_what_is_not_built_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Path) -> None:
    monkeypatch.setattr(builds, "_CHECKOUT", tmp_path)
    with pytest.raises(InfrastructureError, match="shim is not built") as caught:
        virtual.up(tmp_path / "phones", kind=profiles.load("arm64"), exec_shim=True)
    assert caught.value.remedy == "run: make -C agents/native"
