from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from farm import inputs
from farm.errors import InputsError
from farm.truth import masks


def png(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


CLASSES = np.array([[0, 1, 255], [2, 1, 0]], np.uint8)


def test_gray_and_palette_pixels_are_classes() -> None:
    gray = Image.fromarray(CLASSES)
    palette = Image.fromarray(CLASSES).convert("P")
    palette.putdata(CLASSES.ravel().tolist())
    palette.putpalette(list(range(256)) * 3)
    for image in (gray, palette):
        assert np.array_equal(masks.decode(png(image), "m"), CLASSES)


@pytest.mark.parametrize("image", [Image.new("RGB", (2, 2)), Image.new("I;16", (2, 2)), Image.new("LA", (2, 2))])
def test_colors_and_16_bits_are_no_classes(image: Image.Image) -> None:
    with pytest.raises(InputsError, match="no class indices"):
        masks.decode(png(image), "m.png")


def test_a_folder_of_masks_goes_by_the_pictures_names(tmp_path: Path) -> None:
    pictures, folder = tmp_path / "in", tmp_path / "masks"
    pictures.mkdir()
    folder.mkdir()
    (pictures / "a.jpg").write_bytes(b"a")
    (folder / "a.png").write_bytes(png(Image.fromarray(CLASSES)))
    truth = inputs.read_truth(folder, None)
    (frame,) = inputs.frames(inputs.discover(pictures), truth)
    assert frame.truth == "segmentation"
    assert frame.mask is not None
    assert truth.files[frame.mask] == folder / "a.png"
    (pictures / "b.jpg").write_bytes(b"b")
    with pytest.raises(InputsError, match=r"1 of 2 inputs have no label, first b\.jpg"):
        inputs.frames(inputs.discover(pictures), truth)


def test_an_empty_folder_is_no_truth(tmp_path: Path) -> None:
    with pytest.raises(InputsError, match=r"holds no \.png masks"):
        masks.read(tmp_path)


@given(st.binary(max_size=100), st.integers(0, 100))
def test_any_bytes_are_a_mask_or_refused(noise: bytes, at: int) -> None:
    try:
        mask = masks.decode(png(Image.fromarray(CLASSES))[:at] + noise, "m.png")
    except InputsError as e:
        assert e.where == "m.png"
    else:
        assert (mask.dtype, mask.ndim) == (np.uint8, 2)
