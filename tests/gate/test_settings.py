"""[[gate]] of farm.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from farm import settings
from farm.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

NAME = '[[gate]]\nname = "g"\n'
CONDITION = 'conditions = ["n > 0.5"]\n'


def test_a_gate_is_read(tmp_path: Path) -> None:
    file = tmp_path / "farm.toml"
    file.write_text(f'{NAME}conditions = ["n > 0.5 and d < 0.1", "latency.p90 < 5 ms"]\non = "pool=nightly"\n')
    (gate,) = settings.load(file).gate
    assert [condition.text for condition in gate.parsed] == ["n > 0.5", "d < 0.1", "latency.p90 < 5 ms"]
    assert (gate.confidence, gate.mode, gate.steps, gate.adaptivity, gate.baseline) == (
        0.99,
        "",
        32,
        "none",
        "last-passed",
    )


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (f'\n{NAME}conditions = ["n > 0.5", "n >> 3"]\n', "4:30", "gate.0.conditions: column 4: found '>'"),
        (
            f"{NAME}conditions = [\n  'n > 0.5',\n  'n > 0.5 and d >'\n]\nsteps = 3\n",
            "5:19",
            "column 16: found the end",
        ),
        (f'{NAME}conditions = ["d >> 3"]\n{NAME}conditions = ["n >> 3"]\n', "3:19", "gate.0.conditions: column 4"),
        (f'{NAME}conditions = ["n >\\u003e 3"]\n', 3, "gate.0.conditions: column 4"),
        (f'{NAME}conditions = [ # "n >> 3" is wrong\n"n >> 3"]\n', 3, "gate.0.conditions: column 4"),
        (f'{NAME}{CONDITION}mode = "strict"\n', 4, "gate.0.mode"),
        (f'{NAME}{CONDITION}baseline = "yesterday"\n', 4, "gate.0.baseline"),
        (f"{NAME}{CONDITION}steps = 0\n", 4, "gate.0.steps"),
        (f'{NAME}{CONDITION}steps = 300\nadaptivity = "full"\nmode = "fp-free"\n', 5, "at most 256 steps"),
        (f'{NAME}{CONDITION}adaptivity = "full"\n', 4, "say in `mode`"),
        (f'{NAME}{CONDITION}on = "pol=x"\n', 4, "gate.0.on: --on 'pol=x', column 1: unknown key 'pol'"),
        (f"{NAME}conditions = []\n", 3, "gate.0.conditions"),
        (f'{NAME}conditions = ["{" and ".join(["n > 0"] * 16)}", "n > 0.5"]\n', 3, "17 conditions; at most 16"),
        (f"{NAME}{CONDITION}{NAME}{CONDITION}", 1, "two [[gate]] have one name"),
        (f"{NAME}{CONDITION}confidence = 1.0\n", 4, "gate.0.confidence"),
    ],
)
def test_errors_name_line_and_column(tmp_path: Path, text: str, line: int | str, told: str) -> None:
    file = tmp_path / "farm.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as e:
        settings.load(file)
    assert e.value.where == f"{file}:{line}"
    assert told in e.value.message
