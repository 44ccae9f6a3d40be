"""What a run of a user's app is made of: the app's files on a virtual phone, its log, its frames' names."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm import virtual
from farm.android.command import Line, as_is
from farm.android.commands.logs import log_of
from farm.capture.container import MAGIC
from farm.errors import AppError, InputsError
from farm.fleet.adb import PushItem
from farm.run.app import place as places
from farm.run.app.package import Package
from farm.run.app.session import files_of, whole
from farm.store.artifacts import sha256_of
from farm.submission import InputFrame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from farm.fleet.adb import AdbServer
    from farm.run.app.place import Place
    from farm.virtual import VirtualPhone

STAGED = "/data/local/tmp/farm"
LOG = """\
07-14 10:00:01.000  1500  1600 I ActivityManager: Start proc 4711:com.example.app/u0a200 for top-activity {...}
07-14 10:00:02.000  4711  4711 W System.err: of a run before
07-14 10:02:01.000  1500  1600 I ActivityManager: Start proc 5081:com.example.app/u0a200 for top-activity {...}
07-14 10:02:02.000  5081  5099 E AndroidRuntime: FATAL EXCEPTION: main
07-14 10:02:02.100   900   900 I Zygote  : Process 5081 exited due to signal 9 (Killed)
07-14 10:02:02.200  4712  4712 I com.example.app2: somebody else's
07-14 10:02:02.300  1500  1600 I ActivityManager: Process com.example.app (pid 5081) has died: fg  TOP
"""


def test_of_a_log_only_what_is_of_the_last_process_is_told() -> None:
    told = [line[33:] for line in log_of("com.example.app", LOG).splitlines()]
    assert told == [
        "ActivityManager: Start proc 5081:com.example.app/u0a200 for top-activity {...}",
        "AndroidRuntime: FATAL EXCEPTION: main",
        "Zygote  : Process 5081 exited due to signal 9 (Killed)",
        "ActivityManager: Process com.example.app (pid 5081) has died: fg  TOP",
    ]
    assert not log_of("com.example.nobody", LOG)


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_log_is_read(before: str, after: str) -> None:
    told = log_of("com.example.app", f"{before}\n{LOG}{after}")
    assert set(told.splitlines()) <= {*before.splitlines(), *LOG.splitlines(), *after.splitlines()}


@given(st.binary(max_size=40))
def test_a_capture_is_whole_where_it_ends_as_one_that_was_closed(data: bytes) -> None:
    assert whole((MAGIC + data + MAGIC)[-2 * len(MAGIC) :])
    assert not whole(MAGIC), "its first bytes alone"
    assert whole((MAGIC + data)[-2 * len(MAGIC) :]) == (len(data) >= len(MAGIC) and data.endswith(MAGIC))


@given(st.text(max_size=20))
def test_names_of_frames_stay_in_their_folder(name: str) -> None:
    frame = InputFrame(name=name, kind="tensor", sha256=("a" * 64, "b" * 64))
    try:
        told = [told for told, _ in files_of(frame)]
    except InputsError:
        assert "/" in name or not name.isprintable() or name in {"", ".", "..", "frames.tsv", "sensors.tsv"}
    else:
        assert told == [f"{name}-0.npy", f"{name}-1.npy"]


def test_a_name_that_is_too_long_for_a_file_is_refused() -> None:
    for name in ("x" * 241, "ü" * 121):
        with pytest.raises(InputsError, match="is no name of a file"):
            list(files_of(InputFrame(name=name, kind="image", sha256=("a" * 64,))))


@pytest.fixture(scope="module")
def phone(adb: AdbServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualPhone]:
    folder = tmp_path_factory.mktemp("phones")
    (phone,) = virtual.up(folder, owner_pid=os.getpid())
    adb.connect(phone.serial)
    for name, words in (("open", "debuggable = true\nexternal = false"), ("closed", ""), ("shut", "external = false")):
        app = tmp_path_factory.mktemp("app")
        (app / "app.toml").write_text(f'package = "com.example.{name}"\nprogram = "run"\n{words}\n')
        (app / "run").write_text("#!/system/bin/sh\nwhile :; do sleep 1; done\n")
        virtual.install(phone, app)
    yield phone
    virtual.down(folder)
    adb.disconnect(phone.serial)


@pytest.fixture
def find(phone: VirtualPhone, adb: AdbServer) -> Callable[[str], Place]:
    return lambda name: places.find(Package(adb.device(phone.serial), f"com.example.{name}"))


def line(place: Place, text: str) -> str:
    """Of the test's own, as whoever may go to the folder."""
    return place.line(Line("test", text, as_is)).text


