"""The files that show a phone's state: what its `dumpsys` prints (data/virtual) and Linux's nodes (sys)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.virtual import physics

if TYPE_CHECKING:
    from farm.virtual.physics import Given, State
    from farm.virtual.profile import Cluster, Profile

DATA = "data/virtual"
_CPU = "sys/devices/system/cpu"
_CPUFREQ = f"{_CPU}/cpufreq"
_THERMAL = "sys/class/thermal"
_POWER = "sys/class/power_supply"
_CPU_TYPE, _BATTERY_TYPE, _SKIN_TYPE = 0, 2, 3
"""Android's android.hardware.thermal.TemperatureType."""
_MICRO = 1_000_000
_WORDS = {1: "Unknown", 2: "Charging", 3: "Discharging", 4: "Not charging", 5: "Full"}
_USB_VOLTS = 5.0


def fixed(profile: Profile, online: int) -> dict[str, str]:
    """Those that never change, path to text; `online` CPUs are there, the others are offline."""
    cpus = profile.cpus
    files = {
        f"{_CPU}/possible": _range(0, cpus - 1),
        f"{_CPU}/present": _range(0, cpus - 1),
        f"{_CPU}/online": _range(0, online - 1),
        f"{_CPU}/offline": _range(online, cpus - 1) if online < cpus else "",
        f"{_CPU}/kernel_max": str(cpus - 1),
        f"{DATA}/battery/ac": "false",
        f"{DATA}/battery/wireless": "false",
        f"{DATA}/battery/dock": "false",
        f"{DATA}/battery/health": "2",
        f"{DATA}/battery/present": "true",
        f"{DATA}/battery/scale": "100",
        f"{DATA}/battery/technology": profile.battery.technology,
        f"{DATA}/thermal/thresholds": _thresholds(profile),
        f"{DATA}/display/size": f"{profile.product.width}x{profile.product.height}",
        f"{DATA}/display/density": str(profile.product.density),
        f"{_POWER}/battery/type": "Battery",
        f"{_POWER}/battery/present": "1",
        f"{_POWER}/battery/health": "Good",
        f"{_POWER}/battery/technology": profile.battery.technology,
        f"{_POWER}/battery/charge_full": str(profile.battery.capacity_mah * 1000),
        f"{_POWER}/battery/charge_full_design": str(profile.battery.capacity_mah * 1000),
        f"{_POWER}/battery/cycle_count": "0",
        f"{_POWER}/usb/type": "USB",
        f"{_POWER}/virtual-model/type": "Unknown",  # no phone has it: what the model draws, whatever its battery does
    }
    first = 0
    for index, cluster in enumerate(profile.cluster):
        files |= _policy(cluster, first, online) if first < online else {}
        for cpu in range(first, first + cluster.cpus):
            files[f"{_CPU}/cpu{cpu}/online"] = str(int(cpu < online))
            if cpu < online:
                files[f"{_CPU}/cpu{cpu}/topology/physical_package_id"] = "0"
                files[f"{_CPU}/cpu{cpu}/topology/core_id"] = str(cpu)
                files[f"{_CPU}/cpu{cpu}/topology/cluster_id"] = str(index)
                files[f"{_CPU}/cpu{cpu}/cpu_capacity"] = str(_capacity(profile, cluster))
        first += cluster.cpus
    for number, (kind, trip) in enumerate(_zones(profile)):
        files |= {
            f"{_THERMAL}/thermal_zone{number}/type": kind,
            f"{_THERMAL}/thermal_zone{number}/mode": "enabled",
            f"{_THERMAL}/thermal_zone{number}/policy": "step_wise",
            f"{_THERMAL}/thermal_zone{number}/available_policies": "step_wise",
            f"{_THERMAL}/thermal_zone{number}/trip_point_0_type": "passive",
            f"{_THERMAL}/thermal_zone{number}/trip_point_0_temp": _milli(trip),
            f"{_THERMAL}/thermal_zone{number}/trip_point_0_hyst": _milli(physics.HYSTERESIS),
        }
    for number, cluster in enumerate(profile.cluster):
        files[f"{_THERMAL}/cooling_device{number}/type"] = _cooler(profile, number)
        files[f"{_THERMAL}/cooling_device{number}/max_state"] = str(len(cluster.mhz) - 1)
    return files


def links(profile: Profile, online: int) -> dict[str, str]:
    """Symbolic links, path to target: each CPU's own name for its cluster's clock."""
    result, first = {}, 0
    for cluster in profile.cluster:
        for cpu in range(first, min(first + cluster.cpus, online)):
            result[f"{_CPU}/cpu{cpu}/cpufreq"] = f"../cpufreq/policy{first}"
        first += cluster.cpus
    return result


