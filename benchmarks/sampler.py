"""What the agent's sampler costs the invocations it runs beside.

Short runs of the latency pass in random order: without the sampler (L, and L' again) and with it (S), compared round by
round. A ratio within the A/A interval is no cost that can be seen.

    python benchmarks/sampler.py [MODEL] [--rounds 20] [--invocations 200] [--period 200] [--quantile 0.5]

Without MODEL a MobileNetV2 of int8, 224x224, with random weights is made.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import tempfile
from pathlib import Path

import ai_edge_litert
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from mcap.reader import make_reader

from benchmarks.agent_passes import MEMORY, NATIVE, compare
from benchmarks.mobilenet import mobilenet_v2
from farm.capture import exray_pb2 as pb

RUNTIME = Path(ai_edge_litert.__file__).parent / "libLiteRt.so"


class Bench:
    """One model; `took` collects how long each reading of the sampler took, ns."""

    def __init__(self, folder: Path, arguments: argparse.Namespace) -> None:
        self.folder, self.arguments = folder, arguments
        self.model = folder / "model.tflite"
        self.model.write_bytes(arguments.model.read_bytes() if arguments.model else mobilenet_v2())
        subprocess.run(["make", "-s", "-C", NATIVE], check=True)
        self.agent = NATIVE / "build" / f"linux-{os.uname().machine}" / "exray-agent"
        rng, rows = np.random.default_rng(0), []
        for i, detail in enumerate(Interpreter(str(self.model)).get_input_details()):
            dtype = np.dtype(detail["dtype"])
            array = rng.uniform(-1, 1, detail["shape"]) if dtype.kind == "f" else rng.integers(0, 100, detail["shape"])
            path = folder / f"input{i}.bin"
            path.write_bytes(array.astype(dtype).tobytes())
            rows.append(f"0\t{i}\ttensor\t{path}\tany\n")
        self.frames = folder / "frames.tsv"
        self.frames.write_text("".join(rows))
        self.took: list[int] = []

    def invocation(self, period_ms: int) -> float:
        """A run's figure: a quantile of its invocations, in nanoseconds."""
        out = self.folder / "out.mcap"
        options = {
            "runtime": RUNTIME, "model": self.model, "frames": self.frames, "out": out, "pass": "latency", "warmup": 10,
            "repetitions": self.arguments.invocations, "sample-ms": period_ms,
        }  # fmt: skip
        words = [text for key, value in options.items() for text in (f"--{key}", str(value))]
        subprocess.run([self.agent, "run", *words], capture_output=True, check=True)
        with out.open("rb") as file:
            found = list(make_reader(file).iter_messages(log_time_order=False, topics=["/frame", "/sample"]))
        out.unlink()
        samples = [pb.Sample.FromString(m.data) for _, c, m in found if c.topic == "/sample"]
        self.took += [s.took_ns for s in samples if s.figures]
        spent = [pb.Frame.FromString(m.data).invoke_ns for _, c, m in found if c.topic == "/frame"]
        return float(np.quantile(spent, self.arguments.quantile))


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--invocations", type=int, default=200)
    parser.add_argument("--period", type=int, default=200, help="of the sampler, milliseconds")
    parser.add_argument("--quantile", type=float, default=0.5)
    arguments = parser.parse_args()
    order, rng = random.Random(1), np.random.default_rng(1)  # noqa: S311  # an order of runs, no secret
    rows: dict[str, list[float]] = {name: [] for name in ("L", "L'", "S")}
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        bench = Bench(Path(folder), arguments)
        for _ in range(arguments.rounds):
            for name in order.sample(list(rows), 3):
                rows[name].append(bench.invocation(arguments.period if name == "S" else 0))
    without, again, with_ = (float(np.median(values)) / 1e6 for values in rows.values())
    print(f"{arguments.rounds} rounds of {arguments.invocations} invocations, a sample every {arguments.period} ms")
    print(f"  without {without:.3f} ms, again {again:.3f} ms, with {with_:.3f} ms")
    print(f"  a reading takes {float(np.median(bench.took)) / 1e3:.0f} us, {len(bench.took)} readings")
    same, ratio = compare(rows, "L", "L'", "S", rng)
    print(f"    L'/L  {same}\n    S/L   {ratio}")


if __name__ == "__main__":
    main()
