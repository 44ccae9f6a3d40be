"""The agent in a process of Java's does what the program does."""

from __future__ import annotations

import re
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from farm.capture import exray_pb2 as pb
from farm.capture.ingest import ingest
from farm.capture.recording import load
from tests.agents.kit import NATIVE, PASSES, PLATFORM, Bench, Capture, Result, build, convolution_model, read, run
from tests.conftest import DEMO

from .kit import TOLD, command

if TYPE_CHECKING:
    from pathlib import Path

    from farm.store.artifacts import ArtifactStore

LIBRARY = NATIVE / "build" / PLATFORM / "libexray_agent_jni.so"
C1 = "-XX:TieredStopAtLevel=1"
"""This compiler makes every null check a SIGSEGV."""


@dataclass(frozen=True)
class Java:
    """The agent by way of a virtual machine, and the program."""

    classes: Path
    bench: Bench

    def command(self, main: str, *arguments: str | Path, machine: tuple[str, ...] = ()) -> list[str]:
        options = (*machine, TOLD, f"-Djava.library.path={LIBRARY.parent}")
        return command(self.classes, main, *arguments, machine=options)

    def run(self, main: str, *arguments: str | Path, machine: tuple[str, ...] = ()) -> Result:
        start = self.command(main, *arguments, machine=machine)
        done = subprocess.run(start, capture_output=True, text=True, timeout=120, check=False)
        return Result(done.returncode, done.stdout, done.stderr)

    def agent(self, *arguments: str | Path) -> Result:
        return self.run("dev.exray.agent.Main", *arguments)

    def fixed(self, model: Path, frames: Path, name: str, out: str) -> list[str | Path]:
        files: list[str | Path] = ["--model", model, "--frames", frames, "--out", self.bench.folder / out]
        return ["run", "--runtime", self.bench.runtime, "--pass", name, *files]

    def small(self, *, frames: int = 3) -> tuple[Path, Path]:
        values = np.random.default_rng(5).random((frames, 1, 8, 8, 3)).astype(np.float32)
        return self.bench.file("conv.tflite", convolution_model()), self.bench.tensors(*([v] for v in values))


@pytest.fixture(scope="module")
def java(classes: Path, tmp_path_factory: pytest.TempPathFactory) -> Java:
    return Java(classes, Bench(build("all", PLATFORM), tmp_path_factory.mktemp("agent")))


def logged(found: Capture) -> dict[type, list[object]]:
    """All that is the same in every run of a pass."""
    told: dict[type, list[object]] = {
        kind: [m.SerializeToString(deterministic=True) for m in found.of(kind)]
        for kind in (pb.TensorSpec, pb.TensorData)
    }
    told[pb.Frame] = [(f.index, f.repetition, f.name) for f in found.of(pb.Frame)]
    told[pb.OpTimes] = [(t.frame, [(o.tag, o.type, o.index) for o in t.ops]) for t in found.of(pb.OpTimes)]
    told[pb.Memory] = [m.frame for m in found.of(pb.Memory)]
    told[pb.End] = [e.invocations for e in found.of(pb.End)]
    header = pb.Header()
    header.CopyFrom(found.header)
    for of_the_moment in ("agent_sha256", "wall_ns", "monotonic_ns"):
        header.ClearField(of_the_moment)
    told[pb.Header] = [header]
    return told


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("file", ["model.tflite", "model_int8.tflite"])
def test_a_pass_logs_what_the_programs_does(java: Java, file: str, name: str) -> None:
    (given,) = Interpreter(str(DEMO / file)).get_input_details()
    rng = np.random.default_rng(3)
    whole = np.issubdtype(given["dtype"], np.integer)
    values = rng.integers(0, 100, (4, *given["shape"])) if whole else rng.normal(size=(4, *given["shape"]))
    frames = java.bench.tensors(*([v.astype(given["dtype"])] for v in values))
    options = ["--threads", "2", "--label", "where=h\u00e9re"]
    program = run(java.bench.agent, *java.fixed(DEMO / file, frames, name, "program.mcap"), *options)
    virtual = java.agent(*java.fixed(DEMO / file, frames, name, "java.mcap"), *options)
    assert (program.status, virtual.status) == (0, 0), virtual.stderr
    assert [list(line) for line in virtual.lines[-1:]] == [["done"]]
    expected, found = (logged(read(java.bench.folder / f"{by}.mcap")) for by in ("program", "java"))
    assert found == expected
    assert found[pb.OpTimes if name == "profile" else pb.TensorData]


