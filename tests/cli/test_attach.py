"""`farm attach` as users and scripts meet it: real programs as apps of a virtual phone, right, wrong, dying and hanging."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from farm import virtual
from farm.report.document import Job
from farm.virtual.state import VirtualPhone
from tests.agents.kit import build
from tests.cli.classifier import classify
from tests.conftest import DEMO, ROOT
from tests.exray import kit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Lab, Result

MODEL = ("--model", str(kit.MODEL), "--recipe", str(DEMO / "model.recipe.toml"))
FRAMES = 20
NATIVE = ROOT / "agents" / "native"
BUILT = NATIVE / "build" / "linux-x86_64"
CLASSIFIER = """#!/system/bin/sh
while [ $# -gt 0 ]; do
  case "$2" in exray.frames) frames=$3 ;; exray.out) out=$3 ;; esac
  shift 3
done
[ -n "$frames" ] && {
  read -r column
  while IFS= read -r name; do pictures+=("$frames/$name"); done
} < "$frames/frames.tsv"
[ -n "$frames" ] && [ -r "$frames/sensors.tsv" ] && cat "$frames/sensors.tsv"
cd "/data/app/$PACKAGE"
[ -n "$frames" ] || pictures=(pictures/*)
exec -a "$PACKAGE" ./classifier model.tflite "$out" "${pictures[@]}" FLAGS
"""
BROKEN = """#!/system/bin/sh
while [ $# -gt 0 ]; do
  case "$2" in exray.frames) frames=$3 ;; exray.out) out=$3 ;; esac
  shift 3
done
cat "$frames/frames.tsv" "$frames/sensors.tsv"
exec -a "$PACKAGE" "/data/app/$PACKAGE/broken" HOW "$out"
"""


@dataclass(frozen=True)
class Bench:
    lab: Lab
    phone: VirtualPhone
    frames: Path

    def attach(self, package: str, *words: str, own: bool = False) -> Result:
        frames = () if own or "--play" in words or "--frames" in words else ("--frames", str(self.frames))
        return self.lab.farm("attach", package, *frames, *MODEL, *words)

    def shell(self, command: str) -> str:
        from farm.fleet import hosts
        from farm.settings import load

        settings = load(self.lab.folder / "farm.toml")
        return hosts.handle(settings, self.phone.serial).script(command, 20).text


@pytest.fixture(scope="module")
def bench(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A phone with apps: right and open, wrong and closed, one that dies, one that hangs."""
    build("all", "linux-x86_64")
    (phone,) = virtual.listed(lab.data / "virtual")
    home = tmp_path_factory.mktemp("apps")
    example = ROOT / "agents" / "examples" / "cpp"
    subprocess.run(
        ["make", "--silent", "-C", str(example), f"LITERT={kit.LITERT}", f"OUT={home}"], check=True, timeout=300
    )
    subprocess.run(
        ["cc", "-std=c11", "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Werror", f"-I{NATIVE / 'include'}", "-o", home / "broken",
         ROOT / "tests" / "cli" / "broken.c", f"-L{BUILT}", "-lexray"], check=True, timeout=60,
    )  # fmt: skip
    frames = home / "pictures"
    for picture in kit.as_ppm(frames)[FRAMES:]:
        picture.unlink()
    lines = (DEMO / "labels.tsv").read_text().replace(".png", ".ppm").splitlines(keepends=True)
    known = {path.name for path in frames.iterdir()}
    (home / "labels.tsv").write_text("".join(line for line in lines if ".ppm" not in line or line.split()[0] in known))
    own = (home / "labels.tsv").read_text().replace(".ppm", ".png")  # raw frames are PNG files
    (home / "own.tsv").write_text(own)
    (frames / "sensors.tsv").write_text("frame\tms\tsensor\tvalues\nx.ppm\t1.5\tgravity\t0 0 9.81\n")
    apps = {
        "right": (CLASSIFIER.replace("FLAGS", ""), "classifier", "debuggable = true\nexternal = false"),
        "wrong": (CLASSIFIER.replace("FLAGS", "--bug normalization"), "classifier", "debuggable = false"),
        "dies": (BROKEN.replace("HOW", "die"), "broken", "debuggable = true"),
        "hangs": (BROKEN.replace("HOW", "hang"), "broken", "debuggable = false"),
    }
    for name, (script, program, words) in apps.items():
        folder = home / f"{name}.app"
        (folder / "lib").mkdir(parents=True)
        (folder / "app.toml").write_text(f'package = "com.example.{name}"\nprogram = "run"\n{words}\n')
        (folder / "run").write_text(script)
        shutil.copy(home / program, folder)
        shutil.copy(BUILT / "libexray.so", folder / "lib")
        if program == "classifier":
            shutil.copy(kit.LITERT / "libLiteRt.so", folder / "lib")
            shutil.copy(kit.MODEL, folder / "model.tflite")
            shutil.copytree(frames, folder / "pictures", ignore=shutil.ignore_patterns("*.tsv"))
        virtual.install(phone, folder)
    return Bench(lab, phone, frames)


def job(result: Result) -> Job:
    return Job.model_validate_json(result.out)


@pytest.mark.slow
def test_the_right_app_passes_and_leaves_nothing_behind(bench: Bench) -> None:
    result = bench.attach("com.example.right", "--labels", str(bench.frames.parent / "labels.tsv"), "--json")
    assert result.status == 0, result.err + result.out[-2000:]
    (run,) = job(result).runs
    assert run.verdict is not None
    assert (run.verdict.kind, run.target and run.target.kind) == ("pass", "virtual")
    assert run.conditions["context"] == "app"
    assert run.conditions["app"] == "com.example.right/.MainActivity"
    assert run.conditions["files by"] == "run-as"
    assert run.latency_ms is not None
    assert run.latency_ms.n == FRAMES
    assert not run.partial
    assert bench.shell(
        "pidof com.example.right; ls -A /data/data/com.example.right/files /data/local/tmp/farm | grep -v -e cache -e agent.lock"
    ) == ("/data/data/com.example.right/files:\n\n/data/local/tmp/farm:")
    assert "gravity" in bench.shell("logcat -d -s System.err"), "the app had the readings beside its frames"


@pytest.mark.slow
def test_the_wrong_apps_bug_is_named_then_and_from_the_stored_run(bench: Bench) -> None:
    result = bench.attach("com.example.wrong", "--labels", str(bench.frames.parent / "labels.tsv"), "--json")
    assert result.status == 1, result.err
    found = job(result)
    (run,) = found.runs
    assert run.verdict is not None
    assert (run.verdict.kind, run.verdict.cause) == ("fail", "normalization")
    assert run.conditions["files by"] == "external storage"
    again = bench.lab.farm("diagnose", f"{found.job}/{run.id}", "--json")
    assert (job(again).runs[0].verdict, job(again).runs[0].latency_ms) == (run.verdict, run.latency_ms)
    played = bench.lab.farm("play", f"{found.job}/{run.id}", "--on", "reference:litert")
    assert played.status == 1, played.err
    assert "the model's input" in played.out
    assert "virtual: taken on this computer" in played.out


@pytest.mark.slow
def test_an_app_may_take_frames_of_its_own(bench: Bench) -> None:
    result = bench.attach("com.example.wrong", "--json", own=True)
    found = job(result)
    (run,) = found.runs
    assert run.verdict is not None, result.err
    assert run.verdict.cause == "normalization"
    labels = ("--labels", str(bench.frames.parent / "own.tsv"))
    later = job(bench.lab.farm("diagnose", f"{found.job}/{run.id}", *labels, "--json")).runs[0]
    assert later.verdict is not None
    assert (later.verdict.kind, later.verdict.cause) == ("fail", "normalization")


@pytest.mark.slow
def test_frames_and_sensors_of_a_capture_reach_the_app(bench: Bench, tmp_path: Path) -> None:
    pictures = sorted((DEMO / "inputs").glob("*.png"))[:2]
    classify([pictures[1], pictures[0]], tmp_path / "app.mcap", sensor="gravity")
    result = bench.attach("com.example.dies", "--play", str(tmp_path / "app.mcap"))
    assert result.status == 2
    log = bench.shell("logcat -d -v raw -s System.err")
    first, second = pictures[1].name, pictures[0].name
    told = rf"frame\n{first}\n{second}\nframe ms sensor values\n{first} \d\S* gravity 0 0\.5\n{second} \d\S* gravity 1 0\.5"
    assert re.search(told, log), "in the app's order"


@pytest.mark.slow
def test_what_a_dead_app_logged_is_kept_and_its_log_is_told(bench: Bench) -> None:
    result = bench.attach("com.example.dies", "--json")
    assert result.status == 2
    (run,) = job(result).runs
    assert run.error is not None
    assert run.error.code == "app"
    assert "died" in run.error.message
    assert "5 frames of its capture are whole" in run.error.message
    assert "exited due to signal 11 (Segmentation fault)" in run.error.message
    (capture,) = run.captures
    info = bench.lab.farm("capture", "info", capture.path, "--json").document
    assert (info["invocations"], info["indexed"]) == (5, True)


@pytest.mark.slow
def test_an_app_that_never_ends_is_ended(bench: Bench) -> None:
    result = bench.attach("com.example.hangs", "--timeout", "1", "--json")
    assert result.status == 2
    (run,) = job(result).runs
    assert run.error is not None
    assert "has not ended its capture after 1 s" in run.error.message
    assert "about to hang" in run.error.message
    assert len(run.captures) == 1
    assert not bench.shell("pidof com.example.hangs")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("com.example.right", "--activity", ".Other"),
            "Activity class {com.example.right/com.example.right.Other} does not exist",
        ),
        (("com.example.right", "--play", "no.mcap"), "there is no such file"),
        (("com.example.right", "--labels", "labels.tsv"), "afterwards"),
        (("com.example.right", "--frames", ".", "--play", "no.mcap"), "two things to play"),
        (("com.example.right; reboot",), "app.package"),
    ],
)
def test_what_cannot_be_attached_is_told(bench: Bench, words: tuple[str, ...], told: str) -> None:
    result = bench.attach(*words, own="--labels" in words)
    assert result.status == 2, result.out
    assert told in result.err + result.out


@pytest.mark.slow
def test_ctrl_c_ends_the_app_and_keeps_the_job(bench: Bench) -> None:
    words = ("attach", "com.example.hangs", "--frames", str(bench.frames), *MODEL)
    running = bench.lab.start(*words)
    assert running.stderr is not None
    for line in running.stderr:
        if line.rstrip().endswith(": app"):
            break
    while not bench.shell("pidof com.example.hangs"):
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    _, rest = running.communicate(timeout=60)
    assert running.returncode == 130
    number = re.search(r"job (\d+) is kept", rest)
    assert number is not None
    assert not bench.shell("pidof com.example.hangs; ls -A /sdcard/Android/data/com.example.hangs/files")
    assert bench.lab.farm("cancel", number[1]).status == 0
