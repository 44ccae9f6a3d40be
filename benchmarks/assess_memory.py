"""Does memory grow with the frames when a run is assessed?

  python -m benchmarks.assess_memory            # 10 and 1,000 frames, every layer of each logged
  python -m benchmarks.assess_memory --frames 10,300

For each number of frames a process of its own assesses a run of the bundled classifier, fed BGR: the device is LiteRT under that
recipe. What is printed is the greatest resident memory of that process (VmHWM), and of the reference's worker, and their ratio
to the first's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from farm.assess.assess import assess_run
from farm.model import recipe as recipes
from farm.reference.record import record
from farm.store.artifacts import ArtifactStore
from farm.submission import InputFrame, RecipeUse, Submission

if TYPE_CHECKING:
    from farm.capture.recording import Recording

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "farm" / "demo"
TIMEOUT_S = 3600.0


def main() -> None:
    """Take the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--frames", default="10,1000", help="numbers of frames, the first is what others are held against"
    )
    parser.add_argument("--alone", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone:
        print(*assessed(asked.alone))
        return
    first: tuple[int, ...] = ()
    for count in map(int, asked.frames.split(",")):
        words = [sys.executable, "-m", "benchmarks.assess_memory", "--alone", str(count)]
        done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT)
        figures = tuple(map(int, done.stdout.split()))
        first = first or figures
        told = (
            f"{name} {mib} MiB ({mib / base:.2f} times)"
            for name, mib, base in zip(("assessing", "reference"), figures, first, strict=True)
        )
        print(f"{count} frames: {', '.join(told)}")


def assessed(count: int) -> tuple[int, int]:
    """MiB of this process and of a worker after a run of `count` frames."""
    right = recipes.load(DEMO / "model.recipe.toml")
    wrong = right.model_copy(update={"channels": "bgr"})
    with tempfile.TemporaryDirectory() as folder:
        artifacts, cache = ArtifactStore(Path(folder) / "artifacts"), Path(folder) / "references"
        files = sorted((DEMO / "inputs").iterdir())
        frames = tuple(
            InputFrame(name=f"{i}", kind="image", sha256=(artifacts.put_file(files[i % len(files)]),))
            for i in range(count)
        )
        model = artifacts.put_file(DEMO / "model.tflite")

        def device(layers: bool) -> Recording:
            return record(
                "litert", artifacts=artifacts, cache=cache, model_sha256=model, frames=list(enumerate(frames)),
                recipe=wrong, layers=layers, timeout_s=TIMEOUT_S,
            )  # fmt: skip

        submission = Submission(
            model_name="model.tflite",
            model_sha256=model,
            frames=frames,
            recipe=RecipeUse(recipe=wrong, origin="benchmark"),
            expected=RecipeUse(recipe=right, origin="benchmark"),
            pass_timeout_s=TIMEOUT_S,
        )
        latency, layers = device(False), device(True)
        run = assess_run(submission, artifacts, cache, latency, layers)
        assert run.verdict.cause == "channel", run.verdict
        return _peak_mib(), layers.peak_rss_bytes >> 20


def _peak_mib() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) >> 10


if __name__ == "__main__":
    main()
