"""What a device did to pictures: planted changes are found, and nothing else is ever accused.

Pictures go through the references' own pre-processing, and through changes made here in numpy.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from farm.assess.explain import picture, tensor
from farm.assess.explain.seen import Seen
from farm.model import graph as graphs
from farm.model.recipe import Normalize, Recipe
from farm.reference import preprocess
from farm.store.artifacts import ArtifactStore
from farm.submission import InputFrame
from tests.conftest import DEMO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from farm.report.explanation import Explanation

Array = np.ndarray[Any, Any]
RECIPE = Recipe(crop=0.875, normalize=Normalize(mean=(127.5, 127.5, 127.5), std=(127.5, 127.5, 127.5)))


def photo(seed: int, height: int = 120, width: int = 150) -> Array:
    """Colored ground with edges and grain, without symmetry."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(0, 255, (6, 7, 3)).astype(np.uint8)
    ground = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)).astype(float)
    y, x = np.mgrid[:height, :width]
    for _ in range(6):
        inside = (abs(y - random.uniform(0, height)) < random.uniform(5, 30)) & (abs(x - random.uniform(0, width)) < 20)
        ground[inside] = random.uniform(20, 235, 3) + 0.3 * (ground[inside] - 128)
    return np.clip(ground + random.normal(0, 5, ground.shape), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Bench:
    """The demo's model and a store."""

    artifacts: ArtifactStore
    graph: graphs.Graph

    def seen(
        self,
        feed: Callable[[Array], Array],
        frames: int = 3,
        recipe: Recipe = RECIPE,
        *,
        orientation: int = 1,
        gray: bool = False,
    ) -> Seen:
        """`feed` makes the device's pixels (real numbers 0..255, before normalizing) of an upright picture."""
        index = self.graph.inputs[0]
        spec = self.graph.tensors[index]
        device: list[dict[int, Array]] = []
        expected: list[dict[int, Array]] = []
        inputs = []
        for seed in range(frames):
            raw = photo(seed)
            raw = np.repeat(raw[..., :1], 3, -1) if gray else raw
            file, exif = io.BytesIO(), Image.Exif()
            exif[0x0112] = orientation
            stored = np.ascontiguousarray(np.rot90(raw, -1)) if orientation == 8 else raw
            Image.fromarray(stored).save(file, "PNG", exif=exif)
            inputs.append(InputFrame(name=f"{seed}.png", kind="image", sha256=(self.artifacts.put(file.getvalue()),)))
            _, height, width, _ = spec.shape
            right = preprocess.geometry(raw, recipe, height, width)
            for pixels, into in ((feed(stored if orientation == 8 else raw), device), (right, expected)):
                real = (pixels - np.array(recipe.normalize.mean)) / np.array(recipe.normalize.std)
                into.append({index: preprocess.quantize(real.astype(np.float32), spec)[None]})
        return Seen(self.graph, self.artifacts, recipe, recipe, tuple(inputs), tuple(device), tuple(expected))

    def explain(self, feed: Callable[[Array], Array], **how: Any) -> Explanation:
        return picture.observe(self.seen(feed, **how)).infer()

    def right(self, raw: Array, **other: Any) -> Array:
        """As the recipe has it, but for `other` words."""
        _, height, width, _ = self.graph.tensors[self.graph.inputs[0]].shape
        return preprocess.geometry(raw, RECIPE.model_copy(update=other), height, width)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder: Path = tmp_path_factory.mktemp("artifacts")
    return Bench(ArtifactStore(folder), graphs.read((DEMO / "model.tflite").read_bytes(), "model.tflite"))


def names(found: Explanation) -> list[str]:
    return [change.name for change in found.changes]


def test_the_right_input_agrees(bench: Bench) -> None:
    assert bench.explain(bench.right).kind == "agrees"


@pytest.mark.parametrize(
    ("wanted", "feed"),
    [
        (["bgr"], lambda b, raw: b.right(raw)[..., ::-1]),
        (["rotate-90"], lambda b, raw: b.right(raw, rotate=90)),
        (["mirror"], lambda b, raw: b.right(raw[:, ::-1])),
        (["transpose"], lambda b, raw: b.right(raw.transpose(1, 0, 2))),
        (["crop"], lambda b, raw: b.right(raw, crop=0.71)),
        (["nearest"], lambda b, raw: b.right(raw, resize="nearest")),
        (["u8-as-i8"], lambda b, raw: b.right(raw).view(np.int8).astype(float)),
        (["affine"], lambda b, raw: b.right(raw) * 0.5 + 127.5),
        (["crop", "bgr"], lambda b, raw: b.right(raw, crop=0.6)[..., ::-1]),
        (["rotate-180", "affine"], lambda b, raw: b.right(raw, rotate=180) * 0.4 + 20.0),
        (["nearest", "bgr"], lambda b, raw: b.right(raw, resize="nearest")[..., ::-1]),
        (["bgr", "nchw-as-nhwc"], lambda b, raw: _planes(b.right(raw)[..., ::-1])),
    ],
)
def test_changes_are_named(bench: Bench, wanted: list[str], feed: Callable[[Bench, Array], Array]) -> None:
    found = bench.explain(lambda raw: feed(bench, raw))
    assert found.kind == "named", found
    assert names(found) == wanted
    assert found.residual < 0.01 < found.unexplained
    assert found.diff[0].startswith("- ")
    assert any(line.startswith("+ ") for line in found.diff)


def _planes(pixels: Array) -> Array:
    return pixels.transpose(2, 0, 1).reshape(pixels.shape)


def test_the_fitted_numbers_are_right(bench: Bench) -> None:
    found = bench.explain(lambda raw: bench.right(raw) * 0.5 + 127.5)  # [0, 1] for [-1, 1]
    assert found.diff == ("- normalize = { mean = 0, std = 255 }", "+ normalize = { mean = 127.5, std = 127.5 }")
    found = bench.explain(lambda raw: bench.right(raw, crop=0.71))
    assert found.changes[0].parameters["crop"] == pytest.approx(0.71, abs=0.008)
    assert found.changes[0].lines == ("crop = 0.875",)


def test_a_swapped_chroma_is_a_cameras(bench: Bench) -> None:
    def swapped(raw: Array) -> Array:
        y, cb, cr = Image.fromarray(raw).convert("YCbCr").split()
        return bench.right(np.asarray(Image.merge("YCbCr", (y, cr, cb)).convert("RGB")))

    assert names(bench.explain(swapped)) == ["nv21-as-nv12"]


def test_rows_read_with_a_wrong_stride(bench: Bench) -> None:
    def sheared(raw: Array) -> Array:
        right = bench.right(raw)
        return (
            np.pad(right.reshape(right.shape[0], -1), ((0, 0), (0, 6))).reshape(-1)[: right.size].reshape(right.shape)
        )

    found = bench.explain(sheared)
    assert names(found) == ["row-stride"]
    assert found.changes[0].parameters["padding"] == 6


@pytest.mark.parametrize("padding", [8, pytest.param(19, marks=pytest.mark.slow)])
def test_rows_of_the_camera_read_with_a_wrong_stride(bench: Bench, padding: int) -> None:
    def sheared(raw: Array) -> Array:
        rows = np.pad(raw.reshape(len(raw), -1), ((0, 0), (0, padding)))
        return bench.right(rows.reshape(-1)[: raw.size].reshape(raw.shape))

    found = bench.explain(sheared)
    assert names(found) == ["row-stride"]
    assert found.changes[0].parameters["padding"] == padding


def test_a_crop_at_a_corner(bench: Bench) -> None:
    found = bench.explain(lambda raw: bench.right(raw[8:71, 40:119], crop=1.0))
    assert names(found) == ["crop"]
    assert found.changes[0].parameters["left"] == pytest.approx(40 / 150, abs=0.02)
    assert found.changes[0].parameters["top"] == pytest.approx(8 / 120, abs=0.02)


def test_an_opaque_alpha_under_another_map_of_each_channel(bench: Bench) -> None:
    def fed(raw: Array) -> Array:
        right = bench.right(raw)
        alpha = np.full_like(right[..., :1], 255)
        return np.concatenate([alpha, right[..., :2]], -1) * [0.3, 0.5, 0.4] + [60.0, 10.0, 90.0]

    assert names(bench.explain(fed)) == ["alpha-order", "affine"]


def test_a_cameras_range_is_no_normalization(bench: Bench) -> None:
    def limited(raw: Array) -> Array:
        y, cb, cr = (np.asarray(c, float) for c in Image.fromarray(raw).convert("YCbCr").split())
        stored = np.stack([16 + y * 219 / 255, 128 + (cb - 128) * 224 / 255, 128 + (cr - 128) * 224 / 255], -1)
        return bench.right(np.asarray(Image.fromarray(stored.round().astype(np.uint8), "YCbCr").convert("RGB")))

    assert names(bench.explain(limited)) == ["limited-as-full"]


def test_an_orientation_that_is_not_heeded(bench: Bench) -> None:
    found = bench.explain(bench.right, orientation=8)
    assert names(found) == ["exif-ignored"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: 255 * (p / 255.0) ** 1.6,
        lambda p: 255 * (p / 255.0) ** 0.8,
        lambda p: np.asarray(Image.fromarray(p).filter(ImageFilter.GaussianBlur(1.5))),
        lambda p: np.clip(p + np.random.default_rng(1).normal(0, 8, p.shape), 0, 255),
        lambda p: (p - p.min()) * (255.0 / max(np.ptp(p), 1)) * (0.8 + 0.2 * (int(p.sum()) % 2)),
        lambda p: p & 0xE0,
        lambda p: p * np.linspace(0.6, 1, p.shape[0])[:, None, None],
    ],
    ids=["gamma", "weak-gamma", "blur", "noise", "contrast", "posterize", "vignette"],
)
def test_what_nobody_listed_is_unexplained(bench: Bench, spoil: Callable[[Array], Array]) -> None:
    found = bench.explain(lambda raw: spoil(bench.right(raw)))
    assert found.kind == "unexplained"
    assert found.changes == ()


