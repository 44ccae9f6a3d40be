"""What does the exray API cost an app?

frames  In C, Java and Python each, a MobileNetV2 of float32 and of int8 with random weights: the bare model (a), the same again
        (b, what chance alone does) and with times and memory logged (x), frame by frame in random order, each in several
        processes. Printed: time inside the API, x beside a and b, bytes a frame on disk, memory.
layers  Every layer of a MobileNetV2 logged (app thread: until the calls are back; whole: until all is in a file of memory),
        beside memcpy and write of the same bytes, in turns.
soak    A day of frames at 30 a second, logged as fast as they go: memory along the way, what was lost, what a reader finds,
        once without a budget and once with half of the bytes it came to.

    python -m benchmarks.instrumentation [frames] [layers] [soak] [--rounds 300] [--processes 3] [--only c java python]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ai_edge_litert
import numpy as np
from mcap.reader import make_reader

from benchmarks.agent_overhead import interval
from benchmarks.capture import MOBILENET
from benchmarks.mobilenet import mobilenet_v2

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "benchmarks" / "instrumented"
NATIVE = ROOT / "agents" / "native"
BUILT = NATIVE / "build" / f"linux-{os.uname().machine}"
LITERT = Path(next(iter(ai_edge_litert.__path__)))
FRAMES_A_DAY = 30 * 86_400
HEAP = ("-XX:+UseSerialGC", "-Xms32m", "-Xmx32m", "-XX:+AlwaysPreTouch")
"""So that what grows is not the heap, of which the machine touches more as it goes."""
C_FLAGS = ("-std=c11", "-D_XOPEN_SOURCE=700", "-O2", "-Wall", "-Wextra", "-Werror")

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Told:
    """What a loop printed."""

    times: dict[str, Array]
    """Arm -> nanoseconds of each round's frame."""
    api: Array
    """Nanoseconds inside the API, of each logged frame."""
    bytes_a_frame: float
    memory_kib: int


def read(text: str) -> Told:
    """Lines of a loop."""
    times: dict[str, list[float]] = {"a": [], "b": [], "x": []}
    api, found = [], dict[str, float]()
    for line in text.splitlines():
        match line.split():
            case [("a" | "b" | "x") as arm, total, inside]:
                times[arm].append(float(total))
                if arm == "x":
                    api.append(float(inside))
            case ["bytes", size, "frames", count]:
                found["bytes"] = float(size) / float(count)
            case ["memory", kib]:
                found["memory"] = float(kib)
    return Told({k: np.array(v) for k, v in times.items()}, np.array(api), found["bytes"], int(found["memory"]))


def compiled(source: Path, out: Path, *more: str | Path) -> Path:
    """A C program against libexray."""
    program = out / source.stem
    libraries: list[str | Path] = ["-L", BUILT, "-lexray", f"-Wl,-rpath,{BUILT}"]
    sources = [source, NATIVE / "src" / "procfs.c"]
    subprocess.run(["cc", *C_FLAGS, "-o", program, *sources, *libraries, *more], check=True)
    return program


def loops(folder: Path) -> dict[str, list[str]]:
    """Language -> the command before MODEL, CAPTURE and ROUNDS."""
    c = compiled(HERE / "loop.c", folder, "-L", LITERT, "-lLiteRt", f"-Wl,-rpath,{LITERT}")
    found = {"c": [str(c)], "python": [sys.executable, "-m", "benchmarks.instrumented.loop"]}
    found["python, without the library"] = [*found["python"], "--pure"]
    if shutil.which("javac"):
        jar = ROOT / "agents" / "java" / "build" / "exray.jar"
        subprocess.run(["make", "-s", "-C", NATIVE, "jni"], check=True)
        subprocess.run(["make", "-s", "-C", ROOT / "agents" / "java"], check=True)
        subprocess.run(["javac", "-cp", jar, "-d", folder, HERE / "Loop.java"], check=True)
        runtime = LITERT / "libLiteRt.so"
        found["java"] = ["java", *HEAP, "-cp", f"{jar}:{folder}", f"-Dlitert.library={runtime}", "Loop"]
    return found


def frames(folder: Path, rounds: int, processes: int, only: list[str]) -> None:
    """Print what logging costs by language and model."""
    # Compiled Python is kept, as it is elsewhere: memory would count the compiler.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    commands = loops(folder)
    for kind in ("float32", "int8"):
        model = folder / f"{kind}.tflite"
        model.write_bytes(mobilenet_v2(quantized=kind == "int8"))
        for language, command in commands.items():
            if only and language.split(",", maxsplit=1)[0] not in only:
                continue
            told = []
            for _ in range(processes):
                arguments = [*command, str(model), str(folder / "loop.mcap"), str(rounds)]
                done = subprocess.run(
                    arguments, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
                )
                told.append(read(done.stdout))
            tell(f"{language}, {kind}", told)


