from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from farm.cli import app
from farm.errors import SettingsError
from farm.virtual import cpuinfo, figures, profile, profiles

TEXT = (profile.FOLDER / "x86_64.toml").read_text()


def _load(folder: Path, text: str) -> profile.Profile:
    file = folder / "mine.toml"
    file.write_text(text)
    return profiles.load(str(file))


def test_there_is_one_of_each_abi() -> None:
    assert {profiles.load(name).abi for name in profiles.names()} == {"x86_64", "arm64-v8a"}
    assert profiles.load(abi="arm64-v8a") == profiles.load("arm64")
    assert profiles.load("x86_64", "x86_64").abi == "x86_64"
    assert profiles.load() == profile.default()


@pytest.mark.parametrize("name", profiles.names())
def test_a_phones_processes_read_what_was_written_for_them(name: str, tmp_path: Path) -> None:
    kind = replace(profiles.load(name), properties={"persist.lab.shelf": "3 b"})
    profile.write(kind, tmp_path)
    assert profile.read(tmp_path) == kind


@pytest.mark.parametrize("name", profiles.names())
def test_nothing_shipped_passes_for_a_real_phone(name: str) -> None:
    kind = profiles.load(name)
    for word in (
        kind.product.brand,
        kind.product.manufacturer,
        kind.product.model,
        kind.product.device,
        kind.soc.model,
    ):
        assert word.startswith("virtual")


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('abi = "x86_64"', 'abi = "mips"', "", "abi is one of"),
        ("sdk = 34", "sdk = 3", ":5", "API level"),
        ("sdk = 34", 'sdk = "new"', ":7", "android.sdk"),
        ("mhz = [300,", "mhz = [3000,", "", "upward"),
        ("mhz = [300, 576, 768, 1036, 1248, 1516, 1804]", "mhz = []", "", "list of clocks"),
        ("idle_watts = 0.3", "idle_wats = 0.3", "", "idle_wat"),
        ("trip_celsius = 85.0 ", "trip_celsius = 850 ", "", "trip_celsius"),
        ("[battery]", "[batery]", "", "bat"),
        ("capacity_mah = 4500", "capacity_mah = 0", "", "capacity_mah"),
        ("skin_celsius = [38.0,", "skin_celsius = [", "", "skin_celsius"),
        ('name = "big"', 'name = "little"', "", "name of its own"),
        ("charge_watts = 7.5", 'charge_watts = 7.5\n[properties]\n"ro.farm.virtual" = "0"', "", "farm's own"),
        ("charge_watts = 7.5", 'charge_watts = 7.5\n[properties]\n"a b" = "0"', "", "a property's name"),
        ("charge_watts = 7.5", 'charge_watts = 7.5\n[properties]\n"a.b" = "x\\ny"', "", "single line"),
        ("charge_watts = 7.5", "charge_watts = ", "", "not TOML"),
    ],
)  # fmt: skip
def test_a_wrong_profile_says_where_and_what(tmp_path: Path, old: str, new: str, line: str, words: str) -> None:
    assert old in TEXT
    with pytest.raises(SettingsError) as caught:
        _load(tmp_path, TEXT.replace(old, new))
    assert str(tmp_path / "mine.toml") in caught.value.where
    assert ":" in caught.value.where.removeprefix(str(tmp_path / "mine.toml"))
    assert caught.value.where.endswith(line)
    assert words in caught.value.message


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(SettingsError, match="no profile 'pixel'") as caught:
        profiles.load("pixel")
    assert "arm64, x86_64" in caught.value.remedy
    with pytest.raises(SettingsError, match="of x86_64, not arm64-v8a"):
        profiles.load("x86_64", "arm64-v8a")
    with pytest.raises(SettingsError, match="no virtual phone of mips"):
        profiles.load(abi="mips")
    with pytest.raises(SettingsError):
        profiles.load("./nowhere.toml")


def test_the_command_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "farm.toml").write_text('data = "data"\n[adb]\nport = 1\n')
    (tmp_path / "mine.toml").write_text(TEXT.replace("cpus = 1", "cpus = 0"))
    arguments = ["--config", str(tmp_path / "farm.toml"), "virtual", "up"]
    result = CliRunner().invoke(app, [*arguments, "--profile", str(tmp_path / "mine.toml")])
    assert result.exit_code == 2
    assert f"{tmp_path / 'mine.toml'}:22" in result.stderr
    result = CliRunner().invoke(app, [*arguments, "--profile", "arm64", "--abi", "x86_64"])
    assert result.exit_code == 2
    assert not (tmp_path / "data" / "virtual").exists()


def test_cpus_this_machine_has_not_are_offline(tmp_path: Path) -> None:
    kind = profiles.load("arm64")
    little = replace(kind.cluster[0], cpus=4)
    kind = replace(kind, cluster=(little, replace(kind.cluster[1], cpus=4)))
    files = figures.fixed(kind, 5)
    cpu = "sys/devices/system/cpu"
    assert files[f"{cpu}/possible"] == files[f"{cpu}/present"] == "0-7"
    assert (files[f"{cpu}/online"], files[f"{cpu}/offline"]) == ("0-4", "5-7")
    assert files[f"{cpu}/cpufreq/policy4/related_cpus"] == "4 5 6 7"
    assert files[f"{cpu}/cpufreq/policy4/affected_cpus"] == "4"
    assert figures.links(kind, 5)[f"{cpu}/cpu3/cpufreq"] == "../cpufreq/policy0"
    assert f"{cpu}/cpu5/cpufreq" not in figures.links(kind, 5)
    assert f"{cpu}/cpufreq/policy4/scaling_max_freq" not in figures.fixed(kind, 4)
    assert figures.fixed(kind, 8)[f"{cpu}/offline"] == ""
    assert files[f"{cpu}/cpu0/cpu_capacity"] == str(round(1024 * little.mhz[-1] / kind.cluster[1].mhz[-1]))


def test_cpuinfo_is_linuxs_text() -> None:
    emulation = profiles.load("arm64").emulation
    assert emulation is not None
    first, second, rest = cpuinfo.text(emulation, 2).split("\n\n")
    assert rest == ""
    assert first.splitlines() == [
        "processor\t: 0",
        "BogoMIPS\t: 38.40",
        f"Features\t: {emulation.features}",
        "CPU implementer\t: 0x41",
        "CPU architecture: 8",
        "CPU variant\t: 0x4",
        "CPU part\t: 0xd0b",
        "CPU revision\t: 1",
    ]
    assert second.splitlines()[1:] == first.splitlines()[1:]
