"""Android's builds of the agent and its libraries: what they ask of the system, and that they do as Linux's do.

No Android is here: they run on glibc, with bionic's names laid over it (tests/agents/bionic).
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import ziglang

from .conftest import LIBRARIES
from .kit import NATIVE, PASSES, PLATFORM, ROOT, RUNTIME, Bench, Pair, emulated, locked

MACHINES = {"android-arm64": "AArch64", "android-x86_64": "X86-64"}
FILES = ("exray-agent", "libexray.so", "libexray_jni.so", "libexray_agent_jni.so")
ANDROID = NATIVE / "android"
BIONIC = Path(__file__).parent / "bionic"
FREESTANDING = Path(ziglang.__file__).parent / "lib" / "include"
NOTES = ROOT.parent / "shared" / "notes" / "bionic-api23-symbols.tsv"
# What the kernel or a standard says, in bionic and glibc alike: sizes, places and values.
ALIKE = {
    "sys/stat.h": (
        "struct stat",
        "st_dev st_ino st_mode st_nlink st_uid st_gid st_rdev st_size st_blksize st_blocks st_mtim",
    ),
    "dirent.h": ("struct dirent", "d_ino d_off d_reclen d_type d_name"),
    "time.h": ("struct timespec", "tv_sec tv_nsec"),
    "sys/resource.h": ("struct rusage", "ru_utime ru_stime ru_maxrss ru_minflt ru_nivcsw"),
    "sys/uio.h": ("struct iovec", "iov_base iov_len"),
    "poll.h": ("struct pollfd", "fd events revents"),
    "sched.h": ("cpu_set_t", ""),
    "signal.h": ("stack_t", "ss_sp ss_flags ss_size"),
}
ROUNDING = {"floor", "roundf"}  # which ziglang brings itself, and clang takes from libm
OTHERS = {"_SC_PAGESIZE", "stdin", "stdout", "stderr"}  # each library's own


def symbols() -> set[tuple[str, str]]:
    """(library, name) of what the builds link against."""
    rows = (line.split("\t") for line in (ANDROID / "symbols.tsv").read_text().splitlines())
    return {(library, name) for library, name, _ in rows}


def readelf(*arguments: str | Path) -> str:
    return subprocess.run(["readelf", "-W", *map(str, arguments)], capture_output=True, check=True, text=True).stdout


def imports(file: Path) -> set[str]:
    rows = (line.split() for line in readelf("--dyn-syms", file).splitlines())
    return {row[7] for row in rows if len(row) == 8 and row[6] == "UND"}


@pytest.fixture(scope="module")
def builds() -> Path:
    with locked(NATIVE / "build" / ".lock"):
        for platform in MACHINES:
            command = ["make", "-C", str(NATIVE), f"PYTHON={sys.executable}", f"PLATFORM={platform}"]
            subprocess.run([*command, *(f"build/{platform}/{file}" for file in FILES)], check=True, capture_output=True)
    return NATIVE / "build"


@pytest.mark.slow
@pytest.mark.parametrize("platform", sorted(MACHINES))
@pytest.mark.parametrize("file", FILES)
def test_a_build_is_what_androids_linker_takes(builds: Path, platform: str, file: str) -> None:
    path = builds / platform / file
    told = readelf("-hldn", path)
    assert MACHINES[platform] in told
    assert "Type:                              DYN" in told
    assert ("[Requesting program interpreter: /system/bin/linker64]" in told) == (file == "exray-agent")
    assert set(re.findall(r"\(NEEDED\).*\[(.*)\]", told)) <= {"libc.so", "libm.so", "libdl.so"}
    segments = re.findall(r"^  (LOAD|GNU_STACK|GNU_RELRO|TLS) +(?:0x\w+ ){5}(.{3}) (0x\w+|0)$", told, re.MULTILINE)
    loads = [int(alignment, 16) for kind, _, alignment in segments if kind == "LOAD"]
    assert loads
    assert all(alignment >= 1 << 14 for alignment in loads), "pages of 16 KB"
    assert ("GNU_STACK", "RW ") in {(kind, flags) for kind, flags, _ in segments}, "no executable stack"
    assert {"GNU_RELRO", "LOAD", "GNU_STACK"} == {kind for kind, _, _ in segments}, (
        "no thread-local segment before API 29"
    )
    assert not any("W" in flags and "E" in flags for _, flags, _ in segments)
    assert "TEXTREL" not in told
    assert not re.search(r"R_\w+_COPY", readelf("-r", path)), "bionic copies no variables into programs"
    assert ("Android" in told) == (file == "exray-agent")


@pytest.mark.slow
def test_only_names_that_every_android_has_are_asked_for(builds: Path) -> None:
    names = {name for _, name in symbols()}
    asked = {name for platform in MACHINES for file in FILES for name in imports(builds / platform / file)}
    assert asked <= names
    assert names - asked <= ROUNDING, "the list has no more than is used"


def test_the_names_are_bionics() -> None:
    if not NOTES.is_file():
        pytest.skip(f"no list of bionic's names at {NOTES}")
    rows = (line.split("\t") for line in NOTES.read_text().splitlines() if not line.startswith("#"))
    assert symbols() <= {(library, name) for library, name in rows}


def declared() -> tuple[str, list[str]]:
    """The headers as a C file includes them, and what in them glibc's have too."""
    folder = ANDROID / "include"
    headers = {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.h"))}
    constants = {
        name for text in headers.values() for name in re.findall(r"^#define (\w+) [^_\n(\"{]", text, re.MULTILINE)
    }
    sizes = [f"sizeof({type_})" for type_, _ in ALIKE.values()]
    places = [f"offsetof({type_}, {field})" for type_, fields in ALIKE.values() for field in fields.split()]
    included = "".join(f"#include <{header}>\n" for header in ("stddef.h", *headers))
    return included, [*sizes, *places, *sorted(constants - OTHERS)]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_declarations_agree_with_the_kernels_and_the_standards(
    machine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    included, asked = declared()
    assert len(asked) > 80
    printed = "".join(f'    printf("%lld\\n", (long long)({one}));\n' for one in asked)
    (tmp_path / "here.c").write_text(f"#define _GNU_SOURCE\n{included}int main(void) {{\n{printed}}}\n")
    native = f"linux-{machine}" == PLATFORM
    compiler = "cc" if native else f"{machine}-linux-gnu-gcc"
    start = [] if native else request.getfixturevalue("emulator")
    subprocess.run([compiler, "-o", tmp_path / "here", tmp_path / "here.c"], check=True)
    values = emulated(start, tmp_path / "here").stdout.split()
    asserts = (f'_Static_assert((long long)({a}) == {value}, "{a}");\n' for a, value in zip(asked, values, strict=True))
    (tmp_path / "there.c").write_text(included + "".join(asserts))
    clang = [
        sys.executable,
        "-m",
        "ziglang",
        "clang",
        f"--target={machine}-linux-android26",
        "-fsyntax-only",
        "-nostdinc",
    ]
    include = ["-isystem", str(ANDROID / "include"), "-isystem", str(FREESTANDING)]
    done = subprocess.run([*clang, *include, str(tmp_path / "there.c")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module", params=sorted(MACHINES))
def android(
    request: pytest.FixtureRequest, builds: Path, bench: Bench, tmp_path_factory: pytest.TempPathFactory
) -> Pair:
    """Linux's agent, and Android's of the same processor or of another one's under qemu-user."""
    platform: str = request.param
    start: list[str | Path]
    folder = tmp_path_factory.mktemp("bionic")
    if platform == "android-x86_64":
        if PLATFORM != "linux-x86_64":
            pytest.skip("not an x86_64 machine")
        compiler, start, runtime = "cc", ["/lib64/ld-linux-x86-64.so.2", "--library-path", folder], RUNTIME
    else:
        emulator, runtime = request.getfixturevalue("emulator"), request.getfixturevalue("arm64_runtime")
        compiler = "aarch64-linux-gnu-gcc"
        start = [*emulator, LIBRARIES / "ld-linux-aarch64.so.1", "--library-path", f"{folder}:{LIBRARIES}"]
    subprocess.run(["make", "-C", str(BIONIC), f"CC={compiler}", f"OUT={folder}"], check=True, capture_output=True)
    return Pair(bench, start, builds / platform / "exray-agent", runtime)


@pytest.mark.slow
@pytest.mark.parametrize("name", PASSES)
def test_androids_agent_logs_as_linuxs_does(android: Pair, name: str) -> None:
    _, there = android.alike(name)
    assert there.header.abi == {"android-x86_64": "x86_64", "android-arm64": "arm64-v8a"}[android.agent.parent.name]
