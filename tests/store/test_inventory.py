"""The files that a submission names: what is looked up before it is taken."""

from __future__ import annotations

from farm.store.inventory import inputs_of
from farm.submission import Baseline, FloatTwin, InputFrame, ReferenceSource, Submission, UserFile, Variant


def test_every_file_is_named_also_one_that_is_missing() -> None:
    submission = Submission(
        model_name="m",
        model_sha256="",
        frames=(InputFrame(name="f", kind="image", sha256=("frame",), mask=""),),
        sources=(
            ReferenceSource(name="a", runtime="server", url="http://x"),
            ReferenceSource(name="b", runtime="onnx", model_sha256="own", captures={"latency": "capture"}),
        ),
        float_twin=FloatTwin(model_name="t", model_sha256="twin"),
        baseline=Baseline(name="b", captures={"layers": "baseline"}),
        contract="contract",
        assertions=(UserFile(name="x.py", sha256="file"),),
        variants=(Variant(name="v", model_sha256=""), Variant(name="w")),
    )
    found = list(inputs_of(submission.model_dump(mode="json")))
    assert sorted(found) == ["", "", "", "baseline", "capture", "contract", "file", "frame", "own", "twin"]