@pytest.mark.parametrize(("name", "private"), [("open", True), ("closed", False)])
def test_files_go_there_and_come_back(find: Callable[[str], Place], tmp_path: Path, name: str, private: bool) -> None:
    place = find(name)
    assert place.private == private
    names = [
        "in a/folder/libx.so",
        "a b.png",
        'it\'s "$HOME" `x`.png',
        "ü.png",
        "-rf.png",
        *(f"{i}.png" for i in range(places.AT_ONCE)),
    ]
    place.device.shell(["mkdir", "-p", STAGED], 10)
    place.device.push([PushItem(f"{STAGED}/one", lambda: [b"some bytes\x00\xff"])], 10)
    told: list[int] = []
    place.clear()
    place.put([(f"{STAGED}/one", n) for n in names], told.append)
    assert told == [places.AT_ONCE, len(names)]
    listed = place.device.script(line(place, f"cd {place.frames} && find . -type f"), 10).text.splitlines()
    assert sorted(listed) == sorted(f"./{name}" for name in names)
    digest = sha256(b"some bytes\x00\xff").hexdigest()
    assert place.digests([*names, "missing"]) == dict.fromkeys(names, digest)
    place.pull(f"{place.frames}/{names[1]}", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"some bytes\x00\xff"
    for more in ("exray-b", "exray"):
        place.device.script(line(place, f"echo {more} > {place.folder}/{more}.mcap"), 10)
    assert place.captures() == [place.capture, f"{place.folder}/exray-b.mcap"]
    assert place.end(place.capture, 4) == b"ray\n"
    assert not place.end(f"{place.folder}/missing", 4)
    place.clear()
    assert not place.captures()


def test_a_large_file_comes_home_whole_through_run_as(find: Callable[[str], Place], tmp_path: Path) -> None:
    place, size = find("open"), places.PART_BYTES * 2 + 12_345
    made = line(place, f"head -c {size} /dev/urandom > {place.capture}; sha256sum {place.capture}")
    digest = place.device.script(made, 60).text.split()[0]
    got: list[int] = []
    assert place.pull(place.capture, tmp_path / "large", got.append) == size == sum(got)
    assert sha256_of(tmp_path / "large") == digest


def test_an_app_whose_files_nobody_reaches_is_refused(find: Callable[[str], Place]) -> None:
    with pytest.raises(AppError, match=r"package not debuggable: com\.example\.shut") as e:
        find("shut")
    assert "debuggable build" in e.value.remedy


def test_an_app_starts_lives_and_is_stopped(phone: VirtualPhone, adb: AdbServer) -> None:
    package = Package(adb.device(phone.serial), "com.example.open")
    package.demand()
    component = package.launcher()
    assert component == "com.example.open/.MainActivity"
    package.start(component, {"exray.run": "7"})
    assert package.pid() is not None
    assert "Start proc" in package.log()
    package.stop()
    assert package.pid() is None
    with pytest.raises(AppError, match="is not installed"):
        Package(package.device, "com.example.nobody").demand()
    with pytest.raises(AppError, match="No activity found"):
        Package(package.device, "com.example.nobody").launcher()
    with pytest.raises(AppError, match="does not exist"):
        package.start("com.example.open/.Other", {})
