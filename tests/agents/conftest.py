from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from farm.errors import InfrastructureError
from farm.run import bundle

from .kit import NATIVE, PLATFORM, Bench, build, locked

LIBRARIES = Path("/usr/aarch64-linux-gnu/lib")
# What qemu's cortex-a76 has. With this machine's own file the runtime believes in features that are not there.
CPUINFO = """processor\t: 0
BogoMIPS\t: 62.50
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp ssbs
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0b
CPU revision\t: 1
"""


@pytest.fixture(scope="session")
def agent() -> Path:
    """The agent as it is shipped."""
    return build("all", PLATFORM)


@pytest.fixture(scope="session")
def sanitized() -> Path:
    """The agent with address and undefined-behavior sanitizers."""
    return build("sanitize", f"{PLATFORM}-sanitize")


@pytest.fixture(scope="module")
def bench(agent: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(agent, tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def strict(sanitized: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A bench with the sanitized agent."""
    return Bench(sanitized, tmp_path_factory.mktemp("strict"))


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """What runs an arm64 program here."""
    qemu = shutil.which("qemu-aarch64")
    if qemu is None or not LIBRARIES.is_dir():
        pytest.skip("no qemu-aarch64 or no libc6-arm64-cross here")
    prefix = tmp_path_factory.mktemp("prefix")
    (prefix / "lib").symlink_to(LIBRARIES)
    (prefix / "proc").mkdir()
    (prefix / "proc" / "cpuinfo").write_text(CPUINFO)
    return [qemu, "-cpu", "cortex-a76", "-L", prefix]


@pytest.fixture(scope="session")
def arm64_runtime() -> Path:
    """LiteRT for arm64 Linux, kept beside the builds: it is fetched once a checkout."""
    data = NATIVE / "build" / "test-data"
    try:
        with locked(data / ".lock"):
            bundle.ensure("arm64-v8a", data)
        return bundle.for_abi("arm64-v8a", virtual=True, data=data).runtime
    except InfrastructureError as error:
        pytest.skip(f"{error.message}; {error.remedy}")
