"""`farm doctor`: each look at a computer, on real files laid out as Linux has them, and on this computer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from farm.cli import app
from farm.doctor import adb as adb_look
from farm.doctor import computer, installation, usb
from farm.sections.devices import Host
from farm.settings import Adb, Retention, Settings

if TYPE_CHECKING:
    from farm.doctor.finding import Finding
    from farm.fleet.adb import AdbServer


def plug(sysfs: Path, path: str, interfaces: list[tuple[str, str, str]] = [], **files: str) -> None:  # noqa: B006
    folder = sysfs / path
    folder.mkdir(parents=True)
    for name, text in ({"busnum": "1", "devnum": "7", "bDeviceClass": "00", "speed": "480"} | files).items():
        (folder / name).write_text(f"{text}\n")
    for number, codes in enumerate(interfaces):
        inner = folder / f"{path}:1.{number}"
        inner.mkdir()
        for word, code in zip(("Class", "SubClass", "Protocol"), codes, strict=True):
            (inner / f"bInterface{word}").write_text(f"{code}\n")
        (sysfs / inner.name).symlink_to(inner)  # as Linux lists them, too


ADB, MTP = ("ff", "42", "01"), ("06", "01", "01")


def told(findings: list[Finding], level: str) -> str:
    return "\n".join(f"{f.what}: {f.remedy}" for f in findings if f.level == level)


def test_phones_are_told_from_hubs_and_why_adb_does_not_see_them(tmp_path: Path) -> None:
    sysfs, nodes = tmp_path / "sys", tmp_path / "dev"
    (nodes / "001").mkdir(parents=True)
    for number in (3, 4, 5):
        (nodes / "001" / f"{number:03}").touch()
    plug(sysfs, "1-2", devnum="2", bDeviceClass="09", idVendor="2109", product="USB2.0 Hub")
    plug(sysfs, "1-2.1", [MTP, ADB], devnum="3", idVendor="18d1", product="Pixel 8", serial="AAA")
    plug(sysfs, "1-2.2", [ADB], devnum="4", idVendor="1234", product="odd", serial="BBB", speed="12")
    plug(sysfs, "1-2.3", [MTP], devnum="5", idVendor="04e8", product="Galaxy", serial="CCC")
    plug(sysfs, "1-2.4", [ADB], devnum="9", idVendor="18d1", product="locked out", serial="DDD")
    plug(sysfs, "1-3", devnum="x", idVendor="18d1")
    devices = usb.layout(sysfs, nodes)
    assert [(d.path, d.parent, d.hub, d.adb) for d in devices] == [
        ("1-2", "1", True, False),
        ("1-2.1", "1-2", False, True),
        ("1-2.2", "1-2", False, True),
        ("1-2.3", "1-2", False, False),
        ("1-2.4", "1-2", False, True),
    ]
    findings = list(usb.judge(devices, {"AAA": "device"}))
    assert "Pixel 8 AAA at 1-2.1: 480 Mbit/s, device" in told(findings, "ok")
    assert "4 phones and 1 hubs" in told(findings, "ok")
    warned = told(findings, "warn")
    assert "odd BBB at 1-2.2 is not listed by adb" in warned
    assert "odd BBB at 1-2.2 runs at 12 Mbit/s" in warned
    assert "Galaxy CCC at 1-2.3 has no adb interface: switch USB debugging on" in warned
    assert "locked out DDD at 1-2.4: this user may not open" in told(findings, "fail")
    assert "plugdev" in told(findings, "fail")


def test_a_crowded_hub_is_told(tmp_path: Path) -> None:
    for number in range(1, 13):
        plug(tmp_path, f"2-1.{number}", [ADB], idVendor="18d1", serial=str(number))
    findings = list(usb.judge(usb.layout(tmp_path, tmp_path), {}))
    assert "12 phones on hub 2-1" in told(findings, "warn")


@given(
    files=st.dictionaries(
        st.sampled_from(["idVendor", "speed", "bDeviceClass", "serial", "busnum", "devnum"]), st.binary()
    )
)
def test_no_file_of_sysfs_breaks_the_look(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    sysfs = tmp_path_factory.mktemp("sys")
    plug(sysfs, "1-1", [ADB])
    for name, content in files.items():
        (sysfs / "1-1" / name).write_bytes(content)
    list(usb.judge(usb.layout(sysfs, sysfs), {}))


@given(st.text() | st.from_regex(r"Android Debug Bridge version 1\.0\.\d{1,9}\nVersion .*", fullmatch=True))
def test_no_words_of_a_program_break_the_parser(text: str) -> None:
    adb_look.parse_version(text)


def test_versions_are_read() -> None:
    text = "Android Debug Bridge version 1.0.41\nVersion 36.0.0-13206524\nInstalled as /x/adb\nRunning on Linux\n"
    assert adb_look.parse_version(text) == adb_look.Version(41, "36.0.0-13206524")
    assert adb_look.parse_version("Android Debug Bridge version 1.0.32\n") == adb_look.Version(32, "")


def test_the_real_server_is_asked(adb: AdbServer) -> None:
    assert adb_look.server_protocol(adb) == 41
    findings = list(adb_look.look(Settings(adb=Adb(host=adb.host, port=adb.port), host=(Host(name="shelf", port=9),))))
    assert f"{adb.port} answers, protocol 41" in told(findings, "ok")
    assert "shelf: adb server 127.0.0.1:9 does not answer" in told(findings, "fail")


def test_packages_are_held_against_their_pins() -> None:
    asked = [
        "pydantic==0.0.1",
        "numpy>=1",
        "nonesuch==1.0",
        "tflite==1; extra == 'x'",
        "other==1; sys_platform == 'win32'",
    ]
    (warned,) = (f for f in installation.packages(asked) if f.level == "warn")
    assert "pydantic is " in warned.what
    assert ", not 0.0.1, nonesuch is missing" in warned.what
    assert "other" not in warned.what
    assert [f.level for f in installation.packages()] == ["ok", "ok"]


def test_what_others_may_read_is_told(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert told(list(installation.folder(Settings(data=data))), "warn") == ""
    data.mkdir(mode=0o755)
    data.chmod(0o755)
    (data / "token").write_text("x")
    (data / "token").chmod(0o644)
    warned = told(list(installation.folder(Settings(data=data))), "warn")
    assert f"chmod 700 {data}" in warned
    assert f"chmod 600 {data / 'token'}" in warned
    data.chmod(0o700)
    (data / "token").chmod(0o600)
    assert told(list(installation.folder(Settings(data=data))), "warn") == ""


def test_the_file_system_is_the_innermost_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/a / ext4 rw 0 0\nhost:/x /srv/with\\040space nfs4 rw 0 0\n/dev/b /srv xfs rw 0 0\nbroken\n")
    kinds = [computer.filesystem(Path(p), mounts) for p in ("/srv/with space/farm", "/srv/other", "/srvs", "/")]
    assert kinds == ["nfs4", "xfs", "ext4", "ext4"]


def test_a_budget_beyond_the_disk_is_told(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "not" / "yet", retention=Retention(disk_gb=1e9))
    assert "more than the disk has" in told(list(computer.disk(settings)), "warn")


def test_this_computer_is_looked_at_and_every_complaint_has_a_remedy(tmp_path: Path, adb: AdbServer) -> None:
    config = tmp_path / "farm.toml"
    config.write_text(f"data = 'data'\n[adb]\nport = {adb.port}\n")
    done = CliRunner().invoke(app, ["--config", str(config), "doctor", "--json"])
    findings = json.loads(done.stdout)
    assert {f["area"] for f in findings} == {"adb", "usb", "kernel", "virtual", "disk", "clock", "runtime", "data"}
    assert not [f for f in findings if f["level"] != "ok" and not f["remedy"]]
    assert not [f for f in findings if "could not be looked at" in f["what"]]
    assert done.exit_code == (3 if any(f["level"] == "fail" for f in findings) else 0)
    assert not (tmp_path / "data").exists(), "it only looks"
    assert "warn" in CliRunner().invoke(app, ["--config", str(config), "doctor"]).stdout or done.exit_code == 0
