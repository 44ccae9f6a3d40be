"""Questions: what comes back, what is let in, and that nothing else is reached."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.history import query, source
from farm.history.answer import Format, Head, QueryError
from farm.history.ask import Asked
from farm.history.worker import body, plain
from tests.conftest import ROOT
from tests.history.kit import NOW, archiver, filled, opened, question

KEPT = "nobody may read this"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two thirds in files, the rest not yet; and a file beside that is nobody's business."""
    folder = tmp_path_factory.mktemp("lab")
    filled(folder / "data")
    with opened(folder / "data") as state:
        archiver(folder / "data", state).run(NOW)
    (folder / "data" / "token").write_text(KEPT)
    (folder / "data" / "history" / "evil.sql").write_text("create table evil as select 1")
    (folder / "data" / "history" / "schema.sql").write_text("create table evil as select 1")
    return folder / "data"


def tell(data: Path, sql: str, form: Format = "json", rows: int = 1000) -> bytes:
    columns, table, truncated = query.answer(question(data, sql, rows=rows), source.datasets(data, source.read(data)))
    out = io.BytesIO()
    body(table, columns, form, out, truncated=truncated)  # type: ignore[arg-type]
    return out.getvalue()


def test_an_answer_as_json_csv_and_arrow(data: Path) -> None:
    sql = (
        "select device, count(*) n, median(value) m, max(day) d, max(ended) e, any_value({'a': 1, 'b': [1.5, 'nan'::float]}) s"
        " from figures where metric = 'latency.median' group by 1 order by 1"
    )
    told = json.loads(tell(data, sql))
    assert [column["name"] for column in told["columns"]] == ["device", "n", "m", "d", "e", "s"]
    assert told["rows"][0][:2] == ["one", 14]
    assert told["rows"][0][3:] == ["2026-11-05", "2026-11-05T01:00:02", {"a": 1, "b": [1.5, None]}]
    assert not told["truncated"]
    lines = tell(data, sql, "csv").decode().splitlines()
    assert lines[0] == "device,n,m,d,e,s"
    assert lines[1].startswith("one,14,5.")
    table = pyarrow.ipc.open_stream(tell(data, sql, "arrow")).read_all()
    assert table.schema.field("d").type == pyarrow.date32()
    assert len(table) == 2


def test_a_long_answer_is_cut_off_and_says_so(data: Path) -> None:
    told = json.loads(tell(data, "select * from range(100000000)", rows=25_000))
    assert (len(told["rows"]), told["truncated"]) == (25_000, True)
    whole = json.loads(tell(data, "select run from runs", rows=28))
    assert (len(whole["rows"]), whole["truncated"]) == (28, False)
    no_rows = json.loads(tell(data, "select run, conditions from runs where false"))
    assert (no_rows["rows"], len(no_rows["columns"])) == ([], 2)


READING = [
    "from runs", "show tables", "describe runs", "summarize figures", "values (1)", "explain select * from runs",
    "with x as (select * from runs) select count(*) from x", "select 1;", "-- a note\nselect 1",
    "pivot runs on status in ('done', 'failed') using count(*)", "select conditions['threads'] from runs",
    "select * from figures f join devices d using (device)", "select * from layers limit 3",
]  # fmt: skip


@pytest.mark.parametrize("sql", READING)
def test_whatever_reads_is_let_in(data: Path, sql: str) -> None:
    json.loads(tell(data, sql))


def attacks(data: Path) -> list[str]:
    token, folder = data / "token", data / "history"
    file = next(folder.glob("runs/*/*.parquet"))
    return [
        # other files
        f"from read_text('{token}')", f"from read_csv('{token}')", f"from '{token}'",
        f"from read_blob('{token}')", f"from read_json('{token}')", f"from glob('{data}/*')",
        f"from sniff_csv('{token}')", f"from read_parquet('{file}')", f"from parquet_metadata('{file}')", f"from '{file}'",
        f"from read_duckdb('{folder}/x.db')", f"from query($$from read_text('{token}')$$)",
        f"from query_table('{token}')", "select getenv('HOME')", "from read_text('/proc/self/environ')",
        # writing
        f"copy (select 1) to '{folder}/x.csv'", f"copy runs to '{file}'", f"export database '{folder}/x'",
        f"explain analyze copy (select 1) to '{folder}/x.csv'", "create table x (a int)", "drop view runs",
        "insert into runs values (1)", "delete from runs", "update runs set run = 1", "checkpoint",
        f"from enable_logging(storage = 'file', storage_path = '{folder}/log')", f"from write_file('{folder}/x', 'y')",
        "from enable_profiling()", f"with x as (copy (select 1) to '{folder}/x.csv') select 1",
        # other databases, other code, other machines
        f"attach '{folder}/x.db'", "attach ':memory:' as x", "install httpfs", "load httpfs", "force install httpfs",
        "select * from 'http://127.0.0.1:9/x.parquet'", "from read_csv('https://127.0.0.1:9/x')", "from 's3://x/y.parquet'",
        f"import database '{folder}'", f"from import_database('{folder}')", "from sqlite_scan('x', 'y')",
        f"from sqlite_scan('{data}/state.db', 'tokens')", "create secret x (type s3)", "from copy_database('memory', 'x')",
        "from create_external_resource('x', map {})", "from arrow_scan(1, 2, 3)", "select 1::pointer",
        "from python_map_function((select 1))", "create function f(x) as x", "create macro f() as table from read_text('x')",
        # what was locked, and more than one thing at once
        "set memory_limit = '100GB'", "set enable_external_access = true", "pragma enable_external_access",
        "reset lock_configuration", "pragma database_list", "call pragma_version()", "use memory", "select 1; select 2",
        f"select 1; copy (select 1) to '{folder}/x.csv'", "prepare x as select 1", "execute x", "begin", "vacuum", "",
        "select 1\0; drop view runs", ";", "-- nothing", "pivot runs on status",
    ]  # fmt: skip


