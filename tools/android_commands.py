"""Writes the tables of docs/android-commands.md from the catalogue: `python tools/android_commands.py`."""

from __future__ import annotations

from pathlib import Path

from farm.android import catalogue

PAGE = Path(__file__).parents[1] / "docs" / "android-commands.md"
BEGIN, END = "<!-- catalogue -->\n", "<!-- end -->\n"


def main() -> None:
    """Put the catalogue between the marks."""
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    tail = rest.partition(END)[2]
    without = "".join(f"- {name}: {why}\n" for name, why in catalogue.UNRECORDED.items())
    page = f"{head}{BEGIN}{catalogue.table()}\nWithout a recording:\n\n{without}{END}{tail}"
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
