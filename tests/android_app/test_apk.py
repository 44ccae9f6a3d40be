"""The benchmark app as a file: what Android's own tools say of it."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest

from farm import virtual
from farm.android.commands import packages
from farm.fleet import install
from farm.run.app.bench import RUNNER
from tests.android_app import kit
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from farm.fleet.adb import AdbServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        any(shutil.which(tool) is None for tool in ("aapt2", "zipalign", "apksigner", "dexdump", "mvn", "javac")),
        reason="no Android tools: ./run test installs aapt zipalign apksigner dexdump maven openjdk-17-jdk-headless",
    ),
]
PAGE = 16 << 10


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a user who builds an app for the first time."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def apk(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kit.make_libraries()
    folder = kit.checkout(tmp_path_factory.mktemp("first") / "farm")
    done = kit.pack(folder, home)
    assert done.returncode == 0, done.stderr
    assert "made the debug key" in done.stderr
    (made,) = (folder / "dist").iterdir()  # and nothing half-done beside it
    return made


def told(*command: str | Path) -> str:
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout


def test_its_signature_holds_for_every_android_from_8_on(apk: Path) -> None:
    said = told("apksigner", "verify", "--verbose", "--print-certs", "--min-sdk-version", "26", apk)
    assert "(APK Signature Scheme v2): true" in said
    assert "(APK Signature Scheme v3): true" in said
    assert "CN=farm debug" in said
    assert "WARNING" not in said


def test_another_checkout_makes_the_same_bytes_with_the_same_key(
    apk: Path, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = kit.checkout(tmp_path_factory.mktemp("second") / "elsewhere")
    done = kit.pack(folder, home, "--out", str(folder / "again.apk"))
    assert done.returncode == 0, done.stderr
    assert "made the debug key" not in done.stderr
    assert (folder / "again.apk").read_bytes() == apk.read_bytes()


def test_the_manifest_says_what_the_docs_say(apk: Path) -> None:
    badging = told("aapt2", "dump", "badging", apk)
    assert "package: name='dev.exray.bench'" in badging
    assert "sdkVersion:'26'" in badging
    assert "targetSdkVersion:'34'" in badging
    assert "application-debuggable" in badging
    assert "native-code: 'arm64-v8a' 'x86_64'" in badging
    asked = set(re.findall(r"uses-permission: name='([^']+)'", badging))
    docs = (ROOT / "docs" / "android.md").read_text(encoding="utf-8")
    assert asked == set(re.findall(r"`(android\.permission\.[A-Z_]+)`", docs))
    tree = told("aapt2", "dump", "xmltree", "--file", "AndroidManifest.xml", apk)
    assert "dev.exray.bench" in tree
    assert tree.count("E: instrumentation") == 1
    assert "E: uses-native-library" in tree


def test_it_is_small_and_its_libraries_are_mapped_as_they_lie(apk: Path) -> None:
    assert apk.stat().st_size < 2 << 20
    told("zipalign", "-c", "-p", "4", apk)
    with zipfile.ZipFile(apk) as archive:
        found = {entry.filename: entry for entry in archive.infolist()}
    for abi in ("arm64-v8a", "x86_64"):
        for name in kit.LIBRARIES:
            entry = found[f"lib/{abi}/{name}"]
            assert entry.compress_type == zipfile.ZIP_STORED
            assert data_offset(apk, entry) % PAGE == 0
    assert not any("libLiteRt" in name for name in found)  # a runtime comes from a bundle


def data_offset(path: Path, entry: zipfile.ZipInfo) -> int:
    """Where an entry's bytes begin, by its local header."""
    with path.open("rb") as file:
        file.seek(entry.header_offset + 26)
        name, extra = struct.unpack("<HH", file.read(4))
    return entry.header_offset + 30 + int(name) + int(extra)


