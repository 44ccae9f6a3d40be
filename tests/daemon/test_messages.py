"""What travels over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from farm import errors
from farm.api import advert
from farm.api.messages import Problem, TokenError
from farm.errors import BugError, DaemonError, FarmError, InfrastructureError, JobError

if TYPE_CHECKING:
    from pathlib import Path

ALL = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, FarmError) and e is not FarmError]


@pytest.mark.parametrize("cls", [*ALL, TokenError])
def test_every_error_arrives_as_its_own_class(cls: type[FarmError]) -> None:
    sent = cls("what", where="where", remedy="remedy")
    got = Problem.model_validate_json(Problem.of(sent).model_dump_json()).error()
    assert type(got) is cls
    assert (got.message, got.where, got.remedy, got.exit_status) == ("what", "where", "remedy", sent.exit_status)


@pytest.mark.parametrize(
    ("kind", "cls"), [("job", JobError), ("infrastructure", InfrastructureError), ("bug", BugError), ("?", BugError)]
)
def test_an_error_of_a_newer_daemon_keeps_its_kind(kind: str, cls: type[FarmError]) -> None:
    assert type(Problem(kind=kind, code="from-the-future", message="m").error()) is cls


@given(raw=st.binary(max_size=200))
def test_no_answer_breaks_the_reader(raw: bytes) -> None:
    try:
        problem = Problem.model_validate_json(raw)
    except ValidationError:
        return
    assert isinstance(problem.error(), FarmError)


def test_the_token_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = advert.token(tmp_path)
    (tmp_path / "token").chmod(0o644)
    assert advert.token(tmp_path) == first
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert [f.name for f in tmp_path.iterdir()] == ["token"]
    (tmp_path / "token").write_text("")
    with pytest.raises(DaemonError, match="is empty"):
        advert.token(tmp_path)


def test_a_broken_advert_is_no_advert(tmp_path: Path) -> None:
    assert advert.read_advert(tmp_path) is None
    for text in ("", "{", '{"url": 1}', "[]"):
        (tmp_path / "daemon.json").write_text(text)
        assert advert.read_advert(tmp_path) is None
