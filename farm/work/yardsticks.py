"""What a run is judged by beyond the references: the user's assertions, a baseline, a data contract, an order of frames."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from farm.assess.user import functions
from farm.compare import contract as contracts
from farm.errors import InputsError
from farm.store.artifacts import sha256_of
from farm.submission import Baseline, UserFile
from farm.work.references import pass_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.submission import Submission
    from farm.work.references import Jobs

_RUN = re.compile(r"([0-9]{1,9})(?:/([0-9]{1,9}))?")
PASSES = ("latency", "profile", "layers")


@dataclass(frozen=True)
class Yardsticks:
    """As on the command line."""

    assertions: tuple[UserFile, ...] = ()
    contract: str = ""
    baseline: str = ""
    """JOB, JOB/RUN, or empty."""
    captures: tuple[tuple[str, str], ...] = ()
    """Pass and sha256 of a baseline that is given by its files."""
    sequence: bool = False
    files: dict[str, Path] = field(default_factory=dict)
    """By sha256: what has to be sent."""

    def of(self, submission: Submission, client: Jobs | None) -> Submission:
        """The submission with them; a baseline that is a run is looked up in the client's lab, and needs one.

        Raises:
            FarmError: there is no such job.
            InputsError: it has no such run, several, or its captures were removed.
        """
        return submission.model_copy(
            update={
                "assertions": self.assertions,
                "contract": self.contract,
                "baseline": self._earlier(submission, client),
                "sequence": self.sequence,
            }
        )

    def _earlier(self, submission: Submission, client: Jobs | None) -> Baseline | None:
        if self.captures:
            return Baseline.model_validate({"name": self.baseline[-255:], "captures": dict(self.captures)})
        if not self.baseline:
            return None
        match = _RUN.fullmatch(self.baseline)
        assert match is not None  # noqa: S101  # `read` saw to it
        assert client is not None  # noqa: S101  # whoever names a run has one
        job = client.job(int(match[1]))
        where = f"--baseline {self.baseline}"
        runs = [run for run in job.runs if match[2] is None or run.id == int(match[2])]
        if len(runs) != 1:
            raise InputsError(
                f"job {job.job} has {len(runs) or 'no such'} run{'s' * (len(runs) > 1)}",
                where=where,
                remedy=f"one of {', '.join(f'{job.job}/{run.id}' for run in job.runs)}",
            )
        if job.model_sha256 != submission.model_sha256 and not submission.variants:
            raise InputsError(
                f"job {job.job} is of another model, {job.model}", where=where, remedy="name a run of the same file"
            )
        (run,) = runs
        captures = {c.name: c.sha256 for c in run.captures if c.name in PASSES and c.complete and not c.removed}
        if "latency" not in captures:
            raise InputsError("its captures were removed, or it never ran", where=where, remedy="name another run")
        name = f"job {job.job}, run {run.id}"
        return Baseline.model_validate({"name": name, "captures": captures, "energy": run.energy})


def read(assertions: Sequence[Path], baseline: str, contract: Path | None, *, sequence: bool) -> Yardsticks:
    """Read what the words name.

    Raises:
        JobError: a file of assertions has none, or a wrong one; names file and line.
        InputsError, CaptureError: a file cannot be read, or is not what it should be.
    """
    files: dict[str, Path] = {}
    for path in assertions:
        functions(_bytes(path, "--assert"), str(path))
        files[sha256_of(path)] = path
    if contract is not None:
        contracts.read(_bytes(contract, "--contract"), str(contract))
        files[sha256_of(contract)] = contract
    captures: dict[str, str] = {}
    if baseline and not _RUN.fullmatch(baseline):
        path = Path(baseline)
        found = sorted(path.glob("*.mcap")) if path.is_dir() else [path]
        if not found or not all(file.is_file() for file in found):
            raise InputsError(
                "is neither a run nor a capture", where=f"--baseline {baseline}", remedy="give JOB/RUN, or a .mcap file"
            )
        for file in found:
            if (of := pass_of(file)) in PASSES:
                captures[of] = sha256_of(file)
                files[captures[of]] = file
        if not captures:
            raise InputsError(
                "has no latency, profile or layers pass", where=f"--baseline {baseline}", remedy="give other captures"
            )
    return Yardsticks(
        assertions=tuple(UserFile(name=path.name[-255:], sha256=sha256_of(path)) for path in assertions),
        contract="" if contract is None else sha256_of(contract),
        baseline=baseline,
        captures=tuple(captures.items()),
        sequence=sequence,
        files=files,
    )


def _bytes(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise InputsError(f"cannot be read: {e.strerror}", where=f"{option} {path}", remedy="check the path") from e
