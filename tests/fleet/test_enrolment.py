"""What a device is: parsers for any text, the words of real services, and a virtual phone asked for real."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.fleet import enrolment
from farm.fleet.enrolment import QUESTIONS, UNKNOWN, BatteryCurrent, Cluster, Enrolment
from farm.run import golden
from farm.store.artifacts import ArtifactStore

if TYPE_CHECKING:
    from pathlib import Path

    from farm.fleet.adb import AdbServer
    from farm.virtual import VirtualPhone

# The words are AOSP's: PowerStatsHALWrapper and ProtoStreamUtils.ChannelUtils print the channels.
POWERSTATS = """PowerStatsService dumpsys: available Channels
ChannelId: 0, ChannelName: S10M_VDD_TPU, ChannelSubsystem: TPU
ChannelId: 1, ChannelName: VSYS_PWR_MODEM, ChannelSubsystem: Modem
ChannelId: 1, ChannelName: VSYS_PWR_MODEM, ChannelSubsystem: Modem
"""
CLUSTERS = """/sys/devices/system/cpu/cpufreq/policy4|4 5 6|2348000|400000|sched_pixel|400000
/sys/devices/system/cpu/cpufreq/policy0|0 1 2 3|1803000|300000|sched_pixel|
/sys/devices/system/cpu/cpufreq/policy7|7|2850000|500000||
/sys/devices/system/cpu/cpufreq/policy*|||||
"""
BATTERY = "  AC powered: false\n  status: {status}\n  level: 50\n"


@given(said=st.dictionaries(st.sampled_from(sorted(QUESTIONS)), st.text(max_size=300)), value=st.text(max_size=40))
def test_any_text_is_read_without_error(said: dict[str, str], value: str) -> None:
    found = enrolment.read(said, {"ro.build.version.sdk": value, "ro.product.cpu.abilist": value})
    assert Enrolment.model_validate_json(found.model_dump_json()) == found


@given(text=st.text(alphabet="0123456789-, |\n=far:kBPs%", max_size=200))
def test_any_text_of_the_right_letters_is_read_without_error(text: str) -> None:
    enrolment.read(dict.fromkeys(QUESTIONS, text), {})
    enrolment.sections(text)


@given(said=st.dictionaries(st.sampled_from(sorted(QUESTIONS)), st.text(alphabet="ab \n", min_size=1, max_size=40)))
def test_sections_come_back_as_they_were_printed(said: dict[str, str]) -> None:
    printed = "".join(f"\n{enrolment.MARK}{name}\n{text}\n" for name, text in said.items())
    assert enrolment.sections(printed) == {name: text.strip("\n") for name, text in said.items()}


def test_rails() -> None:
    assert enrolment.parse_rails(POWERSTATS) == ("TPU/S10M_VDD_TPU", "Modem/VSYS_PWR_MODEM")
    assert enrolment.parse_rails("Can't find service: powerstats") == ()


def test_clusters_from_the_slowest() -> None:
    assert enrolment.parse_clusters(CLUSTERS) == (
        Cluster(cpus=(0, 1, 2, 3), max_khz=1803000, min_khz=300000, governor="sched_pixel"),
        Cluster(cpus=(4, 5, 6), max_khz=2348000, min_khz=400000, governor="sched_pixel", clock_readable=True),
        Cluster(cpus=(7,), max_khz=2850000, min_khz=500000),
    )


@pytest.mark.parametrize(("text", "count"), [("cpu0\ncpu1\ncpufreq\n0-7", 8), ("cpu0\ncpu1\ncpuidle", 2), ("0", 1)])
def test_cpus(text: str, count: int) -> None:
    assert enrolment.count_cpus(text) == count


@pytest.mark.parametrize(
    ("command", "sysfs", "status", "expected"),
    [
        ("-412000", "", 3, BatteryCurrent(readable=True, source="cmd battery", unit="uA", sign="positive charges")),
        ("412000", "", 3, BatteryCurrent(readable=True, source="cmd battery", unit="uA", sign="positive discharges")),
        ("-412", "", 3, BatteryCurrent(readable=True, source="cmd battery", unit=UNKNOWN, sign="positive charges")),
        ("-412000", "", 5, BatteryCurrent(readable=True, source="cmd battery", unit="uA", sign=UNKNOWN)),
        ("Unknown get option: current_now", "", 3, BatteryCurrent()),
        ("", "/sys/class/power_supply/usb/current_now|", 3, BatteryCurrent()),
        (
            "Unknown", "/sys/class/power_supply/usb/current_now|500000\n/sys/class/power_supply/battery/current_now|21000", 2,
            BatteryCurrent(
                readable=True, source="/sys/class/power_supply/battery/current_now", unit="uA", sign="positive charges"
            ),
        ),
    ],
)  # fmt: skip
def test_battery_current_is_called_known_only_where_it_is(
    command: str, sysfs: str, status: int, expected: BatteryCurrent
) -> None:
    assert enrolment.parse_current(command, sysfs, BATTERY.format(status=status)) == expected


def test_storage_screen_memory_zones() -> None:
    df = "Filesystem     1K-blocks    Used Available Use% Mounted on\n/dev/block/dm-9 114000000 40000000  74000000  36% /data"
    assert enrolment.parse_df(df) == (74000000 << 10, 114000000 << 10)
    assert enrolment.parse_df("df: /data/local/tmp: No such file") == (None, None)
    assert enrolment.parse_screen("Physical size: 1080x2400\nOverride size: 720x1600\nPhysical density: 420") == (
        "720x1600 at 420 dpi"
    )
    assert enrolment.parse_memory("MemTotal:        7654321 kB\nMemFree: 1 kB") == 7654321 << 10
    assert enrolment.parse_zones("soc|42000\nskin|\nusb|-3000\n|5") == ("soc", "usb")


def test_a_virtual_phone_is_enrolled_and_says_that_it_is_virtual(adb: AdbServer, phone: VirtualPhone) -> None:
    device = adb.device(phone.serial)
    found = enrolment.ask(device, device.properties(10))
    can = found.capabilities
    assert found.model.startswith("virtual")
    assert "virtual" in found.fingerprint
    assert found.abis == (phone.abi,)
    assert found.cpus == sum(len(c.cpus) for c in found.clusters) > 0
    assert all(c.max_khz and c.governor == "schedutil" for c in found.clusters)
    assert (can.thermal_service, can.smaps_rollup, can.taskset, can.governor, can.clocks) == (True,) * 5
    assert "virtual-skin" in can.thermal_zones
    assert not can.fixed_performance, "no power HAL stands behind it"
    assert not can.power_rails
    assert can.battery_current.readable
    assert can.screen == "1080x2400 at 420 dpi"
    assert found.storage_free is not None
    assert found.storage_total is not None
    assert 0 < found.storage_free <= found.storage_total


def test_the_golden_model_tells_equal_from_different_and_leaves_nothing_behind(
    adb: AdbServer, phone: VirtualPhone, artifacts: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = adb.device(phone.serial)

    def prove(abi: str = phone.abi, *, virtual: bool = True) -> enrolment.Golden:
        return golden.prove(device, abi, virtual=virtual, artifacts=artifacts, data=tmp_path, check=lambda: None)

    assert prove().parity == "equal"
    monkeypatch.setattr(golden, "TOLERANCE", -1.0)
    different = prove()
    assert different.parity == "differs"
    assert "more than -1" in different.detail
    phone_without = prove(virtual=False)
    assert phone_without.parity == "no-agent"
    assert "farm runtime add" in phone_without.detail or "run: make" in phone_without.detail
    assert prove("mips").parity == "not-run"
    assert device.shell(["ls", "/data/local/tmp/farm"], 10).text.split() == ["agent.lock", "cache"]