def now(profile: Profile, state: State, given: Given, online: int) -> dict[str, str]:
    """Those that follow the state, path to text. What `given` only shows is not in data/virtual: its own file wins there."""
    plain = physics.Given(celsius=given.celsius)
    level, volts = physics.level(profile, state, given), physics.volts(profile, state, given)
    status = physics.battery_status(profile, state, given)
    plugged = "1" if state.plugged else "0"
    celsius = physics.battery_celsius(state, given)
    skin = physics.skin_celsius(state, given)
    temperatures = [c.celsius for c in state.cluster]
    files = {
        f"{DATA}/battery/level": str(physics.level(profile, state, plain)),
        f"{DATA}/battery/status": str(physics.battery_status(profile, state, plain)),
        f"{DATA}/battery/usb": "true" if state.plugged else "false",
        f"{DATA}/battery/voltage": str(round(volts * 1000)),
        f"{DATA}/battery/temperature": str(round(10 * physics.battery_celsius(state, plain))),
        f"{DATA}/battery/counter": str(round(state.charge_mah) * 1000),
        f"{DATA}/battery/max_current": str(_max_current(profile) if state.plugged else 0),
        f"{DATA}/battery/max_voltage": str(round(_USB_VOLTS * _MICRO) if state.plugged else 0),
        f"{DATA}/thermal/status": str(physics.thermal_status(profile, state, plain)),
        f"{DATA}/thermal/temperatures": _temperatures(profile, state, skin),
        f"{_POWER}/battery/capacity": str(level),
        f"{_POWER}/battery/status": _WORDS.get(status, "Unknown"),
        f"{_POWER}/battery/voltage_now": str(round(volts * 1000) * 1000),
        f"{_POWER}/battery/current_now": str(round(state.charging_watts / volts * 1000) * 1000),
        f"{_POWER}/battery/charge_counter": str(round(state.charge_mah) * 1000),
        f"{_POWER}/battery/temp": str(round(10 * celsius)),
        f"{_POWER}/virtual-model/power_now": str(round(state.watts * _MICRO)),
        f"{_POWER}/usb/online": plugged,
        f"{_POWER}/usb/present": plugged,
    }
    first = 0
    for number, (cluster, one) in enumerate(zip(profile.cluster, state.cluster, strict=True)):
        if first < online:
            folder = f"{_CPUFREQ}/policy{first}"
            files[f"{folder}/scaling_cur_freq"] = _khz(cluster.mhz[one.step])
            files[f"{folder}/scaling_max_freq"] = _khz(cluster.mhz[one.cap])
        files[f"{_THERMAL}/cooling_device{number}/cur_state"] = str(len(cluster.mhz) - 1 - one.cap)
        first += cluster.cpus
    for number, value in enumerate([*temperatures, skin, celsius]):
        files[f"{_THERMAL}/thermal_zone{number}/temp"] = _milli(value)
    return files


def _policy(cluster: Cluster, first: int, online: int) -> dict[str, str]:
    folder = f"{_CPUFREQ}/policy{first}"
    members = " ".join(map(str, range(first, first + cluster.cpus)))
    return {
        f"{folder}/affected_cpus": " ".join(map(str, range(first, min(first + cluster.cpus, online)))),
        f"{folder}/related_cpus": members,
        f"{folder}/cpuinfo_min_freq": _khz(cluster.mhz[0]),
        f"{folder}/cpuinfo_max_freq": _khz(cluster.mhz[-1]),
        f"{folder}/scaling_min_freq": _khz(cluster.mhz[0]),
        f"{folder}/scaling_available_frequencies": "".join(f"{_khz(mhz)} " for mhz in cluster.mhz),  # as Linux does
        f"{folder}/scaling_available_governors": "schedutil ",
        f"{folder}/scaling_governor": "schedutil",
        f"{folder}/scaling_driver": "virtual",
    }


def _zones(profile: Profile) -> list[tuple[str, float]]:
    """Each thermal zone's type and trip temperature: the clusters', the case's, the battery's."""
    light = profile.body.skin_celsius[0]
    clusters = [(f"virtual-cpu-{cluster.name}", cluster.trip_celsius) for cluster in profile.cluster]
    return [*clusters, ("virtual-skin", light), ("virtual-battery", light)]


def _temperatures(profile: Profile, state: State, skin: float) -> str:
    """A line for each sensor but the battery's: name, Android's type, degrees, Android's status."""
    rows = [
        f"virtual-cpu-{cluster.name} {_CPU_TYPE} {one.celsius:.1f} 0"
        for cluster, one in zip(profile.cluster, state.cluster, strict=True)
    ]
    rows.append(f"virtual-skin {_SKIN_TYPE} {skin:.1f} {physics.severity(profile.body, skin)}")
    return "\n".join(rows)


def _thresholds(profile: Profile) -> str:
    return f"virtual-skin {_SKIN_TYPE} {', '.join(f'{value:.1f}' for value in profile.body.skin_celsius)}"


def _cooler(profile: Profile, number: int) -> str:
    return f"thermal-cpufreq-{sum(cluster.cpus for cluster in profile.cluster[:number])}"


def _capacity(profile: Profile, cluster: Cluster) -> int:
    """Linux's cpu_capacity: 1024 for the fastest."""
    return round(1024 * cluster.mhz[-1] / max(other.mhz[-1] for other in profile.cluster))


def _max_current(profile: Profile) -> int:
    return round(profile.battery.charge_watts / _USB_VOLTS * _MICRO)


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _khz(mhz: int) -> str:
    return str(mhz * 1000)


def _milli(celsius: float) -> str:
    return str(round(celsius * 1000))
