"""The agent for both processors, by one make target; arm64's under qemu-user."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from farm.capture import exray_pb2 as pb
from farm.reference import wav

from .kit import NATIVE, PASSES, Bench, Pair, emulated, locked, reshape_model, several_inputs_model

Array = np.ndarray[Any, Any]

MACHINES = {"linux-x86_64": "X86-64", "linux-aarch64": "AArch64"}


@pytest.fixture(scope="module")
def builds() -> Path:
    if shutil.which("aarch64-linux-gnu-gcc") is None:
        pytest.skip("no aarch64-linux-gnu-gcc here")
    with locked(NATIVE / "build" / ".lock"):
        subprocess.run(["make", "-C", NATIVE, "all-abis"], check=True, capture_output=True)
    return NATIVE / "build"


@pytest.mark.parametrize("platform", sorted(MACHINES))
def test_one_target_builds_every_abi(builds: Path, platform: str) -> None:
    agent = builds / platform / "exray-agent"
    header = subprocess.run(["readelf", "-h", agent], capture_output=True, check=True, text=True).stdout
    assert MACHINES[platform] in header
    assert "DYN (Position-Independent Executable" in header


def test_arm64_agent_hashes_and_probes(builds: Path, emulator: list[str | Path], tmp_path: Path) -> None:
    agent = builds / "linux-aarch64" / "exray-agent"
    data = bytes(range(256)) * 40
    (tmp_path / "file").write_bytes(data)
    told = emulated(emulator, agent, "hash", tmp_path / "file")
    assert told.stdout == f"{hashlib.sha256(data).hexdigest()}  {tmp_path / 'file'}\n"
    probe = emulated(emulator, agent, "probe", "--runtime", tmp_path / "none.so").lines[0]["probe"]
    assert (probe["abi"], probe["loadable"]) == ("arm64-v8a", False)
    assert emulated(emulator, agent, "run", "--model").error["code"] == "bad-usage"


@pytest.fixture(scope="module")
def pair(builds: Path, emulator: list[str | Path], arm64_runtime: Path, bench: Bench) -> Pair:
    return Pair(bench, emulator, builds / "linux-aarch64" / "exray-agent", arm64_runtime)


@pytest.mark.slow
def test_sound_and_text_arrive_the_same_on_both(pair: Pair) -> None:
    rng = np.random.default_rng(3)
    clip = wav.encode(wav.Clip(rng.integers(-20_000, 20_000, (9000, 2)).astype(np.int16), 44_100))
    vocabulary = pair.here.file("vocab.txt", "the\nfilm\n##s\né\n".encode())
    text = pair.here.texts("The films, the é\xff\0film".encode("latin-1"))
    here, there = pair.captures(
        pair.here.file("text.tflite", several_inputs_model([[1, 12]], "int64")), text, "layers",
        "--tokenizer", "wordpiece", "--end-id", "-7", "--vocabulary", str(vocabulary),
    )  # fmt: skip
    assert np.array_equal(here.tensors(pb.ROLE_INPUT)[0, 0], there.tensors(pb.ROLE_INPUT)[0, 0])
    assert here.header.text == there.header.text
    sound = pair.here.clips(clip)
    here, there = pair.captures(
        pair.here.file("sound.tflite", reshape_model([1, 9, 10, 1])), sound, "layers", "--features", "mfcc"
    )
    expected = here.tensors(pb.ROLE_INPUT)[0, 0]
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(there.tensors(pb.ROLE_INPUT)[0, 0], expected, rtol=1e-6, atol=1e-6 * np.ptp(expected))


@pytest.mark.slow
@pytest.mark.parametrize("name", PASSES)
def test_passes_log_the_same_on_both(pair: Pair, name: str) -> None:
    here, there = pair.alike(name)
    assert (here.header.abi, there.header.abi) == ("x86_64", "arm64-v8a")
