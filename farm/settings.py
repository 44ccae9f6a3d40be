"""farm.toml: the lab's settings. Every one has a default; the file and docs/settings.md list them all."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from farm import tomlfile
from farm.errors import SettingsError

FILE = "farm.toml"
VARIABLE = "FARM_CONFIG"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Api(_Section):
    """Where the daemon listens, and how much it takes."""

    host: str = "127.0.0.1"
    port: int = Field(default=8377, ge=1, le=65535)
    artifact_limit_mb: int = Field(default=4096, ge=1)
    """Largest single file a client may upload, MiB."""

    @field_validator("host")
    @classmethod
    def _loopback(cls, host: str) -> str:
        try:
            inside = host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            inside = False
        if not inside:
            raise ValueError("must be a loopback address; reach other machines through an SSH tunnel")
        return host


class Adb(_Section):
    """The adb server that holds the devices."""

    host: str = "127.0.0.1"
    port: int = Field(default=5037, ge=1, le=65535)
    deadline_s: float = Field(default=15.0, gt=0)
    """Wall clock around one small adb request."""
    poll_s: float = Field(default=2.0, gt=0)
    """Between two looks at the devices."""


class Runs(_Section):
    """How often a run is tried, and how long things may be silent."""

    attempts: int = Field(default=2, ge=1, le=10)
    lease_s: float = Field(default=120.0, gt=0)
    """A run that gives no sign of life for so long beyond its pass timeout loses its device."""
    device_wait_s: float = Field(default=90.0, gt=0)
    """A queued run whose device is away for so long fails."""


def _data() -> Path:
    home = os.environ.get("XDG_DATA_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path("~/.local/share").expanduser()) / "farm"


class Settings(_Section):
    """All settings."""

    data: Path = Field(default_factory=_data)
    """Folder of everything that lasts; absolute once loaded."""
    api: Api = Api()
    adb: Adb = Adb()
    run: Runs = Runs()


def load(path: Path | None = None) -> Settings:
    """The settings of `path`, else of $FARM_CONFIG, else of ./farm.toml where it is there, else the defaults.

    Raises:
        SettingsError: the file cannot be read or is wrong (file, line and key).
    """
    named = os.environ.get(VARIABLE)
    file = path or (Path(named) if named else None)
    if file is None:
        file = Path(FILE)
        if not file.is_file():
            return Settings()
    settings = tomlfile.load(file, Settings, SettingsError)
    return settings.model_copy(update={"data": _absolute(settings.data, file)})


def _absolute(data: Path, file: Path) -> Path:
    try:
        return (file.absolute().parent / data.expanduser()).resolve()
    except RuntimeError as e:  # ~nobody
        raise SettingsError(f"data: {e}", where=str(file), remedy="write the folder in full") from e
