"""The benchmark app on Android's own code, without a phone: what it takes, says, shows and reads."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from farm.assess import app
from tests.agents.kit import PLATFORM, RUNTIME, Bench, build, read, sum_model
from tests.android_app import pictures, robolectric
from tests.conftest import DEMO
from tests.exray.java.kit import recorded
from tests.exray.java.test_agent import logged

if TYPE_CHECKING:
    from pathlib import Path

    from farm.store.artifacts import ArtifactStore

SUITES = (
    "ArgumentsTest", "OutcomeTest", "ScreenTest", "RunnerTest", "ServiceTest", "AgentProcessTest", "ReadingsTest",
    "PicturesTest", "PlayTest",
)  # fmt: skip
OLDEST = ("ArgumentsTest", "ScreenTest", "ServiceTest", "AgentProcessTest")
"""What is done in another way before Android 14."""
FRAMES = 4
BILINEAR = 4
"""How far a channel may be from Pillow's, of 255: Skia interpolates in steps. In the mean less than 0.5; 4 and 0.31 were seen.
It averages nothing where a picture gets smaller, as Pillow's transform and not as its resize.
"""
PLAYS: dict[str, dict[str, object]] = {
    "plain": {"mean": "127.5", "std": "127.5", "threads": 2},
    "turned": {"resize": "nearest", "channels": "bgr", "rotate": 90, "mean": "1,2,3", "std": "50,60,70"},
    "int8": {"model": DEMO / "model_int8.tflite", "mean": "127.5", "std": "127.5"},
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(robolectric.MISSING), reason=f"no {', '.join(robolectric.MISSING)}: ./run test installs them"
    ),
]


@dataclass(frozen=True)
class Ran:
    """What the tests in Java left."""

    cases: dict[str, list[robolectric.Case]]
    bench: Bench
    frames: Path
    out: Path
    pictures: Path
    names: list[str]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """All of them, in one virtual machine: its start takes longer than they do."""
    work = tmp_path_factory.mktemp("robolectric")
    bench = Bench(build("all", PLATFORM), work)
    (given,) = Interpreter(str(DEMO / "model.tflite")).get_input_details()
    frames = bench.tensors(
        *([v] for v in np.random.default_rng(3).normal(size=(FRAMES, *given["shape"])).astype(given["dtype"]))
    )
    external, out = work / "external", work / "out"
    for folder in (external, out):
        folder.mkdir()
    shutil.copy(RUNTIME, external / RUNTIME.name)
    (external / "libLiteRtOther.so").write_bytes(b"of an accelerator")
    (external / "notes.txt").write_bytes(b"no library")
    seen = work / "pictures"
    seen.mkdir()
    names = pictures.write(seen)
    (seen / "jobs.tsv").write_text(
        "".join(
            f"{job.name}\t{job.out}\t{job.rotate}\t{job.width}\t{job.height}\t{job.resize}\n"
            for job in pictures.jobs(names)
        )
    )
    (seen / "frames.tsv").write_text("frame\n" + "".join(f"{name}\n" for name in names))
    (seen / "broken").mkdir()
    shutil.copy(seen / "broken.png", seen / "broken")
    (seen / "broken" / "frames.tsv").write_text("frame\nbroken.png\n")
    (seen / "plays").mkdir()
    for name, options in PLAYS.items():
        told = {"out": out / f"{name}.mcap", "model": DEMO / "model.tflite", **options}
        (seen / "plays" / name).write_text("".join(f"{key}={value}\n" for key, value in told.items()))
    classes = robolectric.compiled(work)
    told = {
        "bench.classes": classes,
        "bench.external": external,
        "bench.model": DEMO / "model.tflite",
        "bench.frames": frames,
        "bench.count": FRAMES,
        "bench.out": out,
        "bench.pictures": seen,
        "bench.pictures.count": len(names),
        "bench.vector": bench.file("vector.tflite", sum_model()),
    }
    return Ran(robolectric.run(classes, work, 34, *SUITES, told=told), bench, frames, out, seen, names)


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[robolectric.Case]]:
    work = tmp_path_factory.mktemp("oldest")
    return robolectric.run(robolectric.compiled(work), work, 26, *OLDEST)


def check(cases: list[robolectric.Case]) -> None:
    failed = {case.name: case.failure for case in cases if case.failure}
    assert not failed, "\n".join(f"{name}: {why}" for name, why in failed.items())
    assert cases


@pytest.mark.parametrize("suite", SUITES)
def test_on_android(ran: Ran, suite: str) -> None:
    check(ran.cases[suite])


@pytest.mark.parametrize("name", ["latency", "layers"])
def test_the_apps_capture_is_the_programs_tensor_for_tensor(ran: Ran, name: str) -> None:
    expected = ran.bench.capture(
        DEMO / "model.tflite", ran.frames, "--threads", "2", "--label", "where=h\u00e9re", name=name
    )
    assert logged(read(ran.out / f"{name}.mcap")) == logged(expected)


@pytest.mark.parametrize("suite", OLDEST)
def test_on_the_oldest_android(oldest: dict[str, list[robolectric.Case]], suite: str) -> None:
    check(oldest[suite])


def test_pictures_are_decoded_as_by_pillow(ran: Ran) -> None:
    """Also JPEG, of whatever sampling, and upright as its EXIF says."""
    for name in ran.names:
        found = pictures.read(ran.pictures / pictures.Job(name).out)
        assert (found[..., 3] == 255).all()
        np.testing.assert_array_equal(found[..., :3], pictures.decoded(ran.pictures / name), name)


def test_what_shows_through_loses_no_more_than_premultiplying_takes(ran: Ran) -> None:
    found = pictures.read(ran.pictures / pictures.Job("alpha.png").out)
    with Image.open(ran.pictures / "alpha.png") as image:
        expected = np.asarray(image)
    np.testing.assert_array_equal(found[..., 3], expected[..., 3])
    for alpha, tolerance in ((64, 2), (128, 1), (255, 0)):
        there = expected[..., 3] >= alpha
        assert pictures.apart(found[there], expected[there]) <= tolerance


def test_pictures_are_turned_and_resized_as_by_pillow(ran: Ran) -> None:
    """Nearest: where a pixel's middle lies between two, either may be taken."""
    for job in pictures.jobs(ran.names):
        if job.name != "rgb.png":
            continue
        found, expected = pictures.read(ran.pictures / job.out)[..., :3], np.rot90(pictures.photo(), job.rotate // 90)
        if job.width and job.resize == "nearest":
            expected = pictures.resized(expected, job.width, job.height, "nearest")
            assert (found == expected).all(-1).mean() > 0.98, job
        elif job.width:
            assert pictures.apart(found, pictures.resized(expected, job.width, job.height, "bilinear")) <= BILINEAR, job
        else:
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("play", PLAYS)
def test_a_plays_capture_holds_the_picture_and_what_the_model_was_fed(
    ran: Ran, play: str, artifacts: ArtifactStore, tmp_path: Path
) -> None:
    found, options = recorded(ran.out / f"{play}.mcap", artifacts), PLAYS[play]
    assert (found.header.app, found.complete) == ("dev.exray.bench", True)
    raw, called = app.raw_frames(found, artifacts), app.names(found, artifacts)
    assert list(called.values()) == ran.names
    assert {row.name for row in raw.values()} == {app.RAW}
    model = Interpreter(str(options.get("model", DEMO / "model.tflite")))
    model.allocate_tensors()
    (given,), (answered,) = model.get_input_details(), model.get_output_details()
    height, width = given["shape"][1:3]
    mean, std = (np.array(str(options[key]).split(","), np.float32) for key in ("mean", "std"))
    for index, name in called.items():
        expected = pictures.decoded(ran.pictures / name)
        (tmp_path / "frame.png").write_bytes(app.as_file(raw[index], artifacts))
        np.testing.assert_array_equal(pictures.decoded(tmp_path / "frame.png"), expected)
        turned = np.rot90(expected, int(str(options.get("rotate", 0))) // 90)
        resize = str(options.get("resize", "bilinear"))
        sized = pictures.resized(turned, width, height, resize)
        pixels = sized[..., ::-1] if options.get("channels") == "bgr" else sized
        tensors = found.tensors(artifacts, index)
        fed = tensors[given["index"]]
        assert (fed.shape, fed.dtype) == (tuple(given["shape"]), given["dtype"])
        real, step = fed[0].astype(np.float32), 0.0
        if play == "int8":
            scale, zero = given["quantization"]
            real, step = (real - zero) * scale, scale
        apart = np.abs(real - (pixels - mean) / std)
        if resize == "nearest":
            assert (apart.max(-1) < 1e-6).mean() > 0.98
        else:
            assert (apart <= BILINEAR / std + step + 1e-6).all()
            assert (apart * std).mean() < 0.5 + step * std.max() / 2
        model.set_tensor(given["index"], fed)
        model.invoke()
        far = np.abs(tensors[answered["index"]].astype(float) - model.get_tensor(answered["index"])).max()
        assert far <= (1 if play == "int8" else 1e-4)
