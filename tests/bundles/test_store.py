"""The bundles of a data folder: added whole or not at all, pinned, side by side."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from farm import builds
from farm.bundles import check, origin
from farm.bundles.store import Bundles
from farm.errors import BundleError, FarmError, InfrastructureError, StorageError
from farm.run import bundle
from tests.bundles import make

if TYPE_CHECKING:
    from pathlib import Path

    from farm.bundles.store import Manifest

AAR = make.aar(
    {
        "arm64-v8a/libLiteRt.so": make.library(),
        "arm64-v8a/libLiteRtGpuAccelerator.so": make.library(
            names=("LiteRtAcceleratorImpl",), soname="libLiteRtGpuAccelerator.so"
        ),
        "x86_64/libLiteRt.so": make.library("x86_64"),
    }
)


@pytest.fixture
def bundles(tmp_path: Path) -> Bundles:
    return Bundles.of(tmp_path)


def add(
    bundles: Bundles, content: bytes = AAR, file: str = "litert-2.3.0.aar", name: str = "", version: str = ""
) -> Manifest:
    brought = origin.parse(content, file)
    checked = check.check(brought, version)
    return bundles.add(name or f"litert-{checked.version}", brought, checked)


def test_versions_lie_side_by_side_and_are_found_by_name(bundles: Bundles) -> None:
    add(bundles, file="litert-2.3.0.aar")
    add(bundles, file="litert-2.10.0.aar")
    assert [m.name for m in bundles.all()] == ["litert-2.10.0", "litert-2.3.0"], "the newest first, by number"
    manifest = bundles.get("litert-2.3.0")
    assert [part.platform for part in manifest.parts] == ["android-arm64-v8a", "android-x86_64"]
    files = bundles.files(manifest, "android", "arm64-v8a")
    assert [path.name for path in files] == ["libLiteRt.so", "libLiteRtGpuAccelerator.so"]
    assert files[0].read_bytes() == make.library()
    with pytest.raises(BundleError, match=r"has nothing for linux x86_64, only android-arm64-v8a, android-x86_64"):
        bundles.files(manifest, "linux", "x86_64")
    bundles.remove("litert-2.3.0")
    with pytest.raises(BundleError, match=r"there is no runtime bundle 'litert-2\.3\.0'") as caught:
        bundles.get("litert-2.3.0")
    assert "litert-2.10.0" in caught.value.remedy
    assert not [p for p in bundles.home.iterdir() if p.name.startswith(".new-") or p.name == "litert-2.3.0"]


def test_the_same_again_is_nothing_new_and_other_systems_come_beside(bundles: Bundles) -> None:
    first = add(bundles)
    assert add(bundles).parts == first.parts
    wheel = make.wheel({"libLiteRt.so": make.RUNTIME.read_bytes()}, "2.3.0")
    both = add(bundles, wheel, "x.whl")
    assert both.parts[:2] == first.parts
    assert [part.os for part in both.parts] == ["android", "android", "linux"]
    assert both.parts[2].origin == "x.whl"


def test_other_bytes_or_another_version_under_one_name_are_a_mixture(bundles: Bundles) -> None:
    before = add(bundles)
    other = make.aar({"arm64-v8a/libLiteRt.so": make.library(page=4096)})
    with pytest.raises(BundleError, match="has other bytes for android arm64-v8a"):
        add(bundles, other)
    with pytest.raises(BundleError, match=r"is LiteRT 2\.3\.0, this is 2\.4\.0: a mixture"):
        add(bundles, AAR, "litert-2.4.0.aar", name="litert-2.3.0")
    assert bundles.get("litert-2.3.0") == before
    for name in ("../up", "default", "newest", "", "A", "a" * 65, ".new-x"):
        with pytest.raises(BundleError):
            bundles.add(name, origin.parse(AAR, "litert-2.3.0.aar"), check.check(origin.parse(AAR, "litert-2.3.0.aar")))


def test_a_file_that_changed_is_never_used(bundles: Bundles) -> None:
    manifest = add(bundles)
    (file, *_) = bundles.files(manifest, "android", "x86_64")
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(BundleError, match="is not the file that was added") as caught:
        bundles.files(manifest, "android", "x86_64")
    assert "litert-2.3.0.aar again" in caught.value.remedy
    assert bundles.files(manifest, "android", "arm64-v8a")
    file.unlink()
    with pytest.raises(BundleError):
        bundles.files(manifest, "android", "x86_64")
    (bundles.home / "litert-2.3.0" / "bundle.json").write_text("{}")
    with pytest.raises(StorageError):
        bundles.all()


def test_what_somebody_who_died_left_is_in_nobodys_way(bundles: Bundles) -> None:
    (bundles.home / ".new-abc").mkdir(parents=True)
    half = bundles.home / "litert-2.3.0" / "android-arm64-v8a"
    half.mkdir(parents=True)
    (half / "libLiteRt.so").write_bytes(b"half")
    assert bundles.all() == ()
    manifest = add(bundles)
    assert bundles.files(manifest, "android", "arm64-v8a")
    assert not (bundles.home / ".new-abc").exists()


def test_two_who_add_at_once_add_both(bundles: Bundles) -> None:
    wheel = make.wheel({"libLiteRt.so": make.RUNTIME.read_bytes()}, "2.3.0")
    both = [
        threading.Thread(target=add, args=(bundles, *what)) for what in ((AAR, "litert-2.3.0.aar"), (wheel, "x.whl"))
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert {part.os for part in bundles.get("litert-2.3.0").parts} == {"android", "linux"}


def test_android_gets_the_newest_or_what_was_chosen(bundles: Bundles) -> None:
    assert bundles.chosen("android", "arm64-v8a") is None
    add(bundles, file="litert-2.3.0.aar")
    add(bundles, file="litert-2.4.0.aar")
    chosen = bundles.chosen("android", "arm64-v8a")
    assert chosen is not None
    assert chosen.name == "litert-2.4.0"
    bundles.use("litert-2.3.0")
    chosen = bundles.chosen("android", "arm64-v8a")
    assert chosen is not None
    assert chosen.name == "litert-2.3.0"
    bundles.remove("litert-2.3.0")
    assert bundles.android() == ""
    bundles.use("newest")
    add(bundles, make.wheel({"libLiteRt.so": make.RUNTIME.read_bytes()}, "2.3.0"), "x.whl")
    with pytest.raises(BundleError, match="has nothing for Android"):
        bundles.use("litert-2.3.0")


def test_a_phone_gets_androids_agent_and_bundle(bundles: Bundles, tmp_path: Path) -> None:
    def found(abi: str = "arm64-v8a", name: str = "") -> bundle.Bundle:
        return bundle.for_abi(abi, virtual=False, data=tmp_path, name=name)

    agents = [builds.place(platform, "exray-agent") for platform in builds.ANDROID.values()]
    with pytest.raises(FarmError, match="in this version"):
        found("armeabi-v7a")
    if not all(agent.is_file() for agent in agents):
        with pytest.raises(InfrastructureError) as missing:
            found()
        assert missing.value.remedy.startswith("run: make -C agents/native")
        assert missing.value.remedy.endswith(" android")
        pytest.skip("Android's agents are not built")
    with pytest.raises(BundleError, match="no runtime for Android arm64-v8a yet") as none:
        found()
    assert "farm runtime add litert-VERSION.aar" in none.value.remedy
    add(bundles)
    phone = found()
    assert (phone.agent, phone.runtime.name, phone.name, phone.version) == (
        builds.place("android-arm64", "exray-agent"), "libLiteRt.so", "litert-2.3.0", "2.3.0",
    )  # fmt: skip
    assert [path.name for path in phone.beside] == ["libLiteRtGpuAccelerator.so"]
    assert found("x86_64").runtime.read_bytes() == make.library("x86_64")
    with pytest.raises(BundleError):
        found(name="litert-9")
