"""How fast is a capture taken in, and how fast are two recordings compared?

Each round takes, in random order: a copy of the capture's bytes by numpy (M, the baseline), the same again (M', chance alone),
CRC-32 and SHA-256 of the bytes in memory, without which no capture is taken in (S), the floor under any ingest, which reads,
checks, hashes and writes the bytes and does nothing else (F), `ingest` of a generated capture into a fresh store (I),
`compare_layers` of two recordings of it that differ (C) and of one with itself (E), and numpy doing no more than the sum of
squared differences of the same pairs (N). Figures are of processor time, a core's, beside what the clock on the wall says:
gigabytes of one capture a second. With --memory it takes captures of 10 and of 1,000 frames in and compares them, each in a
process of its own, and prints the peaks of memory.

    python benchmarks/capture.py [--rounds 9] [--megabytes 256] [--folder DIR] [--memory]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from mcap.writer import CompressionType, Writer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from farm.capture import exray_pb2 as pb
from farm.capture.ingest import ingest
from farm.capture.recording import load
from farm.compare.layers import compare_layers
from farm.model.graph import Graph, Node, Tensor
from farm.store.artifacts import ArtifactStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Array = np.ndarray[Any, Any]

MOBILENET = [
    *(112 * 112 * c for c in (32, 32, 16, 96)),
    *(56 * 56 * c for c in (96, 24, 144, 144, 24, 144)),
    *(28 * 28 * c for c in (144, 32, 192, 192, 32, 192, 192, 32, 192)),
    *(14 * 14 * c for c in (192, 64, *(384, 384, 64) * 3, 384, 384, 96, *(576, 576, 96) * 2, 576)),
    *(7 * 7 * c for c in (576, 160, *(960, 960, 160) * 2, 960, 960, 320, 1280)),
    1280,
    1001,
]
"""Values in each layer's output of a MobileNetV2 of 224 pixels: 6.7 million."""
WAYS = {
    "M": "copy by numpy",
    "M'": "copy by numpy again",
    "S": "crc and sha256 of bytes in memory",
    "F": "floor: read, crc, sha256, write",
    "I": "ingest",
    "N": "squared differences by numpy",
    "C": "compare_layers",
    "E": "compare_layers, bit-equal",
}


@dataclass(frozen=True)
class Speed:
    """Gigabytes a second."""

    cpu: float
    wall: float


def tensors(dtype: str, frame: int) -> list[Array]:
    """One frame's layers: small real numbers, or integers over their whole range."""
    rng = np.random.default_rng(frame % 7)
    pool = rng.integers(-128, 128, max(MOBILENET)) if dtype == "int8" else rng.normal(size=max(MOBILENET))
    return [pool[:n].astype(dtype) for n in MOBILENET]


def write(path: Path, dtype: str, frames: int, first: int = 0) -> None:
    """Write a capture of the layers pass, in chunks of 1 MiB and without compression as the agent does.

    `first` is the number of the frame whose values the first one has.
    """
    quantized, made = dtype == "int8", [tensors(dtype, i) for i in range(7)]
    with path.open("wb") as file:
        writer = Writer(file, compression=CompressionType.NONE, chunk_size=1 << 20)
        writer.start("exray", "benchmark")
        topics = ("/header", "/tensor_spec", "/tensor_data", "/frame", "/op_times", "/end")
        channels = {topic: writer.register_channel(topic, "protobuf", 0) for topic in topics}

        def put(topic: str, message: Any) -> None:
            writer.add_message(channels[topic], 0, message.SerializeToString(), 0)

        header = pb.Header(format=1, agent_version="benchmark", threads=1)
        setattr(header, "pass", pb.PASS_LAYERS)
        put("/header", header)
        for i, count in enumerate(MOBILENET):
            spec = pb.TensorSpec(
                id=i, role=pb.ROLE_OUTPUT, position=i, tensor_index=i, name=f"layer {i}", shape=[count]
            )
            spec.dtype = pb.DTYPE_INT8 if quantized else pb.DTYPE_FLOAT32
            if quantized:
                spec.scale.append(0.05)
                spec.zero_point.append(3)
            put("/tensor_spec", spec)
        for frame in range(frames):
            put("/frame", pb.Frame(index=frame, name=f"frame {frame}", invoke_ns=10**7))
            for i, value in enumerate(made[(frame + first) % 7]):
                put("/tensor_data", pb.TensorData(spec=i, frame=frame, data=value.tobytes()))
            ops = [pb.OpTime(tag="CONV_2D", type=2, index=i, duration_us=90) for i in range(len(MOBILENET))]
            put("/op_times", pb.OpTimes(frame=frame, ops=ops))
        put("/end", pb.End(invocations=frames))
        writer.finish()  # type: ignore[no-untyped-call]


