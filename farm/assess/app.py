"""An app's own capture, as the passes that a run would have left: what it fed and answered, by the model's tensors.

An app counts its frames as they come and may log only some of them in full; a runtime may not tell which tensor is which. Here
frames are those that have an input of their own to play, numbered anew, and tensors are the model's.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from farm.capture.recording import RecordingWriter, load
from farm.errors import CaptureError
from farm.inputs import IMAGES, SOUNDS, TEXTS
from farm.submission import InputFrame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.capture.recording import Recording, TensorSpec
    from farm.capture.rows import ElementRow
    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore
    from farm.submission import FrameKind, Submission

    Array = np.ndarray[Any, Any]

RAW = "frame"
"""Name of the element that is what came into the pipeline: an image, a text, or the bytes of a WAV file."""
FRAME_KINDS: dict[str, FrameKind] = {"image": "image", "text": "text", "bytes": "audio"}
SUFFIXES = {"image": ".png", "text": ".txt", "bytes": ".wav"}
ORDERS = {
    "rgb": (0, 1, 2),
    "bgr": (2, 1, 0),
    "rgba": (0, 1, 2),
    "bgra": (2, 1, 0),
    "argb": (1, 2, 3),
    "gray": (0, 0, 0),
}
"""Where red, green and blue are."""
LIMIT_PIXELS = 1 << 28
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+ -]{0,120}")
"""Names that may be a file's."""


def raw_frames(recording: Recording, artifacts: ArtifactStore) -> dict[int, ElementRow]:
    """What came into the pipeline, by frame: elements named `RAW`, or all pictures where there is one kind of them."""
    rows = [r for r in recording.element_rows(artifacts) if r.frame >= 0 and r.kind in SUFFIXES and r.sha256]
    named = [r for r in rows if r.name == RAW]
    if not named:
        pictures = [r for r in rows if r.kind == "image"]
        named = pictures if len({r.name for r in pictures}) == 1 else []
    found: dict[int, ElementRow] = {}
    for row in named:
        found.setdefault(row.frame, row)
    return found


def names(recording: Recording, artifacts: ArtifactStore) -> dict[int, str]:
    """Of its frames: the files that stand for them in a folder of inputs. Where the app told no name, or one that is no file's,
    or the same one twice, their number."""
    raw, found, taken = raw_frames(recording, artifacts), {}, set[str]()
    for time in recording.frame_times(artifacts):
        name = time.name if PLAIN.fullmatch(time.name) and time.name not in taken else f"{time.index:06d}"
        row = raw.get(time.index)
        wanted = {"image": IMAGES, "text": TEXTS, "bytes": SOUNDS}[row.kind] if row is not None else frozenset[str]()
        if row is not None and Path(name).suffix.lower() not in wanted:
            name += SUFFIXES[row.kind]
        taken.add(name)
        found[time.index] = name
    return found


def write_frames(recording: Recording, folder: Path, artifacts: ArtifactStore) -> int:
    """The raw frames as files of a folder of inputs; how many.

    Raises:
        CaptureError: a picture is of a format that is not known.
    """
    called = names(recording, artifacts)
    raw = {frame: row for frame, row in raw_frames(recording, artifacts).items() if frame in called}
    for frame, row in raw.items():
        (folder / called[frame]).write_bytes(as_file(row, artifacts))
    return len(raw)


def own_frames(recording: Recording, artifacts: ArtifactStore) -> tuple[InputFrame, ...]:
    """The raw frames as those of a submission; their files are stored.

    Raises:
        CaptureError: there are none, or a picture is of a format that is not known.
    """
    called = names(recording, artifacts)
    found = tuple(
        InputFrame(name=called[index], kind=FRAME_KINDS[row.kind], sha256=(artifacts.put(as_file(row, artifacts)),))
        for index, row in raw_frames(recording, artifacts).items()
        if index in called
    )
    if not found:
        raise CaptureError(
            "does not hold its inputs", where=recording.header.app or "the app's capture",
            remedy=f"log what comes in as an element named {RAW}, or play frames to the app",
        )  # fmt: skip
    return found


