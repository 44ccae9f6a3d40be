"""farm.toml: the lab's settings. Every one has a default; the file and docs/settings.md list them all."""

from __future__ import annotations

import datetime
import ipaddress
import os
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from farm import tomlfile
from farm.assess.limits import LIMITS, Limits
from farm.errors import SettingsError
from farm.sections.base import Section
from farm.sections.devices import App, Avd, Conditions, DeviceNote, Fleet, Host, Hub, Meter, Samples, Trace
from farm.sections.gate import Gate
from farm.sections.history import History
from farm.sections.notify import Notify
from farm.sections.schedule import Nightlies, ScheduleNote
from farm.sections.trend import Trend

FILE = "farm.toml"
VARIABLE = "FARM_CONFIG"


class Api(Section):
    """Where the daemon listens, and how much it takes."""

    tls_cert: str = ""
    """PEM file of the certificate and those that lead to its signer; with it the daemon speaks https only."""
    tls_key: str = Field(default="", validate_default=True)
    """PEM file of its key, without a passphrase."""
    host: str = "127.0.0.1"
    port: int = Field(default=8377, ge=1, le=65535)
    names: tuple[str, ...] = ()
    """Under which other machines reach it: names or addresses, with `:PORT` where that is not `port`."""
    artifact_limit_mb: int = Field(default=4096, ge=1)
    """Largest single file a client may upload, MiB."""
    connections: int = Field(default=256, ge=1, le=10_000)
    """At once; one more is told to come again."""
    read_timeout_s: float = Field(default=30.0, gt=0)
    """A request that does not go on for so long is ended."""
    disk_floor_mb: int = Field(default=1024, ge=0)
    """Less free space than this, MiB, is told by /api/ready."""

    @field_validator("tls_key")
    @classmethod
    def _both(cls, key: str, info: ValidationInfo) -> str:
        if bool(key) != bool(info.data.get("tls_cert")):
            raise ValueError("tls_cert and tls_key go together")
        return key

    @field_validator("host")
    @classmethod
    def _loopback(cls, host: str, info: ValidationInfo) -> str:
        try:
            inside = host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            inside = False
        if not inside and not info.data.get("tls_key"):
            raise ValueError(
                "must be a loopback address; set tls_cert and tls_key, or reach other machines through an SSH tunnel"
            )
        return host


class ClientSide(Section):
    """How commands reach a lab on another machine."""

    ca: str = ""
    """PEM file of who signed its certificate; empty: whom this computer trusts anyway."""


class Adb(Section):
    """The adb server that holds the devices."""

    host: str = "127.0.0.1"
    port: int = Field(default=5037, ge=1, le=65535)
    deadline_s: float = Field(default=15.0, gt=0)
    """Wall clock around one small adb request."""
    poll_s: float = Field(default=2.0, gt=0)
    """Between two attempts to get devices on TCP back, and two looks for virtual phones."""


class Runs(Section):
    """How often a run is tried, and how long things may be silent."""

    attempts: int = Field(default=2, ge=1, le=10)
    lease_s: float = Field(default=120.0, gt=0)
    """A run that gives no sign of life for so long beyond its pass timeout loses its device."""
    device_wait_s: float = Field(default=90.0, gt=0)
    """A queued run whose device is away for so long fails."""
    retry_s: float = Field(default=5.0, ge=0)
    """Before a run is tried again; doubled with each attempt."""
    drain_s: float = Field(default=60.0, ge=0)
    """What runs may take so long to end once the daemon is asked to."""
    conditions_retry_s: float = Field(default=30.0, gt=0)
    """Before a run that found its device too hot, charging or busy looks again."""
    conditions_wait_s: float = Field(default=3600.0, ge=0)
    """A run that waited so long for conditions fails."""


class Retention(Section):
    """How long files are kept. What was measured and concluded stays for ever; 0 is no limit."""

    disk_gb: float = Field(default=100.0, ge=0)
    """Of all artifacts together, 10^9 bytes: captures go first, then tensors, evidence, models and frames."""
    capture_days: float = Field(default=0.0, ge=0)
    """Age at which a capture goes."""
    tensor_days: float = Field(default=30.0, ge=0)
    """Age at which goes what was computed from captures and models, and can be again."""
    evidence_days: float = Field(default=0.0, ge=0)
    """Age at which the evidence of a failed run goes."""
    model_days: float = Field(default=0.0, ge=0)
    """Age at which a model or a frame goes, once no capture of its jobs is kept."""
    every_h: float = Field(default=6.0, gt=0)
    """Hours between two looks."""


