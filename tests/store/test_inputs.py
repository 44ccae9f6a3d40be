"""What jobs were fed is stored once, and comes back as it was submitted, also from files of older versions."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database as Raw

from farm.store import schema, series, sqlite
from farm.store.inventory import references
from farm.store.state import State
from farm.submission import Box, InputFrame, Submission, Terms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHA = st.text("0123456789abcdef", min_size=64, max_size=64)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
FRAMES = st.lists(
    st.builds(
        InputFrame,
        name=TEXT, kind=st.just("image"), sha256=st.tuples(SHA), label=st.none() | st.integers(0, 1000),
        values=st.none() | st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3).map(tuple),
        metadata=st.dictionaries(TEXT, TEXT, max_size=2),
        boxes=st.none() | st.just((Box(label=1, top=0.0, left=0.1, bottom=0.5, right=1.0),)),
    ),
    min_size=1, max_size=4,
).map(tuple)  # fmt: skip


def asked(count: int = 3, **more: object) -> Submission:
    frames = tuple(InputFrame(name=f"{n}.png", kind="image", sha256=(f"{n:064x}",), label=n) for n in range(count))
    return Submission.model_validate(
        {"model_name": "m", "model_sha256": "ef" * 32, "frames": frames, "labels": ("cat", "dog"), **more}
    )


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    with contextlib.closing(State(tmp_path_factory.mktemp("lab") / "state.db")) as made:
        yield made


@settings(max_examples=60, deadline=None)
@given(frames=FRAMES, labels=st.lists(TEXT, max_size=3).map(tuple), selector=TEXT)
def test_any_submission_comes_back(
    state: State, frames: tuple[InputFrame, ...], labels: tuple[str, ...], selector: str
) -> None:
    made = asked(frames=frames, labels=labels, selector=selector)
    assert state.submission(state.add_job(made, [])) == made


def test_the_same_frames_night_after_night_are_stored_once(tmp_path: Path) -> None:
    with contextlib.closing(State(tmp_path / "state.db")) as state:
        jobs = [state.add_job(asked(1000, terms=Terms(commit=f"c{night}")), []) for night in range(20)]
        other = state.add_job(asked(999), [])
        assert len(state.read("SELECT DISTINCT inputs FROM jobs")) == 2
        assert len(state.read("SELECT id FROM inputs")) == 2
        assert state.submission(jobs[7]) == asked(1000, terms=Terms(commit="c7"))
        assert state.submission(other) == asked(999)
        (largest,) = state.read("SELECT max(length(submission)) FROM jobs")[0]
        assert largest < 3000, "a frame takes more than a hundred"


def old(file: Path, submissions: list[Submission]) -> None:
    """A state file as the version before left it."""
    with contextlib.closing(sqlite.connect(file)) as db:
        schema.migrations.apply(Raw(db, execute_plugins=False), stop_before="nightlies")
        for submission in submissions:
            db.execute(
                "INSERT INTO jobs (status, created, submission, summary) VALUES ('done', '2026-11-01', ?, '{}')",
                (submission.model_dump_json(),),
            )


def test_an_old_file_is_taken_over_whole(tmp_path: Path) -> None:
    before = [asked(5), asked(5, terms=Terms(commit="later")), asked(2, labels=()), asked(1)]
    old(tmp_path / "state.db", before)
    with contextlib.closing(State(tmp_path / "state.db")) as state:
        assert [state.submission(job) for job in range(1, 5)] == before
        assert len(state.read("SELECT id FROM inputs")) == 3
        with state.reading() as db:
            named = references(db)
            _, told = series._asked(db, 1, 0)
        assert named.inputs[f"{3:064x}"] == {1, 2}
        assert named.inputs["ef" * 32] == {1, 2, 3, 4}
        new = state.add_job(asked(5), [])
        with state.reading() as db:
            assert series._asked(db, new, 0)[1] == told, "the same frames are the same circumstance"


def test_a_move_that_is_broken_off_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old(tmp_path / "state.db", [asked(5)])
    with monkeypatch.context() as patch:
        patch.setattr("farm.store.inputs._sha256", None)  # it dies with the first row
        with pytest.raises(sqlite.DatabaseError):
            schema.migrate(tmp_path / "state.db")
    with contextlib.closing(sqlite.connect(tmp_path / "state.db")) as db:
        assert json.loads(db.execute("SELECT submission FROM jobs").fetchone()[0])["labels"] == ["cat", "dog"]
    with contextlib.closing(State(tmp_path / "state.db")) as state:
        assert state.submission(1) == asked(5)
