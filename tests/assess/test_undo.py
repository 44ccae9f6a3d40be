"""What the inferred bug did to the input, taken back: exactly where nothing was lost, and said where something was."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from farm.assess.explain import camera, layout, views, words
from farm.assess.explain.fed import device
from farm.assess.explain.undo import undo, units
from farm.assess.explain.values import CONSTANT, Map
from farm.assess.pictures import pictures
from farm.capture.recording import Header, RecordingWriter, TensorSpec, load
from farm.model import graph as graphs
from farm.model.recipe import Normalize, Recipe
from farm.report import html
from farm.report.document import Job, Run
from farm.report.explanation import Change, Explanation
from farm.report.pictures import MOST_BYTES, InputPictures, Picture
from farm.store.artifacts import ArtifactStore
from farm.submission import InputFrame, RecipeUse, Submission
from tests.conftest import DEMO

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Array = np.ndarray[Any, Any]

RECIPE = Recipe(normalize=Normalize(mean=(127.5, 100.0, 90.0), std=(127.5, 60.0, 70.0)), crop=0.875)
MEAN, STD = np.array(RECIPE.normalize.mean), np.array(RECIPE.normalize.std)
bytes_of = arrays.arrays(np.uint8, st.tuples(st.just(8), st.integers(8, 9), st.just(3)))


def fed(pixels: Array) -> Array:
    normal: Array = ((pixels - MEAN) / STD).astype(np.float32)
    return normal


def taken_back(changes: Sequence[Change], stored: Array, *, tag: int = 0) -> tuple[Array, tuple[str, ...]]:
    return undo(changes, stored, units(RECIPE, (), (), 3), RECIPE, tag=tag)


def of_map(what: Map) -> list[Change]:
    nothing = device([np.zeros((1, 1, 3))], [np.ones((1, 1), bool)], (MEAN, STD), None)
    return words.values(what, nothing, RECIPE)


@given(bytes_of, st.sampled_from(layout.layouts([np.zeros((8, 9, 3), np.float32)])), st.permutations([0, 1, 2]),
       st.tuples(*[st.floats(0.2, 3)] * 3), st.tuples(*[st.floats(-90, 90)] * 3))  # fmt: skip
def test_orders_ranges_and_layouts_are_taken_back_together(
    picture: Array, where: layout.Layout, order: list[int], slope: tuple[float, ...], offset: tuple[float, ...]
) -> None:
    what = Map(tuple(order), slope=tuple(slope), offset=tuple(offset))
    stored = fed(picture[..., order] * np.array(slope) + np.array(offset))
    for step in (where.order, where.bits):  # as the device does it: the inverse of what `undo` does
        if step == "planes":
            stored = stored.transpose(2, 0, 1).reshape(stored.shape)
        elif step == "interleaved":
            h, w, c = stored.shape
            stored = stored.reshape(c, h, w).transpose(1, 2, 0)
        elif step == "columns":
            stored = stored.transpose(1, 0, 2).reshape(stored.shape)
        elif step == "bytes":
            stored = stored.byteswap()
    back, left = taken_back([*of_map(what), *where.changes], np.ascontiguousarray(stored))
    assert left == ()
    assert np.allclose(back, picture, atol=0.05 / min(slope))


@given(bytes_of, st.integers(1, 7))
def test_turns_are_taken_back(picture: Array, turn: int) -> None:
    square = picture[:, :8]
    (change,) = words.geometry(
        views.View(crop=views.centre(1.0, [(8, 8)]), kernel="bilinear", turn=turn),
        views.View(crop=views.centre(1.0, [(8, 8)]), kernel="bilinear"),
        RECIPE,
    )
    back, left = taken_back([change], fed(views.turned(square, turn)))
    assert left == ()
    assert np.allclose(back, square, atol=1e-3)
    ignored = Change(part="rotation", name="exif-ignored", words="ignores the orientation")
    back, _ = taken_back([ignored], fed(views.turned(square, views.inverse(turn))), tag=turn)
    assert np.allclose(back, square, atol=1e-3)


@given(bytes_of)
def test_bytes_taken_for_signed_ones_are_taken_back(picture: Array) -> None:
    back, left = taken_back(of_map(Map((0, 1, 2), wrapped=True)), fed(picture.astype(np.int8).astype(float)))
    assert left == ()
    assert np.allclose(back, picture, atol=1e-3)


@pytest.mark.parametrize("mistake", [m for m in camera.mistakes() if len(m.kinds) == 1])
def test_a_cameras_arithmetic_is_taken_back_but_for_what_it_cut_off(mistake: camera.Mistake) -> None:
    picture = np.random.default_rng(3).integers(90, 160, (16, 16, 3)).astype(np.uint8)  # so that nothing is cut off
    wrong = mistake.apply(picture)
    view = views.View(crop=views.centre(1.0, [(16, 16)]), kernel="bilinear", camera=(mistake,))
    back, left = taken_back(words.camera(view), fed(wrong))
    assert left == ()
    assert np.abs(back - picture).mean() < min(3.0, 0.3 * np.abs(wrong.astype(float) - picture).mean() + 1)


def test_of_a_crop_that_kept_too_much_the_right_part_is_shown() -> None:
    """On a smooth picture, where enlarging loses little."""
    y, x = np.mgrid[0:64, 0:64] / 63
    whole = np.stack([255 * y, 255 * x, 127 * (x + y)], -1)
    inner = 63 * (0.5 + 0.875 * (np.arange(64) + 0.5 - 32) / 64)
    right = np.stack(np.broadcast_arrays(255 * inner[:, None] / 63, 255 * inner[None] / 63, 0), -1)
    enough: list[dict[str, float | str]] = [
        {"kind": "centre", "crop": 1.0},
        {"kind": "part", "top": 0.0, "left": 0.0, "height": 1.0, "width": 1.0},
    ]
    for parameters in enough:
        change = Change(part="resize", name="crop", words="keeps all", parameters=parameters)
        back, left = taken_back([change], fed(whole))
        assert left == ()
        assert np.abs(back - right)[..., :2].max() < 3.0
    less: list[dict[str, float | str]] = [{"kind": "centre", "crop": 0.6}, {"kind": "square", "square": 1.0}]
    for gone in less:
        change = Change(part="resize", name="crop", words="keeps less", parameters=gone)
        assert taken_back([change], fed(whole))[1] == ("crop",)


def test_what_is_gone_is_said() -> None:
    crop = Change(part="resize", name="crop", words="keeps less", parameters={"kind": "centre", "crop": 0.5})
    alpha = of_map(Map((CONSTANT, 0, 1)))
    picture = np.full((8, 8, 3), 50, np.uint8)
    back, left = taken_back([crop, *alpha], fed(picture))
    assert left == ("crop", "alpha-order")
    assert np.allclose(back, picture, atol=1e-3)


def recorded(store: ArtifactStore, values: Array) -> Any:
    header = Header(pass_="layers", source="x", source_version="1", model_sha256="", kernel="", threads=1)  # noqa: S106  # a pass
    writer = RecordingWriter(store, header)
    writer.spec(TensorSpec(tensor=0, name="i", role="input", position=0, dtype="float32", shape=values.shape))
    writer.frame(0, {0: values})
    return load(store, writer.close())


def test_pictures_of_hostile_frames_stand_in_a_page_that_loads_nothing(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    graph = graphs.read_file(DEMO / "model.tflite")
    recipe = Recipe(normalize=Normalize(mean=(127.5,) * 3, std=(127.5,) * 3))
    right = np.random.default_rng(1).uniform(-1, 1, (1, 64, 64, 3)).astype(np.float32)
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "PNG")
    name = '"><script>alert(1)</script>.png'
    frame = InputFrame(name=name, kind="image", sha256=(store.put(file.getvalue()),))
    use = RecipeUse(recipe=recipe, origin="x")
    submission = Submission(model_name=name, model_sha256="0", frames=(frame,), recipe=use)
    index = graph.inputs[0]
    device_, reference = (recorded(store, v) for v in (right[..., ::-1].copy(), right))
    assert index == 0
    changes = tuple(
        words.values(Map((2, 1, 0)), device([right[0]], [np.ones((64, 64), bool)], (MEAN, STD), None), recipe)
    )
    seen = Explanation(kind="named", changes=changes, unexplained=0.3, diff=(f"- {name}",), frames=1)
    (found,) = pictures(submission, graph, recipe, device_, reference, store, seen)
    assert found.after == pytest.approx(0, abs=1e-6)
    assert found.before > 0.1
    assert found.left == ()
    large = InputPictures(name, (Picture(name, b"x" * (MOST_BYTES + 1)),), 0.1, None, ("crop",))
    run = Run(id=4, target=None, status="done", explanation=seen)
    job = Job(job=0, status="done", model=name, model_sha256="0", inputs=name, frames=1, runs=(run,))
    page = html.render(job, {4: (found, large)})
    assert "<script" not in page
    assert "too large for a page" in page
    assert "nothing" in page  # is left
    assert page.count('src="data:image/png;base64,') == page.count("src=") == 4


def test_inputs_that_are_no_pictures_have_none(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    graph = graphs.read_file(DEMO / "model.tflite")
    frame = InputFrame(name="a", kind="tensor", sha256=())
    submission = Submission(model_name="m", model_sha256="0", frames=(frame,))
    one = recorded(store, np.zeros((1, 9), np.float32))
    assert pictures(submission, graph, None, one, one, store, None) == ()
