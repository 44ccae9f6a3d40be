"""The types of captured values, as numpy calls them."""

from __future__ import annotations

from farm.capture import exray_pb2 as pb

MAX_RANK = 32
DTYPES: dict[int, str] = {
    pb.DTYPE_BOOL: "bool",
    pb.DTYPE_INT4: "int8",  # numpy has none: widened, which loses nothing
    pb.DTYPE_INT8: "int8",
    pb.DTYPE_INT16: "int16",
    pb.DTYPE_INT32: "int32",
    pb.DTYPE_INT64: "int64",
    pb.DTYPE_UINT8: "uint8",
    pb.DTYPE_UINT16: "uint16",
    pb.DTYPE_UINT32: "uint32",
    pb.DTYPE_UINT64: "uint64",
    pb.DTYPE_FLOAT16: "float16",
    pb.DTYPE_BFLOAT16: "float32",  # as int4
    pb.DTYPE_FLOAT32: "float32",
    pb.DTYPE_FLOAT64: "float64",
}
