"""The runtimes of a run on its device: one, or a pair's two, and what lies beside each for a GPU or NPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.android.commands import files
from farm.errors import AdbError, InfrastructureError
from farm.run import bundle
from farm.run.stage import DEADLINE_S, Blob
from farm.store.artifacts import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from farm.capture.recording import Recording
    from farm.fleet.adb import AdbDevice
    from farm.run.bundle import Bundle
    from farm.submission import Submission


@dataclass(frozen=True)
class Runtime:
    """One runtime as it is staged."""

    bundle: Bundle
    blob: Blob
    beside: tuple[tuple[str, Blob], ...] = ()
    """By the names under which it looks for them; nothing where the CPU does the work."""

    @property
    def named(self) -> list[tuple[str, Blob]]:
        """Files that look for each other by name, in a folder of their own; none where the CPU does the work."""
        files = [(self.bundle.runtime.name, self.blob), *self.beside] if self.beside else []
        return [(f"runtime-{self.blob.sha256[:12]}/{name}", blob) for name, blob in files]

    def remote(self, folder: str) -> str:
        """The path that the agent is given; `folder` is the run's own, on the device."""
        return f"{folder}/{self.named[0][0]}" if self.named else self.blob.remote

    def check(self, recording: Recording, where: str) -> None:
        """See that this is what ran.

        Raises:
            InfrastructureError: the agent read another file.
        """
        if recording.header.runtime_sha256 != self.blob.sha256:
            raise InfrastructureError(
                f"ran with runtime {recording.header.runtime_sha256[:12]}, not {self.blob.sha256[:12]}, which was staged",
                where=where,
                remedy="something changes files on the device; the run is tried again",
            )


@dataclass(frozen=True)
class Runtimes:
    """Those of a run, by the name its submissions give them."""

    agent: Blob
    by_name: dict[str, Runtime]

    @classmethod
    def find(cls, submissions: Iterable[Submission], abi: str, *, virtual: bool, data: Path) -> Runtimes:
        """The agent and every runtime that is asked for.

        Raises:
            InfrastructureError: the agent, or this installation's runtime, is not there.
            BundleError: there is none of that name, it has nothing for such a device, or is another file than was added.
        """
        agent: Blob | None = None
        found: dict[str, Runtime] = {}
        for submission in submissions:
            files = bundle.for_abi(abi, virtual=virtual, data=data, name=submission.runtime)
            agent = agent or Blob.of_file(files.agent, sha256_of(files.agent), program=True)
            elsewhere = submission.accelerator != "cpu"
            had = found.get(submission.runtime)
            if had is None or (elsewhere and not had.beside):
                beside = tuple((p.name, Blob.of_file(p, sha256_of(p))) for p in files.beside) if elsewhere else ()
                found[submission.runtime] = Runtime(files, Blob.of_file(files.runtime, files.sha256), beside)
        assert agent is not None  # noqa: S101  # every run has a submission
        return cls(agent, found)

    def blobs(self) -> list[Blob]:
        """All that has to be on the device."""
        beside = [blob for runtime in self.by_name.values() for _, blob in runtime.beside]
        return [self.agent, *(runtime.blob for runtime in self.by_name.values()), *beside]

    def place(self, device: AdbDevice, folder: str) -> None:
        """Give those that look for others a folder where everything has its own name; it goes with the run's.

        Raises:
            AdbError: the device refuses.
        """
        for runtime in self.by_name.values():
            if not runtime.named:
                continue
            at = runtime.remote(folder).rpartition("/")[0]
            links = [(blob.remote, name.rpartition("/")[2]) for name, blob in runtime.named]
            done = device.send(files.link(at, links), DEADLINE_S)
            if done.exit_code:
                said = done.stderr.decode("utf-8", "replace").strip()
                raise AdbError(said or "no link can be made", where=f"{device.serial}: {at}", remedy="")

    def notes(self) -> dict[str, str]:
        """Conditions of the run: what it ran with, and under which name where the job gave one."""
        named = [(name, runtime) for name, runtime in self.by_name.items()]
        told = {
            "runtime": " and ".join(dict.fromkeys(runtime.blob.sha256[:12] for _, runtime in named)),
            "runtime_version": " and ".join(_version(runtime.bundle) for _, runtime in named),
        }
        if len(named) == 1 and named[0][0]:  # a pair's sides say theirs
            told["runtime_bundle"] = named[0][0]
        return told


def _version(files: Bundle) -> str:
    return f"{files.version} ({files.name})" if files.name else files.version
