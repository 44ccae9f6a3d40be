"""Androids without a phone (Robolectric): the app's classes on a virtual machine of this computer's, with Android's own Java code
and Android's own graphics."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pack_apk

from tests.agents.kit import NATIVE, PLATFORM, build, locked
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

MISSING = [tool for tool in ("javac", "java", "mvn", "aapt2") if shutil.which(tool) is None]
JAVA = Path(__file__).parent / "java"
POM = JAVA / "pom.xml"
PLACE = ROOT / ".setup" / "robolectric"
SDK = "sdk"
FETCH_S, RUN_S = 900.0, 280.0
INCLUDED = (ROOT / "android_app" / "src", ROOT / "agents" / "java" / "src", JAVA)


@dataclass(frozen=True)
class Case:
    """A test of JUnit's."""

    name: str
    failure: str


def fetched() -> Path:
    """The folder of jars that the pom names; Maven fetches them once."""
    stamp, now = PLACE / "stamp", hashlib.sha256(POM.read_bytes()).hexdigest()
    with locked(PLACE.with_suffix(".lock")):
        if not stamp.is_file() or stamp.read_text() != now:
            shutil.rmtree(PLACE, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=PLACE.parent) as made:
                folder = Path(made) / "jars"
                fetch = ["mvn", "-q", "-B", "-f", str(POM)]
                for goal in (["dependency:copy-dependencies"], ["dependency:copy", "-Psdk"]):
                    where = folder / SDK if SDK in goal[-1] else folder
                    subprocess.run([*fetch, f"-DoutputDirectory={where}", *goal], check=True, timeout=FETCH_S)
                for archive in folder.glob("*.aar"):
                    with zipfile.ZipFile(archive) as file:
                        (folder / f"{archive.stem}.jar").write_bytes(file.read("classes.jar"))
                (folder / "stamp").write_text(now)
                folder.rename(PLACE)
    return PLACE


def jars(folder: Path) -> str:
    return ":".join(str(jar) for jar in sorted(folder.glob("*.jar")))


def compiled(work: Path) -> Path:
    """The classes of app, API and tests, with the app's resources as Android reads them."""
    classes = work / "classes"
    tools = classes / "com" / "android" / "tools"
    tools.mkdir(parents=True)
    with locked(PLACE.with_name("jars.lock")):
        framework, linked = pack_apk.jar(pack_apk.FRAMEWORK), pack_apk.link(work, debuggable=True)
    manifest = ROOT / "android_app" / "AndroidManifest.xml"
    told = {"android_merged_manifest": manifest, "android_resource_apk": linked}
    (tools / "test_config.properties").write_text("".join(f"{key}={path}\n" for key, path in told.items()))
    (classes / "robolectric.properties").write_text("sdk=34\ngraphicsMode=NATIVE\nlooperMode=PAUSED\n")
    sources = sorted(str(path) for folder in INCLUDED for path in folder.rglob("*.java"))
    # Android's classes first: Robolectric's jars are compiled against them.
    path = f"{framework}:{jars(fetched())}"
    flags = ("-nowarn", "--release", "8", "-Xlint:-options", "-proc:none", "-encoding", "UTF-8", "-implicit:none")
    subprocess.run(["javac", *flags, "-cp", path, "-d", str(classes), *sources], check=True)
    return classes


def run(classes: Path, work: Path, sdk: int, *suites: str, told: Mapping[str, object] = {}) -> dict[str, list[Case]]:
    """Run classes of tests to their end, in one virtual machine; their cases by class.

    Args:
        classes: of `compiled`.
        sdk: the Android; one in a virtual machine, as its graphics are loaded once.
        work: a folder of the run's own; what the virtual machine prints is in its out.txt.
        suites: names of classes.
        told: the tests' own properties.
    """
    build("jni", PLATFORM)
    libraries = NATIVE / "build" / PLATFORM
    answers = work / "answers.jsonl"
    properties = {
        "robolectric.offline": "true",
        "robolectric.enabledSdks": sdk,
        "robolectric.dependency.dir": PLACE / SDK,
        "java.library.path": libraries,
        "java.io.tmpdir": work,
        "exray.library": libraries / "libexray_jni.so",
        "bench.answers": answers,
        **told,
    }
    command = ["java", "-Xmx1g", "-XX:+ErrorFileToStderr", *(f"-D{key}={value}" for key, value in properties.items())]
    command.append("--add-opens=java.base/java.io=ALL-UNNAMED")  # Robolectric closes descriptors by their field
    # Outside of Robolectric's own class loader Android's classes only have to be there: annotations name some.
    framework = pack_apk.jar(pack_apk.FRAMEWORK)
    command += ["-cp", f"{classes}:{jars(fetched())}:{framework}", "dev.exray.bench.Suites"]
    with (work / "out.txt").open("wb") as out:
        done = subprocess.run(
            [*command, *suites], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=RUN_S, check=False,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    found: dict[str, list[Case]] = {suite: [] for suite in suites}
    for line in answers.read_text(encoding="utf-8").splitlines() if answers.is_file() else ():
        answer = json.loads(line)
        found[answer["suite"]].append(Case(answer["name"], answer["failure"]))
    if done.returncode != 0:
        sys.stderr.write((work / "out.txt").read_text(errors="replace")[-20_000:])
    assert done.returncode == 0, f"the virtual machine ended with status {done.returncode}"
    return found