def tell(what: str, told: list[Told]) -> None:
    """Print one row."""
    a, b, x = (np.log(np.concatenate([t.times[arm] for t in told])) for arm in "abx")
    rng = np.random.default_rng(1)
    api = np.concatenate([t.api for t in told]) / 1e3
    ratio = interval(x - (a + b) / 2, rng)
    apart = not ratio[1] <= 1 <= ratio[2]
    print(f"{what}: {len(a)} rounds, frame {np.exp(np.median(a)) / 1e6:.3f} ms")
    print(f"  inside the API    {np.median(api):8.1f} us median, {np.quantile(api, 0.9):.1f} us p90")
    print("  b/a               {:8.4f} [{:.4f}, {:.4f}]".format(*interval(b - a, rng)))
    print("  x/(a, b)          {:8.4f} [{:.4f}, {:.4f}]".format(*ratio), "apart" if apart else "not distinguishable")
    print(f"  on disk           {statistics.median(t.bytes_a_frame for t in told):8.1f} bytes a frame")
    print(f"  memory            {statistics.median(t.memory_kib for t in told):8.0f} KiB", flush=True)


def layers(folder: Path, processes: int) -> None:
    """Print what logging every layer costs beside memcpy and write."""
    logged = compiled(HERE / "layers.c", folder)
    floor = folder / "memory_write"
    crc = [NATIVE / "src" / name for name in ("crc32.c", "crc32_hardware.c")]
    source = ROOT / "benchmarks" / "memory_write.c"
    subprocess.run(["cc", *C_FLAGS, "-I", NATIVE / "src", "-o", floor, source, *crc], check=True)
    for kind, width in (("float32", 4), ("int8", 1)):
        sizes = [str(width * values) for values in MOBILENET]
        total = sum(map(int, sizes))
        whole, calls, plain = [], [], []
        for _ in range(5 * processes):
            done = subprocess.run([logged, "10", *sizes], check=True, stdout=subprocess.PIPE, text=True)
            rows = np.array([line.split() for line in done.stdout.splitlines()], float)
            whole.append(np.median(rows[:, 0]))
            calls.append(np.median(rows[:, 1]))
            done = subprocess.run([floor, str(total), "10", "plain"], check=True, capture_output=True, text=True)
            plain.append(np.median(np.array(done.stdout.split(), float)))
        rng = np.random.default_rng(1)
        print(
            f"{kind}: {len(sizes)} layers, {total / 1e6:.1f} MB a frame, memcpy + write {np.median(plain) / 1e6:.2f} ms"
        )
        for name, taken in (("whole", whole), ("app thread", calls)):
            ratio = interval(np.log(np.array(taken) / np.array(plain)), rng)
            print("  {:11} {:6.2f} ms, {:.3f} [{:.3f}, {:.3f}] of it".format(name, np.median(taken) / 1e6, *ratio))


def soak(folder: Path, count: int) -> None:
    """Print what a day came to, without a budget and with one."""
    program, capture = compiled(HERE / "soak.c", folder), folder / "soak.mcap"
    budget = 0
    for _ in range(2):
        done = subprocess.run(
            [program, str(capture), str(count), str(budget)], check=True, stdout=subprocess.PIPE, text=True
        )
        *lines, last = done.stdout.splitlines()
        memory = [int(line.split()[1]) for line in lines]
        with capture.open("rb") as file:
            summary = make_reader(file).get_summary()
        assert summary is not None
        assert summary.statistics is not None
        by_topic = {summary.channels[i].topic: n for i, n in summary.statistics.channel_message_counts.items()}
        size = capture.stat().st_size
        print(f"{count:,} frames, budget {budget:,}: {last}")
        print(f"  memory {memory[1]} KiB after 1 %, {memory[-1]} at the end, {max(memory)} at most")
        print(f"  a reader finds {by_topic}")
        print(
            f"  file {size:,} bytes, {size / count:.1f} a frame"
            + (f", {size / budget:.4f} of the budget" if budget else "")
        )
        budget = size // 2


def main() -> None:
    """Run what was asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=["frames", "layers", "soak", []])
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=[], choices=["c", "java", "python"])
    parser.add_argument("--day", type=int, default=FRAMES_A_DAY, help="frames of the soak")
    asked = parser.parse_args()
    subprocess.run(["make", "-s", "-C", NATIVE], check=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not asked.what or "frames" in asked.what:
            frames(folder, asked.rounds, asked.processes, asked.only)
        if not asked.what or "layers" in asked.what:
            layers(folder, asked.processes)
        if not asked.what or "soak" in asked.what:
            soak(folder, asked.day)


if __name__ == "__main__":
    main()
