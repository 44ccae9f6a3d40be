"""The phone's own programs: what they print has the shape of what real phones print, and what they are told they keep."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.recordings import recording

if TYPE_CHECKING:
    from .bench import Bench

# From Android's source, since no recording has them (tests/recordings/SOURCES.md).
SOURCE = """\
  Dock powered: false
  mLightEnabled=true  mDeepEnabled=true
  mState=ACTIVE mLightState=ACTIVE
"""


def _shape(line: str) -> str:
    """A line without its figures and names."""
    line = re.sub(r"mName=[^,}]+", "mName=NAME", line.strip())
    line = re.sub(r"\b(true|false)\b", "BOOL", line)
    line = re.sub(r"(technology: |ThermalHAL ).*?( connected|$)", r"\1NAME\2", line)
    line = re.sub(r"\[NaN, .*\]", "[NUMBERS]", line)
    line = re.sub(r"=(ACTIVE|IDLE|OVERRIDE)", "=STATE", line)
    line = re.sub(r"mask: [0-9a-f]+", "mask: MASK", line)
    return re.sub(r" *-?[\d,]*\d(\.\d+)?", " N", line)


def _shapes(*names: str) -> set[str]:
    return {_shape(line) for name in names for line in recording(name).splitlines()}


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("dumpsys battery", ("battery-samsung", "battery-nexus")),
        ("dumpsys battery unplug; dumpsys battery; dumpsys battery reset", ("battery-frozen",)),
        ("dumpsys thermalservice", ("thermalservice-pixel-3", "thermalservice-xiaomi-13t-pro")),
        ("dumpsys meminfo", ("meminfo", "meminfo-process")),
        ("dumpsys deviceidle", ("deviceidle",)),
        ("dumpsys window displays", ("window-displays",)),
        ("wm size; wm density", ("wm-size", "wm-density")),
        (
            "wm size 480x1024; wm density 160; wm size; wm density; wm size reset; wm density reset",
            ("wm-size-override", "wm-density-override"),
        ),
        (
            "settings put global adb_enabled 1; settings put global low_power 0; settings list global",
            ("settings-list",),
        ),
        ("taskset -p 1 $$", ("taskset",)),
        ("svc -h 2>&1", ("svc",)),
        ("svc power 2>&1", ("svc-power",)),
        ("settings || true", ("settings",)),
        ("cmd battery -h || true", ("cmd-battery",)),
        ("cmd window || true", ("cmd-window",)),
        ("cat /sys/devices/system/cpu/cpufreq/policy0/scaling_*_freq", ("cpufreq-max-and-now",)),
    ],
)
def test_no_line_is_of_a_shape_that_real_phones_do_not_print(
    bench: Bench, command: str, names: tuple[str, ...]
) -> None:
    known = _shapes(*names) | {_shape(line) for line in SOURCE.splitlines()}
    lines = [line for line in bench.shell(command).splitlines() if line]
    assert len(lines) >= 2
    assert {_shape(line) for line in lines} <= known


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("dumpsys package com.genymobile.gnirehtet", "package-unknown"),
        ("dumpsys deviceidle disable; cmd deviceidle enable > /dev/null", "deviceidle-disable"),
        ("cmd deviceidle force-idle deep; cmd deviceidle unforce > /dev/null", "deviceidle-force-idle"),
        ("am start -n com.demo.activity/.MainActivity 2>&1", "am-start"),
        (
            "am start -n com.tutsplus.matt.bluetoothscanner/com.tutsplus.matt.bluetoothscanner.ListActivity "
            "-a android.intent.action.MAIN -c android.intent.category.LAUNCHER 2>&1",
            "am-start-launcher",
        ),
        (
            "am instrument -w com.macaca.android.testing.test/android.support.test.runner.AndroidJUnitRunner 2>&1 || true",
            "am-instrument",
        ),
        ("cd /; pm install x.apk 2>&1 || true", "pm-install-unreadable"),
        ("setprop persist.debug.perfetto.boottrace 1 2>&1 || true", "setprop"),
        ("input 2>&1 || true", "input"),
        ("input --help 2>&1 | head -n 1", "input-unknown"),
        ("cmd deviceidle force-idle light; cmd deviceidle unforce > /dev/null", "deviceidle-force-idle-light"),
        ("cmd deviceidle unforce", "deviceidle-unforce"),
        ("for kind in light deep all; do cmd deviceidle enabled $kind; done", "deviceidle-enabled"),
    ],
)
def test_word_by_word(bench: Bench, command: str, name: str) -> None:
    assert bench.shell(command) == recording(name)


def test_what_is_no_apk_is_not_installed(bench: Bench) -> None:
    bench.shell("echo no apk > /data/local/tmp/x.apk")
    done = bench.run("shell", "pm install -r /data/local/tmp/x.apk")
    assert done.returncode == 1
    failure = re.compile(r"Failure \[INSTALL_[A-Z_]+(: [^\]]+)?\]\n")
    assert failure.fullmatch(done.stdout.decode())
    assert failure.fullmatch(recording("pm-install"))
    assert bench.shell("pm list packages") == "package:android\n"
    assert bench.shell("pm list packages -3") == ""
    assert bench.shell("cmd package path android") == "package:/system/framework/framework-res.apk\n"
    assert bench.run("shell", "pm path com.example").returncode == 1
    done = bench.run("install", __file__)
    assert done.returncode != 0
    for package in ("", "com.example", "../..", "com.example/x"):
        done = bench.run("shell", f"pm uninstall '{package}'")
        assert (done.returncode, done.stdout) == (1, b"Failure [DELETE_FAILED_INTERNAL_ERROR]\n")


def test_properties_set_and_kept(bench: Bench) -> None:
    bench.shell("setprop debug.farm.test 'one two'")
    assert bench.shell("getprop debug.farm.test") == "one two\n"
    listing = bench.shell("getprop").splitlines()
    assert "[debug.farm.test]: [one two]" in listing
    assert listing == sorted(listing)
    for name in ("ro.farm.virtual", "debug/../../x", "persist.sys.x", "", "debug..x", "sys.boot_completed"):
        assert bench.run("shell", f"setprop '{name}' 0").returncode == 1, name
    assert bench.run("shell", f"setprop debug.long {'x' * 92}").returncode == 1
    assert bench.shell("getprop ro.farm.virtual; getprop sys.boot_completed") == "1\n1\n"


def test_settings(bench: Bench) -> None:
    assert bench.shell("settings get global farm_test") == "null\n"
    bench.shell("settings put global farm_test '5 %'")
    assert bench.shell("settings get global farm_test") == "5 %\n"
    assert "farm_test=5 %\n" in bench.shell("settings list global")
    assert bench.shell("settings delete global farm_test; settings delete global farm_test") == (
        "Deleted 1 rows\nDeleted 0 rows\n"
    )
    assert bench.shell("settings --user 0 get secure android_x") == "null\n"
    assert bench.run("shell", "settings get elsewhere x").returncode == 255
    assert bench.run("shell", "settings put global ../../x y").returncode == 255


def test_a_battery_set_by_hand_is_frozen_until_reset(bench: Bench) -> None:
    bench.shell("cmd battery unplug; cmd battery set level 5; dumpsys battery set status 3; cmd battery set temp 412")
    text = bench.shell("dumpsys battery")
    for line in ("USB powered: false", "level: 5", "status: 3", "temperature: 412", "(UPDATES STOPPED"):
        assert f"  {line}" in text
    assert bench.run("shell", "cmd battery set level many").returncode == 255
    bench.shell("dumpsys battery reset")
    text = bench.shell("dumpsys battery")
    assert "UPDATES STOPPED" not in text
    assert "USB powered: true" in text


def test_device_idle(bench: Bench) -> None:
    assert (
        bench.shell("cmd deviceidle get deep; cmd deviceidle get light; cmd deviceidle enabled")
        == "ACTIVE\nACTIVE\n1\n"
    )
    assert bench.shell("cmd deviceidle force-idle deep; cmd deviceidle get deep").splitlines()[1] == "IDLE"
    assert bench.shell("cmd deviceidle unforce") == "Light state: ACTIVE, deep state: ACTIVE\n"
    bench.shell("cmd deviceidle disable light")
    assert "mLightEnabled=false  mDeepEnabled=true" in bench.shell("dumpsys deviceidle")
    assert bench.shell("cmd deviceidle enable light") == "Light idle mode enabled\n"


def test_the_screen(bench: Bench) -> None:
    bench.shell("wm size 720x1280; wm density 320")
    assert bench.shell("wm size; wm density") == (
        "Physical size: 1080x2400\nOverride size: 720x1280\nPhysical density: 420\nOverride density: 320\n"
    )
    assert "cur=720x1280" in bench.shell("dumpsys window displays")
    bench.shell("wm size reset; wm density reset")
    assert bench.shell("wm size") == "Physical size: 1080x2400\n"
    bench.shell("input keyevent 26; input tap 1 2; svc power stayon usb; svc wifi disable")
    assert bench.shell("settings get global stay_on_while_plugged_in") == "2\n"
    assert bench.run("shell", "input dance").returncode == 255


def test_the_log(bench: Bench) -> None:
    bench.shell("logcat -c; log -p w -t farm 'a  warning'; log -t other plain")
    stamp, pid = r"\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", r" *\d+"
    formats = {
        "threadtime": rf"{stamp} {pid} {pid} [A-Z] \S+ *: .+\n",
        "brief": rf"[A-Z]/\S+ *\({pid}\): .+\n",
        "time": rf"{stamp} [A-Z]/\S+ *\({pid}\): .+\n",
        "process": rf"[A-Z]\({pid}\) .+  \(.+\)\n",
        "tag": r"[A-Z]/\S+ *: .+\n",
        "raw": r".+\n",
        "long": rf"\[ {stamp} {pid}:{pid} [A-Z]/\S+ *\]\n.+\n\n?",
    }
    for name, shape in formats.items():
        head, _, lines = bench.shell(f"logcat -d -v {name}").partition("\n")
        assert head == "--------- beginning of main"
        assert re.fullmatch(f"({shape}){{2}}", lines), lines
        assert re.fullmatch(shape, recording(f"logcat-{name}"))
    assert "a  warning" not in bench.shell("logcat -t 1")
    assert bench.shell("logcat -d -v raw farm:W *:S").splitlines()[1:] == ["a  warning"]
    assert bench.shell("logcat -d -v raw farm:E *:S").splitlines()[1:] == []
    assert bench.run("shell", "logcat -d -v nonsense").returncode == 1
    bench.shell("logcat -c")
    assert bench.shell("logcat -d") == "--------- beginning of main\n"


def test_what_is_not_there_is_answered_as_android_does(bench: Bench) -> None:
    assert bench.run("shell", "dumpsys nothing").stderr == b"Can't find service: nothing\n"
    done = bench.run("shell", "cmd nothing")
    assert (done.returncode, done.stderr) == (20, b"cmd: Can't find service: nothing\n")
    done = bench.run("shell", "cmd power set-fixed-performance-mode-enabled true")
    assert done.returncode == 255
    assert b"Power HAL AIDL is not implemented" in done.stderr


def test_nodes_of_linux(bench: Bench) -> None:
    cpu = "/sys/devices/system/cpu"
    steps = [int(word) for word in bench.shell(f"cat {cpu}/cpu0/cpufreq/scaling_available_frequencies").split()]
    now = int(bench.shell(f"cat {cpu}/cpufreq/policy0/scaling_cur_freq"))
    assert now in steps
    told = recording("cpufreq-available")
    for text in (told, bench.shell(f"cat {cpu}/cpu0/cpufreq/scaling_available_frequencies")):
        assert re.fullmatch(r"(\d{6,7} ?){2,}\n", text)
        assert sorted(map(int, text.split())) == list(map(int, text.split()))
    assert int(bench.shell(f"cat {cpu}/cpu0/cpufreq/cpuinfo_max_freq")) == max(steps)
    kinds = bench.shell("cat /sys/class/thermal/thermal_zone*/type").split()
    assert kinds == ["virtual-cpu-little", "virtual-cpu-big", "virtual-skin", "virtual-battery"]
    assert all(re.fullmatch(r"[a-z][a-z0-9_-]*", kind) for kind in [*kinds, *recording("thermal-zones").split()])
    for degrees in bench.shell("cat /sys/class/thermal/thermal_zone*/temp").split():
        assert 20_000 < int(degrees) < 120_000
    assert bench.shell("cat /sys/class/power_supply/battery/type /sys/class/power_supply/usb/online") == "Battery\n1\n"
    assert int(bench.shell("cat /sys/class/power_supply/battery/capacity")) <= 100
    assert bench.run("shell", f"echo 1 > {cpu}/cpufreq/policy0/scaling_max_freq").returncode != 0


def test_programs_of_linux(bench: Bench) -> None:
    assert bench.shell("taskset 1 echo pinned") == "pinned\n"
    out = bench.shell("sleep 30 & sleep 0.2; pidof sleep; kill %1")
    for text in (out, recording("pidof")):
        assert re.fullmatch(r"\d+( \d+)*\n", text)


def test_power_supply_nodes_hold_what_a_phones_hold(bench: Bench) -> None:
    for line in recording("power-supply").splitlines()[1:]:
        name, value = line.removeprefix("POWER_SUPPLY_").split("=")
        node = bench.shell(f"cat /sys/class/power_supply/battery/{name.lower()}").rstrip("\n")
        assert node.isdigit() == value.isdigit(), line
        assert node == value or name == "TECHNOLOGY", "both are full, and well"


def test_what_device_idle_tells_has_the_form_of_a_phones(bench: Bench) -> None:
    kinds = ("light", "deep", "force", "screen", "charging", "network")
    told = bench.shell("; ".join(f"cmd deviceidle get {kind}" for kind in kinds)).splitlines()
    for ours, theirs in zip(told, recording("deviceidle-get").splitlines(), strict=True):
        assert ours == theirs or {ours, theirs} == {"true", "false"}


def test_one_value_has_the_form_of_a_phones(bench: Bench) -> None:
    assert re.fullmatch(r".+\n", recording("getprop-model"))
    assert re.fullmatch(r".+\n", bench.shell("getprop ro.product.model"))
    bench.shell("settings put secure android_id 51b6be48bac8c569")
    assert bench.shell("settings get secure android_id") == recording("settings-get")
    shape = r"(\[[^\]]+\]: \[.*\]\n)+"
    assert re.fullmatch(shape, recording("getprop"))
    assert re.fullmatch(shape, bench.shell("getprop"))
