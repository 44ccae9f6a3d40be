"""What the agent's passes cost: the profiler, and writing every layer down.

Two questions, each with short runs in random order beside an A/A pair, compared round by round:

- profile against latency: the invocations of the plain model, with the runtime's profiler (P) and without (L, and L'
  again).
- layers: seconds a frame of the instrumented model, from one frame's start to the next one's; and what of that is neither
  the model's invocation nor pre-processing (W: reading the input, the profiler's events, copying, CRC, writing), against a
  C loop that copies as many bytes together and writes them, with CRC-32 (C, and C' again) and without (M). Captures and the
  loop's file are in memory.

    python benchmarks/agent_passes.py [MODEL] [--rounds 20] [--invocations 100] [--frames 20] [--quantile 0.5]

Without MODEL a MobileNetV2 of int8, 224x224, with random weights is made.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import ai_edge_litert
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from mcap.reader import make_reader

from benchmarks.agent_overhead import interval
from benchmarks.mobilenet import mobilenet_v2
from farm.capture import exray_pb2 as pb
from farm.model.instrument import instrument

Array = np.ndarray[Any, Any]

ROOT = Path(__file__).resolve().parents[1]
NATIVE = ROOT / "agents" / "native"
RUNTIME = Path(ai_edge_litert.__file__).parent / "libLiteRt.so"
MEMORY = Path("/dev/shm")  # noqa: S108  # a benchmark's own files, in memory


class Bench:
    """One model and the ways to run it."""

    def __init__(self, folder: Path, arguments: argparse.Namespace) -> None:
        self.folder, self.threads = folder, arguments.threads
        self.invocations, self.frame_count = arguments.invocations, arguments.frames
        self.quantile = arguments.quantile
        model = arguments.model.read_bytes() if arguments.model else mobilenet_v2()
        self.plain, self.instrumented = folder / "plain.tflite", folder / "instrumented.tflite"
        self.plain.write_bytes(model)
        self.instrumented.write_bytes(instrument(model))
        subprocess.run(["make", "-s", "-C", NATIVE], check=True)
        self.agent = NATIVE / "build" / f"linux-{os.uname().machine}" / "exray-agent"
        self.loop = folder / "memory_write"
        flags = ["-std=c11", "-D_XOPEN_SOURCE=700", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{NATIVE / 'src'}"]
        sources = [ROOT / "benchmarks" / "memory_write.c", *(NATIVE / "src" / f"crc32{s}.c" for s in ("", "_hardware"))]
        subprocess.run(["cc", *flags, "-o", self.loop, *sources], check=True)
        self.inputs = self._random_inputs()
        self.bytes = 0  # of tensors a frame; known after the first layers pass

    def _random_inputs(self) -> list[Path]:
        rng, paths = np.random.default_rng(0), []
        for i, detail in enumerate(Interpreter(str(self.plain)).get_input_details()):
            dtype = np.dtype(detail["dtype"])
            array = rng.uniform(-1, 1, detail["shape"]) if dtype.kind == "f" else rng.integers(0, 100, detail["shape"])
            paths.append(self.folder / f"input{i}.bin")
            paths[-1].write_bytes(array.astype(dtype).tobytes())
        return paths

    def run(self, name: str, model: Path, frames: int, repetitions: int) -> list[Any]:
        """One pass; its messages."""
        listing, out = self.folder / "frames.tsv", self.folder / "out.mcap"
        rows = (f"{f}\t{i}\ttensor\t{path}\tany\n" for f in range(frames) for i, path in enumerate(self.inputs))
        listing.write_text("".join(rows))
        options = {
            "runtime": RUNTIME, "model": model, "frames": listing, "out": out, "pass": name,
            "threads": self.threads, "warmup": 10, "repetitions": repetitions,
        }  # fmt: skip
        arguments = [text for key, value in options.items() for text in (f"--{key}", str(value))]
        subprocess.run([self.agent, "run", *arguments], capture_output=True, check=True)
        with out.open("rb") as file:
            found = make_reader(file).iter_messages(log_time_order=False, topics=["/frame", "/tensor_data"])
            kinds: dict[str, Any] = {"/frame": pb.Frame, "/tensor_data": pb.TensorData}
            messages = [kinds[channel.topic].FromString(message.data) for _, channel, message in found]
        out.unlink()
        return messages

    def invocation(self, name: str) -> float:
        """A run's figure, in nanoseconds."""
        frames = [m for m in self.run(name, self.plain, 1, self.invocations) if isinstance(m, pb.Frame)]
        return float(np.quantile([f.invoke_ns for f in frames], self.quantile))

    def layers(self) -> tuple[float, float]:
        """Nanoseconds from frame to frame, and those of them that are neither invocation nor pre-processing."""
        messages = self.run("layers", self.instrumented, self.frame_count, 1)
        frames = [m for m in messages if isinstance(m, pb.Frame)]
        self.bytes = sum(len(m.data) for m in messages if isinstance(m, pb.TensorData)) // len(frames)
        whole = np.diff([f.start_ns for f in frames])
        busy = np.array([f.invoke_ns + f.preprocess_ns for f in frames[:-1]])
        return float(np.quantile(whole, self.quantile)), float(np.quantile(whole - busy, self.quantile))

    def write(self, way: str) -> float:
        """The C loop's nanoseconds a frame."""
        command: list[str | Path] = [self.loop, str(self.bytes), str(self.frame_count), way]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        return float(np.quantile(np.array(done.stdout.split(), float), self.quantile))


