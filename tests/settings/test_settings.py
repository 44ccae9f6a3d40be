"""farm.toml: found, read, complete, documented."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from farm import settings
from farm.errors import SettingsError
from farm.settings import Settings

ROOT = Path(__file__).parents[2]


def keys(model: type[BaseModel], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            found |= keys(type(field.default), f"{prefix}{name}.")
        else:
            found[prefix + name] = field.default
    return found


def test_farm_toml_holds_every_setting_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    # `data` depends on the user, so its default stands in a comment.
    text = re.sub(r"(?m)^# (\w+ = )", r"\1", (ROOT / "farm.toml").read_text())
    told = {
        f"{section}.{key}" if isinstance(values, dict) else section: tuple(value) if isinstance(value, list) else value
        for section, values in tomllib.loads(text).items()
        for key, value in (values.items() if isinstance(values, dict) else [("", values)])
    }
    assert told.keys() == keys(Settings).keys()
    assert told.pop("data") == "~/.local/share/farm"
    assert told == {k: v for k, v in keys(Settings).items() if k != "data"}
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv(settings.VARIABLE, raising=False)
    assert settings.load() == Settings()


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    for key in keys(Settings):
        assert f"| `{key}` |" in page


def test_the_file_named_comes_first_then_the_environment_then_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, port in (("farm.toml", 1001), ("env.toml", 1002), ("named.toml", 1003)):
        (tmp_path / name).write_text(f"[api]\nport = {port}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(settings.VARIABLE, raising=False)
    assert settings.load().api.port == 1001
    monkeypatch.setenv(settings.VARIABLE, str(tmp_path / "env.toml"))
    assert settings.load().api.port == 1002
    assert settings.load(tmp_path / "named.toml").api.port == 1003
    (tmp_path / "farm.toml").unlink()
    monkeypatch.delenv(settings.VARIABLE)
    assert settings.load() == Settings()


def test_data_is_relative_to_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lab").mkdir()
    file = tmp_path / "lab" / "farm.toml"
    monkeypatch.chdir(tmp_path)
    file.write_text('data = "here"')
    assert settings.load(Path("lab/farm.toml")).data == tmp_path / "lab" / "here"
    monkeypatch.setenv("HOME", str(tmp_path))
    file.write_text('data = "~/there"')
    assert settings.load(file).data == tmp_path / "there"
    file.write_text('data = "~nobody-of-that-name/there"')
    with pytest.raises(SettingsError):
        settings.load(file)


def test_the_default_data_folder_follows_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert Settings().data == tmp_path / "farm"
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings().data == tmp_path / ".local/share/farm"


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("\n[api]\nprot = 1\n", ":3", "api.prot: unknown key"),
        ("[api]\n\nport = 99999\n", ":3", "api.port"),
        ('[api]\nhost = "0.0.0.0"\n', ":2", "api.host: must be a loopback address"),
        ('[api]\nhost = "example.org"\n', ":2", "loopback"),
        ("[run]\nattempts = 0\n", ":2", "run.attempts"),
        ("[run]\nlease_s = nan\n", ":2", "run.lease_s"),
        ("= 1", ":1", "not TOML"),
    ],
)
def test_errors_name_file_line_and_key(tmp_path: Path, text: str, where: str, message: str) -> None:
    file = tmp_path / "farm.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as e:
        settings.load(file)
    assert e.value.where == f"{file}{where}"
    assert message in e.value.message


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        settings.load(tmp_path / "none.toml")


@given(raw=st.binary(max_size=200))
def test_no_file_breaks_the_reader(raw: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_bytes(raw)
    try:
        settings.load(file)
    except SettingsError as e:
        assert str(file) in e.where
