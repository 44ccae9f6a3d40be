"""The farm's parsers on what real phones printed."""

from __future__ import annotations

import pytest

from farm.fleet import health
from farm.fleet.health import Battery
from tests.recordings import FOLDER, recording


@pytest.mark.parametrize(
    ("name", "battery"),
    [
        ("battery-samsung", Battery(100, "full", 30.9, frozen=False)),
        ("battery-nexus", Battery(44, "charging", 28.0, frozen=False)),
        ("battery-frozen", Battery(100, "full", 29.0, frozen=True)),
    ],
)
def test_battery(name: str, battery: Battery) -> None:
    assert health.parse_battery(recording(name)) == battery


@pytest.mark.parametrize(
    "name", ["thermalservice-xiaomi-13t-pro", "thermalservice-xiaomi-13t-pro-hot", "thermalservice-pixel-3"]
)
def test_thermal_status(name: str) -> None:
    assert health.parse_thermal_status(recording(name)) == "none"


def test_every_recording_has_its_source() -> None:
    sources = (FOLDER / "SOURCES.md").read_text()
    for path in FOLDER.glob("*.txt"):
        assert path.name in sources or f"{path.stem.split('-')[0]}-*.txt" in sources, path.name
