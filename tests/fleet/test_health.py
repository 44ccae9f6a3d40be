"""Any text is read without an error; what real phones printed is in test_recordings.py."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from farm.android.commands import battery, thermal


@given(st.text())
def test_any_text_is_read_without_error(text: str) -> None:
    battery.parse_battery(text)
    thermal.parse_thermal(text)


@given(st.text(), st.text(), st.integers(), st.text())
def test_any_sensor_is_read_without_error(degrees: str, kind: str, status: int, name: str) -> None:
    sensor = f"\tTemperature{{mValue={degrees}, mType={kind}, mName={name}, mStatus={status}}}\n"
    told = thermal.parse_status(f"HAL Ready: true\nCurrent temperatures from HAL:\n{sensor}")
    assert told is None or told in thermal.STATUS.values()
