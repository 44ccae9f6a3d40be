"""Each command's reader on what real phones printed (tests/recordings/SOURCES.md says which, and where it is from)."""

from __future__ import annotations

from typing import Any

import pytest

from farm.android import catalogue
from farm.android.command import Said
from farm.android.commands import kernel, window
from farm.android.commands.battery import Battery
from farm.android.commands.kernel import Policy
from farm.android.commands.logs import log_of
from farm.android.commands.packages import Details, Refused
from farm.android.commands.thermal import Thermal
from tests.recordings import recording

RAILS = (
    "AOC/S9S_VDD_AOC", "TPU/S10M_VDD_TPU", "Modem/VSYS_PWR_MODEM", "Cellular/VSYS_PWR_RFFE", "CPU(BIG)/S2M_VDD_CPUCL2",
    "CPU(MID)/S3M_VDD_CPUCL1",
)  # fmt: skip
ASUS = {"ro.product.manufacturer": "asus", "ro.product.model": "Nexus 7", "ro.product.name": "razor"}
GENERIC = [
    "cpu0",
    "cpufreq",
    "cpuidle",
    "kernel_max",
    "modalias",
    "offline",
    "online",
    "possible",
    "power",
    "present",
    "uevent",
]
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
PROVIDER = (
    "Scanning Failed.: Can't install because provider name com.android.dialer.callscreen.impl.speechrecognition.provider"
    " (in package com.google.android.dialer.revanced) is already used by com.google.android.dialer"
)
AS_IS = object()
"""The text itself, without its last newline."""
EXPECTED: dict[tuple[str, str], object] = {
    ("battery.current", "cmd-battery"): None,  # of Android 9, whose service has no such word
    ("battery.dump", "battery-frozen"): Battery(100, "full", 29.0, frozen=True),
    ("battery.dump", "battery-hyperos-3"): Battery(80, "charging", 36.4, frozen=False),
    ("battery.dump", "battery-lineageos-20"): Battery(77, "discharging", 29.4, frozen=False),
    ("battery.dump", "battery-nexus"): Battery(44, "charging", 28.0, frozen=False),
    ("battery.dump", "battery-samsung"): Battery(100, "full", 30.9, frozen=False),
    ("files.app-folder", "run-as-not-debuggable"): ("", "run-as: package not debuggable: com.msp1974.vacompanion"),
    ("files.app-folder", "run-as-unknown"): ("", "run-as: unknown package: com.vulnbankdemo.app"),
    ("files.free", "df-mt6799"): (39330144 << 10, 54126016 << 10),
    ("files.free", "df-nexus-5x"): (552580 << 10, 2999516 << 10),
    ("files.hashes", "sha256sum"): ((EMPTY, "/sdcard/Download/Ferry/staging/test_zero_byte.bin"),),
    ("files.names", "cpu-folder-generic-x86-64"): GENERIC,
    ("kernel.cpus", "cpu-folder-generic-x86-64"): 1,
    ("kernel.cpus", "cpu-folder-oneplus-6"): 8,
    ("kernel.memory", "proc-meminfo"): 3777284 << 10,
    ("kernel.pressure", "proc-meminfo"): AS_IS,
    ("kernel.processes", "proc-pid-stat"): {1557: 166114 + 129684},
    ("kernel.ps", "ps"): AS_IS,
    ("kernel.smaps", "smaps-rollup"): True,
    ("kernel.ticks", "proc-stat"): (128242, 12481, 207502, 10150034, 621, 18156, 2862, 0),
    ("kernel.uptime", "proc-uptime"): 91562.29,
    ("logs.follow", "logcat-threadtime"): AS_IS,
    ("logs.last", "logcat-start-proc"): AS_IS,
    ("logs.last", "logcat-threadtime"): AS_IS,
    ("logs.recent", "logcat-threadtime"): AS_IS,
    ("logs.since", "logcat-threadtime"): AS_IS,
    ("logs.tombstones", "tombstone"): AS_IS,
    ("packages.install", "pm-install"): Refused("INSTALL_FAILED_INVALID_APK", ""),
    ("packages.install", "pm-install-downgrade"): Refused(
        "INSTALL_FAILED_VERSION_DOWNGRADE", "Downgrade detected: Update version code 2217 is older than current 110700"
    ),
    ("packages.install", "pm-install-provider"): Refused("INSTALL_FAILED_CONFLICTING_PROVIDER", PROVIDER),
    ("packages.install", "pm-install-signature"): Refused(
        "INSTALL_FAILED_UPDATE_INCOMPATIBLE",
        "Existing package com.google.android.dialer signatures do not match newer version; ignoring!",
    ),
    ("packages.install", "pm-install-signature-newer"): Refused(
        "INSTALL_FAILED_UPDATE_INCOMPATIBLE",
        "Package dev.rusty.app signatures do not match previously installed version; ignoring!",
    ),
    ("packages.install", "pm-install-storage"): Refused(
        "INSTALL_FAILED_INSUFFICIENT_STORAGE", "Failed to override installation location"
    ),
    ("packages.install", "pm-install-unreadable"): Refused(
        "", "Error: Unable to open file: x.apk\nConsider using a file under /data/local/tmp/"
    ),
    ("packages.install", "pm-install-user-restricted"): Refused(
        "INSTALL_FAILED_USER_RESTRICTED", "Install canceled by user"
    ),
    ("packages.details", "package-nexus-6p"): Details("1.0", 1, debuggable=False),
    ("packages.details", "package-unknown"): Details("", None, debuggable=False),
    ("packages.paths", "pm-path-nexus-5x-splits"): tuple(
        f"/data/app/com.pinterest-j5uwKoQshpTybYLeGA57AA==/{name}.apk"
        for name in ("base", "split_config.arm64_v8a", "split_config.en")
    ),
    ("packages.paths", "pm-path-nexus-6"): ("/data/app/com.liujian.wechatjumphelper-1/base.apk",),
    ("packages.paths", "pm-path-xiaomi-mi-4c"): ("/system/priv-app/MiuiGallery/MiuiGallery.apk",),
    ("packages.instrument", "am-instrument"): None,
    ("packages.instrument", "am-instrument-raw"): -1,
    ("packages.launcher", "resolve-activity"): "com.xgimi.minitvfactory/.ui.MainFactoryMenuActivity",
    ("packages.pid", "pidof"): 5081,
    ("packages.start", "am-start"): "Error type 3 Error: Activity class"
    " {com.demo.activity/com.demo.activity.MainActivity} does not exist.",
    ("packages.start", "am-start-launcher"): "Error type 3 Error: Activity class"
    " {com.tutsplus.matt.bluetoothscanner/com.tutsplus.matt.bluetoothscanner.ListActivity} does not exist.",
    ("packages.start", "am-start-wait"): "",
    ("packages.uninstall", "pm-uninstall"): Refused("DELETE_FAILED_INTERNAL_ERROR", ""),
    ("power.doze", "deviceidle-get"): "ACTIVE",
    ("power.rails", "powerstats"): RAILS,
    ("power.wakefulness", "power-redmi-note-12"): "Awake",
    ("power.wakefulness", "power-samsung"): "Awake",
    ("properties.every", "getprop"): ASUS,
    ("properties.printed", "getprop"): AS_IS,
    ("settings.get", "settings-get"): "51b6be48bac8c569",
    ("thermal.dump", "thermalservice-pixel-3"): Thermal("none", overridden=False, skin_c=28.348001),
    ("thermal.dump", "thermalservice-shield"): Thermal("none", overridden=False, skin_c=None),
    ("thermal.dump", "thermalservice-xiaomi-13t-pro"): Thermal("none", overridden=False, skin_c=34.351),
    ("thermal.dump", "thermalservice-xiaomi-13t-pro-hot"): Thermal("severe", overridden=False, skin_c=50.77),
    ("window.locked", "window-policy-redmi-note-12-locked"): True,  # mIsImeShowing is another's
    ("window.screen", "wm-size"): "1080x1920",
    ("window.screen", "wm-size-override"): "480x1024",
}
COMMANDS = {c.name: c for c in catalogue.every()}
STDERR = {"files.app-folder"}
"""Whose recordings are of stderr, with a status that is not 0."""