def as_file(row: ElementRow, artifacts: ArtifactStore) -> bytes:
    """A raw frame as a file that a folder of inputs may hold: PNG, UTF-8 or WAV.

    Raises:
        CaptureError: it is no picture that is known.
    """
    data = artifacts.read(row.sha256)
    if row.kind != "image":
        return data
    sides = tuple(map(int, row.shape.split(",")))
    order = ORDERS.get(row.format)
    if order is None or len(sides) != 3 or max(order) >= sides[2] or np.prod(sides) > LIMIT_PIXELS:
        raise CaptureError(
            f"element {row.name}: a picture of format {row.format or 'nothing'} and shape {row.shape}",
            where=f"frame {row.frame}",
            remedy=f"log one of {', '.join(ORDERS)}",
        )
    pixels = np.frombuffer(data, np.uint8).reshape(sides)[..., list(order)]
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def as_passes(
    recording: Recording, graph: Graph, artifacts: ArtifactStore, frames: Mapping[int, str]
) -> Mapping[str, Recording]:
    """The recordings `latency` and `layers` of these of its frames, numbered by their place in `frames` and named so.

    Raises:
        CaptureError: it logged no such frame in full, or tensors that are not the model's.
    """
    index = {spec.tensor: _index(spec, graph) for spec in recording.specs}
    ends = {spec.tensor for spec in recording.specs if spec.role != "layer"}
    whole = {frame: i for i, frame in enumerate(frames) if frame in recording.frames}
    if not whole:
        raise CaptureError(
            "logged no input or output of these frames",
            where=recording.header.app or "the capture",
            remedy="log the model's inputs and outputs (exray_log_input, exray_log_output)",
        )
    found = {}
    for name in ("latency", "layers"):
        writer = RecordingWriter(artifacts, recording.header.model_copy(update={"pass_": name, "kernel": "delegate"}))
        kept = ends if name == "latency" else index.keys()
        for spec in recording.specs:
            if spec.tensor in kept:
                role = "output" if spec.role == "layer" else spec.role
                writer.spec(spec.model_copy(update={"tensor": index[spec.tensor], "role": role}))
        for frame, number in whole.items():
            values = recording.tensors(artifacts, frame)
            writer.frame(number, {index[t]: v for t, v in values.items() if t in kept})
        for time in recording.frame_times(artifacts):
            if time.index in whole:
                writer.time(time.model_copy(update={"index": whole[time.index], "name": frames[time.index]}))
        found[name] = load(
            artifacts, writer.close(peak_rss_bytes=recording.peak_rss_bytes, complete=recording.complete)
        )
    return found


def called(recording: Recording, submission: Submission, artifacts: ArtifactStore) -> dict[int, InputFrame]:
    """Which frame of the submission each of the app's is: by name; else by name without ending, where that is one's alone."""
    by_name = {frame.name: frame for frame in submission.frames}
    stems = Counter(Path(name).stem for name in by_name)
    by_stem = {Path(name).stem: frame for name, frame in by_name.items() if stems[Path(name).stem] == 1}
    found: dict[int, InputFrame] = {}
    for index, name in names(recording, artifacts).items():
        frame = by_name.get(name) or by_stem.get(Path(name).stem)
        if frame is not None and by_name.pop(frame.name, None) is not None:  # of a name that comes twice, the first
            found[index] = frame
    return found


def matched(
    recording: Recording, graph: Graph, submission: Submission, artifacts: ArtifactStore
) -> tuple[Submission, dict[str, Recording]]:
    """The submission with the frames that both it and the app's capture have, and the passes that stand for the capture. One
    without frames gets the app's own.

    Raises:
        CaptureError: the capture logged none of them, or is of another model.
    """
    told, app = recording.header.model_sha256, recording.header.app or "the app's capture"
    if told and told != submission.model_sha256:
        raise CaptureError(
            f"is of another model: the app ran {told[:12]}", where=app,
            remedy=f"give its model instead of {submission.model_name}",
        )  # fmt: skip
    # An app need not tell its model: then the one that was named is taken for it.
    header = recording.header.model_copy(update={"model_sha256": submission.model_sha256})
    recording = recording.model_copy(update={"header": header})
    if not submission.frames:
        submission = submission.model_copy(update={"frames": own_frames(recording, artifacts)})
    known = {i: frame for i, frame in called(recording, submission, artifacts).items() if i in recording.frames}
    if not known:
        raise CaptureError(
            "logged in full none of the inputs that were given", where=app,
            remedy="name frames as the files of --inputs are named, and log inputs and outputs",
        )  # fmt: skip
    passes = as_passes(recording, graph, artifacts, {index: frame.name for index, frame in known.items()})
    return submission.model_copy(update={"frames": tuple(known.values())}), dict(passes)


def _index(spec: TensorSpec, graph: Graph) -> int:
    """Of the model's tensor: as it was told, else by name, else by position.

    Raises:
        CaptureError: the model has none of that name, position or size.
    """
    own = graph.inputs if spec.role == "input" else graph.outputs
    if spec.tensor >= 0:
        index = spec.tensor
    elif spec.role == "layer":
        named = [t.index for t in graph.tensors if t.name == spec.name and not t.constant]
        index = named[0] if len(named) == 1 else -1
    else:
        by_name = [i for i in own if graph.tensors[i].name == spec.name]
        index = by_name[0] if by_name else own[spec.position] if spec.position < len(own) else -1
    tensor = graph.tensors[index] if 0 <= index < len(graph.tensors) else None
    if tensor is None or spec.dtype not in {tensor.dtype, "float32"}:
        raise CaptureError(
            f"its {spec.role} {spec.position} ({spec.name or 'without a name'}, {spec.dtype}) is none of this model's",
            where="the app's capture",
            remedy="name the model that the app ran",
        )
    return index
