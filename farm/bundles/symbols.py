"""What the agent asks of a runtime. agents/native/src/litert_abi.h has the same list; a test keeps them equal."""

from __future__ import annotations

PREFIX = "LiteRt"
NEEDED = (
    "LiteRtCreateEnvironment",
    "LiteRtDestroyEnvironment",
    "LiteRtGetNumAccelerators",
    "LiteRtGetAccelerator",
    "LiteRtGetAcceleratorHardwareSupport",
    "LiteRtCreateModelFromFile",
    "LiteRtDestroyModel",
    "LiteRtCreateOptions",
    "LiteRtDestroyOptions",
    "LiteRtSetOptionsHardwareAccelerators",
    "LiteRtCreateOpaqueOptions",
    "LiteRtAddOpaqueOptions",
    "LiteRtCreateCompiledModel",
    "LiteRtDestroyCompiledModel",
    "LiteRtCompiledModelIsFullyAccelerated",
    "LiteRtCompiledModelGetProfiler",
    "LiteRtStartProfiler",
    "LiteRtStopProfiler",
    "LiteRtGetNumProfilerEvents",
    "LiteRtGetProfilerEvents",
    "LiteRtGetNumModelSignatures",
    "LiteRtGetModelSignature",
    "LiteRtGetNumSignatureInputs",
    "LiteRtGetNumSignatureOutputs",
    "LiteRtGetSignatureInputTensorByIndex",
    "LiteRtGetSignatureOutputTensorByIndex",
    "LiteRtGetTensorName",
    "LiteRtGetTensorIndex",
    "LiteRtGetRankedTensorType",
    "LiteRtGetQuantizationTypeId",
    "LiteRtGetPerTensorQuantization",
    "LiteRtCompiledModelResizeInputTensor",
    "LiteRtGetCompiledModelInputTensorLayout",
    "LiteRtGetCompiledModelOutputTensorLayouts",
    "LiteRtGetCompiledModelInputBufferRequirements",
    "LiteRtGetCompiledModelOutputBufferRequirements",
    "LiteRtCreateManagedTensorBufferFromRequirements",
    "LiteRtGetTensorBufferPackedSize",
    "LiteRtLockTensorBuffer",
    "LiteRtUnlockTensorBuffer",
    "LiteRtDestroyTensorBuffer",
    "LiteRtRunCompiledModel",
)
"""Functions it calls."""
LEAST = "2.1.6"
"""LiteRtCreateModelFromFile gained an argument in it, under the same name; the agent speaks this one."""
MARKER = "LiteRtCreateModelFromFd"
"""No version function is exported, but this came with LEAST."""
CAME_WITH = {"2.1.6": MARKER, "2.2.0": "LiteRtGetCompiledModelEnvironment", "2.3.0": "LiteRtAppendMetric"}
"""A function that each version brought, seen in the libraries of PyPI's wheels for Linux."""
PROVED = tuple(CAME_WITH)
"""Versions the agent was run with."""
