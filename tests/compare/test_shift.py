"""Covariate shift and data contracts: the promised share of false alarms, and real changes found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, ks_2samp
from typer.testing import CliRunner

from farm.capture.recording import Header, RecordingWriter, TensorSpec, load
from farm.capture.rows import FrameTime
from farm.cli import app
from farm.compare import contract as contracts
from farm.compare.features import FeatureTable, of_tensor, table
from farm.compare.shift import shift
from farm.errors import InputsError
from farm.report.shift import Contract, ContractCheck
from farm.store.artifacts import ArtifactStore

Array = np.ndarray[Any, Any]
PICTURE = TensorSpec(tensor=0, name="picture", role="input", position=0, dtype="float32", shape=(1, 4, 4, 3))
SCORES = TensorSpec(tensor=9, name="scores", role="output", position=0, dtype="float32", shape=(1, 5))


def features(values: Array, prefix: str = "x", names: tuple[str, ...] = ("input 0 a", "input 0 b")) -> FeatureTable:
    return FeatureTable(names, tuple((prefix, i) for i in range(len(values))), values)


def recorded(artifacts: ArtifactStore, pictures: Array, spec: TensorSpec = PICTURE, run: str = "1") -> str:
    header = Header(
        pass_="layers", source="device:x", source_version="1", model_sha256="m", kernel="delegate", threads=1,  # noqa: S106
        labels={"run": run},
    )  # fmt: skip
    writer = RecordingWriter(artifacts, header)
    writer.spec(spec)
    for i, picture in enumerate(pictures):
        writer.frame(i, {spec.tensor: picture[None].astype(spec.dtype)})
        writer.time(FrameTime(index=i, repetition=0, name=f"{i}.png", preprocess_ns=1, invoke_ns=1))
    return writer.close()


def pictures(seed: int, n: int = 40) -> Array:
    random = np.random.default_rng(seed)
    drawn: Array = random.uniform(0, 1, (n, 4, 4, 3)) * np.array([1.0, 0.8, 0.6])
    return drawn


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_false_alarms_are_as_many_as_promised(alpha: float) -> None:
    alarms, rounds = 0, 200
    for seed in range(rounds):
        random = np.random.default_rng([seed, int(100 * alpha)])
        both = random.standard_normal((124, 1)) + 0.5 * random.standard_normal((124, 2))  # features that go together
        alarms += shift(features(both[:53]), features(both[53:], "y"), alpha=alpha, permutations=199).shifted
    assert binomtest(alarms, rounds, alpha).pvalue > 0.001


def test_neighbors_of_a_video_are_no_independent_draws() -> None:
    alarms = {1: 0, 10: 0}
    for seed in range(40):
        random = np.random.default_rng(seed)
        scenes = np.repeat(random.standard_normal((24, 2)), 10, axis=0) + 0.01 * random.standard_normal((240, 2))
        for block in alarms:
            a, b = features(scenes[:120]), features(scenes[120:], "y")
            alarms[block] += shift(a, b, alpha=0.05, permutations=99, block=block).shifted
    assert alarms[1] > 30
    assert binomtest(alarms[10], 40, 0.05).pvalue > 0.001


def test_a_shift_is_found_and_the_feature_named() -> None:
    random = np.random.default_rng(1)
    a, b = random.standard_normal((60, 2)), random.standard_normal((60, 2)) + np.array([0.0, 1.0])
    found = shift(features(a), features(b, "y"))
    assert found.shifted
    assert found.features[0].name == "input 0 b"
    assert found.features[1].p_value > found.alpha


@given(st.integers(0, 2**32 - 1), st.integers(8, 40), st.integers(8, 40))
@settings(max_examples=25, deadline=None)
def test_the_distance_is_kolmogorovs_and_smirnovs(seed: int, n: int, m: int) -> None:
    random = np.random.default_rng(seed)
    a, b = random.integers(0, 6, (n, 1)).astype(float), random.integers(0, 6, (m, 1)).astype(float)
    found = shift(features(a, names=("input 0 a",)), features(b, "y", names=("input 0 a",)), permutations=99)
    assert found.features[0].distance == pytest.approx(ks_2samp(a[:, 0], b[:, 0]).statistic)


def test_too_few_frames_and_nothing_in_common_are_errors() -> None:
    few = features(np.zeros((3, 2)))
    with pytest.raises(InputsError, match="has 3 frames"):
        shift(few, features(np.zeros((9, 2)), "y"))
    with pytest.raises(InputsError, match="in common"):
        shift(few, features(np.zeros((9, 1)), "y", names=("input 1 a",)))


def test_a_swapped_channel_shows_in_captures(tmp_path: Path) -> None:
    artifacts = ArtifactStore(tmp_path)
    right, again = (load(artifacts, recorded(artifacts, pictures(seed))) for seed in (1, 2))
    swapped = load(artifacts, recorded(artifacts, pictures(3)[..., ::-1], run="2"))
    known = table([(right, artifacts)])
    assert not shift(known, table([(again, artifacts)])).shifted
    found = shift(known, table([(swapped, artifacts)]))
    assert found.shifted
    assert "channel" in found.features[0].name


def contract_of(tmp_path: Path) -> tuple[ArtifactStore, Contract]:
    artifacts = ArtifactStore(tmp_path)
    recording = load(artifacts, recorded(artifacts, pictures(1, 60)))
    return artifacts, contracts.of_table(table([(recording, artifacts)]), recording.specs, "m", "healthy")


def broken(tmp_path: Path, values: Array, spec: TensorSpec = PICTURE) -> ContractCheck:
    artifacts, contract = contract_of(tmp_path)
    recording = load(artifacts, recorded(artifacts, values, spec, run="2"))
    return contracts.check(contract, [recording], table([(recording, artifacts)]))


def test_inputs_of_the_same_source_keep_the_contract(tmp_path: Path) -> None:
    found = broken(tmp_path, pictures(5))
    assert found.holds
    assert not found.violations


def test_another_range_breaks_it(tmp_path: Path) -> None:
    found = broken(tmp_path, pictures(5) * 255)
    assert not found.holds
    assert {v.what for v in found.violations} >= {"max", "mean"}
    assert all(v.count == 40 for v in found.violations if v.what == "max")


def test_a_single_nan_breaks_it(tmp_path: Path) -> None:
    values = pictures(5)
    values[7, 0, 0, 0] = np.nan
    (missing,) = (v for v in broken(tmp_path, values).violations if v.what == "missing")
    assert missing.frames == (7,)


def test_another_type_or_shape_breaks_it(tmp_path: Path) -> None:
    other = PICTURE.model_copy(update={"dtype": "uint8", "scale": (1 / 255,), "zero_point": (0,)})
    assert [v.what for v in broken(tmp_path, pictures(5) * 255, other).violations][:1] == ["type"]
    other = PICTURE.model_copy(update={"shape": (1, 2, 8, 3)})
    found = broken(tmp_path, pictures(5).reshape(40, 2, 8, 3), other)
    assert [(v.what, v.got) for v in found.violations][:1] == [("shape", "[1, 2, 8, 3]")]


def test_contracts_of_healthy_pipelines_are_rarely_broken(tmp_path: Path) -> None:
    rounds, alarms = 60, 0
    _, contract = contract_of(tmp_path)
    for seed in range(rounds):
        rows = {
            ("y", i): of_tensor("input 0", p[None].astype("float32"), PICTURE)
            for i, p in enumerate(pictures(seed + 100))
        }
        alarms += not contracts.check(contract, [], FeatureTable.of(rows)).holds
    assert binomtest(alarms, rounds, 2 * contracts.ALPHA, alternative="greater").pvalue > 0.001


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_no_bytes_break_the_reader(data: bytes) -> None:
    with pytest.raises(InputsError, match="data contract"):
        contracts.read(data, "x.json")


def test_commands(tmp_path: Path) -> None:
    artifacts = ArtifactStore(tmp_path / "data" / "artifacts")
    right, wrong = recorded(artifacts, pictures(1)), recorded(artifacts, pictures(2) - 1, run="2")
    config = tmp_path / "farm.toml"
    config.write_text(f"data = {json.dumps(str(tmp_path / 'data'))}\n")
    file = tmp_path / "contract.json"

    def farm(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["--config", str(config), *words])
        return done.exit_code, done.output

    assert farm("contract", "learn", "--from", right, "-o", str(file))[0] == 0
    assert "input 0 mean" in farm("contract", "show", str(file))[1]
    assert farm("contract", "check", str(file), right)[0] == 0
    status, said = farm("contract", "check", str(file), wrong, "--json")
    assert status == 1
    assert not json.loads(said)["holds"]
    assert farm("shift", right, right)[0] == 0
    assert farm("shift", right, wrong)[0] == 1
    status, said = farm("contract", "learn", "-o", str(file))
    assert status == 2
    assert "--model and --inputs" in said
