"""`farm virtual`: what its flags make of a phone, seen through the adb server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from farm import virtual
from farm.errors import AdbError
from farm.virtual import profiles
from tests import arm64

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.fleet.adb import AdbServer

    from .conftest import Lab


@pytest.fixture
def here(empty_lab: Lab, adb: AdbServer) -> Iterator[Lab]:
    """A lab whose phones end with the test."""
    yield empty_lab
    for phone in virtual.down(empty_lab.data / "virtual"):
        adb.disconnect(phone.serial)


def _up(lab: Lab, *flags: str) -> str:
    """The serial of a new phone."""
    result = lab.farm("virtual", "up", "--json", *flags)
    assert result.status == 0, result
    (phone,) = result.document
    return str(phone["serial"])


def test_who_may_use_a_phone(here: Lab, adb: AdbServer) -> None:
    accepting, refusing, asking_nobody = _up(here, "--auth", "accept"), _up(here, "--auth", "refuse"), _up(here)
    states = adb.states()
    assert [states[serial] for serial in (accepting, refusing, asking_nobody)] == ["device", "unauthorized", "device"]
    assert adb.device(accepting).shell(["echo", "in"], 10).text == "in"
    with pytest.raises(AdbError, match="unauthorized"):
        adb.device(refusing).shell(["echo", "in"], 10)


def test_a_phone_of_before_android_7_is_refused_by_name(here: Lab, adb: AdbServer) -> None:
    with pytest.raises(AdbError, match="older than Android 7"):
        adb.device(_up(here, "--legacy")).shell(["true"], 10)


def test_a_phone_with_some_features_works(here: Lab, adb: AdbServer) -> None:
    device = adb.device(_up(here, "--features", "shell_v2, stat_v2", "--reboot-s", "0.5"))
    assert device.script("exit 3", 10).exit_code == 3


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--features", "shell_v2,nonsense"), "nonsense"),
        (("--features", "shell_v2", "--legacy"), "legacy"),
        (("--profile", "nonsense"), "nonsense"),
    ],
)
def test_what_makes_no_sense_starts_no_phone(here: Lab, flags: tuple[str, ...], word: str) -> None:
    result = here.farm("virtual", "up", "--json", *flags)
    assert result.status == 2
    assert word in result.document["error"]["message"]
    assert result.document["error"]["remedy"]
    assert here.farm("virtual", "list", "--json").document == []


def test_thaw_says_which_faults_last(here: Lab) -> None:
    serial = _up(here)
    for words, active in (
        (("hot", "status=3"), ["hot"]),
        (("freeze",), ["freeze"]),
        (("thaw",), ["hot"]),
        (("clear",), []),
    ):
        result = here.farm("virtual", "fault", serial, *words, "--json")
        assert result.document["active"] == active, result


def test_how_its_programs_run_is_told(here: Lab) -> None:
    _up(here)
    (phone,) = here.farm("virtual", "list", "--json").document
    assert phone["emulation"] == ""
    arm64.require()
    virtual.up(here.data / "virtual", kind=profiles.load("arm64"), exec_shim=True)
    assert here.farm("virtual", "list", "--json").document[1]["emulation"] == "exec-shim"
    lines = here.farm("virtual", "list").out.splitlines()
    assert [" ".join(line.split()[5:]) for line in lines] == ["programs", "native", "qemu, exec shim"]
