"""What runs by itself: `[[schedule]]`, when, and all that `farm submit` takes; `[nightlies]`, for all of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, field_validator

from farm.errors import SettingsError
from farm.schedule import cron as crons
from farm.schedule.schedule import Schedule
from farm.sections.base import Section
from farm.submission import PASSES

T = TypeVar("T")
_RUN = re.compile(r"[0-9]{1,9}(/[0-9]{1,9})?")
_PATHS = ("inputs", "labels", "recipe", "expected", "float_model", "contract", "repository")
_MANY = ("models", "assertions")


def _several(value: Any) -> Any:
    """A single value as a list of one."""
    return value if isinstance(value, list | tuple) else [value]


def _words(value: Any) -> Any:
    """`[1, 4]` or 4 as the command line has it, `1,4`."""
    return ",".join(str(v) for v in value) if isinstance(value, list | tuple) else str(value)


Joined = Annotated[str, BeforeValidator(_words)]


class Nightlies(Section):
    """How the clock of all schedules goes."""

    settle_s: float = Field(default=20.0, ge=0)
    """After the start, before anything is fired: devices that are there take a moment to be seen."""
    look_s: float = Field(default=60.0, gt=0)
    """Between two tries of a night that waits for a device."""


class Work(Section):
    """What is submitted, in the words of `farm submit`; of its options, those that say when have no place here."""

    models: Annotated[tuple[Path, ...], BeforeValidator(_several)] = Field(alias="model", min_length=1)
    inputs: Path
    labels: Path | None = None
    recipe: Path | None = None
    expected: Path | None = None
    on: str = ""
    references: Annotated[tuple[str, ...], BeforeValidator(_several)] = Field(
        default=("litert-ref",), alias="reference"
    )
    float_model: Path | None = Field(default=None, alias="float")
    kernel: Joined = "delegate"
    threads: Joined = "1"
    warmup: int = 5
    repetitions: int = 1
    passes: Joined = ",".join(PASSES)
    layer_frames: int = 8
    isolated_frames: int = 2
    layer_budget_mb: int = 1024
    accelerator: Joined = "cpu"
    cpu_mask: Joined = ""
    context: Joined = "shell"
    runtime: Joined = ""
    sensors: Joined = ""
    fixed_performance: bool = False
    trace: Joined = ""
    timeout: float = 600
    crop: float | None = None
    resize: str | None = None
    channels: str | None = None
    normalize: str | None = None
    rotate: int | None = None
    times: int = 1
    devices: int | None = None
    pair: bool = False
    assertions: Annotated[tuple[Path, ...], BeforeValidator(_several)] = Field(default=(), alias="assert")
    baseline: str = ""
    contract: Path | None = None
    sequence: bool = False


class ScheduleNote(Schedule, Work):
    """A schedule of farm.toml."""

    repository: Path | None = None
    """A folder of a git checkout, whose commit each night is submitted with."""

    @field_validator("zone")
    @classmethod
    def _zone_is_known(cls, zone: str) -> str:
        try:
            crons.zone_of(zone)
        except SettingsError as e:
            raise ValueError(f"{e.message}; {e.remedy}") from e
        return zone

    @property
    def schedule(self) -> Schedule:
        """When, without what."""
        return Schedule(**{name: getattr(self, name) for name in Schedule.model_fields})

    def beside(self, folder: Path) -> ScheduleNote:
        """With relative paths taken as relative to a folder. A link stays one: what it leads to may change every night."""
        changes: dict[str, object] = {
            name: _at(folder, path) for name in _PATHS if (path := getattr(self, name)) is not None
        }
        changes |= {name: tuple(_at(folder, path) for path in getattr(self, name)) for name in _MANY}
        if self.baseline and not _RUN.fullmatch(self.baseline):
            changes["baseline"] = str(_at(folder, Path(self.baseline)))
        changes["references"] = tuple(_reference(word, folder) for word in self.references)
        return self.model_copy(update=changes)


def _at(folder: Path, path: Path) -> Path:
    try:
        return folder / path.expanduser()
    except RuntimeError:  # ~nobody: whoever opens it will say so
        return folder / path


def _reference(word: str, folder: Path) -> str:
    name, given, what = word.partition("=")
    is_path = given and name != "server" and not what.startswith("job:")
    return f"{name}={_at(folder, Path(what))}" if is_path else word
