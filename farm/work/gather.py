"""From what `farm submit` or a schedule is told to a submission and its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.errors import InputsError
from farm.work.matrix import axes, expand
from farm.work.prepare import Options, RecipeFlags, check_model, prepare
from farm.work.references import with_earlier
from farm.work.yardsticks import read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from farm.sections.schedule import Work
    from farm.submission import Submission
    from farm.work.prepare import Prepared
    from farm.work.references import Jobs
    from farm.work.yardsticks import Yardsticks


@dataclass(frozen=True)
class Gathered:
    """What was read of the files."""

    prepared: Prepared
    yardsticks: Yardsticks

    @property
    def files(self) -> dict[str, Path]:
        """By sha256: what the lab has to have."""
        return self.prepared.files | self.yardsticks.files

    def submission(self, lab: Jobs) -> Submission:
        """What is submitted, with the earlier runs it names, which `lab` knows.

        Raises:
            FarmError: there is no such run.
        """
        return self.yardsticks.of(with_earlier(self.prepared.submission, self.prepared.references, lab), lab)


def gather(work: Work, when: Mapping[str, object] | None = None) -> Gathered:
    """Read what was named; `when` are the submission's other terms.

    Raises:
        JobError: something cannot be read, or does not fit together.
    """
    for model in work.models:
        check_model(model)
    asked = axes(work.models, work.kernel, work.threads, work.accelerator, work.cpu_mask, work.runtime, work.context)
    if work.sensors and "app" not in asked.contexts:
        raise InputsError("are read by the farm's app", where="--sensors", remedy="add --context app")
    yardsticks = read(work.assertions, work.baseline, work.contract, sequence=work.sequence)
    flags = RecipeFlags(work.crop, work.resize, work.channels, work.normalize, work.rotate)
    prepared = prepare(
        work.models[0], work.inputs, work.labels, work.recipe, work.expected, flags,
        Options(
            work.on, work.references, asked.kernels[0], asked.threads[0], work.warmup, work.repetitions,
            tuple(work.passes.split(",")), work.layer_frames, work.isolated_frames, work.layer_budget_mb,
            asked.accelerators[0], asked.cpu_masks[0], work.timeout, work.fixed_performance,
            trace=tuple(filter(None, work.trace.split(","))), float_model=work.float_model, runtime=asked.runtimes[0],
            context=asked.contexts[0], sensors=tuple(filter(None, work.sensors.split(","))),
        ),
    )  # fmt: skip
    terms = {"devices": work.devices, "times": work.times, "pair": work.pair, **(when or {})}
    return Gathered(expand(prepared, asked, work.recipe, work.expected, flags, terms), yardsticks)