class Log(Section):
    """What `farm up` writes down of what it does."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
    """On stderr: for people, or one JSON object a line."""
    file: bool = False
    """Also JSON lines in data/logs, rotated."""


class Queue(Section):
    """What users are owed."""

    fairness: float = Field(default=1.0, ge=0)
    """Seconds that a second of device time had lately puts a user's runs back."""
    window_s: float = Field(default=6 * 3600.0, gt=0)
    """How long device time counts."""


class Sentinel(Section):
    """One golden model on every device every night."""

    at: str = Field(default="03:30", pattern=r"^(|[01]\d:[0-5]\d|2[0-3]:[0-5]\d)$")
    """Local time, HH:MM; empty: never."""

    @property
    def time(self) -> datetime.time | None:
        """`at`, as a time of day."""
        return datetime.time.fromisoformat(self.at) if self.at else None


class User(Section):
    """A user's share and limits."""

    name: str = Field(min_length=1)
    share: float = Field(default=1.0, gt=0)
    """2: device time counts half."""
    devices: int | None = Field(default=None, ge=1)
    """At once."""
    runs: int | None = Field(default=None, ge=1)
    """Waiting or running."""


def _data() -> Path:
    home = os.environ.get("XDG_DATA_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path("~/.local/share").expanduser()) / "farm"


class Settings(Section):
    """All settings."""

    data: Path = Field(default_factory=_data)
    """Folder of everything that lasts; absolute once loaded."""
    api: Api = Api()
    client: ClientSide = ClientSide()
    adb: Adb = Adb()
    app: App = App()
    run: Runs = Runs()
    queue: Queue = Queue()
    assertions: Limits = LIMITS
    retention: Retention = Retention()
    log: Log = Log()
    user: tuple[User, ...] = ()
    sentinel: Sentinel = Sentinel()
    trend: Trend = Trend()
    history: History = History()
    notify: Notify = Notify()
    fleet: Fleet = Fleet()
    conditions: Conditions = Conditions()
    samples: Samples = Samples()
    trace: Trace = Trace()
    meter: Meter = Meter()
    hub: Hub = Hub()
    host: tuple[Host, ...] = ()
    device: tuple[DeviceNote, ...] = ()
    avd: tuple[Avd, ...] = ()
    gate: tuple[Gate, ...] = ()
    schedule: tuple[ScheduleNote, ...] = ()
    nightlies: Nightlies = Nightlies()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Settings:
        for key, names in (
            ("host", [h.name for h in self.host]),
            ("device", [d.serial for d in self.device]),
            ("device", [d.name for d in self.device if d.name]),
            ("avd", [a.port for a in self.avd if a.port is not None]),
            ("gate", [g.name for g in self.gate]),
            ("schedule", [s.name for s in self.schedule]),
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"two [[{key}]] have one name, serial or port")
        return self


def load(path: Path | None = None) -> Settings:
    """The settings of `path`, else of $FARM_CONFIG, else of ./farm.toml where it is there, else the defaults.

    Raises:
        SettingsError: the file cannot be read or is wrong (file, line and key).
    """
    file = find(path)
    if file is None:
        return Settings()
    settings = tomlfile.load(file, Settings, SettingsError)
    api, client = settings.api, settings.client
    files = {
        "tls_cert": _beside(api.tls_cert, "api.tls_cert", file),
        "tls_key": _beside(api.tls_key, "api.tls_key", file),
    }
    return settings.model_copy(
        update={
            "data": _absolute(settings.data, "data", file),
            "api": api.model_copy(update=files),
            "app": settings.app.model_copy(update={"apk": _beside(settings.app.apk, "app.apk", file)}),
            "client": client.model_copy(update={"ca": _beside(client.ca, "client.ca", file)}),
            "notify": settings.notify.beside(file.absolute().parent),
            "schedule": tuple(note.beside(file.absolute().parent) for note in settings.schedule),
        }
    )


def find(path: Path | None = None) -> Path | None:
    """The file that `load` reads; None where the defaults hold."""
    named = os.environ.get(VARIABLE)
    file = path or (Path(named) if named else None)
    if file is None and Path(FILE).is_file():
        return Path(FILE)
    return file


def _beside(name: str, key: str, file: Path) -> str:
    return str(_absolute(Path(name), key, file)) if name else ""


def _absolute(path: Path, key: str, file: Path) -> Path:
    try:
        return (file.absolute().parent / path.expanduser()).resolve()
    except RuntimeError as e:  # ~nobody
        raise SettingsError(f"{key}: {e}", where=str(file), remedy="write the folder in full") from e
