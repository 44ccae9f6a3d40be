"""The farm's own app onto a virtual phone, through the real adb: what keeps it off, and what the farm does about it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from farm import virtual
from farm.android import refusals
from farm.android.commands import packages
from farm.builds import BENCH
from farm.errors import AppError, FarmError, InfrastructureError, StorageError
from farm.fleet import install
from tests import apks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.fleet.adb import AdbDevice, AdbServer
    from farm.virtual import VirtualPhone


@pytest.fixture(scope="module")
def phone(adb: AdbServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualPhone]:
    folder = tmp_path_factory.mktemp("phones")
    (own,) = virtual.up(folder, owner_pid=os.getpid(), storage_bytes=64 << 20)
    adb.connect(own.serial)
    yield own
    virtual.down(folder)
    adb.disconnect(own.serial)


@pytest.fixture
def device(adb: AdbServer, phone: VirtualPhone) -> Iterator[AdbDevice]:
    """Without the app, and without a fault."""
    yield adb.device(phone.serial)
    virtual.fault(phone, "clear")
    adb.device(phone.serial).ask(packages.uninstall(BENCH), 30)


def test_the_same_file_is_installed_once(device: AdbDevice, tmp_path: Path) -> None:
    file = apks.make(tmp_path / "a.apk", apks.manifest(version=3, name="0.3"))
    assert install.ensure(device, file) == install.Installed("0.3", debuggable=True, fresh=True)
    assert install.ensure(device, file) == install.Installed("0.3", debuggable=True, fresh=False)
    assert device.ask(packages.paths(BENCH), 30) == (f"/data/app/{BENCH}/base.apk",)
    assert device.ask(packages.details(BENCH), 30).version_code == 3
    listed = device.script("pm list instrumentation", 30).text
    assert listed == f"instrumentation:{BENCH}/.Runner (target={BENCH})"
    assert f"{BENCH}.apk" not in device.script("ls /data/local/tmp/farm", 30).text


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ({"certificate": b"of another computer"}, "INSTALL_FAILED_UPDATE_INCOMPATIBLE"),
        ({"version": 2}, "INSTALL_FAILED_VERSION_DOWNGRADE"),
        ({"version": 4}, ""),
    ],
)
def test_another_build_takes_the_place_of_the_one_that_is_there(
    device: AdbDevice, tmp_path: Path, second: dict[str, object], why: str
) -> None:
    install.ensure(device, apks.make(tmp_path / "a.apk", apks.manifest(version=3, debuggable=False)))
    kept = f"/data/data/{BENCH}/kept"
    device.script(f"mkdir -p /data/data/{BENCH}; touch {kept}", 30)
    certificate = second.get("certificate", b"a certificate")
    assert isinstance(certificate, bytes)
    version = second.get("version", 3)
    assert isinstance(version, int)
    xml = apks.manifest(version=version, debuggable=False)
    done = install.ensure(device, apks.make(tmp_path / "b.apk", xml, certificate=certificate))
    assert (done.fresh, done.replaced) == (True, why)
    assert device.ask(packages.details(BENCH), 30).version_code == version
    assert (device.script(f"ls {kept}", 30).exit_code == 0) == (why == ""), "an update keeps an app's data"


@pytest.mark.parametrize(
    ("xml", "more", "error", "word"),
    [
        (apks.manifest(min_sdk=99), {}, AppError, "INSTALL_FAILED_OLDER_SDK"),
        (apks.manifest(), {"abis": ("mips",)}, AppError, "INSTALL_FAILED_NO_MATCHING_ABIS"),
        (apks.manifest(), {"certificate": b""}, AppError, "INSTALL_PARSE_FAILED_NO_CERTIFICATES"),
        (b"no binary XML", {}, AppError, "INSTALL_PARSE_FAILED_NOT_APK"),
    ],
)
def test_a_file_that_a_device_does_not_take_is_the_users_affair(
    device: AdbDevice, tmp_path: Path, xml: bytes, more: dict[str, object], error: type[FarmError], word: str
) -> None:
    with pytest.raises(error, match=word) as caught:
        install.ensure(device, apks.make(tmp_path / "a.apk", xml, **more))  # type: ignore[arg-type]
    assert caught.value.remedy
    assert not device.ask(packages.paths(BENCH), 30)


def test_a_full_phone_says_so(device: AdbDevice, phone: VirtualPhone, tmp_path: Path) -> None:
    file = apks.make(tmp_path / "a.apk", apks.manifest())
    with file.open("ab") as whole:
        whole.write(bytes(40 << 20))
    with pytest.raises(StorageError, match="INSTALL_FAILED_INSUFFICIENT_STORAGE"):
        install.ensure(device, file)


def test_pm_itself_refuses_what_android_does(device: AdbDevice, tmp_path: Path) -> None:
    """What the farm never asks for, as it always gives -r and -t."""
    file = apks.make(tmp_path / "a.apk", apks.manifest(test_only=True))
    install.ensure(device, file)
    remote = f"/data/app/{BENCH}/base.apk"
    for options, word in (((), "INSTALL_FAILED_TEST_ONLY"), (("-t", "-R"), "INSTALL_FAILED_ALREADY_EXISTS")):
        refused = device.ask(packages.install(remote, *options), 30)
        assert refused is not None
        assert refused.code == word


@pytest.mark.parametrize("code", sorted(c for c in refusals.KNOWN if c.startswith("INSTALL_")))
@pytest.mark.slow
def test_every_refusal_comes_as_its_class_with_its_remedy(
    device: AdbDevice, phone: VirtualPhone, tmp_path: Path, code: str
) -> None:
    known = refusals.KNOWN[code]
    virtual.fault(phone, "install-refused", code=known.number)
    file = apks.make(tmp_path / "a.apk", apks.manifest())
    with pytest.raises(FarmError, match=code) as caught:
        install.ensure(device, file)
    assert type(caught.value) is type(refusals.error(code, "", ""))
    assert caught.value.remedy == known.remedy
    if known.kind == "human":
        assert isinstance(caught.value, InfrastructureError)
    virtual.fault(phone, "clear")
    assert install.ensure(device, file).fresh
