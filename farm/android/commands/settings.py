"""Android's settings."""

from __future__ import annotations

from farm.android.command import Command, argv, of_text, refusal

UNSET = "null"
"""What `settings get` prints of a key that is not there."""


def parse_value(text: str) -> str | None:
    """A setting's value; None where there is none."""
    told = text.strip()
    return None if told == UNSET or not told else told


def _get(table: str, key: str) -> str:
    return argv("settings", "get", table, key)


def _put(table: str, key: str, value: str) -> str:
    return argv("settings", "put", table, key, value)


def _delete(table: str, key: str) -> str:
    return argv("settings", "delete", table, key)


get = Command(
    "settings.get", _get, of_text(parse_value), source="SettingsService",
    example=("system", "screen_off_timeout"), recorded=("settings-get",),
)  # fmt: skip
put = Command(
    "settings.put", _put, refusal, source="SettingsService",
    example=("system", "screen_off_timeout", "1800000"), prints=False,
)  # fmt: skip
delete = Command(
    "settings.delete", _delete, refusal, source="SettingsService",
    example=("system", "screen_off_timeout"), prints=False,
)  # fmt: skip