@pytest.mark.parametrize("value", [0, pytest.param(128, marks=pytest.mark.slow)])
@pytest.mark.parametrize("channel", [0, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("slope", [1.0, 0.6])
def test_a_channel_that_was_lost_is_no_alpha(value: int, channel: int, slope: float, bench: Bench) -> None:
    def fed(raw: Array) -> Array:
        lost = np.array(bench.right(raw))
        lost[..., channel] = value
        return lost * slope + (1 - slope) * 100

    assert names(bench.explain(fed)) == []


def test_gray_pictures_hide_the_order_of_channels(bench: Bench) -> None:
    found = bench.explain(lambda raw: bench.right(raw)[..., ::-1], gray=True)
    assert found.kind == "agrees"
    assert "gray" in found.reason
    found = bench.explain(lambda raw: bench.right(raw)[..., ::-1] * 0.5, gray=True)
    assert names(found) == ["affine"]


def test_a_dead_camera_is_constant(bench: Bench) -> None:
    found = bench.explain(lambda raw: np.full_like(bench.right(raw), 7))
    assert found.kind == "unexplained"
    assert "same value" in found.reason


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(order=st.permutations([0, 1, 2]), slope=st.floats(0.2, 0.8), turn=st.sampled_from([0, 90, 180, 270]))
def test_any_of_these_together(bench: Bench, order: list[int], slope: float, turn: int) -> None:
    found = bench.explain(lambda raw: bench.right(raw, rotate=turn)[..., order] * slope)
    parts = {"normalization"} | ({"channel"} if order != [0, 1, 2] else set()) | ({"rotation"} if turn else set())
    assert found.kind == "named"
    assert {c.part for c in found.changes} == parts


def test_resampled_frames_need_nothing_anew(bench: Bench) -> None:
    evidence = picture.observe(bench.seen(lambda raw: bench.right(raw)[..., ::-1]))
    for weights in ([2, 1, 0], [0, 0, 3], [1, 1, 1]):
        assert names(evidence.infer(np.array(weights, float))) == ["bgr"]


def test_tensors_alone_tell_ranges_and_turns(bench: Bench) -> None:
    seen = bench.seen(lambda raw: bench.right(raw)[::-1] * 0.5)
    alone = Seen(seen.graph, seen.artifacts, None, None, seen.frames, seen.device, seen.expected)
    found = tensor.observe(alone).infer()
    assert found.kind == "named"
    assert {c.part for c in found.changes} == {"rotation", "normalization"}