def compare(rows: dict[str, list[float]], a: str, again: str, b: str, rng: np.random.Generator) -> tuple[str, str]:
    """Texts of the A/A ratio, and of b against the mean of both of its round."""
    one, two, other = (np.log(np.array(rows[name])) for name in (a, again, b))
    same, ratio = interval(two - one, rng), interval(other - (one + two) / 2, rng)
    return "{:.4f}  [{:.4f}, {:.4f}]".format(*same), "{:.4f}  [{:.4f}, {:.4f}]".format(*ratio)


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--invocations", type=int, default=100, help="timed ones, in each run of latency and profile")
    parser.add_argument("--frames", type=int, default=20, help="of each run of layers")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--quantile",
        type=float,
        default=0.5,
        help="of a run that is its figure; a low one where others use the machine",
    )
    arguments = parser.parse_args()
    order, rng = random.Random(1), np.random.default_rng(1)  # noqa: S311  # an order of runs, no secret
    rows: dict[str, list[float]] = {name: [] for name in ("L", "L'", "P", "whole", "W", "C", "C'", "M")}
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        bench = Bench(Path(folder), arguments)
        bench.layers()
        ways = {"C": "crc", "C'": "crc", "M": "plain"}
        for _ in range(arguments.rounds):
            for name in order.sample(["L", "L'", "P"], 3):
                rows[name].append(bench.invocation("profile" if name == "P" else "latency"))
            for name in order.sample(["W", *ways], 4):
                if name == "W":
                    for key, value in zip(("whole", "W"), bench.layers(), strict=True):
                        rows[key].append(value)
                else:
                    rows[name].append(bench.write(ways[name]))
        size = bench.bytes

    name = arguments.model.name if arguments.model else "MobileNetV2 224 int8, random weights"
    median = {key: float(np.median(values)) / 1e6 for key, values in rows.items()}
    again = {key: median[key + "'"] for key in "LC"}
    print(f"{name}: {arguments.rounds} rounds, {size / 1e6:.2f} MB of tensors a frame")
    print(f"  invocation: latency {median['L']:.3f} ms, again {again['L']:.3f} ms, profile {median['P']:.3f} ms")
    same, ratio = compare(rows, "L", "L'", "P", rng)
    print(f"    L'/L  {same}\n    P/L   {ratio}")
    print(f"  layers: {median['whole'] / 1e3:.4f} s a frame, of which logging {median['W']:.3f} ms")
    print(f"  copy and write: with CRC {median['C']:.3f} ms, again {again['C']:.3f} ms; without {median['M']:.3f} ms")
    same, ratio = compare(rows, "C", "C'", "W", rng)
    plain = "{:.4f}  [{:.4f}, {:.4f}]".format(*interval(np.log(np.array(rows["W"]) / np.array(rows["M"])), rng))
    print(f"    C'/C  {same}\n    W/C   {ratio}\n    W/M   {plain}")


if __name__ == "__main__":
    main()
