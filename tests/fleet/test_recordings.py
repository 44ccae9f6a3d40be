"""The farm's parsers on what real phones printed."""

from __future__ import annotations

import re

import pytest

from farm.android.commands import battery as batteries
from farm.android.commands import thermal
from farm.android.commands.battery import Battery
from farm.android.commands.properties import parse_properties
from tests.recordings import FOLDER, recording

HOT = "thermalservice-xiaomi-13t-pro-hot"


@pytest.mark.parametrize(
    ("name", "battery"),
    [
        ("battery-samsung", Battery(100, "full", 30.9, frozen=False)),
        ("battery-nexus", Battery(44, "charging", 28.0, frozen=False)),
        ("battery-frozen", Battery(100, "full", 29.0, frozen=True)),
    ],
)
def test_battery(name: str, battery: Battery) -> None:
    assert batteries.parse_battery(recording(name)) == battery


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("thermalservice-xiaomi-13t-pro", "none"),
        (HOT, "severe"),  # its skin sensor's own word: `Thermal Status` is 0
        ("thermalservice-pixel-3", "none"),
    ],
)
def test_thermal_status(name: str, status: str) -> None:
    assert thermal.parse_status(recording(name)) == status


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("Thermal Status: 0", "Thermal Status: 4", "critical"),  # the worse of the two
        ("Thermal Status: 0", "", "severe"),
        ("mValue=50.77", "mValue=0.0", "none"),  # a sensor that tells nothing
        ("mType=3, mName=SKIN, mStatus=3", "mType=0, mName=CPU, mStatus=3", "none"),  # a hot CPU is no throttled phone
        ("mName=SKIN, mStatus=3", "mName=SKIN, mStatus=9", "none"),  # no such status
        ("Current temperatures from HAL:", "Cached temperatures:", "none"),  # of some time ago
        ("IsStatusOverride: false", "IsStatusOverride: true", None),  # somebody's word
    ],
)
def test_thermal_status_of_a_recording_with_one_change(old: str, new: str, status: str | None) -> None:
    text = recording(HOT)
    assert text.count(old) == 1
    assert thermal.parse_status(text.replace(old, new)) == status


def test_properties() -> None:
    assert parse_properties(recording("getprop")) == {
        "ro.product.manufacturer": "asus", "ro.product.model": "Nexus 7", "ro.product.name": "razor",
    }  # fmt: skip


def test_no_thermal_service_tells_nothing() -> None:
    assert thermal.parse_status("Can't find service: thermalservice\n") is None


def test_every_recording_has_its_source() -> None:
    sources = (FOLDER / "SOURCES.md").read_text()
    named = re.findall(r"^\| ([^|]+) \|", sources, re.MULTILINE)
    names = {word for cell in named for word in cell.replace(",", " ").split()}
    for path in FOLDER.glob("*.txt"):
        assert path.name in names or f"{path.stem.split('-')[0]}-*.txt" in names, path.name
