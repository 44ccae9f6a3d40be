"""adb through the real server, against virtual phones: deadlines hold, errors say what happened."""

from __future__ import annotations

import io
import os
import threading
from typing import TYPE_CHECKING

import pytest

from farm import virtual
from farm.errors import AdbError, DeadlineError, DeviceGoneError, StorageError
from farm.fleet import health
from farm.fleet.adb import AdbServer, PushItem

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.virtual import VirtualPhone

PLACE = "/data/local/tmp"


def test_shell_gives_exit_code_and_split_streams(adb: AdbServer, phone: VirtualPhone) -> None:
    result = adb.device(phone.serial).script("echo out; echo err >&2; exit 7", 10)
    assert (result.stdout, result.stderr, result.exit_code) == (b"out\n", b"err\n", 7)


@pytest.mark.parametrize("nasty", ["a b", "$(touch /data/local/tmp/pwned)", "';exit 3;'", "`id`", "*", "\\n", "ü"])
def test_arguments_are_not_the_shells_to_read(adb: AdbServer, phone: VirtualPhone, nasty: str) -> None:
    assert adb.device(phone.serial).shell(["printf", "%s", nasty], 10).stdout.decode() == nasty


def test_push_and_pull_keep_every_byte(adb: AdbServer, phone: VirtualPhone) -> None:
    device = adb.device(phone.serial)
    contents = [os.urandom(size) for size in (0, 1, 65536, 65537, 3_000_000)]
    items = [PushItem(f"{PLACE}/f{i}", lambda c=c: [c]) for i, c in enumerate(contents)]  # type: ignore[misc]
    assert device.push(items, 30) == sum(map(len, contents))
    for i, content in enumerate(contents):
        file = io.BytesIO()
        assert device.pull(f"{PLACE}/f{i}", file, 30) == len(content)
        assert file.getvalue() == content


def test_a_frozen_device_costs_the_deadline_and_no_more(adb: AdbServer, phone: VirtualPhone) -> None:
    device = adb.device(phone.serial)
    virtual.freeze(phone)
    assert adb.states()[phone.serial] == "device", "adb itself sees nothing: that is why there are deadlines"
    with pytest.raises(DeadlineError, match=r"0\.5 s"):
        device.shell(["true"], 0.5)
    with pytest.raises(DeadlineError):
        device.push([PushItem(f"{PLACE}/x", lambda: [b"x" * 50_000_000])], 0.5)
    with pytest.raises(DeadlineError):
        device.pull("/system/build.prop", io.BytesIO(), 0.5)
    virtual.thaw(phone)
    assert device.shell(["echo", "back"], 10).text == "back"


def test_endless_slow_output_ends_at_the_deadline(adb: AdbServer, phone: VirtualPhone) -> None:
    seen: list[bytes] = []
    with pytest.raises(DeadlineError):
        adb.device(phone.serial).script("while :; do echo tick; sleep 0.1; done", 1, on_stdout=seen.append)
    assert b"".join(seen).count(b"tick") >= 2


def test_endless_fast_output_ends_at_the_limit(adb: AdbServer, phone: VirtualPhone) -> None:
    with pytest.raises(AdbError, match="printed more than"):
        adb.device(phone.serial).script("cat /dev/zero", 60)


def test_a_device_that_dies_under_a_command_is_gone_not_exit_255(adb: AdbServer, phone: VirtualPhone) -> None:
    device = adb.device(phone.serial)
    assert device.script("exit 255", 10).exit_code == 255
    threading.Timer(0.3, virtual.kill, [phone]).start()
    with pytest.raises(DeviceGoneError):
        device.shell(["sleep", "60"], 30)


def test_full_storage_is_named(adb: AdbServer, make_phone: Callable[..., VirtualPhone]) -> None:
    small = make_phone(storage_bytes=8 << 20)
    with pytest.raises(StorageError, match="no room"):
        adb.device(small.serial).push([PushItem(f"{PLACE}/x", lambda: [b"x" * (16 << 20)])], 30)


def test_pull_of_nothing_says_so(adb: AdbServer, phone: VirtualPhone) -> None:
    with pytest.raises(AdbError, match=r"[Nn]o such file"):
        adb.device(phone.serial).pull(f"{PLACE}/nothing", io.BytesIO(), 10)


def test_unknown_serial_and_dead_endpoint(adb: AdbServer) -> None:
    with pytest.raises(DeviceGoneError, match="not found"):
        adb.device("no-such-serial").shell(["true"], 5)
    with pytest.raises(AdbError):
        adb.connect("127.0.0.1:1")


def test_no_server_is_an_adb_error() -> None:
    with pytest.raises(AdbError):
        AdbServer(port=1).states()


def test_conditions_of_a_virtual_phone(adb: AdbServer, phone: VirtualPhone) -> None:
    told = health.conditions(adb.device(phone.serial))
    assert told["thermal_status"] == "none"
    assert told["battery"].endswith("%, full")
