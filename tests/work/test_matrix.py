"""Several models and options in one submit, and moments as people write them."""

from __future__ import annotations

import contextlib
import shutil
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from farm.cli.when import length, moment
from farm.errors import InputsError
from farm.submission import Submission
from farm.work.matrix import axes, expand
from farm.work.prepare import Options, Prepared, RecipeFlags, prepare
from tests.conftest import DEMO

MODEL = DEMO / "model.tflite"
NOON = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))


def prepared() -> Prepared:
    return prepare(MODEL, DEMO / "inputs", DEMO / "labels.tsv", None, None, RecipeFlags(), Options())


def test_one_of_each_is_a_plain_job() -> None:
    base = prepared()
    made = expand(base, axes([MODEL], "delegate", "1", "cpu", ""), None, None, RecipeFlags(), {"priority": 3})
    assert made.submission.variants == ()
    assert made.submission.terms.priority == 3
    assert made.submission.configurations()[0][0] == ""


def test_every_combination_is_a_configuration_with_a_name_of_what_varies(tmp_path: Path) -> None:
    int8 = DEMO / "model_int8.tflite"
    base = prepared()
    made = expand(base, axes([MODEL, int8], "delegate", "1,4", "cpu", ""), None, None, RecipeFlags(), {})
    names = [name for name, _ in made.submission.configurations()]
    assert names == [f"{m.name}, threads={t}" for m in (MODEL, int8) for t in (1, 4)]
    last = made.submission.of(3)
    assert (last.model_name, last.threads, last.kernel, last.variants) == (int8.name, 4, "delegate", ())
    assert last.recipe is not None, "each model has its own recipe"
    assert made.files[last.model_sha256] == int8
    assert last.frames == base.submission.frames
    twin = tmp_path / "other" / MODEL.name
    twin.parent.mkdir()
    for file in (MODEL, DEMO / "model.recipe.toml"):
        shutil.copy(file, twin.parent)
    twins = expand(base, axes([MODEL, twin], "delegate", "1", "cpu", ""), None, None, RecipeFlags(), {})
    assert [name for name, _ in twins.submission.configurations()] == [str(MODEL), str(twin)]


def test_runtimes_are_an_axis_and_default_is_none() -> None:
    made = expand(prepared(), axes([MODEL], "delegate", "1", "cpu", "", "default,a-1"), None, None, RecipeFlags(), {})
    assert [(name, alone.runtime) for name, alone in made.submission.configurations()] == [
        ("runtime=default", ""),
        ("runtime=a-1", "a-1"),
    ]
    with pytest.raises(InputsError, match="runtime"):
        expand(prepared(), axes([MODEL], "delegate", "1", "cpu", "", "a,../b"), None, None, RecipeFlags(), {})
    with pytest.raises(InputsError, match="is there twice"):
        axes([MODEL], "delegate", "1", "cpu", "", "a,a")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("delegate,gpu", "1", "cpu", ""), "--kernel: 'gpu' is not known"),
        (("delegate", "1,x", "cpu", ""), "--threads: 'x' is no number of threads"),
        (("delegate", "1,1", "cpu", ""), "--threads: '1' is there twice"),
        (("delegate", "1", "cpu", "f0,zz"), "--cpu-mask: 'zz' is no hex number"),
        (("delegate", "1,999", "cpu", ""), "less than or equal to 64"),
    ],
)
def test_a_wrong_word_is_named(words: tuple[str, str, str, str], message: str) -> None:
    with pytest.raises(InputsError, match=message):
        expand(prepared(), axes([MODEL], *words), None, None, RecipeFlags(), {})


def test_both_contexts_are_two_configurations() -> None:
    made = expand(
        prepared(), axes([MODEL], "delegate", "1,4", "cpu", "", context="both"), None, None, RecipeFlags(), {}
    )
    assert [(name, one.context) for name, one in made.submission.configurations()] == [
        (f"threads={threads}, context={context}", context) for threads in (1, 4) for context in ("shell", "app")
    ]
    alone = expand(prepared(), axes([MODEL], "delegate", "1", "cpu", "", context="app"), None, None, RecipeFlags(), {})
    assert alone.submission.variants == ()
    with pytest.raises(InputsError, match="--context: 'both' is not known"):
        axes([MODEL], "delegate", "1", "cpu", "", context="shell,both")


def test_an_app_of_ones_own_has_no_context() -> None:
    whole = prepared().submission.model_dump() | {"app": {"package": "com.example.app"}, "context": "app"}
    with pytest.raises(ValidationError, match="its own context"):
        Submission.model_validate(whole)


def test_a_pair_is_of_two() -> None:
    with pytest.raises(InputsError, match="a pair is of two variants, not 3"):
        expand(prepared(), axes([MODEL], "delegate", "1,2,4", "cpu", ""), None, None, RecipeFlags(), {"pair": True})


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("13:30", NOON.replace(hour=13, minute=30)),
        ("11:30", NOON.replace(day=2, hour=11, minute=30)),
        ("+90m", NOON + timedelta(minutes=90)),
        ("2h30m", NOON + timedelta(hours=2, minutes=30)),
        ("2026-02-01", datetime(2026, 2, 1, tzinfo=NOON.tzinfo)),
        ("2026-02-01T10:00+00:00", datetime(2026, 2, 1, 10, tzinfo=UTC)),
    ],
)
def test_moments(text: str, when: datetime) -> None:
    assert moment(text, "--deadline", NOON) == when.timestamp()


@given(st.text(max_size=30))
def test_whatever_is_written_is_a_moment_or_an_error_that_says_so(text: str) -> None:
    with contextlib.suppress(InputsError):
        assert moment(text, "--deadline", NOON) >= 0
    with contextlib.suppress(InputsError):
        assert length(text, "--for") >= 0


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_lengths_add_up(hours: int, minutes: int, seconds: int) -> None:
    assert length(f"{hours}h{minutes}m{seconds}s", "--for") == 3600 * hours + 60 * minutes + seconds
