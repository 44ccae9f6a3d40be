from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import struct
from typing import TYPE_CHECKING

import pytest

from farm import virtual

from .bench import Adb, Bench, receive

if TYPE_CHECKING:
    from pathlib import Path

PLACE = "/data/local/tmp"


def _request(name: bytes, path: str) -> bytes:
    return name + struct.pack("<I", len(path.encode())) + path.encode()


def _failure(stream_bytes: bytes) -> str:
    assert stream_bytes[:4] == b"FAIL", stream_bytes
    return stream_bytes[8:].decode()


@pytest.mark.parametrize(
    "size", [0, 1, 65_535, 65_536, 65_537, 131_072, 1 << 20, (1 << 20) + 1, 30_000_000], ids=lambda n: f"{n}B"
)
def test_push_and_pull_keep_every_byte(bench: Bench, tmp_path: Path, size: int) -> None:
    here, back = tmp_path / "here", tmp_path / "back"
    here.write_bytes(os.urandom(size))
    here.chmod(0o640)
    os.utime(here, (1_600_000_000, 1_600_000_000))
    assert bench.run("push", str(here), f"{PLACE}/file").returncode == 0
    assert bench.run("pull", "-a", f"{PLACE}/file", str(back)).returncode == 0
    assert back.read_bytes() == here.read_bytes()
    assert bench.shell(f"sha256sum < {PLACE}/file").split()[0] == hashlib.sha256(here.read_bytes()).hexdigest()
    assert int(back.stat().st_mtime) == 1_600_000_000
    assert bench.shell(f"stat -c '%a %s %U' {PLACE}/file") == f"666 {size} shell\n"


def test_push_replaces_what_was_there(bench: Bench, tmp_path: Path) -> None:
    here = tmp_path / "here"
    for text in ("a long first text", "short"):
        here.write_text(text)
        assert bench.run("push", str(here), f"{PLACE}/again").returncode == 0
        assert bench.shell(f"cat {PLACE}/again") == text


def test_folders_both_ways(bench: Bench, tmp_path: Path) -> None:
    here = tmp_path / "tree"
    (here / "a/b/empty").mkdir(parents=True)
    (here / "a/one").write_text("1")
    (here / "a/b/ünïcode name").write_text("2")
    (here / "link").symlink_to("a/one")
    done = bench.run("push", str(here), f"{PLACE}/")
    assert done.returncode == 0, done
    assert bench.shell(f"cat '{PLACE}/tree/a/b/ünïcode name'") == "2"
    back = tmp_path / "back"
    assert bench.run("pull", f"{PLACE}/tree", str(back)).returncode == 0
    assert (back / "a/one").read_text() == "1"
    assert (back / "a/b/ünïcode name").read_text() == "2"


def test_listing(bench: Bench) -> None:
    bench.shell(f"mkdir -p {PLACE}/list; echo 12345 > {PLACE}/list/six; ln -sf six {PLACE}/list/link")
    rows = [line.split(None, 3) for line in bench.run("ls", f"{PLACE}/list").stdout.decode().splitlines()]
    entries = {name: (int(mode, 16), int(size, 16)) for mode, size, _, name in rows}
    assert set(entries) == {".", "..", "six", "link"}
    assert entries["six"][1] == 6
    assert stat.S_ISLNK(entries["link"][0])


def test_old_clients_are_served(bench: Bench) -> None:
    bench.shell(f"rm -rf {PLACE}/old; mkdir {PLACE}/old; echo 12345 > {PLACE}/old/six")
    with bench.open("sync:") as stream:
        stream.sendall(_request(b"STAT", f"{PLACE}/old/six") + _request(b"STAT", "/nope"))
        mode, size, _ = struct.unpack("<4x3I", receive(stream, 16))
        assert (stat.S_ISREG(mode), size) == (True, 6)
        assert receive(stream, 16) == b"STAT" + bytes(12)
        stream.sendall(_request(b"LIST", f"{PLACE}/old"))
        names = []
        while (entry := receive(stream, 20))[:4] == b"DENT":
            names.append(receive(stream, struct.unpack("<16xI", entry)[0]))
        assert sorted(names) == [b".", b"..", b"six"]
        stream.sendall(_request(b"LST2", "/nope"))
        assert struct.unpack("<4sI64x", receive(stream, 72)) == (b"LST2", 2)
        stream.sendall(b"QUIT" + bytes(4))
        assert stream.recv(1) == b""