def test_nothing_else_is_reached(data: Path) -> None:
    before = sorted((p, p.stat().st_mtime_ns, p.stat().st_size) for p in data.rglob("*") if "state.db" not in p.name)
    tables = source.datasets(data, source.read(data))
    for sql in attacks(data):
        with pytest.raises(QueryError) as e:
            query.answer(question(data, sql), tables)
        assert KEPT not in str(e.value), sql
        assert e.value.remedy, sql
    after = sorted((p, p.stat().st_mtime_ns, p.stat().st_size) for p in data.rglob("*") if "state.db" not in p.name)
    assert after == before


@pytest.mark.parametrize(
    ("sql", "where", "word"),
    [
        ("select nope from runs", "SQL, line 1, column 8", "nope"),
        ("select 1,\n  'é', nope from runs", "SQL, line 2, column 8", "nope"),
        ("select * frm runs", "SQL, line 1, column 14", "syntax error"),
        ("select *\nfrom nowhere", "SQL, line 2, column 6", "nowhere"),
        ("select device + 1 from runs", "SQL, line 1, column 15", "No function matches"),
    ],
)
def test_an_error_names_line_and_column(data: Path, sql: str, where: str, word: str) -> None:
    with pytest.raises(QueryError, match=word) as e:
        tell(data, sql)
    assert e.value.where.startswith(where)


CONNECTION = query.connect(64)


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(
    ["select", "from", "runs", "(", ")", "*", ";", "'", '"', "copy", "to", "with", "x", "as", "explain", "--", "\n", ",", "1"]
), max_size=12).map(" ".join)))  # fmt: skip
def test_any_text_is_a_question_or_an_error_of_ours(sql: str) -> None:
    with contextlib.suppress(QueryError):
        query.check(CONNECTION, sql)


@given(st.text("aé☃\n", max_size=30), st.integers(0, 80))
def test_a_position_is_that_of_the_character(sql: str, offset: int) -> None:
    line, column = query.position(sql, offset)
    lines = sql.split("\n")
    ahead = sum(len(text) + 1 for text in lines[: line - 1]) + column - 1
    assert len(sql[:ahead].encode()) <= offset or not sql
    assert 1 <= column <= len(lines[line - 1]) + 1


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates() | st.datetimes()
    | st.times() | st.timedeltas() | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8,
))  # fmt: skip
def test_every_value_has_a_place_in_json(value: object) -> None:
    json.dumps(plain(value), allow_nan=False)


async def asked(data: Path, sql: str, *, seconds: float = 60.0) -> tuple[Head, bytes]:
    under_way = await Asked.start(question(data, sql, seconds=seconds))
    try:
        head = await under_way.head()
        return head, b"".join([part async for part in under_way.parts()])
    finally:
        under_way.close()


ENDLESS = "select count(*) from range(10000000) a, range(10000000) b where a.range * b.range % 7 = 3"


def test_the_process_answers_and_ends_itself_in_time(data: Path) -> None:
    async def both() -> tuple[tuple[Head, bytes], tuple[Head, bytes], tuple[Head, bytes]]:
        return await asyncio.gather(
            asked(data, "select count(*) from runs"),
            asked(data, ENDLESS, seconds=0.5),
            asked(data, "select list(r) from (select random() r from range(1000000000))"),
        )

    (head, answer), (late, _), (large, _) = asyncio.run(both())
    assert (head.rows, json.loads(answer)["rows"]) == (1, [[28]])
    assert late.failure is not None
    assert "longer than 0.5 s" in late.failure.message
    assert large.failure is not None
    assert "256 MiB" in large.failure.message


def test_a_process_whose_asker_died_ends(data: Path) -> None:
    program = (
        "import sys, asyncio; from pathlib import Path; from farm.history.ask import Asked;"
        " from tests.history.kit import question\n"
        "async def main():\n"
        f"    asked = await Asked.start(question(Path(sys.argv[1]), {ENDLESS!r}, seconds=600))\n"
        "    print(asked._process.pid, flush=True)\n"
        "    await asked.head()\n"
        "asyncio.run(main())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(data)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as asker:
        assert asker.stdout is not None
        child = psutil.Process(int(asker.stdout.readline()))
        asker.kill()
        asker.wait()
    child.wait(60)


def test_the_process_can_write_no_file_and_take_no_more_than_it_may(data: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from farm.history import worker; from tests.history.kit import question\n"
        "worker.confine(question(Path('.'), 'select 1')); worker.write_nothing()\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try:\n    Path(sys.argv[1]).write_text('x'); print('written')\n"
        "except OSError as e: print('refused', e.errno)\n"
        "try:\n    bytearray(8 << 30); print('taken')\n"
        "except MemoryError: print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "x")], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert re.fullmatch(r"refused 27\nrefused\n", done.stdout), done
    assert (tmp_path / "x").stat().st_size == 0


def test_a_run_that_is_over_now_is_in_the_next_answer(data: Path) -> None:
    from tests.history.kit import add

    before = json.loads(tell(data, "select count(*) from runs"))["rows"]
    with opened(data) as state:
        add(state, "2026-11-05", 1)
    assert json.loads(tell(data, "select count(*) from runs"))["rows"] == [[before[0][0] + 1]]
