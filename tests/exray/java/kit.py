"""What the tests of the Java API share: building it, starting virtual machines, and the API by remote control."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from farm.capture.ingest import record
from farm.capture.recording import Recording, load
from tests.agents.kit import PLATFORM, ROOT, build, locked

if TYPE_CHECKING:
    from farm.store.artifacts import ArtifactStore

JAVA = ROOT / "agents" / "java"
JAR = JAVA / "build" / "exray.jar"
LIBRARY = ROOT / "agents" / "native" / "build" / PLATFORM / "libexray_jni.so"
SOURCES = Path(__file__).parent / "src"
TOLD = "-XX:+ErrorFileToStderr"
"""Should it crash, it says so where the test looks, not in a file."""
HAS_JDK = shutil.which("javac") is not None


def build_all(classes: Path) -> None:
    """Make jar and library, and compile the tests' own programs and the example into `classes`."""
    with locked(JAVA / "build" / ".lock"):
        subprocess.run(["make", "-C", str(JAVA)], check=True, capture_output=True)
    build("jni", PLATFORM)
    folders = (SOURCES, ROOT / "agents" / "examples" / "java", ROOT / "benchmarks" / "instrumented")
    sources = [file for folder in folders for file in folder.glob("*.java")]
    command = ["javac", "-nowarn", "-XDignore.symbol.file", "-encoding", "UTF-8", "-cp", str(JAR), "-d", str(classes)]
    subprocess.run([*command, *map(str, sources)], check=True, capture_output=True)


def command(classes: Path, *arguments: str | Path, machine: tuple[str, ...] = ()) -> list[str]:
    """Start a program on a virtual machine."""
    return ["java", *machine, "-cp", f"{JAR}:{classes}", *map(str, arguments)]


@dataclass(frozen=True)
class Totals:
    frames: int
    bytes: int
    dropped: int
    dropped_bytes: int
    over_budget: int
    error: int


class JavaError(Exception):
    """An exception of the API; `kind` is its class's name."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Driver:
    """The virtual machine that runs Driver.java: a call of the API a line."""

    def __init__(self, classes: Path, *machine: str) -> None:
        # What it logs is UTF-8 whatever the locale.
        self.process = subprocess.Popen(
            command(classes, "Driver", machine=(*machine, TOLD)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"LC_ALL": "C"},
        )  # fmt: skip
        self.noise: list[str] = []

    def __call__(self, *words: Any) -> str:
        """Call the API; what is no bytes is said in words.

        Raises:
            JavaError: it threw.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        data = (w if isinstance(w, bytes) else str(w).encode() for w in words)
        self.process.stdin.write(" ".join("=" + base64.b64encode(d).decode() for d in data) + "\n")
        self.process.stdin.flush()
        while line := self.process.stdout.readline():
            if line.startswith("="):
                kind, _, answer = line[1:].rstrip("\n").partition(" ")
                text = base64.b64decode(answer).decode()
                if kind:
                    raise JavaError(kind, text)
                return text
            self.noise.append(line)
        raise AssertionError(f"the virtual machine ended with status {self.process.wait()}: {''.join(self.noise)}")

    def count(self) -> Totals:
        return Totals(*map(int, self("count").split()))

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(timeout=60) == 0
        assert self.process.stdout is not None
        self.process.stdout.close()


def recorded(path: Path, artifacts: ArtifactStore) -> Recording:
    made = record(path, "app", artifacts)
    assert made is not None
    return load(artifacts, made)
