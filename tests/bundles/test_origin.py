"""Archives: what they hold is found, within limits, and whatever is wrong with them is said."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.bundles import check, origin
from farm.errors import BundleError
from tests.bundles import make

ACCELERATOR = make.library(names=("LiteRtAcceleratorImpl",), soname="libLiteRtGpuAccelerator.so")
X86 = make.library("x86_64")
ARM = make.library()


def refused(content: bytes, name: str, version: str = "") -> str:
    """What is said of it."""
    with pytest.raises(BundleError) as caught:
        check.check(origin.parse(content, name), version)
    assert caught.value.remedy
    return f"{caught.value}; {caught.value.remedy}"


def test_an_aar_holds_every_abi_and_what_belongs_to_it() -> None:
    content = make.aar(
        {
            "arm64-v8a/libLiteRt.so": ARM,
            "arm64-v8a/libLiteRtGpuAccelerator.so": ACCELERATOR,
            "arm64-v8a/liblitert_jni.so": b"not asked for",
            "x86_64/libLiteRt.so": X86,
            "armeabi-v7a/libLiteRt.so": b"32-bit",
        }
    )
    found = check.check(origin.parse(content, "litert-2.3.0.aar"))
    assert found.version == "2.3.0"
    assert [(p.os, p.abi, list(p.files)) for p in found.parts] == [
        ("android", "arm64-v8a", ["libLiteRt.so", "libLiteRtGpuAccelerator.so"]),
        ("android", "x86_64", ["libLiteRt.so"]),
    ]
    assert sorted(note.partition(" is left out")[0] for note in found.notes) == [
        "jni/arm64-v8a/liblitert_jni.so",
        "jni/armeabi-v7a/libLiteRt.so",
    ]


def test_a_wheel_holds_linuxs() -> None:
    found = check.check(origin.parse(make.wheel({"libLiteRt.so": make.RUNTIME.read_bytes()}), "any.whl"))
    assert (found.version, [p.os for p in found.parts], found.notes) == (make.VERSION, ["linux"], ())


def test_a_version_newer_than_proved_and_small_pages_are_told() -> None:
    small = make.library(page=4096)
    notes = check.check(origin.parse(make.aar({"arm64-v8a/libLiteRt.so": small}), "litert-9.0.1-beta.aar")).notes
    assert any("9.0.1-beta is newer than 2.3.0" in note for note in notes)
    assert any("phones with 16 KiB refuse it" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("litert-2.3.0.aar", "2.3.0"), ("litert-2.3.0-rc1.aar", "2.3.0-rc1"), ("litert.aar", ""),
        ("ai_edge_litert-2.2.0-cp311-cp311-manylinux_2_27_x86_64.whl", "2.2.0"), ("libLiteRt-2.1.6.so", "2.1.6"),
    ],
)  # fmt: skip
def test_names_tell_versions(name: str, version: str) -> None:
    found = origin.IN_NAME.search(name)
    assert (found[1] if found else "") == version


def test_mixtures_are_refused() -> None:
    linux = make.library(os="linux")
    old = make.library("x86_64", make.NAMES[:-1])
    both = {"arm64-v8a/libLiteRt.so": ARM}
    aar = "litert-2.3.0.aar"
    assert "is for linux, in an archive for android" in refused(make.aar({"arm64-v8a/libLiteRt.so": linux}), aar)
    assert "is for x86_64, but lies among those for arm64-v8a" in refused(
        make.aar({"arm64-v8a/libLiteRt.so": X86}), aar
    )
    assert "are of two versions" in refused(make.aar(both | {"x86_64/libLiteRt.so": old}), aar)
    other = both | {
        "arm64-v8a/libLiteRtGpuAccelerator.so": make.library(os="linux", soname="libLiteRtGpuAccelerator.so")
    }
    assert "a mixture" in refused(make.aar(other), aar)
    assert "2.3.0 by its name and 2.2.0" in refused(make.aar(both, '<manifest android:versionName="2.2.0"/>'), aar)
    assert "says it is 2.3.0, not 2.2.0" in refused(make.aar(both), aar, "2.2.0")
    real = make.RUNTIME.read_bytes()
    assert "RECORD" in refused(make.wheel({"libLiteRt.so": real}, recorded=False), "x.whl")
    assert "it is not 2.2.0" in refused(make.wheel({"libLiteRt.so": real}, "2.2.0"), "x.whl")
    assert "but no libLiteRt.so they belong to" in refused(
        make.aar({"arm64-v8a/libLiteRtGpuAccelerator.so": ACCELERATOR}), aar
    )


def test_what_is_no_runtime_is_refused() -> None:
    aar = "litert-2.3.0.aar"
    assert "an accelerator of LiteRT, not LiteRT" in refused(ACCELERATOR, "lib.so", "2.3.0")
    assert "older than LiteRT 2.1.6" in refused(make.library(names=make.NAMES[:42]), "lib.so", "2.3.0")
    assert "exports no LiteRtCreateEnvironment" in refused(make.library(names=make.NAMES[1:]), "lib.so", "2.3.0")
    assert "is LiteRT 2.1.5" in refused(make.aar({"arm64-v8a/libLiteRt.so": ARM}), "litert-2.1.5.aar")
    needy = make.aar({"arm64-v8a/libLiteRt.so": make.library(needs=("libvendor.so",))})
    assert "needs libvendor.so, which is not in it" in refused(needy, aar)
    assert "does not say which version" in refused(ARM, "libLiteRt.so")
    assert "is no version" in refused(ARM, "libLiteRt.so", "new")
    assert "holds no jni/ABI/libLiteRt.so" in refused(make.aar({}), aar)
    assert "is a wheel of numpy" in refused(make.wheel({}, package="numpy"), "x.whl")
    assert "holds no ai_edge_litert/libLiteRt.so" in refused(make.wheel({}), "x.whl")
    assert "is no runtime" in refused(b"", "x.tar.gz")


def test_archives_that_play_tricks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    aar = "litert-2.3.0.aar"
    good = ("jni/arm64-v8a/libLiteRt.so", ARM)
    assert "leaves its folder" in refused(make.archive([good, ("../../etc/passwd", b"")]), aar)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's own word on it
        assert "twice" in refused(make.archive([good, good]), aar)
    monkeypatch.setattr(origin, "MEMBER_LIMIT", 1000)
    assert "has more than" in refused(make.archive([good]), aar)
    monkeypatch.setattr(origin, "ENTRIES_LIMIT", 0)
    assert "entries" in refused(make.archive([good]), aar)


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.aar", tmp_path):
        with pytest.raises(BundleError):
            origin.read(path)


@given(st.data())
def test_a_damaged_archive_is_read_or_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["litert-2.3.0.aar", "x.whl"]))
    spoiled = bytearray(SMALL[name])
    for at in data.draw(st.lists(st.integers(0, len(spoiled) - 1), max_size=6)):
        spoiled[at] = data.draw(st.integers(0, 255))
    del spoiled[data.draw(st.integers(0, len(spoiled))) :]
    try:
        origin.parse(bytes(spoiled), name)
    except BundleError as e:
        assert e.remedy


@given(st.binary(max_size=500), st.sampled_from(["a.aar", "a.whl", "a.so", "a"]))
def test_garbage_is_refused(content: bytes, name: str) -> None:
    with pytest.raises(BundleError):
        check.check(origin.parse(content, name), "2.3.0")


SMALL = {
    "litert-2.3.0.aar": make.aar({"arm64-v8a/libLiteRt.so": b"library"}),
    "x.whl": make.wheel({"libLiteRt.so": b"library"}),
}
