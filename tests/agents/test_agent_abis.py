"""The agent for both processors, by one make target; arm64's under qemu-user."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from farm.capture import exray_pb2 as pb
from farm.errors import InfrastructureError
from farm.reference import wav
from farm.run import bundle

from .kit import NATIVE, Bench, Capture, Result, convolution_model, locked, read, reshape_model, several_inputs_model

Array = np.ndarray[Any, Any]

LIBRARIES = Path("/usr/aarch64-linux-gnu/lib")
MACHINES = {"linux-x86_64": "X86-64", "linux-aarch64": "AArch64"}
# What qemu's cortex-a76 has. With this machine's own file the runtime believes in features that are not there.
CPUINFO = """processor\t: 0
BogoMIPS\t: 62.50
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp ssbs
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0b
CPU revision\t: 1
"""


@pytest.fixture(scope="module")
def builds() -> Path:
    if shutil.which("aarch64-linux-gnu-gcc") is None:
        pytest.skip("no aarch64-linux-gnu-gcc here")
    with locked(NATIVE / "build" / ".lock"):
        subprocess.run(["make", "-C", NATIVE, "all-abis"], check=True, capture_output=True)
    return NATIVE / "build"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """What runs an arm64 program here."""
    qemu = shutil.which("qemu-aarch64")
    if qemu is None or not LIBRARIES.is_dir():
        pytest.skip("no qemu-aarch64 or no libc6-arm64-cross here")
    prefix = tmp_path_factory.mktemp("prefix")
    (prefix / "lib").symlink_to(LIBRARIES)
    (prefix / "proc").mkdir()
    (prefix / "proc" / "cpuinfo").write_text(CPUINFO)
    return [qemu, "-cpu", "cortex-a76", "-L", prefix]


def run(emulator: list[str | Path], agent: Path, *arguments: str | Path) -> Result:
    done = subprocess.run([*emulator, agent, *arguments], capture_output=True, text=True, timeout=120, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


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
    told = run(emulator, agent, "hash", tmp_path / "file")
    assert told.stdout == f"{hashlib.sha256(data).hexdigest()}  {tmp_path / 'file'}\n"
    probe = run(emulator, agent, "probe", "--runtime", tmp_path / "none.so").lines[0]["probe"]
    assert (probe["abi"], probe["loadable"]) == ("arm64-v8a", False)
    assert run(emulator, agent, "run", "--model").error["code"] == "bad-usage"


@dataclass(frozen=True)
class Pair:
    """One model on both processors."""

    here: Bench
    emulator: list[str | Path]
    agent: Path
    runtime: Path

    def captures(self, model: Path, frames: Path, name: str, *options: str) -> tuple[Capture, Capture]:
        out = self.here.folder / "arm64.mcap"
        paths: list[str | Path] = ["--model", model, "--frames", frames, "--out", out, "--runtime", self.runtime]
        result = run(self.emulator, self.agent, "run", *paths, "--pass", name, *options)
        assert result.status == 0, result.stderr
        return self.here.capture(model, frames, *options, name=name), read(out)


@pytest.fixture(scope="module")
def pair(builds: Path, emulator: list[str | Path], bench: Bench) -> Pair:
    data = builds / "test-data"  # kept: the runtime is fetched once a checkout
    try:
        with locked(data / ".lock"):
            bundle.ensure("arm64-v8a", data)
        found = bundle.for_abi("arm64-v8a", virtual=True, data=data)
    except InfrastructureError as error:
        pytest.skip(f"{error.message}; {error.remedy}")
    return Pair(bench, emulator, builds / "linux-aarch64" / "exray-agent", found.runtime)


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
@pytest.mark.parametrize("name", ["latency", "profile", "layers", "isolated"])
def test_passes_log_the_same_on_both(pair: Pair, name: str) -> None:
    rng = np.random.default_rng(8)
    models = {
        "int8.tflite": (reshape_model([1, 64, 64, 3], "int8", scale=0.1), rng.integers(-128, 128, (1, 64, 64, 3))),
        "conv.tflite": (convolution_model(), rng.random((1, 8, 8, 3))),
    }
    for file, (model, values) in models.items():
        dtype = np.int8 if file == "int8.tflite" else np.float32
        frames = pair.here.tensors([values.astype(dtype)], [values[:, ::-1].astype(dtype)])
        here, there = pair.captures(pair.here.file(file, model), frames, name)
        assert (here.header.abi, there.header.abi) == ("x86_64", "arm64-v8a")
        assert here.header.model_sha256 == there.header.model_sha256
        assert [type(m).__name__ for m in here.messages] == [type(m).__name__ for m in there.messages]
        for role in (pb.ROLE_INPUT, pb.ROLE_OUTPUT):
            expected, found = here.tensors(role), there.tensors(role)
            assert expected.keys() == found.keys()
            for key, array in expected.items():
                np.testing.assert_allclose(found[key], array, rtol=1e-5, atol=1e-5 if dtype is np.float32 else 0)
