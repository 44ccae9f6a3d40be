"""LiteRT on its own optimized kernels, without XNNPACK: what a device runs under `--kernel builtin`."""

from __future__ import annotations

from farm.reference.litert import LiteRt


class LiteRtBuiltin(LiteRt):
    """LiteRT's interpreter with `OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES`."""

    name = "litert-builtin"
    kernel = "builtin"
    resolver = "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
