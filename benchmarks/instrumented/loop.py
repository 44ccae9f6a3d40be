"""What a frame takes bare and logged, in one Python process, arms shuffled; `driver` makes figures of it.

    python -m benchmarks.instrumented.loop MODEL CAPTURE ROUNDS [--pure]

After 20 rounds of warm-up every round gives a line for each of its arms: `a` and `b`, a bare `invoke()` twice, and `x`, one
with its latency and memory logged: arm, nanoseconds of the whole frame, nanoseconds of it outside `invoke()`. At the end
`bytes N frames N`, by which the file grew, and `memory N`, KiB by which the process did since before the capture was opened.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

WARM_UP = 20
ARMS = ("a", "b", "x")
SOURCE = Path(__file__).resolve().parents[2] / "agents" / "python"


def ready(model: Path) -> Any:
    """An interpreter, fed once with random numbers."""
    interpreter, rng = Interpreter(str(model), num_threads=1), np.random.default_rng(0)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        dtype = np.dtype(detail["dtype"])
        values = rng.uniform(-1, 1, detail["shape"]) if dtype.kind == "f" else rng.integers(0, 100, detail["shape"])
        interpreter.set_tensor(detail["index"], values.astype(dtype))
    return interpreter


def bare(interpreter: Any) -> tuple[int, int]:
    """Nanoseconds of a frame, and of it outside `invoke()`, which is nothing."""
    start = perf_counter_ns()
    interpreter.invoke()
    return perf_counter_ns() - start, 0


def logged(interpreter: Any, log: Any) -> tuple[int, int]:
    """Nanoseconds of a frame, and of it outside `invoke()`."""
    start = perf_counter_ns()
    with log.frame() as frame, frame.inference():
        invoked = perf_counter_ns()
        interpreter.invoke()
        invoked = perf_counter_ns() - invoked
    total = perf_counter_ns() - start
    return total, total - invoked


def resident_kib() -> int:
    """VmRSS."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(status.partition("VmRSS:")[2].split()[0])


def empty_bytes(capture: Path) -> int:
    """Size of a capture that has no frames."""
    import exray

    path = capture.with_name(capture.name + ".empty")
    exray.open(path).close()
    size = path.stat().st_size
    path.unlink()
    return size


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("capture", type=Path)
    parser.add_argument("rounds", type=int)
    parser.add_argument("--pure", action="store_true", help="write by Python, without libexray")
    arguments = parser.parse_args()
    if arguments.pure:
        os.environ["EXRAY_PURE"] = "1"
    sys.path.insert(0, str(SOURCE))
    import exray

    interpreter = ready(arguments.model)
    for _ in range(WARM_UP):
        interpreter.invoke()
    found = np.ones((arguments.rounds, len(ARMS), 2), np.int64)  # written to, so that its memory is there before
    before = resident_kib()
    with exray.open(arguments.capture) as log:
        for number in range(-WARM_UP, arguments.rounds):
            arms = list(ARMS)
            random.Random(number).shuffle(arms)  # noqa: S311  # an order, not a secret
            for arm in arms:
                total, api = logged(interpreter, log) if arm == "x" else bare(interpreter)
                if number >= 0:
                    found[number, ARMS.index(arm)] = total, api
        after = resident_kib()
    for frames in found.tolist():
        for arm, (total, api) in zip(ARMS, frames, strict=True):
            print(arm, total, api)
    grown = arguments.capture.stat().st_size - empty_bytes(arguments.capture)
    print("bytes", grown, "frames", arguments.rounds + WARM_UP)
    print("memory", after - before)


if __name__ == "__main__":
    main()
