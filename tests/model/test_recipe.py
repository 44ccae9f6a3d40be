from __future__ import annotations

from pathlib import Path

import flatbuffers
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


def sound_metadata(rate: int) -> bytes:
    """As tflite-support writes it, for one input of sound at `rate` Hz."""
    b = flatbuffers.Builder(256)

    def one(field: int, fields: int, offset: int, before: tuple[int, int] | None = None) -> int:
        b.StartObject(fields)
        if before is not None:  # the kind of a union
            b.PrependUint8Slot(before[0], before[1], 0)
        b.PrependUOffsetTRelativeSlot(field, offset, 0)
        return int(b.EndObject())

    def many(offset: int) -> int:
        b.StartVector(4, 1, 4)
        b.PrependUOffsetTRelative(offset)
        return int(b.EndVector())

    b.StartObject(2)
    b.PrependUint32Slot(0, rate, 0)
    b.PrependUint32Slot(1, 1, 0)
    content = one(1, 3, b.EndObject(), before=(0, 4))
    tensor = many(one(3, 7, content))
    subgraph = many(one(2, 8, tensor))
    b.Finish(one(3, 7, subgraph), file_identifier=metadata.IDENTIFIER)
    return bytes(b.Output())


def test_metadata_tells_the_sample_rate() -> None:
    read = graph.Graph((), (), (), (), 1, ((metadata.BUFFER, sound_metadata(22_050)),))
    told = metadata.recipe(read, recipe.Recipe())
    assert told is not None
    assert told.audio == recipe.Audio(sample_rate=22_050)
    other = metadata.recipe(read, recipe.Recipe(audio=recipe.Audio(channel="left")))
    assert other is not None
    assert other.audio == recipe.Audio(sample_rate=22_050, channel="left")
    impossible = graph.Graph((), (), (), (), 1, ((metadata.BUFFER, sound_metadata(4_000_000)),))
    assert metadata.recipe(impossible, recipe.Recipe()) is None


def test_sound_and_text(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("the\n")
    read = recipe.load(write(tmp_path, '[text]\nvocabulary = "words.txt"\nstart = 1\ninputs = ["ids", "mask"]\n'))
    assert read.kind == "text"
    assert read.text == recipe.Text(vocabulary=str(tmp_path / "words.txt"), start=1, inputs=("ids", "mask"))
    assert recipe.load(write(tmp_path, '[audio]\nfeatures = "mfcc"\n')).kind == "audio"
    assert recipe.load(write(tmp_path, 'fit = "letterbox"\n')).kind == "image"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('[text]\nvocabulary = "none.txt"\n', None, "text.vocabulary: no such file"),
        ('[text]\nvocabulary = "a"\n[audio]\n', 1, "audio and text cannot both be given"),
        ('[audio]\nfeatures = "mfcc"\nfft_length = 500\n', 1, "not a power of two"),
        ("[audio]\nsample_rate = 1\n", 2, "greater than or equal to 100"),
        ('task = "detection"\n[detection]\nscor = 1\n', 3, "unknown key"),
        ('task = "hearing"\n', 1, "Input should be"),
    ],
)
def test_errors_of_sound_and_text_name_the_line(tmp_path: Path, text: str, line: int | None, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(RecipeError, match=says) as caught:
        recipe.load(path)
    assert caught.value.where == (str(path) if line is None else f"{path}:{line}")
