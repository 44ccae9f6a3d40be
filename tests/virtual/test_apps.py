"""Apps of a virtual phone, through the real adb: what am, pm, run-as, pidof and logcat say of them, in Android's words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from farm import virtual
from farm.errors import InputsError

from .bench import Bench, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .bench import Adb

SCRIPT = """#!/system/bin/sh
print "as $PACKAGE in $HOME: $*"
touch "/sdcard/Android/data/$PACKAGE/files/was-here" 2> /dev/null
[ "$3" = die ] && kill -SEGV $$
[ "$3" = end ] && exit 3
while :; do sleep 1; done
"""
HERE, CLOSED = "com.example.here", "com.example.closed"


@pytest.fixture(scope="module")
def phone(adb: Adb, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    home = tmp_path_factory.mktemp("phones")
    (own,) = virtual.up(home, owner_pid=os.getpid())
    adb.connect(own)
    for package, words in ((HERE, "debuggable = true"), (CLOSED, "external = false")):
        folder = tmp_path_factory.mktemp("app")
        (folder / "app.toml").write_text(f'package = "{package}"\nprogram = "run"\nactivity = ".ui.Main"\n{words}\n')
        (folder / "run").write_text(SCRIPT)
        virtual.install(own, folder)
    yield Bench(adb, own)
    virtual.down(home)


def said(phone: Bench, command: str) -> str:
    done = phone.run("shell", command)
    return (done.stdout + done.stderr).decode().strip()


def test_packages_are_told(phone: Bench) -> None:
    assert said(phone, "pm list packages").splitlines() == ["package:android", f"package:{CLOSED}", f"package:{HERE}"]
    assert said(phone, "pm list packages -3 here") == f"package:{HERE}"
    assert said(phone, f"pm path {HERE}") == f"package:/data/app/{HERE}/base.apk"
    assert phone.run("shell", "pm path com.example.nobody").returncode == 1
    resolved = said(phone, f"cmd package resolve-activity --brief -c android.intent.category.LAUNCHER {HERE}")
    assert resolved.splitlines()[-1] == f"{HERE}/.ui.Main"
    assert said(phone, "cmd package resolve-activity --brief com.example.nobody") == "No activity found"
    assert "DEBUGGABLE" in said(phone, f"dumpsys package {HERE}")


def test_an_app_starts_with_its_extras_and_is_ended(phone: Bench) -> None:
    started = said(phone, f"am start -W -n {HERE}/{HERE}.ui.Main --es a.b 'c  d' --es e ''")
    assert started.splitlines()[:2] == [f"Starting: Intent {{ cmp={HERE}/.ui.Main (has extras) }}", "Status: ok"]
    pid = said(phone, f"pidof {HERE}")
    assert pid.isdigit()
    wait_until(lambda: "was-here" in said(phone, f"ls /sdcard/Android/data/{HERE}/files"))
    log = said(phone, "logcat -d")
    assert f"Start proc {pid}:{HERE}/u0a1" in log
    assert f"W System.err: as {HERE} in /data/data/{HERE}: --es a.b c  d --es e" in log
    assert "delivered to currently running" in said(phone, f"am start -n {HERE}/.ui.Main")
    assert said(phone, f"am start -S -W -n {HERE}/.ui.Main").startswith("Starting")
    assert said(phone, f"pidof {HERE}") not in {"", pid}
    assert not said(phone, f"am force-stop {HERE}; pidof {HERE}")


@pytest.mark.parametrize(
    ("how", "told"), [("die", "exited due to signal 11 (Segmentation fault)"), ("end", "exited cleanly (3)")]
)
def test_how_it_ended_is_in_the_log(phone: Bench, how: str, told: str) -> None:
    said(phone, f"am start -n {HERE}/.ui.Main --es do {how}")
    wait_until(lambda: told in said(phone, "logcat -d -s Zygote"))
    wait_until(lambda: f"Process {HERE} (pid" in said(phone, "logcat -d -s ActivityManager"))
    assert not said(phone, f"pidof {HERE}")


def test_run_as_is_for_apps_that_are_debuggable(phone: Bench) -> None:
    assert said(phone, f"run-as {HERE} pwd") == f"/data/data/{HERE}"
    said(phone, f"echo some words | run-as {HERE} sh -c 'cat > files/note'")
    assert said(phone, f"run-as {HERE} cat files/note") == "some words"
    for package, error in (
        (CLOSED, "run-as: package not debuggable: com.example.closed"),
        ("com.example.nobody", "run-as: unknown package: com.example.nobody"),
        ("../../etc", "run-as: unknown package: ../../etc"),
    ):
        assert said(phone, f"run-as {package} ls") == error
        assert phone.run("shell", f"run-as {package} ls").returncode == 1


def test_who_is_not_there_does_not_start(phone: Bench) -> None:
    for component, whole in ((f"{HERE}/.Other", f"{HERE}/{HERE}.Other"), ("com.no/.Main", "com.no/com.no.Main")):
        told = said(phone, f"am start -n {component}")
        assert told.endswith(f"Error type 3\nError: Activity class {{{whole}}} does not exist.")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('package = "../x"\nprogram = "run"\n', "app.toml:1: package"),
        ('package = "com.example.x"\nprogram = "../run"\n', "app.toml:2: program"),
        ('package = "com.example.x"\nprogram = "missing"\n', "is not there"),
        ('package = "com.example.x"\nprogram = "run"\nroot = true\n', "app.toml:3: root"),
    ],
)
def test_what_is_no_app_is_refused(phone: Bench, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "app.toml").write_text(text)
    with pytest.raises(InputsError) as e:
        virtual.install(phone.phone, tmp_path)
    assert told in str(e.value)
