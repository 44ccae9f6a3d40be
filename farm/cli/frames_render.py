"""A regression's runs beside one of the level before, as people read them on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console

    from farm.trend.compared import Compared, Taken


def compared(console: Console, found: Compared) -> None:
    """One line a test, then what could not be compared."""
    if found.baseline is not None and any(one.paired for one in found.beside):
        table = Table("frame by frame", box=None, pad_edge=False)
        for name in ("frames", f"before, {_run(found.baseline)}", "after", "change", "95 % interval", "p", "test"):
            table.add_column(name, justify="left" if name == "test" else "right")
        for one in found.beside:
            for test in one.paired:
                table.add_row(
                    f"{one.taken.what}, {_run(one.taken)}: {escape(test.figure)}", str(test.n),
                    f"{test.before:.4g}{f' {test.unit}' * bool(test.unit)}",
                    f"{test.after:.4g}{f' {test.unit}' * bool(test.unit)}", test.told(test.change),
                    f"{test.told(test.low)} to {test.told(test.high)}", f"{test.p_value:.2g}", test.test,
                )  # fmt: skip
        console.print(table)
    for one in found.beside:
        for why in one.missing:
            console.print(f"{one.taken.what}: {escape(why)}", highlight=False, soft_wrap=True)
    for why in found.missing:
        console.print(f"frame by frame: {escape(why)}", highlight=False, soft_wrap=True)


def _run(taken: Taken) -> str:
    return f"run {taken.job}/{taken.run}"
