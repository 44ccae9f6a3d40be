"""A test message to several addresses at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from farm.notify.target import targets
from farm.notify.trial import trial

if TYPE_CHECKING:
    from pathlib import Path


def test_one_address_says_its_own_error_while_another_is_tried(tmp_path: Path) -> None:
    known = targets([SecretStr(url) for url in ("json://127.0.0.1:9/", *["env:NOWHERE_AT_ALL"] * 3)])
    for _ in range(5):  # a process that is about to start holds the others' files for a moment
        tried = trial(known, tmp_path, link="", deadline_s=5)
        assert [one.error for one in tried[1:]] == ["the daemon has no variable NOWHERE_AT_ALL"] * 3
        assert not any(one.sent for one in tried)
    assert not list(tmp_path.iterdir())
