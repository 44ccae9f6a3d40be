"""A tensor's statistics, against numpy, for every type."""

from __future__ import annotations

import ctypes
import subprocess
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .kit import NATIVE

if TYPE_CHECKING:
    from pathlib import Path

    Array = np.ndarray[Any, Any]

# LiteRT's element types.
TYPES: dict[int, Any] = {
    1: np.float32, 2: np.int32, 3: np.uint8, 4: np.int64, 6: np.bool_, 7: np.int16, 9: np.int8, 10: np.float16,
    11: np.float64, 13: np.uint64, 16: np.uint32, 17: np.uint16, 19: ml_dtypes.bfloat16,
}  # fmt: skip
INT4 = 18


class Quantization(ctypes.Structure):
    _fields_ = (("scale", ctypes.c_float), ("zero_point", ctypes.c_int64))


class Tensor(ctypes.Structure):
    """session.h's struct tensor."""

    _fields_ = (
        ("is_input", ctypes.c_bool), ("position", ctypes.c_uint32), ("index", ctypes.c_int32),
        ("name", ctypes.c_char_p), ("type", ctypes.c_int32), ("rank", ctypes.c_uint32),
        ("shape", ctypes.c_int32 * 8), ("quantized", ctypes.c_bool), ("quantization", Quantization),
        ("size", ctypes.c_size_t),
    )  # fmt: skip


class Statistics(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_uint64), ("min", ctypes.c_double), ("max", ctypes.c_double), ("mean", ctypes.c_double),
        ("rms", ctypes.c_double), ("saturated", ctypes.c_uint64), ("nan", ctypes.c_uint64),
    )  # fmt: skip


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    out: Path = tmp_path_factory.mktemp("statistics") / "statistics.so"
    flags = ["-std=c11", "-D_XOPEN_SOURCE=700", "-O2", "-shared", "-fPIC"]
    subprocess.run(["cc", *flags, "-o", out, NATIVE / "src" / "statistics.c", "-lm"], check=True)
    library = ctypes.CDLL(str(out))
    library.statistics_of.restype = Statistics
    library.statistics_of.argtypes = [ctypes.POINTER(Tensor), ctypes.c_char_p]
    return library


def ask(native: ctypes.CDLL, kind: int, count: int, data: bytes, quantization: tuple[float, int] | None) -> Statistics:
    tensor = Tensor(type=kind, rank=2, shape=(1, count), size=len(data))
    if quantization is not None:
        tensor.quantized, tensor.quantization = True, Quantization(*quantization)
    told: Statistics = native.statistics_of(ctypes.byref(tensor), data)
    return told


def check(told: Statistics, values: Array, limits: tuple[int, int] | None, quantization: tuple[float, int]) -> None:
    """Compare with numpy; `values` are not scaled yet."""
    wide = values.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    assert (told.count, told.nan) == (values.size, np.isnan(wide).sum())
    saturated = np.isinf(wide).sum() if limits is None else sum((values == limit).sum() for limit in limits)
    assert told.saturated == saturated
    if finite.size == 0:
        assert (told.min, told.max, told.mean, told.rms) == (0, 0, 0, 0)
        return
    scale, zero = quantization
    real = (finite - zero) * scale
    spread = max(np.abs(real).max(), abs(zero * scale), np.abs(finite).max() * abs(scale))
    close = {"rtol": 1e-9, "atol": 1e-6 * spread}  # q^2 - 2 z q + z^2 loses some digits
    np.testing.assert_allclose([told.min, told.max], [real.min(), real.max()], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose([told.mean, told.rms], [real.mean(), np.sqrt((real**2).mean())], **close)


def elements(dtype: Any) -> st.SearchStrategy[Any]:
    if np.dtype(dtype).kind in "iub":
        return hnp.from_dtype(np.dtype(dtype))
    odd = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0])
    narrow = np.dtype(dtype).itemsize == 2
    return (st.floats(-60000, 60000, width=16) if narrow else st.floats(-60000, 60000, width=32)) | odd


@given(data=st.data(), kind=st.sampled_from(sorted(TYPES)))
def test_plain_tensors(native: ctypes.CDLL, data: st.DataObject, kind: int) -> None:
    dtype = TYPES[kind]
    values = np.array(data.draw(st.lists(elements(dtype), max_size=70)), dtype)
    whole = np.dtype(dtype).kind in "iu"
    limits = (np.iinfo(dtype).min, np.iinfo(dtype).max) if whole else None
    check(ask(native, kind, values.size, values.tobytes(), None), values, limits, (1.0, 0))


@given(
    values=hnp.arrays(st.sampled_from([np.int8, np.uint8, np.int16]), st.integers(1, 300)),
    scale=st.floats(2**-20, 100, width=32),
    zero=st.integers(-128, 255),
)
def test_quantized_tensors_in_real_units(native: ctypes.CDLL, values: Array, scale: float, zero: int) -> None:
    kind = next(kind for kind, dtype in TYPES.items() if np.dtype(dtype) == values.dtype)
    limits = (np.iinfo(values.dtype).min, np.iinfo(values.dtype).max)
    check(ask(native, kind, values.size, values.tobytes(), (scale, zero)), values, limits, (scale, zero))


@given(st.lists(st.integers(-8, 7), max_size=50))
def test_two_values_a_byte(native: ctypes.CDLL, numbers: list[int]) -> None:
    values = np.array(numbers, np.int8)
    nibbles = np.append(values, 0)[: (values.size + 1) // 2 * 2].astype(np.uint8) & 15
    data = (nibbles[0::2] | nibbles[1::2] << 4).tobytes()
    check(ask(native, INT4, values.size, data, None), values, (-8, 7), (1.0, 0))


def test_a_shape_that_says_more_than_there_is_reads_no_further(native: ctypes.CDLL) -> None:
    assert ask(native, 1, 1000, np.ones(3, np.float32).tobytes(), None).count == 3


def test_a_type_without_numbers(native: ctypes.CDLL) -> None:
    assert ask(native, 5, 4, bytes(16), None).count == 0
