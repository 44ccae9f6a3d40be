"""Options that several commands share, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Labels = Annotated[
    Path | None,
    typer.Option(help="Table of classes or values, COCO .json of boxes, or a folder of masks (docs/tasks.md)."),
]
DeviceRecipe = Annotated[
    Path | None, typer.Option(help="What the device does to the pictures; else the model's.")
]  # as `Recipe` is the model's own word
Expected = Annotated[
    Path | None, typer.Option(help="What the model was trained with; else its own recipe or metadata.")
]
References = Annotated[
    list[str] | None,
    typer.Option(
        "--reference",
        help="Whose answer is right: litert-ref (the default), litert, keras=FILE, onnx=FILE, capture=FILE, server=URL, ..."
        " (farm runtime list). May be repeated.",
    ),
]
FloatModel = Annotated[
    Path | None, typer.Option("--float", help="The same model before quantization: says what that changed.")
]
Assertions = Annotated[
    list[Path] | None,
    typer.Option("--assert", help="File of assertions of yours (docs/assertions.md). May be repeated."),
]
Baseline = Annotated[
    str, typer.Option("--baseline", help="A healthy run, JOB/RUN or a capture, to compare figures with.")
]
Contract = Annotated[
    Path | None, typer.Option("--contract", help="Data contract that the inputs must keep (docs/data.md).")
]
Sequence = Annotated[bool, typer.Option("--sequence", help="The frames are those of a video, in order.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write one self-contained page.")]