def test_every_class_is_there_and_none_needs_what_dx_would_have_to_desugar(apk: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(apk) as archive:
        dex = tmp_path / "classes.dex"
        dex.write_bytes(archive.read("classes.dex"))
    dump = told("dexdump", "-d", dex)
    assert "invoke-custom" not in dump
    assert "invoke-polymorphic" not in dump
    there = set(re.findall(r"Class descriptor\s+: 'L([^';]+);'", dump))
    folders = (ROOT / "android_app" / "src", ROOT / "agents" / "java" / "src")
    sources = {str(path.relative_to(folder))[: -len(".java")] for folder in folders for path in folder.rglob("*.java")}
    assert sources <= there
    assert {name.partition("$")[0] for name in there} == sources


def test_a_release_is_signed_by_the_labs_own_key_and_is_not_debuggable(
    apk: Path, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = kit.checkout(tmp_path_factory.mktemp("release") / "farm")
    refused = kit.pack(folder, home, "--release")
    assert refused.returncode == 3
    assert "a release needs a key" in refused.stderr
    assert "FARM_APK_KEYSTORE" in refused.stderr
    store = folder / "lab.keystore"
    subprocess.run(
        ["keytool", "-genkeypair", "-keystore", str(store), "-storepass", "correct-horse", "-alias", "lab",
         "-keyalg", "RSA", "-keysize", "2048", "-dname", "CN=the lab"],
        check=True, capture_output=True,
    )  # fmt: skip
    keys = {"FARM_APK_KEYSTORE": str(store), "FARM_APK_KEY_ALIAS": "lab"}
    wrong = kit.pack(folder, home, "--release", environment=keys | {"FARM_APK_KEYSTORE_PASSWORD": "battery-staple"})
    assert wrong.returncode == 3
    assert "apksigner failed" in wrong.stderr
    assert "battery-staple" not in wrong.stderr
    assert not (folder / "dist").exists() or not list((folder / "dist").iterdir())
    done = kit.pack(folder, home, "--release", environment=keys | {"FARM_APK_KEYSTORE_PASSWORD": "correct-horse"})
    assert done.returncode == 0, done.stderr
    (made,) = (folder / "dist").glob("exray-bench-*.apk")
    assert "-debug" not in made.name
    assert "CN=the lab" in told("apksigner", "verify", "--print-certs", made)
    assert "application-debuggable" not in told("aapt2", "dump", "badging", made)


def test_a_jar_that_is_not_the_pinned_one_is_refused(apk: Path, tmp_path: Path) -> None:
    folder = kit.checkout(tmp_path / "farm")
    (folder / ".setup" / "jars").unlink()
    (folder / ".setup" / "jars").mkdir()
    for jar in (ROOT / ".setup" / "jars").iterdir():
        target = folder / ".setup" / "jars" / jar.name
        if jar.name.startswith("android-all"):
            target.write_bytes(b"another jar")
        else:
            target.symlink_to(jar)
    done = kit.pack(folder, tmp_path)
    assert done.returncode == 3
    assert "is not what jars.sha256 pins" in done.stderr


def test_a_tool_that_is_missing_is_named_with_its_package(apk: Path, tmp_path: Path) -> None:
    folder = kit.checkout(tmp_path / "farm")
    done = kit.pack(folder, tmp_path, environment={"PATH": str(tmp_path)})
    assert done.returncode == 3
    assert "javac is not there" in done.stderr
    assert "apt install openjdk-17-jdk-headless" in done.stderr


def test_a_virtual_phone_takes_it_and_knows_its_runner(
    apk: Path, adb: AdbServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("phones")
    (phone,) = virtual.up(folder, owner_pid=os.getpid())
    adb.connect(phone.serial)
    try:
        device = adb.device(phone.serial)
        done = install.ensure(device, apk)
        assert (done.fresh, done.debuggable, bool(done.version_name)) == (True, True, True)
        assert not install.ensure(device, apk).fresh
        assert device.ask(packages.instrument(RUNNER, {"command": "probe"}), 60) == -1
    finally:
        virtual.down(folder)
        adb.disconnect(phone.serial)
