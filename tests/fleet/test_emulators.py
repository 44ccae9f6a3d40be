"""[[avd]]: started with the fleet, enrolled, stopped with it.

There is no Android emulator here. Its part is played by a program of that name in PATH: it starts one of our virtual phones,
makes it reachable where the emulator's adb daemon would listen (console port + 1), and tells the adb server as the emulator does.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm import virtual
from farm.fleet.emulators import find, ports
from farm.sections.devices import Avd
from tests.fleet.kit import at_work, settings, stands, until

if TYPE_CHECKING:
    from farm.fleet.adb import AdbServer

STAND_IN = """#!{python}
import os, select, socket, sys, threading
from pathlib import Path
sys.path.insert(0, {root!r})
from farm import virtual
port = int(sys.argv[sys.argv.index("-port") + 1])
if sys.argv[sys.argv.index("-avd") + 1] == "broken":
    sys.exit("PANIC: Unknown AVD name [broken]")
(phone,) = virtual.up(Path({folder!r}), owner_pid=os.getpid())

def copy(a, b):
    while select.select([a], [], [])[0] and (data := a.recv(65536)):
        b.sendall(data)
    b.shutdown(socket.SHUT_WR)

listener = socket.create_server(("127.0.0.1", port + 1))
told = f"host:emulator:{{port + 1}}".encode()
adb = socket.create_connection(("127.0.0.1", int(os.environ["ANDROID_ADB_SERVER_PORT"])))
adb.sendall(b"%04x" % len(told) + told)
while True:
    near, _ = listener.accept()
    far = socket.create_connection(("127.0.0.1", phone.port))
    for pair in ((near, far), (far, near)):
        threading.Thread(target=copy, args=pair, daemon=True).start()
"""


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in, first in PATH; the folder of its virtual phones."""
    folder = tmp_path / "emulated"
    program = tmp_path / "bin" / "emulator"
    program.parent.mkdir()
    root = str(Path(__file__).resolve().parents[2])
    program.write_text(STAND_IN.format(python=sys.executable, root=root, folder=str(folder)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return folder


def _free_console() -> int:
    """An even port whose odd neighbor is free too, among those that an emulator takes."""
    for port in range(5600, 5680, 2):
        try:
            with socket.create_server(("127.0.0.1", port + 1)):
                return port
        except OSError:
            continue
    pytest.skip("no free port for an emulator")


def test_an_avd_is_started_enrolled_and_stopped(adb: AdbServer, tmp_path: Path, emulator: Path) -> None:
    port = _free_console()
    lab = settings(tmp_path / "data", adb).model_copy(update={"avd": (Avd(name="stand-in", port=port),)})
    with at_work(lab) as fleet:
        device = stands(fleet, f"emulator-{port}", "ready")
        assert device.host == ""
        row = fleet.store.get(device.serial)
        assert row is not None
        assert row.enrolment is not None
        assert virtual.listed(emulator)
    until(lambda: not virtual.listed(emulator), "it ends with the fleet")
    adb.disconnect(f"emulator-{port}")


def test_an_emulator_that_ends_says_why(adb: AdbServer, tmp_path: Path, emulator: Path) -> None:
    lab = settings(tmp_path / "data", adb).model_copy(update={"avd": (Avd(name="broken", port=5682),)})
    with at_work(lab) as fleet:
        standing = stands(fleet, "emulator-5682", "needs-human").standing
        assert standing is not None
        assert "PANIC: Unknown AVD name [broken]" in standing.reason


def test_without_the_program_it_says_what_to_install(
    adb: AdbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANDROID_HOME", "ANDROID_SDK_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    lab = settings(tmp_path / "data", adb).model_copy(update={"avd": (Avd(name="Pixel_8", port=5680),)})
    with at_work(lab) as fleet:
        standing = stands(fleet, "emulator-5680", "needs-human").standing
        assert standing is not None
        assert standing.reason == "the Android SDK's emulator is not in PATH, so Pixel_8 cannot be started"
        assert "ANDROID_HOME" in standing.remedy


def test_the_sdks_own_folder_is_looked_into(tmp_path: Path) -> None:
    program = tmp_path / "emulator" / "emulator"
    program.parent.mkdir()
    program.touch(0o755)
    assert find({"PATH": "", "ANDROID_HOME": str(tmp_path)}) == str(program)
    assert find({"PATH": "", "ANDROID_SDK_ROOT": str(tmp_path / "none")}) is None


@given(wanted=st.lists(st.one_of(st.none(), st.integers(2777, 2841).map(lambda n: 2 * n)), max_size=12))
def test_every_emulator_has_a_port_of_its_own(wanted: list[int | None]) -> None:
    named = [p for p in wanted if p is not None]
    if len(set(named)) < len(named):
        return
    found = ports(tuple(Avd(name="x", port=port) for port in wanted))
    assert len(set(found)) == len(found)
    assert all(p % 2 == 0 for p in found)
    assert [f for f, w in zip(found, wanted, strict=True) if w is not None] == named