@pytest.mark.parametrize(
    ("request_bytes", "text"),
    [
        (b"NONE\x01\0\0\0/", "unknown command"),
        (b"STAT\xff\xff\xff\xff", "path too long"),
        (_request(b"SEND", "/data/local/tmp/no-mode") + b"DONE" + bytes(4), "missing ,"),
        (_request(b"SEND", "/data/local/tmp/big,33188") + b"DATA\xff\xff\xff\x7f", "invalid data message"),
        (_request(b"RECV", "/nope"), "open failed: No such file or directory"),
        (_request(b"RECV", "/data"), "read failed: Is a directory"),
    ],
)
def test_bad_requests_are_answered_and_end_the_session(bench: Bench, request_bytes: bytes, text: str) -> None:
    with bench.open("sync:") as stream:
        stream.sendall(request_bytes)
        assert text in _failure(receive(stream, 1 << 16))


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("/system/new", "Read-only file system"),
        ("/nowhere/new", "Read-only file system"),
        ("/system/bin/sh/new", "Not a directory"),
        ("/proc/new", "No such file or directory"),
        ("/sys/class/new/x", "Read-only file system"),
    ],
)
def test_push_where_one_cannot_says_why(bench: Bench, tmp_path: Path, target: str, text: str) -> None:
    here = tmp_path / "here"
    here.write_bytes(bytes(200_000))
    done = bench.run("push", str(here), target)
    assert done.returncode != 0
    assert text in done.stderr.decode()


def test_pull_of_what_is_not_there(bench: Bench, tmp_path: Path) -> None:
    done = bench.run("pull", f"{PLACE}/nothing", str(tmp_path))
    assert done.returncode != 0
    assert b"No such file or directory" in done.stderr


def test_no_path_leads_to_the_host(bench: Bench, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the host's")
    up = "/.." * 30
    bench.shell(f"ln -sfn {secret} {PLACE}/file-link; ln -sfn {tmp_path} {PLACE}/folder-link; ln -sfn / {PLACE}/root")
    for path in (
        f"{PLACE}{up}{secret}",
        f"{PLACE}/file-link",
        f"{PLACE}/folder-link/secret",
        f"{PLACE}/root{up}{secret}",
        f"/proc/1/root{secret}",
        f"/proc/1/cwd{up}{secret}",
        f"/proc/self/cwd{up}{secret}",
    ):
        assert bench.run("pull", path, str(tmp_path / "stolen")).returncode != 0, path
        assert bench.run("shell", f"cat {path}").returncode != 0, path
        assert not (tmp_path / "stolen").exists()
    here = tmp_path / "here"
    here.write_text("intruder")
    for target in (f"{PLACE}{up}{tmp_path}/written", f"{PLACE}/folder-link/written"):
        bench.run("push", str(here), target)
        assert not (tmp_path / "written").exists()
    bench.run("push", str(here), f"{PLACE}/file-link")
    assert secret.read_text() == "the host's"
    bench.shell(f"rm -f {PLACE}/file-link {PLACE}/folder-link {PLACE}/root")


def test_a_full_phone_says_so(adb: Adb, lab: Path, tmp_path: Path) -> None:
    (phone,) = virtual.up(lab, storage_bytes=2_000_000, owner_pid=os.getpid())
    adb.connect(phone)
    bench = Bench(adb, phone)
    here = tmp_path / "here"
    here.write_bytes(bytes(8_000_000))
    done = bench.run("push", str(here), f"{PLACE}/file")
    assert done.returncode != 0
    assert b"No space left on device" in done.stderr
    assert bench.shell(f"ls {PLACE}") == "", "a file that did not fit is not left half written"
    assert b"No space left on device" in bench.run("shell", f"head -c 8000000 /dev/zero > {PLACE}/file").stderr
    here.write_bytes(bytes(1_000_000))
    bench.shell(f"rm {PLACE}/file")
    assert bench.run("push", str(here), f"{PLACE}/file").returncode == 0


def test_a_client_that_goes_in_the_middle_leaves_no_process(bench: Bench) -> None:
    with bench.open("sync:") as stream:
        stream.sendall(_request(b"SEND", f"{PLACE}/half,33188") + b"DATA" + struct.pack("<I", 65536) + bytes(100))
    with contextlib.closing(bench.open("sync:")) as stream:
        stream.sendall(_request(b"STAT", PLACE))
        assert receive(stream, 16).startswith(b"STAT")
