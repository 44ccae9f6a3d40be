"""What an APK says of itself is read; no bytes make the reader do more than refuse."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farm import apk
from farm.errors import InputsError
from tests import apks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("utf8", "length"), [(True, 5), (True, 200), (True, 16_000), (False, 5), (False, 40_000)])
def test_what_was_written_is_read(tmp_path: Path, utf8: bool, length: int) -> None:
    name = "ü" * length
    xml = apks.manifest("com.example.app", 7, name=name, debuggable=False, min_sdk=30, runner="other.Runner", utf8=utf8)
    found = apk.read(apks.make(tmp_path / "a.apk", xml, certificate=b"mine", abis=("x86_64",)))
    assert found == apk.Apk(
        package="com.example.app", version_code=7, version_name=name, debuggable=False, test_only=False, min_sdk=30,
        target_sdk=34, abis=("x86_64",), instrumentations=("other.Runner",),
        permissions=("android.permission.WAKE_LOCK",), signer=hashlib.sha256(b"mine").hexdigest(),
    )  # fmt: skip


def test_an_unsigned_one_has_no_signer(tmp_path: Path) -> None:
    assert not apk.read(apks.make(tmp_path / "a.apk", apks.manifest(), certificate=b"")).signer


WHOLE = apks.manifest()


@given(st.binary(max_size=64), st.integers(0, len(WHOLE)), st.integers(0, 64))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_spoiled_manifest_is_read_or_refused(tmp_path: Path, noise: bytes, at: int, cut: int) -> None:
    path = apks.make(tmp_path / "a.apk", WHOLE[:at] + noise + WHOLE[at + cut :])
    try:
        assert apk.read(path).package
    except InputsError as e:
        assert e.remedy


@given(st.binary(max_size=200), st.integers(0, 4000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_spoiled_file_is_read_or_refused(tmp_path: Path, noise: bytes, at: int) -> None:
    path = apks.make(tmp_path / "a.apk", WHOLE)
    data = path.read_bytes()
    path.write_bytes(data[:at] + noise + data[at + len(noise) :])
    try:
        assert apk.read(path).package
    except InputsError as e:
        assert e.remedy


def test_what_is_no_apk_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.apk"
    for content in (b"", b"PK", b"no zip at all" * 100):
        path.write_bytes(content)
        with pytest.raises(InputsError, match="is no APK"):
            apk.read(path)
    with pytest.raises(InputsError):
        apk.read(tmp_path / "nowhere.apk")
