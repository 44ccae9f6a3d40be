"""Quantization in a job's document, on the page and on the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from farm.cli.quantization_render import quantization as terminal
from farm.report import html
from farm.report.document import Job, Run
from farm.report.quantization import ChannelError, Issue, LayerQuantization, Quantization, in_words


def layer(node: int, **more: object) -> LayerQuantization:
    return LayerQuantization.model_validate(
        {
            "node": node, "op": "INPUT" if node < 0 else "CONV_2D", "tensor": f"t{node}<script>", "index": node + 1, "frames": 4,
            "rmse": 0.1, "bias": -0.01, "max_abs": 1.0, "nrmse": 0.01, "sqnr_db": 30.0, "saturated": 0.0, "at_low": 0.0,
            "at_high": 0.0, "pinned": 0.0, "clipped": 0.0, "range_nrmse": 0.001, "dead_range": 0.1, "used_bits": 7.9, "bits": 8,
            "channels": 4,
        }
        | more
    )  # fmt: skip


CUT = layer(
    3, nrmse=0.3, clipped=0.2, range_nrmse=0.29, origin="range", reason="20.0% lie outside",
    worst_channels=(ChannelError(channel=2, rmse=0.7, bias=0.1, max_abs=3.0, sqnr_db=3.0, clipped=0.5),),
)  # fmt: skip
ISSUE = Issue(
    rule="scale-shared", severity="error", node=4, op="MAX_POOL_2D", what="two scales <b>", why="w", remedy="r"
)
FOUND = Quantization(
    lint=(ISSUE,), against="float.tflite", layers=(layer(-1), CUT, layer(5, origin="inherited", reason="x"))
)


def test_the_page_has_every_layer_and_issue() -> None:
    run = Run(id=1, target=None, status="done", quantization=FOUND)
    job = Job(job=1, status="done", model="m", model_sha256="0", inputs="", frames=1, runs=(run,))
    assert Job.model_validate_json(job.model_dump_json()) == job
    page = html.render(job)
    for words in (
        "3 quantized layers against float.tflite",
        "20.0% lie outside",
        "scale-shared (4 MAX_POOL_2D)",
        "2: 0.7",
    ):
        assert words in page
    assert "t3&lt;script&gt;" in page
    assert "two scales <b>" not in page


def test_the_terminal_has_what_matters() -> None:
    out = io.StringIO()
    terminal(Console(file=out, width=160), FOUND)
    said = out.getvalue()
    for words in (in_words(FOUND), "3 CONV_2D", "range: 20.0% lie outside", "error scale-shared"):
        assert words in said
    assert "5 CONV_2D" not in said  # its error is another layer's
