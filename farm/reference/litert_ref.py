"""LiteRT on its reference kernels: slow, plain C++ loops, taken as what the model means."""

from __future__ import annotations

from farm.reference.litert import LiteRt


class LiteRtRef(LiteRt):
    """LiteRT's interpreter with `OpResolverType.BUILTIN_REF`: no delegate, no optimized kernel."""

    name = "litert-ref"
    kernel = "reference"
    resolver = "BUILTIN_REF"
