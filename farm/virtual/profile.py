"""What a virtual phone is: Android version, chip, clusters, battery, heat, as its profile file says.

Plain dataclasses, so that a phone's processes need no pydantic; `farm.virtual.profiles` reads the files.
"""

from __future__ import annotations

import json
import platform
import re
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from farm.errors import InfrastructureError

FILE = "profile.json"
FOLDER = Path(__file__).parent / "profiles"
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64-v8a", "arm64": "arm64-v8a"}
"""What `uname -m` says -> Android's word."""
DEFAULTS = {"x86_64": "x86_64", "arm64-v8a": "arm64"}
"""ABI -> the profile taken when none is named."""
SEVERITIES = 6
"""Android's thermal status light, moderate, severe, critical, emergency, shutdown."""
_ABIS = ("x86_64", "arm64-v8a")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_PROPERTY = re.compile(r"[A-Za-z0-9@_:-]+(\.[A-Za-z0-9@_:-]+)+")
_STRICT = {"extra": "forbid"}
"""For pydantic: a key that no field has is an error."""


@dataclass(frozen=True)
class Android:
    """The system version it answers to."""

    release: str
    sdk: int
    security_patch: str = "2024-01-05"

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        _demand(21 <= self.sdk <= 99, "sdk is Android's API level, 21 or more")
        _demand(re.fullmatch(r"\d{1,2}(\.\d){0,2}", self.release) is not None, "release is a version such as 14")
        _demand(re.fullmatch(r"\d{4}-\d\d-\d\d", self.security_patch) is not None, "security_patch is a date")


@dataclass(frozen=True)
class Product:
    """What the phone calls itself."""

    brand: str
    manufacturer: str
    model: str
    device: str
    width: int = 1080
    height: int = 2400
    density: int = 420

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        for value in (self.brand, self.manufacturer, self.model, self.device):
            _demand(_NAME.fullmatch(value) is not None, f"{value!r} is not a name of letters, digits, '.', '_' and '-'")
        for pixels in (self.width, self.height, self.density):
            _demand(1 <= pixels <= 10_000, "width, height and density are from 1 to 10000")


@dataclass(frozen=True)
class Soc:
    """The chip: `ro.soc.*`, `ro.board.platform`, `ro.hardware`."""

    manufacturer: str
    model: str
    platform: str
    hardware: str

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        for value in (self.manufacturer, self.model, self.platform, self.hardware):
            _demand(_NAME.fullmatch(value) is not None, f"{value!r} is not a name of letters, digits, '.', '_' and '-'")


@dataclass(frozen=True)
class Cluster:
    """CPUs of one kind behind one clock, from the slowest cluster to the fastest.

    `watts`: one CPU, busy, at the highest clock. `kelvin_per_watt`, `seconds`: how much hotter than the body it gets,
    and the time constant. `trip_celsius`: above it the clock goes down step by step.
    """

    name: str
    cpus: int
    mhz: tuple[int, ...]
    watts: float
    kelvin_per_watt: float
    seconds: float
    trip_celsius: float

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        _demand(_NAME.fullmatch(self.name) is not None, f"{self.name!r} is not a name")
        _demand(1 <= self.cpus <= 64, "cpus is from 1 to 64")
        _demand(1 <= len(self.mhz) <= 64 and self.mhz[0] > 0, "mhz is a list of clocks in MHz")
        _demand(all(a < b for a, b in zip(self.mhz, self.mhz[1:], strict=False)), "mhz goes upward")
        _demand(0 < self.watts <= 50 and 0 < self.kelvin_per_watt <= 100, "watts and kelvin_per_watt are positive")
        _demand(0.1 <= self.seconds <= 3600, "seconds is from 0.1 to 3600")
        _demand(20 <= self.trip_celsius <= 150, "trip_celsius is from 20 to 150")


@dataclass(frozen=True)
class Body:
    """The phone around the chip. `skin_celsius`: where each of Android's six thermal statuses begins."""

    ambient_celsius: float
    idle_watts: float
    kelvin_per_watt: float
    seconds: float
    skin_celsius: tuple[float, ...]

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        _demand(-20 <= self.ambient_celsius <= 60, "ambient_celsius is from -20 to 60")
        _demand(0 <= self.idle_watts <= 20 and 0 < self.kelvin_per_watt <= 100, "idle_watts, kelvin_per_watt: positive")
        _demand(0.1 <= self.seconds <= 36_000, "seconds is from 0.1 to 36000")
        rising = all(a < b for a, b in zip(self.skin_celsius, self.skin_celsius[1:], strict=False))
        _demand(len(self.skin_celsius) == SEVERITIES and rising, f"skin_celsius is {SEVERITIES} rising temperatures")


