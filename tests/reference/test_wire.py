"""Messages to and from the programs in other environments."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from farm.errors import BugError, ModelError
from farm.reference import child
from farm.reference.child import Child
from farm.reference.children import wire

TYPES = ["bool", "int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64"]
VALUES = st.sampled_from(TYPES).flatmap(
    lambda dtype: arrays.arrays(np.dtype(dtype), arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)


@given(
    st.dictionaries(st.text(max_size=20), st.none() | st.integers() | st.text(max_size=20)),
    st.dictionaries(st.text(max_size=20), VALUES, max_size=4),
)
def test_what_is_written_is_read(header: dict[str, Any], values: dict[str, Any]) -> None:
    file = io.BytesIO()
    header.pop("arrays", None)
    wire.write(file, header, values)
    wire.write(file, {"second": True})
    file.seek(0)
    found = wire.read(file)
    assert found is not None
    assert found[0] == header
    assert found[1].keys() == values.keys()
    for key, value in values.items():
        assert found[1][key].dtype == value.dtype
        assert found[1][key].shape == value.shape
        assert found[1][key].tobytes() == value.tobytes()
    assert wire.read(file) == ({"second": True}, {})
    assert wire.read(file) is None


@given(st.binary(min_size=1, max_size=200), st.booleans())
def test_garbage_is_refused(data: bytes, marked: bool) -> None:
    with pytest.raises(wire.WireError):
        wire.read(io.BytesIO((wire.HEAD.pack(wire.MAGIC, len(data)) if marked else b"x") + data))


@given(st.integers(min_value=0, max_value=10_000))
def test_a_cut_is_seen_wherever_it_is(cut: int) -> None:
    file = io.BytesIO()
    wire.write(file, {"a": 1}, {"x": np.arange(30.0)})
    whole = file.getvalue()
    with pytest.raises(wire.WireError):
        wire.read(io.BytesIO(whole[: 1 + cut % (len(whole) - 1)]))


@pytest.mark.parametrize(
    "listed", ['["x", "object", [1]]', '["x", "<U9", [1]]', '["x", "int8", [-1]]', '["x"]', '["x", "int8", [1e99]]']
)
def test_arrays_of_no_numbers_are_refused(listed: str) -> None:
    text = f'{{"arrays": [{listed}]}}'.encode()
    with pytest.raises(wire.WireError):
        wire.read(io.BytesIO(wire.HEAD.pack(wire.MAGIC, len(text)) + text + bytes(64)))


@pytest.mark.parametrize(
    ("program", "kind", "words"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", ModelError, "SIGSEGV"),
        ("import sys; sys.exit('the last words')", BugError, "the last words"),
        (
            "import sys; sys.stdin.buffer.read(1); print('noise' * 9, flush=True); sys.stdin.read()",
            BugError,
            "no longer makes sense",
        ),
    ],
)
def test_a_program_that_dies_is_named(
    program: str, kind: type[Exception], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "program.py").write_text(program)
    monkeypatch.setattr(child, "PROGRAMS", tmp_path)
    running = Child("some-runtime", Path(sys.executable), ["program.py"])
    with pytest.raises(kind, match=words):
        running.open(tmp_path / "model", layers=False, threads=1)
    running.close()
