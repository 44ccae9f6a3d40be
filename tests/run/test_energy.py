"""Energy of an inference: exact where it can be worked out, none where the samples do not support one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from farm.fleet.enrolment import BatteryCurrent
from farm.run.samplers.energy import energy
from farm.run.samplers.figure import Figure
from farm.run.samplers.power import Supply, supplies

MS = 1_000_000
IDLE = (0, 1000 * MS)


def supply(watts: Any, *, start: int = 0, step: int = 100 * MS, boundary: Any = "rail", **more: Any) -> Supply:
    points = tuple((start + i * step, float(w)) for i, w in enumerate(watts))
    return Supply(boundary, "rail/x", points, **more)


def windows(n: int, each_ms: int = 100, gap_ms: int = 0, start_ms: int = 1000) -> list[tuple[int, int]]:
    begin = [start_ms + i * (each_ms + gap_ms) for i in range(n)]
    return [(b * MS, (b + each_ms) * MS) for b in begin]


def measured(of: Supply, frames: list[tuple[int, int]], idle: tuple[int, int] | None = IDLE) -> Any:
    return energy(of, frames, idle, state="screen off", virtual=False)


def test_constant_power_above_idle() -> None:
    found = measured(supply([0.5] * 10 + [2.5] * 40), windows(20))
    # The line from the last idle sample to the first busy one lies before the first invocation.
    assert found.per_inference_mj == pytest.approx(2.0 * 0.1 * 1e3)
    assert found.active_w == pytest.approx(2.5)
    assert found.baseline_w == pytest.approx(0.5)
    assert found.interval_mj == pytest.approx((200.0, 200.0))
    assert (found.samples, found.idle_samples, found.inferences) == (20, 10, 20)
    assert found.reason == ""


def test_a_ramp_is_integrated_and_gaps_are_not_counted() -> None:
    times = np.arange(51) * 0.1
    ramp = supply(np.where(times <= 1.0, 1.0, 1.0 + (times - 1.0)))
    frames = windows(10, each_ms=100, gap_ms=100)
    inside = sum((1 + (b / 1e9 - 1) + 1 + (e / 1e9 - 1)) / 2 * (e - b) / 1e9 for b, e in frames)  # of a straight line
    found = measured(ramp, frames)
    assert found.per_inference_mj == pytest.approx((inside - 1.0 * 1.0) / 10 * 1e3)


@given(
    watts=st.lists(st.floats(0.1, 10), min_size=40, max_size=80),
    factor=st.floats(0.5, 4),
    shift=st.integers(0, 10**15),
)
def test_energy_scales_with_power_and_does_not_know_the_hour(watts: list[float], factor: float, shift: int) -> None:
    frames = windows(25)
    one = measured(supply(watts), frames)
    assume(one.per_inference_mj is not None)
    scaled = measured(supply([w * factor for w in watts]), frames)
    assert scaled.per_inference_mj == pytest.approx(one.per_inference_mj * factor, rel=1e-6, abs=1e-6)
    moved = measured(
        supply(watts, start=shift), [(b + shift, e + shift) for b, e in frames], (shift, shift + 1000 * MS)
    )
    assert moved.per_inference_mj == pytest.approx(one.per_inference_mj, rel=1e-3, abs=1e-3)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(3), 0
    rounds = 200
    for _ in range(rounds):
        noise = 0.2 * rng.standard_normal(110)
        found = measured(supply(np.concatenate((np.full(10, 1.0), np.full(100, 3.0))) + noise), windows(99))
        held += found.interval_mj[0] <= 200.0 <= found.interval_mj[1]
    assert 0.80 * rounds <= held


def test_neighbors_that_resemble_each_other_make_it_wider() -> None:
    ratios = []
    for seed in range(20):
        idle, fresh = np.full(10, 1.0), 3 + 0.5 * np.random.default_rng(seed).standard_normal(100)
        held = np.repeat(fresh[:10], 10)  # a gauge that refreshes every tenth reading
        wide, narrow = (measured(supply(np.concatenate((idle, w))), windows(99)).interval_mj for w in (held, fresh))
        ratios.append((wide[1] - wide[0]) / (narrow[1] - narrow[0]))
    assert np.mean(ratios) > 2, "ten readings tell less than a hundred"


@pytest.mark.parametrize(
    ("of", "frames", "idle", "words"),
    [
        (supply([1.0] * 50), windows(20), None, "no idle baseline"),
        (supply([1.0] * 50), windows(3), IDLE, "3 samples during the invocations"),
        (supply([1.0] * 50), [], IDLE, "0 samples"),
        (supply([1.0] * 50, start=900 * MS), windows(20), IDLE, "1 samples while idle"),
        (supply([1.0] * 50, boundary="battery"), windows(20), IDLE, "gauge gave 1 different"),
        (supply([1.0] * 20 + [math.nan] * 30), windows(20), IDLE, "no number"),
        (supply([1.0] * 50, problem="it was charging", charging=True), windows(20), IDLE, "it was charging"),
        (supply([]), windows(20), IDLE, "0 samples"),
    ],
)
def test_without_support_there_is_no_figure(of: Supply, frames: Any, idle: Any, words: str) -> None:
    found = measured(of, frames, idle)
    assert found.per_inference_mj is None
    assert found.interval_mj is None
    assert words in found.reason


def figures(source: str, values: list[int], scale: float, quantity: str = "current") -> list[Figure]:
    return [
        Figure(during="latency", time_ns=i * 100 * MS, error_ns=0, by="agent", source=source, quantity=quantity,
               unit="", value=v * scale, raw=v, phase="frames")
        for i, v in enumerate(values)
    ]  # fmt: skip


def battery(current: list[int], status: int | None = 3, known: BatteryCurrent | None = None) -> Supply:
    rows = figures("power/battery/current_now", current, 1.0)
    rows += figures("power/battery/voltage_now", [4_000_000] * len(current), 1e-6, "voltage")
    if status is not None:
        rows += figures("power/battery/status", [status] * len(current), 1.0, "status")
    (found,) = supplies(rows, known)
    assert found.boundary == "battery"
    return found


def test_current_times_voltage_whatever_the_sign() -> None:
    for sign in (-1, 1):
        found = battery([sign * 250_000] * 5)
        assert [w for _, w in found.points] == pytest.approx([1.0] * 5)
        assert not found.problem
        assert not found.charging
        assert "no phone draws" in found.units


def test_enrolment_knows_the_unit() -> None:
    milli = BatteryCurrent(readable=True, source="/sys/class/power_supply/battery/current_now", unit="mA")
    assert battery([250] * 5, known=milli).points[0][1] == pytest.approx(1.0)
    micro = BatteryCurrent(readable=True, source="/sys/class/power_supply/battery/current_now", unit="uA")
    assert battery([250_000] * 5, known=micro).points[0][1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("current", "status", "words"),
    [
        ([250] * 5, 3, "unit of its current is not known"),
        ([250_000] * 5, 2, "not discharging"),
        ([250_000] * 5, 5, "not discharging"),
        ([250_000] * 5, None, "nothing tells whether"),
        ([250_000, -250_000], 3, "changed sign"),
    ],
)
def test_what_spoils_a_batterys_figures(current: list[int], status: int | None, words: str) -> None:
    found = battery(current, status)
    assert words in found.problem
    assert measured(found, windows(20)).per_inference_mj is None


def test_each_boundary_is_one_figure() -> None:
    rows = figures("power/virtual-model/power_now", [10**6] * 3, 1e-6, "power")
    rows += figures("power/rail7/power_now", [10**6] * 3, 1e-6, "power")
    rows += [f.model_copy(update={"by": "meter", "source": "meter/watts"}) for f in figures("x", [2] * 3, 1.0, "power")]
    rows += figures("power/battery/current_now", [300_000] * 3, 1.0)
    found = supplies(rows, None)
    assert {s.boundary for s in found} == {"virtual model", "rail", "external meter"}, (
        "a current without a voltage is none"
    )
    assert all(len(s.points) == 3 for s in found)


def test_a_rails_power_is_between_its_refreshes() -> None:
    # 2 W, read every 100 ms, refreshed every 500 ms.
    raw = [int(2 * 0.5e6 * (i // 5)) for i in range(60)]
    (found,) = supplies(figures("rail/0/CPU/energy_uws", raw, 1e-6, "energy"), None)
    assert found.boundary == "rail"
    assert [w for _, w in found.points] == pytest.approx([2.0] * len(found.points))
    assert len(found.points) == 10
    (broken,) = supplies(figures("rail/0/CPU/energy_uws", [10, 20, 5, 30], 1e-6, "energy"), None)
    assert "backwards" in broken.problem
