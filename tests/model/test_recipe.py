from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.errors import RecipeError
from farm.model import graph, metadata, recipe

GOOD = """
crop = 0.875
resize = "bilinear"
channels = "bgr"
normalize = { mean = 127.5, std = [127.5, 128, 1] }
rotate = 90
"""


def write(folder: Path, text: str, name: str = "a.recipe.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_every_word(tmp_path: Path) -> None:
    read = recipe.load(write(tmp_path, GOOD))
    assert read == recipe.Recipe(
        rotate=90,
        crop=0.875,
        channels="bgr",
        normalize=recipe.Normalize(mean=(127.5,) * 3, std=(127.5, 128.0, 1.0)),
    )


def test_nothing_means_the_picture_as_it_is(tmp_path: Path) -> None:
    read = recipe.load(write(tmp_path, ""))
    assert read.normalize == recipe.Normalize(mean=(0.0,) * 3, std=(1.0,) * 3)
    assert (read.crop, read.rotate, read.channels) == (1.0, 0, "rgb")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('resize = "bilinear"\nchanels = "rgb"\n', 2, "did you mean 'channels'"),
        ('\n\nchannels = "gbr"\n', 3, "channels"),
        ("normalize = { mean = 1, sdt = 2 }\n", 1, "normalize"),
        ("crop = 1.5\n", 1, "crop"),
        ("# a comment\nrotate = 45\n", 2, "rotate"),
        ("crop = \n", 1, "not TOML"),
        ("[normalize]\nmean = 0\nstd = 0\n", 1, "std must not be 0"),
        ("[normalize]\nmean = 0\nstd = [1, 2]\n", 3, "normalize.std"),
    ],
)
def test_errors_name_file_line_and_key(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(RecipeError) as e:
        recipe.load(path)
    assert e.value.where == f"{path}:{line}"
    assert says in f"{e.value.message} {e.value.remedy}"


def test_missing_and_binary_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="No such file"):
        recipe.load(tmp_path / "none.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="UTF-8"):
        recipe.load(tmp_path / "b.toml")


def test_a_models_own_recipe_comes_before_the_folders(tmp_path: Path) -> None:
    model = tmp_path / "net.tflite"
    assert recipe.beside(model) is None
    shared = write(tmp_path, "", "model.recipe.toml")
    assert recipe.beside(model) == shared
    own = write(tmp_path, "", "net.recipe.toml")
    assert recipe.beside(model) == own


def test_metadata_tells_the_normalization(testdata: Path) -> None:
    base = recipe.Recipe(crop=0.5, channels="bgr")
    models = testdata / "models"
    told = metadata.recipe(graph.read_file(models / "mobilenet_v1_0.25_224_quant.tflite"), base)
    assert told == recipe.Recipe(
        crop=0.5, channels="rgb", normalize=recipe.Normalize(mean=(127.5,) * 3, std=(127.5,) * 3)
    )
    assert metadata.recipe(graph.read_file(models / "mobilenet_v1_0.25_224.tflite"), base) is None


@given(st.binary(max_size=200))
def test_damaged_metadata_says_nothing(noise: bytes) -> None:
    damaged = graph.Graph((), (), (), (), 1, ((metadata.BUFFER, noise[:4] + metadata.IDENTIFIER + noise[4:]),))
    told = metadata.recipe(damaged, recipe.Recipe())
    assert told is None or told.channels == "rgb"