def graph(dtype: str) -> Graph:
    """A chain of the layers, which is all that comparing needs."""
    scale, zero = ((0.05,), (3,)) if dtype == "int8" else ((), ())
    layers = tuple(
        Tensor(i, f"layer {i}", dtype, (count,), scale, zero, 0, constant=False) for i, count in enumerate(MOBILENET)
    )
    nodes = tuple(Node(i, "CONV_2D", False, (i - 1,), (i,)) for i in range(1, len(MOBILENET)))
    return Graph(nodes, layers, (0,), (len(layers) - 1,), 1, ())


def taken(capture: Path, store: ArtifactStore) -> str:
    """The recording that a capture becomes."""
    found = ingest(capture, "benchmark", store)
    assert found is not None
    return found


class Bench:
    """One capture, and the ways to spend time on it."""

    def __init__(self, folder: Path, dtype: str, megabytes: int) -> None:
        self.folder, self.dtype = folder, dtype
        self.capture = folder / f"{dtype}.mcap"
        itemsize = np.dtype(dtype).itemsize
        write(self.capture, dtype, max(1, (megabytes << 20) // (sum(MOBILENET) * itemsize)))
        self.bytes = self.capture.stat().st_size
        self.data = np.fromfile(self.capture, np.uint8)
        self.graph = graph(dtype)
        self.store = ArtifactStore(folder / f"{dtype}.artifacts")
        self.recording = load(self.store, taken(self.capture, self.store))
        write(folder / "other", dtype, len(self.recording.frames), first=1)
        self.other = load(self.store, taken(folder / "other", self.store))
        (folder / "other").unlink()
        wide = "int32" if dtype == "int8" else dtype
        self.pairs = [
            (a.astype(wide), b.astype(wide)) for a, b in zip(tensors(dtype, 1), tensors(dtype, 2), strict=True)
        ]
        self.pair_bytes = sum(MOBILENET) * itemsize

    def copy(self) -> int:
        """Copy the capture's bytes once."""
        self.data.copy()
        return self.bytes

    def sums(self) -> int:
        """The two checksums of the capture's bytes, piece by piece."""
        digest = hashlib.sha256()
        for start in range(0, self.bytes, 1 << 20):
            piece = self.data.data[start : start + (1 << 20)]
            zlib.crc32(piece)
            digest.update(piece)
        return self.bytes

    def floor(self) -> int:
        """Read, check, hash and write the capture's bytes, in pieces that stay in the cache."""
        digest, piece = hashlib.sha256(), memoryview(bytearray(1 << 20))
        with self.capture.open("rb") as file, (self.folder / "floor").open("wb", buffering=0) as out:
            while n := file.readinto(piece):
                zlib.crc32(piece[:n])
                digest.update(piece[:n])
                out.write(piece[:n])
            os.fsync(out.fileno())
        (self.folder / "floor").unlink()
        return self.bytes

    def ingest(self) -> int:
        """Take the capture in."""
        fresh = ArtifactStore(self.folder / "fresh")
        taken(self.capture, fresh)
        return self.bytes

    def numpy(self) -> int:
        """Squared differences of one frame's layers, and nothing else."""
        for a, b in self.pairs:
            d = a - b
            float(np.dot(d, d))
        return self.pair_bytes

    def compare(self) -> int:
        """Compare the two recordings, every figure of every layer."""
        found = compare_layers(self.recording, self.other, self.graph, self.store, threshold=1e-3)
        assert found.first_divergence is not None
        return self.bytes

    def equal(self) -> int:
        """Compare the recording with itself, as runtimes that agree to the bit are compared."""
        found = compare_layers(self.recording, self.recording, self.graph, self.store, threshold=1e-3)
        assert found.first_divergence is None
        return self.bytes

    def speed(self, way: str) -> Speed:
        """Time one way once."""
        work: Callable[[], int] = {
            "M": self.copy, "M'": self.copy, "S": self.sums, "F": self.floor, "I": self.ingest, "N": self.numpy,
            "C": self.compare, "E": self.equal,
        }[way]  # fmt: skip
        wall, cpu = time.perf_counter(), time.process_time()
        done = work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        shutil.rmtree(self.folder / "fresh", ignore_errors=True)
        return Speed(done / cpu / 1e9, done / wall / 1e9)


def ratio(over: Sequence[float], under: Sequence[float]) -> str:
    """Median of the rounds' ratios, with its 95 % percentile-bootstrap interval."""
    logs, rng = np.log(np.array(over) / np.array(under)), np.random.default_rng(1)
    low, high = np.exp(np.quantile(np.median(rng.choice(logs, (10000, len(logs))), axis=1), [0.025, 0.975]))
    return f"{np.exp(np.median(logs)):.3f}  [{low:.3f}, {high:.3f}]"


def throughput(folder: Path, rounds: int, megabytes: int) -> None:
    """Print the table of both types."""
    order = random.Random(1)  # noqa: S311  # an order of runs, no secret
    for dtype in ("float32", "int8"):
        bench = Bench(folder, dtype, megabytes)
        found: dict[str, list[Speed]] = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way in order.sample(list(WAYS), len(WAYS)):
                found[way].append(bench.speed(way))
        print(f"{dtype}: {bench.bytes / 1e6:.0f} MB, {rounds} rounds, medians")
        for way, what in WAYS.items():
            cpu, wall = (float(np.median([getattr(s, kind) for s in found[way]])) for kind in ("cpu", "wall"))
            print(f"  {way:2} {what:33} {cpu:6.2f} GB/s a core  {wall:6.2f} GB/s on the wall")
        cpus = {way: [s.cpu for s in speeds] for way, speeds in found.items()}
        for over, under in (("M'", "M"), ("I", "M"), ("I", "F"), ("F", "S"), ("C", "N"), ("E", "C")):
            print(f"  {over}/{under}".ljust(8) + ratio(cpus[over], cpus[under]))
        shutil.rmtree(bench.store.folder)
        bench.capture.unlink()


def peaks(folder: Path, frames: int) -> tuple[int, int]:
    """Peaks of memory, in bytes, of a process that takes a capture of so many int8 frames in, and of one that compares it."""
    write(folder / "capture", "int8", frames)
    found = alone(folder, "--ingest"), alone(folder, "--compare")
    (folder / "capture").unlink()
    shutil.rmtree(folder / "artifacts")
    return found


def alone(folder: Path, step: str) -> int:
    """Peak memory, in bytes, of one step in a process of its own."""
    done = subprocess.run([sys.executable, __file__, step], capture_output=True, text=True, check=True, cwd=folder)
    return int(done.stdout)


def take_step(step: str) -> int:
    """One step, here and now; the peak of memory after it."""
    store, name = ArtifactStore(Path("artifacts")), Path("recording")
    if step == "ingest":
        name.write_text(taken(Path("capture"), store))
    else:
        recording = load(store, name.read_text())
        found = compare_layers(recording, recording, graph("int8"), store, threshold=1e-3)
        assert found.frames == len(recording.frames)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def show_peaks(folder: Path) -> None:
    """Print them for 10 and for 1,000 frames."""
    few, many = peaks(folder, 10), peaks(folder, 1000)
    for step, a, b in zip(("ingest", "compare"), few, many, strict=True):
        print(f"peak of memory, {step:8} 10 frames {a / 1e6:.0f} MB, 1,000 frames {b / 1e6:.0f} MB, {b / a:.3f} times")


def main() -> None:
    """Run what was asked for and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--megabytes", type=int, default=256, help="of each capture")
    parser.add_argument("--folder", type=Path, help="where captures and artifacts are written; else the system's")
    parser.add_argument("--memory", action="store_true", help="peaks of memory instead of speeds")
    parser.add_argument("--ingest", dest="step", action="store_const", const="ingest", help=argparse.SUPPRESS)
    parser.add_argument("--compare", dest="step", action="store_const", const="compare", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(take_step(arguments.step))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        if arguments.memory:
            show_peaks(Path(folder))
        else:
            throughput(Path(folder), arguments.rounds, arguments.megabytes)


if __name__ == "__main__":
    main()
