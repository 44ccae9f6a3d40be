"""The benchmark app as an APK, without Gradle: javac, d8, aapt2, a zip of our own, apksigner.

    python tools/pack_apk.py [--release] [--out FILE]

The same sources and the same key give the same bytes. What comes from Maven Central is pinned by android_app/jars.sha256.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "android_app"
SOURCES = (APP / "src", ROOT / "agents" / "java" / "src")
BUILDS = ROOT / "agents" / "native" / "build"
ABIS = {"arm64-v8a": "android-arm64", "x86_64": "android-x86_64"}
LIBRARIES = ("libexray_jni.so", "libexray_agent_jni.so")
PINS = APP / "jars.sha256"
"""Lines SHA256  GROUP:ARTIFACT:VERSION."""
JARS = Path(".setup") / "jars"
FRAMEWORK, D8 = "android-all", "r8"
MIN_SDK, TARGET_SDK = 26, 34
PAGE = 16 << 10
"""Android's largest pages: a library is mapped from the APK as it lies there."""
ALIGNED = 0xD935
"""The extra field that holds an entry's alignment and its padding (AOSP, tools/apksig)."""
DATE = (1980, 1, 1, 0, 0, 0)
ALIAS, DEBUG_PASSWORD = "farm", "android"
KEYSTORE, KEY_ALIAS = "FARM_APK_KEYSTORE", "FARM_APK_KEY_ALIAS"
STORE_PASSWORD, KEY_PASSWORD = "FARM_APK_KEYSTORE_PASSWORD", "FARM_APK_KEY_PASSWORD"
FETCH_S, TOOL_S = 600.0, 180.0


def die(message: str, remedy: str) -> NoReturn:
    """End with what happened and what to do."""
    print(f"apk: {message}\n  {remedy}", file=sys.stderr)
    raise SystemExit(3)


def run(argv: Sequence[str | Path], *, seconds: float = TOOL_S, environment: Mapping[str, str] | None = None) -> str:
    """What a tool printed; its failure ends ours, with its words."""
    name = Path(argv[0]).name
    try:
        done = subprocess.run(
            [str(word) for word in argv], capture_output=True, text=True, timeout=seconds, check=False,
            stdin=subprocess.DEVNULL, env=os.environ | (environment or {}),
        )  # fmt: skip
    except FileNotFoundError:
        die(f"{name} is not there", f"install it: apt install {PACKAGES.get(name, name)}")
    except subprocess.TimeoutExpired:
        die(f"{name} did not end within {seconds:.0f} s", "try again")
    if done.returncode:
        die(f"{name} failed: {(done.stderr + done.stdout).strip()[-2000:]}", "see its message")
    return done.stdout


PACKAGES = {
    "aapt2": "aapt", "javac": "openjdk-17-jdk-headless", "java": "openjdk-17-jdk-headless",
    "keytool": "openjdk-17-jdk-headless", "mvn": "maven",
}  # fmt: skip


def pins(text: str) -> dict[str, tuple[str, str]]:
    """Artifact's name -> its coordinates (GROUP:ARTIFACT:VERSION) and sha256."""
    found = {}
    for line in text.splitlines():
        sha256, _, coordinates = line.partition("  ")
        if re.fullmatch(r"[0-9a-f]{64}", sha256) and coordinates.count(":") == 2:
            found[coordinates.split(":")[1]] = (coordinates, sha256)
    return found


def jar(name: str) -> Path:
    """A pinned jar, fetched by Maven when it is not there yet."""
    coordinates, sha256 = pins(PINS.read_text(encoding="utf-8"))[name]
    _, artifact, version = coordinates.split(":")
    place = ROOT / JARS / f"{artifact}-{version}.jar"
    if not place.is_file():
        print(f"fetching {coordinates} from Maven Central, once, into {JARS}", file=sys.stderr)
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            words = ("mvn", "-q", "-B", "dependency:copy", f"-Dartifact={coordinates}", f"-DoutputDirectory={folder}")
            run(words, seconds=FETCH_S)
            (Path(folder) / place.name).replace(place)
    if digest(place) != sha256:
        die(f"{place.name} is not what {PINS.name} pins", f"remove {JARS / place.name} and try again")
    return place


def digest(path: Path) -> str:
    """A file's sha256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def version() -> tuple[str, int]:
    """The farm's version, and the number that Android compares."""
    name = str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
    numbers = [int(part) for part in re.findall(r"\d+", name)[:3]]
    major, minor, patch = [*numbers, 0, 0, 0][:3]
    return name, major * 1_000_000 + minor * 1_000 + patch


def compile_java(work: Path) -> Path:
    """classes.dex of the app and of the exray API."""
    classes = work / "classes"
    classes.mkdir()
    sources = sorted(path for folder in SOURCES for path in folder.rglob("*.java"))
    # As agents/java/Makefile. The framework's jar has annotations that itself lacks (classfile), and none of java.*.
    flags = ("--release", "8", "-XDstringConcat=inline", "-encoding", "UTF-8", "-g:source,lines")
    strict = ("-Xlint:all,-options,-try,-classfile", "-Werror", "-implicit:none", "-cp", jar(FRAMEWORK), "-d", classes)
    run(["javac", *flags, *strict, *sources])
    compiled = sorted(classes.rglob("*.class"))
    run(
        ["java", "-cp", jar(D8), "com.android.tools.r8.D8", "--release", "--min-api", str(MIN_SDK), "--no-desugaring",
         "--lib", jar(FRAMEWORK), "--output", work, *compiled]
    )  # fmt: skip
    return work / "classes.dex"


