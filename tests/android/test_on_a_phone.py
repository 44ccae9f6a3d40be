"""Commands of the catalogue sent to a virtual phone, through adb and its shell, and their answers read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from farm.android import script
from farm.android.commands import (
    battery,
    files,
    kernel,
    life,
    logs,
    packages,
    power,
    properties,
    settings,
    thermal,
    window,
)
from farm.fleet.adb import PushItem

if TYPE_CHECKING:
    from farm.fleet.adb import AdbDevice, AdbServer
    from farm.virtual import VirtualPhone

HERE = "/data/local/tmp/a folder; it's $HOME"
S = 20.0


@pytest.fixture
def device(adb: AdbServer, phone: VirtualPhone) -> AdbDevice:
    return adb.device(phone.serial)


def test_what_it_tells_of_itself_is_read(device: AdbDevice) -> None:
    assert device.ask(life.echo("it's $HOME"), S) == "it's $HOME"
    assert device.ask(properties.booted(), S)
    assert device.ask(properties.every(), S)["ro.farm.virtual"] == "1"
    assert device.ask(battery.dump(), S).level is not None
    assert device.ask(thermal.dump(), S).status == "none"
    assert device.ask(power.doze(), S) == "ACTIVE"
    assert device.ask(window.screen(), S) == "1080x2400 at 420 dpi"
    assert device.ask(kernel.cpus(), S) == device.ask(kernel.cpu_count(), S)
    assert device.ask(kernel.policies(), S)[-1].now_khz
    assert "virtual-skin" in device.ask(kernel.zones(), S)
    assert (device.ask(kernel.memory(), S) or 0) > 1 << 20
    assert (device.ask(kernel.uptime(), S) or 0) > 0
    assert device.ask(kernel.smaps(), S)
    assert device.ask(kernel.taskset(), S)
    assert device.ask(kernel.processes(), S)
    assert device.ask(power.fixed_performance(on=True), S), "no power HAL stands behind it"
    assert not device.ask(power.try_fixed_performance(), S)


def test_settings_are_put_read_and_gone(device: AdbDevice) -> None:
    assert device.ask(settings.put("system", "farm_test", "it's 1"), S) == ""
    assert device.ask(settings.get("system", "farm_test"), S) == "it's 1"
    device.ask(settings.delete("system", "farm_test"), S)
    assert device.ask(settings.get("system", "farm_test"), S) is None


def test_files_come_and_go_whatever_they_are_called(device: AdbDevice) -> None:
    assert device.ask(files.make_folder(HERE, f"{HERE}/-p"), S) == ""
    device.push([PushItem(f"{HERE}/-n.part", lambda: [b"content"])], S)
    assert device.ask(files.rename(HERE, [("-n.part", "-n")]), S) == ""
    assert device.ask(files.size(f"{HERE}/-n"), S) == 7
    assert device.ask(files.size(f"{HERE}/none"), S) == 0
    ((digest, name),) = device.ask(files.hashes(HERE, ["-n", "none"]), S)
    assert (len(digest), name) == (64, "-n")
    assert device.send(files.end(f"{HERE}/-n", 4), S).stdout == b"tent"
    assert device.send(files.part(f"{HERE}/-n", 2, 3), S).stdout == b"nte"
    assert device.ask(script.all_of([files.copy(f"{HERE}/-n", f"{HERE}/x.part"), life.nothing()]), S) == ""
    assert device.ask(files.matching(HERE, "x*"), S) == [f"{HERE}/x.part"]
    device.ask(files.sweep(HERE, "*.part"), S)
    assert device.ask(files.remove(HERE, ["-n"]), S) == ""
    assert device.ask(files.names(HERE), S) == ["-p"]
    assert device.ask(files.writable(HERE), S)
    device.ask(files.remove_tree(HERE), S)
    assert not device.ask(files.writable(HERE), S)
    free, whole = device.ask(files.free(files.FOLDER), S)
    assert free is not None
    assert whole is not None
    assert 0 < free <= whole


def test_an_app_that_is_not_there_is_told(device: AdbDevice) -> None:
    assert device.ask(packages.paths("com.example.none"), S) == ()
    assert device.ask(packages.pid("com.example.none"), S) is None
    assert not device.ask(packages.details("com.example.none"), S).version_name
    home, why = device.ask(files.app_folder("com.example.none"), S)
    assert (home, bool(why)) == ("", True)
    assert "does not exist" in device.ask(packages.start("com.example.none/.Main", {}), S)
    assert "com.example.none" not in device.ask(logs.last(50), S)
