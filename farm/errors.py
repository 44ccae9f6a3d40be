"""What can go wrong, in one tree.

    FarmError
    |-- JobError                the user's: never retried          exit 2
    |   |-- ModelError          the .tflite cannot be read, instrumented or run
    |   |-- RecipeError         the recipe is wrong (file and line)
    |   |-- InputsError         inputs or labels are wrong
    |   |-- CaptureError    the file is no capture, is damaged, or needs a newer farm
    |   |-- AppError            the attached app is not there, cannot be started, died, or never ended
    |   |-- SelectorError       the selector is wrong (column) or matches nothing
    |   |-- QuotaError          the user has too many runs waiting
    |   |-- BundleError         a runtime bundle is refused, is not there, or has nothing for the device
    |   |-- GateError           a gate's condition is wrong (column), or there is nothing to check
    |   `-- SettingsError       farm.toml is wrong (file and line)
    |-- InfrastructureError     the lab's: requeued                exit 3
    |   |-- NoDeviceError       nothing to run on
    |   |-- AdbError            the adb server or the device refused
    |   |   `-- DeviceGoneError the device left in the middle
    |   |-- DeadlineError       a wall-clock deadline of ours passed
    |   |-- StorageError        no room on the device or the host
    |   |-- ConditionsError     a device is not (yet) in the state to be measured in: waits, and counts against nobody
    |   `-- DaemonError         the daemon cannot be reached or started
    `-- BugError                ours: report it                    exit 5

Every error says what happened, where, and what to do about it.
"""

from __future__ import annotations

from typing import ClassVar


class FarmError(Exception):
    """What happened (`str(error)`), where, and the remedy.

    `kind` is the word stored with a failed run; `exit_status` is what the command line ends with.
    """

    kind: ClassVar[str] = "bug"
    exit_status: ClassVar[int] = 5

    def __init__(self, message: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message

    @property
    def code(self) -> str:
        """The error's name in words, as scripts read it: `no-device`, `model`, ..."""
        name = type(self).__name__.removesuffix("Error")
        return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")


class JobError(FarmError):
    """The user's: the same submission would fail again."""

    kind = "job"
    exit_status = 2


class ModelError(JobError):
    """The model cannot be read, instrumented or run."""


class RecipeError(JobError):
    """The recipe does not say what it must, or says it wrongly."""


class InputsError(JobError):
    """Inputs or labels are missing, broken, or do not fit the model."""


class CaptureError(JobError):
    """The file is no capture, breaks the format's rules or limits, or was written for a newer farm."""


class AppError(JobError):
    """The app that is attached is not there, cannot be started or reached, died, or did not end its capture in time."""


class SelectorError(JobError):
    """The device selector cannot be parsed, or excludes every device."""


class SettingsError(JobError):
    """farm.toml is wrong."""


class QuotaError(JobError):
    """The user has as many runs waiting and running as farm.toml lets them."""


class BundleError(JobError):
    """A runtime bundle: the file is none, is damaged or a mixture, no such name, or nothing in it for the device."""


class GateError(JobError):
    """A gate's condition cannot be parsed (column), there is no such gate, or nothing to check."""

    at: int | None = None
    """Where in the condition, from 0; None: it is not about a condition's text."""


class InfrastructureError(FarmError):
    """The lab's: another attempt, or another device, may succeed."""

    kind = "infrastructure"
    exit_status = 3


class NoDeviceError(InfrastructureError):
    """No device to run on."""


class AdbError(InfrastructureError):
    """The adb server or a device refused a request."""


class DeviceGoneError(AdbError):
    """The device left while it was in use."""


class DeadlineError(InfrastructureError):
    """A wall-clock deadline of ours passed; the connection was closed."""


class StorageError(InfrastructureError):
    """No room left, on the device or on the host."""


class ConditionsError(InfrastructureError):
    """The device is too hot, charging, busy or otherwise not to be measured now. The run waits; nobody is blamed."""


class DaemonError(InfrastructureError):
    """The daemon cannot be reached, or another one holds the data folder."""


class BugError(FarmError):
    """Ours. The full report is in the data folder."""
