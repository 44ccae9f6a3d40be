"""Does the agent's latency pass report what a bare loop over the same library takes?

Many short runs in random order: a bare C loop (A), the same loop again (A', what chance alone does), the agent's latency
pass (B), and the wheel's own tool (T), which times through Python and makes inputs of its own. A run's figure is the
median of its invocations; rounds are compared pair by pair.

    python benchmarks/agent_overhead.py MODEL [--rounds 30] [--invocations 200] [--threads 1]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import ai_edge_litert
import numpy as np
from mcap.reader import make_reader

from farm.capture import exray_pb2 as pb

ROOT = Path(__file__).resolve().parents[1]
NATIVE = ROOT / "agents" / "native"
WHEEL = Path(ai_edge_litert.__file__).parent
RUNTIME = WHEEL / "libLiteRt.so"
TOOL = WHEEL / "tools" / "benchmark_litert_model.py"

Array = np.ndarray[Any, Any]

WAYS = {"A": "bare loop", "A'": "bare loop again", "B": "agent, latency pass", "T": "litert-benchmark"}


class Bench:
    """One model, its inputs, and the ways to time it. Every way returns invocation times in nanoseconds."""

    def __init__(self, folder: Path, arguments: argparse.Namespace) -> None:
        self.folder, self.model = folder, arguments.model
        self.threads, self.warmup, self.invocations = arguments.threads, arguments.warmup, arguments.invocations
        self.agent = self._make_agent()
        self.bare_loop = folder / "bare_loop"
        flags = ["-std=c11", "-D_XOPEN_SOURCE=700", "-O2", "-Wall", "-Wextra", "-Werror"]
        source = ROOT / "benchmarks" / "bare_loop.c"
        subprocess.run(["cc", *flags, "-o", self.bare_loop, source, "-ldl"], check=True)
        self.inputs = self._random_inputs()
        self.frames = folder / "frames.tsv"
        self.frames.write_text("".join(f"0\t{i}\ttensor\t{path}\trandom\n" for i, path in enumerate(self.inputs)))

    def _make_agent(self) -> Path:
        subprocess.run(["make", "-s", "-C", NATIVE], check=True)
        return NATIVE / "build" / f"linux-{os.uname().machine}" / "exray-agent"

    def _random_inputs(self) -> list[Path]:
        from ai_edge_litert.interpreter import Interpreter

        rng, paths = np.random.default_rng(0), []
        for i, detail in enumerate(Interpreter(str(self.model)).get_input_details()):
            shape, dtype = detail["shape"], np.dtype(detail["dtype"])
            array = rng.uniform(-1, 1, shape) if dtype.kind == "f" else rng.integers(0, 100, shape)
            paths.append(self.folder / f"input{i}.bin")
            paths[-1].write_bytes(array.astype(dtype).tobytes())
        return paths

    def median(self, way: str) -> float:
        """One run's median, in nanoseconds."""
        if way == "T":
            return self.wheels_tool()
        return float(np.median(self.through_agent() if way == "B" else self.bare()))

    def bare(self) -> Array:
        """Time the C loop."""
        counts = [str(n) for n in (self.threads, self.warmup, self.invocations)]
        done = subprocess.run(
            [self.bare_loop, RUNTIME, self.model, *counts, *self.inputs], capture_output=True, check=True, text=True
        )
        return np.array(done.stdout.split(), float)

    def through_agent(self) -> Array:
        """Take the invocations the agent's latency pass logged."""
        out = self.folder / "out.mcap"
        options: dict[str, object] = {
            "runtime": RUNTIME, "model": self.model, "frames": self.frames, "out": out, "pass": "latency",
            "threads": self.threads, "warmup": self.warmup, "repetitions": self.invocations,
        }  # fmt: skip
        arguments = [text for key, value in options.items() for text in (f"--{key}", str(value))]
        subprocess.run([self.agent, "run", *arguments], capture_output=True, check=True)
        with out.open("rb") as file:
            found = make_reader(file).iter_messages(topics="/frame")
            return np.array([pb.Frame.FromString(message.data).invoke_ns for _, _, message in found], float)

    def wheels_tool(self) -> float:
        """Take the median, in nanoseconds, that the wheel's own tool tells."""
        result = self.folder / "tool.json"
        counts = [f"--num_threads={self.threads}", f"--warmup_runs={self.warmup}", f"--num_runs={self.invocations}"]
        command = [sys.executable, str(TOOL), f"--model={self.model}", *counts, f"--result_json={result}"]
        subprocess.run(command, capture_output=True, check=True)
        return 1e6 * _find_median(json.loads(result.read_text()))


def _find_median(told: dict[str, Any]) -> float:
    latency = told.get("latency", told)
    return float(next(value for key, value in latency.items() if "median" in key))


def interval(logs: Array, rng: np.random.Generator) -> tuple[float, float, float]:
    """Median ratio and its 95 % percentile-bootstrap interval, from per-round log ratios."""
    picks = rng.choice(logs, (10000, len(logs)))
    low, high = np.quantile(np.median(picks, axis=1), [0.025, 0.975])
    return float(np.exp(np.median(logs))), float(np.exp(low)), float(np.exp(high))


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--invocations", type=int, default=200, help="timed ones, in each run")
    parser.add_argument("--warmup", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    order, rng = random.Random(1), np.random.default_rng(1)  # noqa: S311  # an order of runs, no secret
    medians: dict[str, list[float]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), arguments)
        for _ in range(arguments.rounds):
            for name in order.sample(list(medians), len(medians)):
                medians[name].append(bench.median(name))

    a, again, b, tool = (np.log(np.array(medians[name])) for name in WAYS)
    print(
        f"{arguments.model.name}: {arguments.rounds} rounds of {arguments.invocations} invocations, median of medians"
    )
    for name, what in WAYS.items():
        print(f"  {name:2} {what:20} {np.median(medians[name]) / 1e6:9.4f} ms")
    print("  A'/A  {:.4f}  [{:.4f}, {:.4f}]".format(*interval(again - a, rng)))
    # B is compared with the mean of both bare runs of its round, so that A and A' count alike.
    print("  B/A   {:.4f}  [{:.4f}, {:.4f}]".format(*(ratio := interval(b - (a + again) / 2, rng))))
    print("  B/T   {:.4f}  [{:.4f}, {:.4f}]".format(*interval(b - tool, rng)))
    apart = not ratio[1] <= 1 <= ratio[2]
    print(f"  The agent and the bare loop are {'distinguishable' if apart else 'not distinguishable'} at 95 %.")


if __name__ == "__main__":
    main()