def link(work: Path, *, debuggable: bool) -> Path:
    """The manifest and the resources as Android reads them, in an archive."""
    name, code = version()
    linked = work / "linked.apk"
    resources = []
    if (APP / "res").is_dir():
        run(["aapt2", "compile", "--dir", APP / "res", "-o", work / "res.zip"])
        resources = [work / "res.zip"]
    run(
        ["aapt2", "link", "-I", jar(FRAMEWORK), "--manifest", APP / "AndroidManifest.xml", "-o", linked,
         "--min-sdk-version", str(MIN_SDK), "--target-sdk-version", str(TARGET_SDK), "--version-name", name,
         "--version-code", str(code), "--warn-manifest-validation",  # Debian's aapt2 does not know every element
         *(["--debug-mode"] if debuggable else []), *resources]
    )  # fmt: skip
    return linked


def libraries() -> dict[str, Path]:
    """Native libraries by their names in the APK."""
    found = {f"lib/{abi}/{name}": BUILDS / platform / name for abi, platform in ABIS.items() for name in LIBRARIES}
    for path in found.values():
        if not path.is_file():
            die(f"{path.relative_to(ROOT)} is not built", "run: ./run apk")
    return found


def pack(linked: Path, dex: Path, target: Path) -> None:
    """One archive: entries in one order with one date, libraries and the resource table as they are and aligned."""
    with zipfile.ZipFile(linked) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents["classes.dex"] = dex.read_bytes()
    contents |= {name: path.read_bytes() for name, path in libraries().items()}
    first = "AndroidManifest.xml"
    with target.open("wb") as file, zipfile.ZipFile(file, "w") as archive:
        for name in sorted(contents, key=lambda name: (name != first, name)):
            entry = zipfile.ZipInfo(name, DATE)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            alignment = PAGE if name.endswith(".so") else 4 if name == "resources.arsc" else 0
            entry.compress_type = zipfile.ZIP_STORED if alignment else zipfile.ZIP_DEFLATED
            if alignment:
                entry.extra = padding(file.tell() + 30 + len(name.encode()), alignment)
            archive.writestr(entry, contents[name], compresslevel=9)


def padding(start: int, alignment: int) -> bytes:
    """The extra field behind a header that ends at `start`, so that the data behind it are aligned."""
    zeros = -(start + 6) % alignment
    return struct.pack("<HHH", ALIGNED, 2 + zeros, alignment) + bytes(zeros)


def debug_key() -> Path:
    """A key of this user's, made once: what it signs is for the lab's own phones."""
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "farm"
    place = home / "debug.keystore"
    if not place.is_file():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home) as folder:
            made = Path(folder) / place.name
            run(
                ["keytool", "-genkeypair", "-keystore", made, "-storetype", "PKCS12", "-storepass:env", STORE_PASSWORD,
                 "-alias", ALIAS, "-keyalg", "RSA", "-keysize", "2048", "-validity", "10950", "-dname", "CN=farm debug"],
                environment={STORE_PASSWORD: DEBUG_PASSWORD},
            )  # fmt: skip
            made.chmod(0o600)
            try:
                os.link(made, place)  # of two who make one at once, the first
            except FileExistsError:
                return place
        print(f"made the debug key {place}", file=sys.stderr)
    return place


def sign(unsigned: Path, target: Path, *, release: bool) -> None:
    """With the debug key, or with the one that the environment names; passwords never stand on a command line."""
    if release:
        store = os.environ.get(KEYSTORE, "")
        if not Path(store).is_file() or not os.environ.get(STORE_PASSWORD):
            die(
                "a release needs a key",
                f"set {KEYSTORE}, {STORE_PASSWORD}, and where they differ {KEY_ALIAS}, {KEY_PASSWORD}",
            )
        alias = os.environ.get(KEY_ALIAS, ALIAS)
        passwords = {
            STORE_PASSWORD: os.environ[STORE_PASSWORD],
            KEY_PASSWORD: os.environ.get(KEY_PASSWORD) or os.environ[STORE_PASSWORD],
        }
    else:
        store, alias = str(debug_key()), ALIAS
        passwords = {STORE_PASSWORD: DEBUG_PASSWORD, KEY_PASSWORD: DEBUG_PASSWORD}
    run(
        ["apksigner", "sign", "--ks", store, "--ks-key-alias", alias, "--ks-pass", f"env:{STORE_PASSWORD}",
         "--key-pass", f"env:{KEY_PASSWORD}", "--v1-signing-enabled", "false", "--v2-signing-enabled", "true",
         "--v3-signing-enabled", "true", "--v4-signing-enabled", "false", "--min-sdk-version", str(MIN_SDK),
         "--in", unsigned, "--out", target],
        environment=passwords,
    )  # fmt: skip


def build(target: Path, *, release: bool = False) -> Path:
    """The whole way; `target` is written to a temporary name and moved."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".apk-") as folder:
        work = Path(folder)
        dex, linked = compile_java(work), link(work, debuggable=not release)
        pack(linked, dex, work / "unsigned.apk")
        run(["zipalign", "-c", "-p", "4", work / "unsigned.apk"])
        sign(work / "unsigned.apk", work / "signed.apk", release=release)
        shutil.move(work / "signed.apk", target)
    return target


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--release", action="store_true", help=f"not debuggable, signed by {KEYSTORE}")
    parser.add_argument("--out", type=Path, help="default: dist/exray-bench-VERSION[-debug].apk")
    asked = parser.parse_args()
    name = f"exray-bench-{version()[0]}{'' if asked.release else '-debug'}.apk"
    made = build(asked.out or ROOT / "dist" / name, release=asked.release)
    print(f"{made}  {made.stat().st_size >> 10} KiB  sha256 {digest(made)}")


if __name__ == "__main__":
    main()
