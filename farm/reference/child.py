"""A runtime in a process of its own, in an environment of its own: the worker's end of the pipes (children/wire.py)."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from farm.errors import BugError, JobError, ModelError, StorageError
from farm.reference.children import wire

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    Array = np.ndarray[Any, Any]

PROGRAMS = Path(__file__).parent / "children"
TAIL_BYTES = 2000
_running: dict[tuple[str, ...], Child] = {}


class Child:
    """One program and what it has open. It ends when this process does: its stdin closes.

    Deadlines are the parent's of this worker: it kills the whole group, children too.
    """

    def __init__(self, runtime: str, python: Path, program: Sequence[str]) -> None:
        self._runtime = runtime
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the process
        self._sessions = 0
        self.over: list[int] = []
        """Sessions that nobody needs any more."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        self._process = subprocess.Popen(
            [str(python), "-E", "-s", str(PROGRAMS / program[0]), *program[1:]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, env=environment,
        )  # fmt: skip

    @classmethod
    def of(cls, runtime: str, python: Path, program: Sequence[str]) -> Child:
        """The one of this worker: a runtime takes seconds to load, and serves many models."""
        key = (str(python), *program)
        if key not in _running or _running[key]._process.poll() is not None:
            _running[key] = cls(runtime, python, program)
        return _running[key]

    def open(self, model: Path, *, layers: bool, threads: int) -> Session:
        """Open a model.

        Raises:
            ModelError: the runtime refuses it, or crashes on it (names the signal).
            JobError: the environment is broken.
            StorageError: no memory.
        """
        self._sessions += 1
        about, _ = self.ask(
            {"do": "open", "session": self._sessions, "model": str(model), "layers": layers, "threads": threads}, {}
        )
        return Session(self, self._sessions, about)

    def ask(self, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> wire.Message:
        """A request and its answer. Errors as in `open`."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101  # pipes
        assert stdout is not None  # noqa: S101
        over, self.over = self.over, []
        try:
            wire.write(stdin, {**header, "close": over}, arrays)
            answer = wire.read(stdout)
        except (wire.WireError, BrokenPipeError):
            answer = None
        if answer is None:
            raise self._crash()
        told = answer[0]
        if "error" not in told:
            return answer
        if told["kind"] == "environment":
            raise self._broken(told["error"])
        if told["kind"] == "memory":
            raise StorageError("ran out of memory", where=self._runtime, remedy="free memory on this machine")
        doing = "is refused by the runtime" if header["do"] == "open" else "fails in the runtime"
        raise ModelError(f"{doing}: {told['error']}", where=self._runtime, remedy="check the model and its inputs")

    def _broken(self, words: str) -> JobError:
        return JobError(
            f"its environment is broken: {words}",
            where=self._runtime,
            remedy=f"farm runtime remove {self._runtime}, then farm runtime add {self._runtime}",
        )

    def close(self) -> None:
        """End the program, whatever it does. At the end of this process nobody has to."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _crash(self) -> Exception:
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.close()
            return BugError("the runtime's program no longer makes sense", where=self._runtime)
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - TAIL_BYTES))
        tail = self._log.read().decode("utf-8", "replace").strip()
        if status == -signal.SIGKILL:
            return StorageError(
                "the runtime's process was killed, most likely for want of memory",
                where=self._runtime,
                remedy="free memory on this machine",
            )
        if re.search(
            r"^(ModuleNotFoundError|ImportError): ", tail, re.MULTILINE
        ):  # before it could answer: numpy is missing
            return self._broken(tail.splitlines()[-1])
        if status < 0:
            name = signal.Signals(-status).name
            return ModelError(
                f"crashes the runtime ({name}): {tail}",
                where=self._runtime,
                remedy="check the model with `farm inspect`",
            )
        return BugError(f"the runtime's program ended with status {status}: {tail}", where=self._runtime)


class Session:
    """A model that a child has open."""

    def __init__(self, child: Child, number: int, about: Mapping[str, Any]) -> None:
        self._child = child
        self._number = number
        self.about = about

    def run(self, arrays: Mapping[str, Array], wanted: Sequence[str]) -> dict[str, Array]:
        """One frame: those `wanted`, by key. Errors as in `Child.open`."""
        _, values = self._child.ask({"do": "run", "session": self._number, "wanted": list(wanted)}, arrays)
        return values

    def time(self, arrays: Mapping[str, Array]) -> int:
        """Nanoseconds of one invocation. Errors as in `Child.open`."""
        told, _ = self._child.ask({"do": "time", "session": self._number}, arrays)
        return int(told["ns"])

    def __del__(self) -> None:
        """Many models are opened to time their operators. Said with the next request: this may run in the midst of one."""
        self._child.over.append(self._number)
