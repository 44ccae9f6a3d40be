"""Throttling: what synthetic series and clocks say, and a virtual phone that really gets hot."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm import virtual
from farm.android.commands.battery import Battery
from farm.capture.rows import SampleRow
from farm.run.conditions.reading import Reading
from farm.run.conditions.throttling import caps, drift, mann_kendall, throttling
from farm.sections.devices import Conditions
from tests.run.test_perform import bench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from farm.fleet.adb import AdbServer
    from farm.virtual import VirtualPhone

LIMITS = Conditions()


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(200, 2000), growth=st.floats(0.2, 2), noise=st.floats(0, 0.03))
def test_a_trend_is_found_whatever_the_noise(seed: int, n: int, growth: float, noise: float) -> None:
    rng = np.random.default_rng(seed)
    times = 1e6 * (1 + growth * np.arange(n) / (n - 1)) * np.exp(noise * rng.standard_normal(n))
    times[rng.integers(0, n, n // 50)] *= 20  # somebody else had the CPU
    found = drift(times.tolist())
    assert found is not None
    assert found.change == pytest.approx(growth, rel=0.25, abs=0.08)
    assert found.p_value < 1e-3
    marked = throttling("latency", times.tolist(), [], None, None, LIMITS)
    assert marked is not None
    assert "slower" in marked.evidence[0]


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(8, 2000), noise=st.floats(0, 0.3))
def test_noise_alone_is_hardly_ever_a_trend(seed: int, n: int, noise: float) -> None:
    times = 1e6 * np.exp(noise * np.random.default_rng(seed).standard_normal(n))
    found = drift(times.tolist())
    assert found is not None
    if throttling("latency", times.tolist(), [], None, None, LIMITS) is not None:
        assert found.p_value < 1e-3, "it is called a trend by its p-value, and only so"


def test_false_alarms_are_as_rare_as_the_level_says() -> None:
    rng = np.random.default_rng(1)
    alarms = sum(
        throttling("latency", list(1e6 * np.exp(0.2 * rng.standard_normal(400))), [], None, None, LIMITS) is not None
        for _ in range(1000)
    )
    assert alarms <= 5


@given(st.lists(st.floats(1, 1e12), min_size=8, max_size=100))
def test_backwards_is_the_other_way_round(times: list[float]) -> None:
    one, other = drift(times), drift(times[::-1])
    assert (one is None) == (other is None)
    if one is not None and other is not None and len(times) <= 20:
        assert one.p_value == pytest.approx(other.p_value)
        assert one.change * other.change <= 0 or one.change == pytest.approx(0, abs=1e-9)


def test_mann_kendall_is_kendalls_tau() -> None:
    from scipy.stats import kendalltau

    for values in ([5.0, 3, 8, 1, 9, 2, 7, 7, 4, 4], list(range(12)), [1.0] * 9 + [2.0]):
        ours = mann_kendall(np.array(values, float))
        theirs = kendalltau(range(len(values)), values, method="asymptotic").pvalue
        assert ours == pytest.approx(theirs, rel=0.35, abs=0.06), "ours corrects for continuity"


def test_a_steady_phone_and_few_invocations_are_not_throttled() -> None:
    assert throttling("latency", [1.0] * 100, [], Reading(), Reading(), LIMITS) is None
    assert throttling("latency", [1.0, 2.0, 3.0], [], None, None, LIMITS) is None
    assert drift([1.0] * 7) is None
    assert drift([float("nan")] * 20) is None
    assert throttling("latency", list(np.linspace(2, 1, 100)), [], None, None, LIMITS) is None, (
        "faster is not throttled"
    )


def rows(*khz: int) -> list[SampleRow]:
    return [
        SampleRow(time_ns=i, took_ns=1, phase="frames", source="clock/4/cap_khz", value=v) for i, v in enumerate(khz)
    ]


def test_a_cap_that_falls_is_evidence_and_one_that_stays_is_not() -> None:
    assert caps(rows(2_800_000, 2_800_000)) == {}
    assert caps(rows(1_400_000, 2_800_000)) == {}
    assert caps(rows(2_800_000, 1_400_000, 2_800_000)) == {"4": (2_800_000, 1_400_000)}
    marked = throttling("latency", [1.0] * 50, rows(2_800_000, 1_400_000), None, None, LIMITS)
    assert marked is not None
    assert marked.evidence == ("cpu 4 was held to 1400 of 2800 MHz",)


def test_heat_at_the_end_is_evidence() -> None:
    cool = Reading(Battery(80, "discharging", 30.0, frozen=False), "none")
    hot = replace(cool, battery=replace(cool.battery, temperature_c=45.0), thermal="severe")
    marked = throttling("latency", [1.0] * 50, [], cool, hot, LIMITS)
    assert marked is not None
    assert marked.evidence == (
        "thermal status severe at its end",
        "battery at 45.0 C at its end",
        "from 30.0 to 45.0 C",
    )


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mark", "again"])
def test_a_phone_that_gets_hot_in_the_middle_is_caught(
    adb: AdbServer, make_phone: Callable[[], VirtualPhone], tmp_path: Path, policy: str
) -> None:
    phone = make_phone()
    b = bench(adb, phone, tmp_path)
    conditions = b.settings.conditions.model_copy(update={"throttled": policy, "cooldown_s": 30.0})
    b.settings = b.settings.model_copy(update={"conditions": conditions})
    state = {"hot": False}

    def heat(stage: str, done: int, of: int) -> None:
        if stage == "latency" and of and done > of / 10 and not state["hot"]:
            state["hot"] = True
            virtual.fault(phone, "hot", celsius=100, battery_celsius=46, status=3)
        if stage in {"pull latency", "cool down"}:
            virtual.fault(phone, "clear")

    run = b.perform(b.submission(repetitions=60, layer_frames=0), heat)
    assert run.status == "done"
    assert state["hot"]
    if policy == "mark":
        (marked,) = [t for t in run.throttled if t.during == "latency"]
        assert any("was held to" in words for words in marked.evidence)
        assert any("thermal status severe" in words for words in marked.evidence)
        assert [c.name for c in run.captures] == ["latency", "profile"]
    else:
        assert not [t for t in run.throttled if t.during == "latency" and any("thermal" in e for e in t.evidence)]
        assert [c.name for c in run.captures][:2] == ["latency, throttled 1", "latency"]
        assert run.latency_ms is not None
        assert run.latency_ms.n == 120 * 60
