"""Android's properties."""

from __future__ import annotations

from farm.android.command import Command, as_is, fixed, of_text


def parse_properties(text: str) -> dict[str, str]:
    """What getprop printed. A line that cannot be read is left out, never an error."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, mark, value = line.partition("]: [")
        if mark and name.startswith("[") and value.endswith("]"):
            found[name[1:]] = value[:-1]
    return found


def _booted(text: str) -> bool:
    return text == "1"


every = Command(
    "properties.every", fixed("getprop"), of_text(parse_properties), source="toolbox, later toybox: getprop",
    recorded=("getprop",),
)  # fmt: skip
printed = Command(
    "properties.printed",
    fixed("getprop"),
    as_is,
    source="as properties.every, kept as it is printed",
    recorded=("getprop",),
)
booted = Command(
    "properties.booted", fixed("getprop sys.boot_completed"), of_text(_booted), source="as properties.every"
)  # fmt: skip