def test_pictures_are_prepared_as_by_the_program(java: Java) -> None:
    image = np.random.default_rng(1).integers(0, 256, (30, 41, 3), np.uint8)
    model, _ = java.small()
    frames, recipe = java.bench.images(image), ("--rotate", "90", "--mean", "1,2,3", "--std", "4,5,6")
    assert run(java.bench.agent, *java.fixed(model, frames, "latency", "program.mcap"), *recipe).status == 0
    assert java.agent(*java.fixed(model, frames, "latency", "java.mcap"), *recipe).status == 0
    expected, found = (logged(read(java.bench.folder / f"{by}.mcap")) for by in ("program", "java"))
    assert found == expected


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["nothing"], ["--help"], ["hash"], ["hash", str(DEMO / "model.tflite"), "/none"], ["probe"],
        ["probe", "--runtime", "/none.so"], ["run"], ["run", "--threads", "many"], ["run", "--label", "\u00fc=1", "--x"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_it_says_what_the_program_says(java: Java, arguments: list[str]) -> None:
    assert java.agent(*arguments) == run(java.bench.agent, *arguments)


def test_errors_of_a_pass_are_the_same_line_and_status(java: Java) -> None:
    model, frames = java.small()
    garbage = java.bench.file("garbage.tflite", b"no model" * 100)
    for arguments in (
        java.fixed(garbage, frames, "latency", "o"),
        java.fixed(java.bench.folder / "none.tflite", frames, "latency", "o"),
        [*java.fixed(model, frames, "latency", "o"), "--accelerator", "npu"],
        [*java.fixed(model, frames, "latency", "o"), "--cpu-mask", "8000000000000000"],
    ):
        program, virtual = run(java.bench.agent, *arguments), java.agent(*arguments)
        assert (virtual.status, virtual.error) == (program.status, program.error)
        assert virtual.status in {2, 3}


@pytest.mark.parametrize("machine", [(C1,), ("-Xint",), (C1, "-Xcheck:jni")], ids=" ".join)
def test_the_virtual_machine_keeps_its_signals_and_what_is_told_is_logged(
    java: Java, machine: tuple[str, ...], artifacts: ArtifactStore
) -> None:
    model, frames = java.small()
    pass_ = [*java.fixed(model, frames, "latency", "java.mcap"), "--idle-ms", "1500"]
    result = java.run("Beside", *pass_, "--repetitions", "2000", machine=machine)
    assert result.status == 0, result.stderr
    assert "FATAL" not in result.stdout
    assert result.stdout.splitlines()[-1] == "0 true true"
    assert "a process runs one pass" in result.stdout
    made = ingest(java.bench.folder / "java.mcap", "device", artifacts)
    assert made is not None
    found = load(artifacts, made)
    sensors = found.sensor_rows(artifacts)
    assert {s.name for s in sensors} == {"accelerometer"}
    assert {(s.axis, s.value) for s in sensors if s.axis < 2} == {(0, 0.5), (1, -9.75)}
    assert all(s.value == s.time_ns for s in sensors if s.axis == 2)
    rows = [r for r in found.sample_rows(artifacts) if r.source]
    assert {(r.source, r.value) for r in rows} == {
        ("power/battery-manager/current_now", -250_000),
        ("power/battery-manager/charge_counter", 3_000_000),
        ("power/battery-manager/voltage_now", 3_987_000),
        ("power/battery-manager/capacity", 81),
        ("zone/battery-manager/battery", 25_300),
        ("power/battery-manager/status", 3),
        ("thermal/severity", 2),
        ("thermal/headroom_thousandths", 250),
        ("memory/app/pss_bytes", 1 << 20),
        ("memory/app/native_heap_bytes", 2 << 20),
    }
    assert {"idle", "frames"} <= {r.phase for r in rows}


@pytest.mark.parametrize("trap", ["__builtin_trap()", "*(volatile int *)8 = 1", "abort()", "threads()"])
def test_a_runtime_that_crashes_is_told_apart(java: Java, trap: str) -> None:
    """On the agent's thread, and on one that the runtime began."""
    names = re.findall(r"^ +X\([A-Za-z *]+, (\w+),", (NATIVE / "src" / "litert_abi.h").read_text(), re.MULTILINE)
    others = "".join(
        f"void LiteRt{n}(void) {{ {trap}; }}\n" for n in [*names, "CreateModelFromFd"] if n != "CreateEnvironment"
    )
    source = java.bench.file(
        "crash.c",
        b"#include <pthread.h>\n#include <stdlib.h>\n#include <unistd.h>\n"
        b"static void *work(void *p) { *(volatile int *)p = 1; return p; }\n"
        b"void threads(void) { pthread_t t; pthread_create(&t, 0, work, (void *)8); for (;;) pause(); }\n"
        b"int LiteRtCreateEnvironment(void) { return 0; }\n" + others.encode(),
    )
    library = java.bench.folder / "crash.so"
    subprocess.run(["cc", "-w", "-shared", "-fPIC", "-o", library, source], check=True)
    model, frames = java.small()
    crashing = Java(java.classes, Bench(java.bench.agent, java.bench.folder, library))
    arguments = crashing.fixed(model, frames, "latency", "o")
    program, virtual = run(java.bench.agent, *arguments), crashing.agent(*arguments)
    assert (virtual.status, virtual.error) == (program.status, program.error)
    assert virtual.error["code"] == "runtime-crashed"


@pytest.mark.parametrize("bound", ["lazy", "now"])
@pytest.mark.parametrize(("name", "answer"), [("latency", 0), ("profile", -1)])
def test_profiler_is_kept_from_asking_for_memory(java: Java, name: str, answer: int, bound: str) -> None:
    names = re.findall(r"^ +X\([A-Za-z *]+, (\w+),", (NATIVE / "src" / "litert_abi.h").read_text(), re.MULTILINE)
    others = "".join(f"void LiteRt{n}(void) {{}}\n" for n in [*names, "CreateModelFromFd"] if n != "CreateEnvironment")
    source = java.bench.file(
        "asking.c",
        b"#include <stdio.h>\n#include <sys/resource.h>\n"
        b"int LiteRtCreateEnvironment(void) { struct rusage u; int told = getrusage(RUSAGE_SELF, &u);\n"
        b'  fprintf(stderr, "ERROR: told %d\\n", told); return 1; }\n' + others.encode(),
    )
    library = java.bench.folder / f"asking-{bound}.so"
    linking = f"-Wl,-z,relro,-z,{bound}"
    subprocess.run(["cc", "-shared", "-fPIC", linking, "-o", library, source], check=True)
    model, frames = java.small()
    asking = Java(java.classes, Bench(java.bench.agent, java.bench.folder, library))
    error = asking.agent(*asking.fixed(model, frames, name, "o")).error
    assert error["code"] == "runtime-failed"
    assert f"told {answer}" in error["message"]


def long_pass(java: Java, *options: str | Path) -> subprocess.Popen[str]:
    model, frames = java.small(frames=100)
    work = [*java.fixed(model, frames, "latency", "long.mcap"), "--repetitions", "1000000", *options]
    start = java.command("dev.exray.agent.Main", *work)
    return subprocess.Popen(start, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_pass_before_the_virtual_machine(java: Java, number: signal.Signals) -> None:
    with long_pass(java) as process:
        assert process.stdout is not None
        assert "progress" in process.stdout.readline()
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == 128 + number
    found = read(java.bench.folder / "long.mcap")  # whole, with its index
    assert found.of(pb.Frame)
    assert not found.of(pb.End)


def test_deadline_tether_and_lease_hold_there_too(java: Java, tmp_path: Path) -> None:
    with long_pass(java, "--deadline", "2") as process:
        _, stderr = process.communicate(timeout=60)
        assert Result(process.returncode, "", stderr).error["code"] == "deadline-exceeded"
    with long_pass(java, "--tether", "stdin") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.stdin.close()
        process.stdin = None
        process.communicate(timeout=60)
        assert process.returncode == 128 + signal.SIGHUP
    lock = tmp_path / "lock"
    with long_pass(java, "--lease", "4", "--lock", lock) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert lock.read_text().split() == [str(process.pid), "4"]
        model, frames = java.small()
        newer = [*java.fixed(model, frames, "latency", "newer.mcap"), "--lease", "5", "--lock", lock]
        assert run(java.bench.agent, *newer).status == 0
        process.communicate(timeout=60)
        assert process.returncode == 128 + signal.SIGTERM


def test_the_header_names_the_library(java: Java) -> None:
    model, frames = java.small()
    assert java.agent(*java.fixed(model, frames, "latency", "java.mcap")).status == 0
    told = run(java.bench.agent, "hash", LIBRARY).stdout.split()[0]
    assert read(java.bench.folder / "java.mcap").header.agent_sha256.hex() == told


def test_the_library_needs_no_other_of_ours(classes: Path) -> None:
    dynamic = subprocess.run(["readelf", "-d", LIBRARY], capture_output=True, check=True, text=True).stdout
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
    assert {name for name in needed if not name.startswith("ld-linux")} <= {"libc.so.6", "libdl.so.2", "libm.so.6"}
    assert "NODELETE" in dynamic
    names = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], capture_output=True, check=True, text=True).stdout
    assert {line.split()[2].split("_dev_exray_")[0] for line in names.splitlines()} == {"Java"}