@pytest.mark.parametrize(("name", "record"), sorted((c.name, r) for c in COMMANDS.values() for r in c.recorded))
def test_what_a_real_phone_printed_is_read(name: str, record: str) -> None:
    text = recording(record).rstrip("\n")
    said = Said("", text + "\n", 1) if name in STDERR else Said(text)
    expected = EXPECTED[name, record]
    assert COMMANDS[name].read(said) == (text if expected is AS_IS else expected)


def test_every_expectation_is_of_a_recording_that_a_command_names() -> None:
    assert set(EXPECTED) == {(c.name, r) for c in COMMANDS.values() for r in c.recorded}


def test_every_command_has_a_recording_or_is_known_to_have_none() -> None:
    without = {name for name, c in COMMANDS.items() if c.prints and not c.recorded}
    assert without == set(catalogue.UNRECORDED)
    assert not [name for name, c in COMMANDS.items() if c.recorded and not c.prints]


def test_the_farms_own_loops_are_read_with_what_single_nodes_were_recorded_to_say() -> None:
    most, now = recording("cpufreq-max-and-now").split()
    line = f"/sys/devices/system/cpu/cpufreq/policy7|7|{most}|||{now}"
    assert kernel.parse_policies(line) == (Policy((7,), int(most), None, "", int(now)),)
    types = recording("thermal-zones").split()
    assert kernel.parse_zones("\n".join(f"{t}|{1000 * n}" for n, t in enumerate(types))) == tuple(types)
    assert kernel.parse_zones("\n".join(f"{t}|" for t in types)) == ()
    assert kernel.parse_currents("/sys/class/power_supply/battery/current_now|") == {}


def test_size_and_density_together() -> None:
    both = recording("wm-size-override") + recording("wm-density-override")
    assert window.parse_screen(both) == "480x1024 at 160 dpi"


def test_an_apps_lines_begin_with_its_process() -> None:
    log = recording("logcat-start-proc")
    assert log_of("com.test.thalitest", log) == log.splitlines()[1]
    assert log_of("com.other", log) == ""


def refused(command: Any, error: str) -> object:
    return command.read(Said("", error, 1))


def test_a_refusal_is_told_in_the_phones_own_words() -> None:
    assert refused(COMMANDS["power.fixed-performance"], "Unknown command: x\n") == "Unknown command: x"
    assert refused(COMMANDS["files.make-folder"], "") == "exit code 1"
    assert COMMANDS["files.make-folder"].read(Said("")) == ""
    assert COMMANDS["packages.install"].read(Said("Success\n")) is None
    assert refused(COMMANDS["packages.install"], "Failure [-26]") == Refused("-26", "")
    debuggable = recording("package-nexus-6p").replace("HAS_CODE ALLOW", "HAS_CODE DEBUGGABLE ALLOW", 1)
    assert COMMANDS["packages.details"].read(Said(debuggable)) == Details("1.0", 1, debuggable=True)
    assert COMMANDS["files.size"].read(Said("", "stat: 'x': No such file or directory", 1)) == 0
    assert COMMANDS["files.size"].read(Said("", "stat: 'x': Permission denied", 1)) is None
    assert COMMANDS["files.size"].read(Said("17")) == 17
