"""Addresses: where they stand, what may be shown of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from farm.errors import SettingsError
from farm.notify.target import scrubbed, shown, targets
from farm.settings import load


def test_an_address_may_stand_in_a_file_or_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, secret = tmp_path / "farm.toml", tmp_path / "slack"
    config.write_text('[notify]\nurls = ["slack://a/b/c", "file:slack", "env:FARM_TEST_HOOK"]\n')
    first, second, third = targets(load(config).notify.urls)
    assert [t.name for t in (first, second, third)] == ["1 slack", "2 file:slack", "3 env:FARM_TEST_HOOK"]
    assert first.url() == "slack://a/b/c"
    for target, error in ((second, "cannot be read"), (third, "no variable FARM_TEST_HOOK")):
        with pytest.raises(SettingsError, match=error):
            target.url()
    secret.write_text("json://localhost/1\n")
    assert second.url() == "json://localhost/1"
    for wrong in (b"", b"no address", b"json://a json://b", b"\xff\xfe", b"://"):
        secret.write_bytes(wrong)
        with pytest.raises(SettingsError, match="is not text" if wrong[:1] == b"\xff" else "holds no address"):
            second.url()
    monkeypatch.setenv("FARM_TEST_HOOK", "json://localhost/2")
    assert third.url() == "json://localhost/2"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('urls = ["slack://a/geheim", "geheim"]', "each is SCHEME://..., env:NAME or file:PATH"),
        ('zone = "Europe/Atlantis"', "is no time zone"),
        ('quiet = "22:00-22:00"', "begins when it ends"),
        ('quiet = "22-7"', "notify.quiet"),
        ('link = "javascript:alert(1)"', "notify.link"),
    ],
)
def test_what_is_wrong_in_farm_toml_is_told_without_the_address(tmp_path: Path, line: str, error: str) -> None:
    (tmp_path / "farm.toml").write_text(f"[notify]\n{line}\n")
    with pytest.raises(SettingsError, match=error) as caught:
        load(tmp_path / "farm.toml")
    assert caught.value.where == f"{tmp_path / 'farm.toml'}:2"
    assert "geheim" not in f"{caught.value} {caught.value.remedy}"


words = st.text("ABCDEFGHXYZ0123456789!$*-._~+", min_size=3, max_size=30)


@given(user=words, password=words, host=words, path=words)
def test_no_part_of_an_address_is_in_what_is_told_of_it(user: str, password: str, host: str, path: str) -> None:
    url = f"json://{user}:{password}@{host}/{path}?to={user}"
    said = scrubbed(f"no luck: {url} ({host}: {password}, {path})", url)
    assert not [part for part in (user, password, host, path) if part in said]
    assert shown(url) == "json"
    assert url not in repr(targets([SecretStr(url)]))
