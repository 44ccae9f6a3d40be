"""What an app logs anywhere in its pipeline, checked, as rows of a recording."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from farm.capture import exray_pb2 as pb
from farm.capture.rows import ElementRow
from farm.capture.types import DTYPES, MAX_RANK

if TYPE_CHECKING:
    from farm.capture.container import Container
    from farm.store.artifacts import ArtifactStore

KINDS = {
    pb.ElementSpec.SCALAR: "scalar",
    pb.ElementSpec.TENSOR: "tensor",
    pb.ElementSpec.IMAGE: "image",
    pb.ElementSpec.TEXT: "text",
    pb.ElementSpec.BYTES: "bytes",
    pb.ElementSpec.SPAN: "span",
    pb.ElementSpec.ASSERTION: "assertion",
}
SIDED = ("tensor", "image")
"""Kinds whose bytes have a type and a shape."""


class Elements:
    """The elements of one capture."""

    def __init__(self, container: Container, artifacts: ArtifactStore) -> None:
        self._container, self._artifacts = container, artifacts
        self._specs: dict[int, pb.ElementSpec] = {}

    def spec(self, spec: pb.ElementSpec) -> None:
        """Announce an element, before its first value.

        Raises:
            CaptureError: it makes no sense, or there are too many.
        """
        if len(self._specs) >= self._container.limits.specs:
            raise self._container.error(f"over {self._container.limits.specs} elements")
        if len(spec.shape) > MAX_RANK or any(d < 0 for d in spec.shape):
            raise self._container.error(f"element {spec.name} has an impossible shape")
        if KINDS.get(spec.kind) in SIDED and spec.dtype not in DTYPES:
            raise self._container.error(f"element {spec.name} is of a type that captures have no word for")
        if self._specs.setdefault(spec.id, spec) != spec:
            raise self._container.error(f"holds two element specs {spec.id}")

    def row(self, element: pb.Element) -> ElementRow:
        """An element's row; its bytes are stored.

        Raises:
            CaptureError: its spec did not come before it, or its bytes are not those of its shape.
        """
        spec = self._known(element.spec)
        kind = KINDS.get(spec.kind, "bytes")
        if kind in SIDED:
            size = math.prod(spec.shape) * np.dtype(DTYPES[spec.dtype]).itemsize
            if size != len(element.data):
                raise self._container.error(
                    f"element {spec.name}: {len(element.data)} bytes for shape {tuple(spec.shape)}"
                )
        return ElementRow(
            frame=element.frame - 1,
            time_ns=element.time_ns,
            name=spec.name,
            kind=kind,
            dtype=DTYPES.get(spec.dtype, ""),
            shape=",".join(map(str, spec.shape)),
            format=spec.format,
            value=element.value,
            sha256=self._artifacts.put(element.data) if element.data or kind in ("text", "bytes") else "",
        )

    def span(self, span: pb.Span) -> ElementRow:
        """A latency of the app's own.

        Raises:
            CaptureError: its spec did not come before it.
        """
        spec = self._known(span.spec)
        return ElementRow(
            frame=span.frame - 1, time_ns=span.start_ns, name=spec.name, kind="span", dtype="", shape="", format="",
            value=float(span.duration_ns), sha256="",
        )  # fmt: skip

    def _known(self, number: int) -> pb.ElementSpec:
        if number not in self._specs:
            raise self._container.error(f"an element before its spec {number}")
        return self._specs[number]
