"""The library, built."""

from __future__ import annotations

import ctypes

import pytest

from tests.agents.kit import NATIVE, build


@pytest.fixture(scope="session", autouse=True)
def library() -> None:
    build("all", "linux-x86_64")


@pytest.fixture(scope="session")
def exray(library: None) -> ctypes.CDLL:
    """As C programs call it."""
    found = ctypes.CDLL(str(NATIVE / "build" / "linux-x86_64" / "libexray.so"))
    found.exray_open.restype = ctypes.c_void_p
    found.exray_error.restype = ctypes.c_char_p
    found.exray_log_scalar.argtypes = (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_char_p, ctypes.c_double)
    return found
