"""Parsers of dumpsys, on recorded text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from farm.fleet import health

# AOSP 14, `adb shell dumpsys battery` on a phone that charges over USB.
CHARGING = """Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Dock powered: false
  Max charging current: 500000
  Max charging voltage: 5000000
  Charge counter: 2450000
  status: 2
  health: 2
  present: true
  level: 57
  scale: 100
  voltage: 3964
  temperature: 287
  technology: Li-ion
"""
THERMAL = """IsStatusOverride: false
ThermalEventListeners:
	callbacks: 2
	killed: false
	broadcasts count: -1
Thermal Status: 2
Cached temperatures:
	Temperature{mValue=41.2, mType=3, mName=skin, mStatus=2}
"""


def test_battery() -> None:
    battery = health.parse_battery(CHARGING)
    assert battery == health.Battery(level=57, status="charging", temperature_c=28.7, frozen=False)


def test_a_frozen_battery_service_is_noticed() -> None:
    assert health.parse_battery(
        CHARGING.replace("state:", "state:\n  (UPDATES STOPPED -- use 'reset' to restart)")
    ).frozen


def test_thermal_status() -> None:
    assert health.parse_thermal_status(THERMAL) == "moderate"
    assert health.parse_thermal_status(THERMAL.replace("Override: false", "Override: true")) is None


@given(st.text())
def test_any_text_is_read_without_error(text: str) -> None:
    health.parse_battery(text)
    health.parse_thermal_status(text)