@dataclass(frozen=True)
class Battery:
    """The battery and its charger, which is plugged in: a phone on the bench hangs on USB."""

    capacity_mah: int
    volts: float
    charge_watts: float
    technology: str = "Li-ion"

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        _demand(1 <= self.capacity_mah <= 100_000, "capacity_mah is from 1 to 100000")
        _demand(1 <= self.volts <= 20 and 0 <= self.charge_watts <= 200, "volts is from 1 to 20, charge_watts to 200")
        _demand(_NAME.fullmatch(self.technology) is not None, f"{self.technology!r} is not a name")


@dataclass(frozen=True)
class Emulation:
    """The processor where programs do not run on this machine's own: qemu's `-cpu`, and /proc/cpuinfo's words for it.

    `features` must be what that CPU has: a library that finds one more dies of an illegal instruction.
    """

    cpu: str
    features: str
    implementer: int
    variant: int
    part: int
    revision: int

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        _demand(_NAME.fullmatch(self.cpu) is not None, f"{self.cpu!r} is not a CPU's name")
        _demand(re.fullmatch(r"[a-z0-9_ ]{1,500}", self.features) is not None, "features is a list of words")
        for value, limit in ((self.implementer, 255), (self.variant, 15), (self.part, 4095), (self.revision, 15)):
            _demand(0 <= value <= limit, "implementer, variant, part and revision are fields of the MIDR register")


@dataclass(frozen=True)
class Profile:
    """One kind of virtual phone."""

    abi: str
    android: Android
    product: Product
    soc: Soc
    cluster: tuple[Cluster, ...]
    body: Body
    battery: Battery
    emulation: Emulation | None = None
    properties: dict[str, str] = field(default_factory=dict)

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        _demand(self.abi in _ABIS, f"abi is one of {', '.join(_ABIS)}")
        _demand(1 <= len(self.cluster) <= 8, "one to eight [[cluster]] tables")
        _demand(len({c.name for c in self.cluster}) == len(self.cluster), "each cluster has a name of its own")
        for name, value in self.properties.items():
            _demand(_PROPERTY.fullmatch(name) is not None, f"properties: {name!r} is not a property's name")
            _demand("\n" not in value and len(value) < 512, f"properties: {name} has a value that is no single line")
            _demand(not name.startswith("ro.farm."), f"properties: {name} is the farm's own")

    @property
    def cpus(self) -> int:
        """How many CPUs, in all clusters."""
        return sum(cluster.cpus for cluster in self.cluster)


def write(profile: Profile, folder: Path) -> None:
    """Leave `profile` in a phone's folder for the phone's own processes."""
    (folder / FILE).write_text(json.dumps(asdict(profile)))


def read(folder: Path) -> Profile:
    """The profile that `write` left in `folder`."""
    return _decode(json.loads((folder / FILE).read_text()))


def default() -> Profile:
    """The profile for phones whose programs run on this machine's own processor, without pydantic.

    Raises:
        InfrastructureError: Android has no word for this machine.
    """
    name = DEFAULTS.get(native_abi())
    if name is None:
        raise InfrastructureError(
            f"no virtual phone on {platform.machine()}", remedy=f"virtual phones run on {' and '.join(MACHINES)}"
        )
    return _decode(tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8")))


def native_abi() -> str:
    """Android's word for this machine's instruction set; empty when it has none."""
    return MACHINES.get(platform.machine(), "")


def _decode(record: dict[str, Any]) -> Profile:
    clusters = tuple(Cluster(**cluster | {"mhz": tuple(cluster["mhz"])}) for cluster in record["cluster"])
    body = Body(**record["body"] | {"skin_celsius": tuple(record["body"]["skin_celsius"])})
    emulation = record.get("emulation")
    return Profile(
        abi=record["abi"],
        android=Android(**record["android"]),
        product=Product(**record["product"]),
        soc=Soc(**record["soc"]),
        cluster=clusters,
        body=body,
        battery=Battery(**record["battery"]),
        emulation=Emulation(**emulation) if emulation else None,
        properties=record.get("properties", {}),
    )


def _demand(holds: bool, message: str) -> None:  # the condition itself
    if not holds:
        raise ValueError(message)
