"""The questions of docs/history.md, asked of a lab."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from farm.history import query, source
from farm.history.tables import TABLES
from tests.conftest import ROOT
from tests.history.kit import NOW, archiver, filled, opened, question

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "history.md").read_text(encoding="utf-8")
(BLOCK,) = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES = [text.strip() for text in re.split(r"\n\n", BLOCK)]
EMPTY = {"what broke most often", "regressions that nobody has looked at yet", "layers that are wrong by themselves"}
"""In this lab."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab") / "data"
    filled(folder)
    with opened(folder) as state:
        archiver(folder, state).run(NOW)
    return folder


@pytest.mark.parametrize("sql", EXAMPLES, ids=lambda sql: sql.splitlines()[0][3:40])
def test_an_example_is_answered(data: Path, sql: str) -> None:
    columns, table, _ = query.answer(question(data, sql), source.datasets(data, source.read(data)))
    assert columns
    assert bool(len(table)) != any(sql.startswith(f"-- {words}") for words in EMPTY)


def test_there_are_ten_and_every_table_is_told() -> None:
    assert len(EXAMPLES) == 10
    assert not [table.name for table in TABLES if f"`{table.name}`" not in PAGE]
    assert not [(t.name, c.name) for t in TABLES for c in t.columns if re.search(r"[^a-z_0-9]", c.name)]


def test_every_column_can_be_asked_for_as_it_is_called(data: Path) -> None:
    tables = source.datasets(data, source.read(data))
    for table in TABLES:
        names = ", ".join(f"{table.name}.{column.name}, max({column.name})" for column in table.all_columns())
        named = ", ".join(f"{table.name}.{column.name}" for column in table.all_columns())
        _, found, _ = query.answer(question(data, f"from (from {table.name} select {names} group by {named})"), tables)
        assert found.num_columns == 2 * len(table.all_columns())
