"""Whole runs on virtual phones with everything around the passes: samples, energy, gates, what fails and what stands."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from farm import host_cpu, virtual
from farm.errors import ConditionsError
from farm.fleet.device import Device
from farm.fleet.enrolment import BatteryCurrent, Capabilities, Enrolment
from farm.run.perform import make_perform
from farm.run.work import Work
from farm.virtual import climate
from tests.run.test_perform import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from farm.report.document import Run


def with_(b: Bench, **sections: dict[str, Any]) -> Bench:
    changes = {name: getattr(b.settings, name).model_copy(update=values) for name, values in sections.items()}
    b.settings = b.settings.model_copy(update=changes)
    return b


def rows(run: Run) -> list[dict[str, Any]]:
    assert run.samples is not None
    found: list[dict[str, Any]] = pq.read_table(run.samples.path).to_pylist()
    assert len(found) == run.samples.rows
    return found


def short(b: Bench, **options: Any) -> Any:
    asked = b.submission(layer_frames=0, repetitions=10, **options)
    return asked.model_copy(update={"passes": ("latency",)})


def test_a_run_has_samples_energy_and_conditions(b: Bench) -> None:
    virtual.fault(b.phone, "low-battery", level=80)  # unplugged, so that its battery tells what it draws
    with_(b, samples={"period_ms": 20, "idle_s": 0.5, "host_s": 0.2})
    known = Enrolment(at=0, fingerprint="", capabilities=Capabilities(battery_current=BatteryCurrent(unit="uA")))
    b.runs += 1
    device = Device(b.phone.serial, "device", b.device.properties(10))
    perform = make_perform(b.settings, b.artifacts, lambda serial: known if serial == b.phone.serial else None)
    run = perform(Work(b.runs, 1, b.runs, short(b), device), lambda *_: None, lambda: None)
    assert run.status == "done"
    assert run.partial == ()
    assert run.conditions["battery"] == "80 %, discharging"
    assert "charging" not in run.conditions
    found = rows(run)
    assert {"power/battery/current_now", "power/virtual-model/power_now", "memory/rss_bytes", "load"} <= {
        r["source"] for r in found if r["by"] == "agent"
    }
    assert {"computer/load"} <= {r["source"] for r in found if r["by"] == "psutil"}
    assert {"idle", "frames"} <= {r["phase"] for r in found if r["during"] == "latency"}
    assert any(r["frame"] >= 0 for r in found)
    by_boundary = {e.boundary: e for e in run.energy}
    assert by_boundary.keys() == {"virtual model", "battery"}
    model = by_boundary["virtual model"]
    assert model.virtual
    assert model.per_inference_mj is not None
    assert model.interval_mj is not None
    assert model.interval_mj[0] <= model.per_inference_mj <= model.interval_mj[1]
    assert model.inferences == 1200
    assert model.idle_s >= 0.5
    battery = by_boundary["battery"]
    assert battery.units.startswith("uA, by the device's enrolment")
    assert (battery.per_inference_mj is None) == bool(battery.reason)
    assert run.samples is not None
    assert {"power", "temperature", "clock", "load", "memory"} <= {s.quantity for s in run.samples.series}


def test_without_sampling_nothing_is_missing(b: Bench) -> None:
    with_(b, samples={"period_ms": 0, "host": "never"})
    run = b.perform(short(b))
    assert run.samples is None
    assert run.energy == ()
    assert run.partial == ()


@pytest.mark.slow
def test_what_prints_garbage_makes_the_run_partial_not_dead(b: Bench) -> None:
    folder = b.phone.root / "sys/class/power_supply"
    for name in ("battery/current_now", "battery/voltage_now", "virtual-model/power_now"):
        climate.put(folder / name, "-?-")
    node = folder / "virtual-model/power_now"
    stop = threading.Event()

    def spoil() -> None:  # the model writes its own again whenever it changes
        while not stop.wait(0.02):
            for name in ("battery/current_now", "virtual-model/power_now"):
                with contextlib.suppress(OSError):
                    climate.put(folder / name, "-?-")

    thread = threading.Thread(target=spoil)
    thread.start()
    try:
        run = b.perform(short(b))
    finally:
        stop.set()
        thread.join()
    assert node.exists()
    assert run.status == "done"
    assert run.verdict is not None
    assert any("power can be opened, but what they say is no number" in words for words in run.partial), run.partial


def test_a_meter_that_dies_makes_the_run_partial(b: Bench, tmp_path: Path) -> None:
    script = tmp_path / "meter.py"
    script.write_text(
        "import time\nfor _ in range(20):\n    print(time.time(), 2.5, flush=True)\n    time.sleep(0.01)\n"
    )
    with_(b, meter={"command": (sys.executable, str(script), "{serial}")})
    run = b.perform(short(b))
    assert run.status == "done"
    assert any(words.startswith("meter: ") and "ended with status 0" in words for words in run.partial), run.partial
    (energy,) = [e for e in run.energy if e.boundary == "external meter"]
    assert energy.per_inference_mj is None
    assert run.samples is not None
    assert run.samples.offset_error_ms is not None


@pytest.mark.slow
def test_a_device_that_is_not_fit_goes_back_to_the_queue(b: Bench) -> None:
    virtual.fault(b.phone, "low-battery", level=5)
    broken = b.break_off(short(b))
    assert isinstance(broken.cause, ConditionsError)
    assert broken.partial.captures == ()
    virtual.fault(b.phone, "clear")
    assert b.perform(short(b)).status == "done"


def test_it_waits_for_the_hosts_cpu_and_measures_when_it_is_free(
    b: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(host_cpu.VARIABLE, str(tmp_path / "lock"))
    other, seen = contextlib.ExitStack(), list[str]()
    other.enter_context(host_cpu.held(lambda: None))

    def follow(stage: str, done: int, of: int) -> None:
        seen.append(stage)
        if stage == host_cpu.STAGE and seen.count(stage) == 3:
            assert "latency" not in seen
            other.close()

    with other:
        assert b.perform(short(b), follow).status == "done"
    assert host_cpu.STAGE in seen
    assert "latency" in seen


def test_settings_of_the_run_are_noted_and_gone_afterwards(b: Bench) -> None:
    with_(b, conditions={"awake": True})
    run = b.perform(short(b, fixed_performance=True))
    assert run.conditions["stay_on_while_plugged_in"] == "15"
    assert run.conditions["fixed_performance"].startswith("refused")
    assert b.device.shell(["settings", "get", "global", "stay_on_while_plugged_in"], 10).text == "null"
    assert not list((b.settings.data / "restore").glob("*.json"))


def test_a_cpu_mask_is_read_back(b: Bench) -> None:
    run = b.perform(short(b, cpu_mask="1"))
    assert run.conditions["cpu_mask_used"] == "1, read back"


def test_rails_of_an_on_device_meter_are_read(b: Bench) -> None:
    node = b.phone.root / "sys/bus/iio/devices/iio:device0/energy_value"
    node.parent.mkdir(parents=True)
    node.write_text("t=5432\nCH0(T=5432)[S2M_VDD_CPU], 123456\nnoise\nCH1(T=5432)[VSYS PWR], 77\nCH2[x], -\n")
    run = b.perform(short(b))
    raw = {r["source"]: r["raw"] for r in rows(run)}
    assert raw["rail/0/S2M_VDD_CPU/energy_uws"] == 123456
    assert raw["rail/0/VSYS PWR/energy_uws"] == 77
    assert {e.source for e in run.energy if e.boundary == "rail"} == {
        "rail/0/S2M_VDD_CPU/energy_uws", "rail/0/VSYS PWR/energy_uws",
    }  # fmt: skip
    assert all(e.per_inference_mj is None and e.reason for e in run.energy if e.boundary == "rail"), "it stands still"
