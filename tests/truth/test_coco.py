from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm import inputs
from farm.errors import InputsError
from farm.truth import coco


def document(**changes: Any) -> dict[str, Any]:
    whole = {
        "images": [{"id": 7, "file_name": "val/a.png", "width": 200, "height": 100}, {"id": 8, "file_name": "b.png",
                    "width": 10, "height": 10}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "bbox": [20, 10, 40, 50], "iscrowd": 0},
            {"id": 2, "image_id": 7, "category_id": 1, "bbox": [0, 0, 200, 100], "iscrowd": 1},
        ],
        "categories": [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}],
    }  # fmt: skip
    return whole | changes


def read(folder: Path, content: object) -> Any:
    path = folder / "boxes.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return inputs.read_truth(path, None)


def test_boxes_are_fractions_of_their_picture(tmp_path: Path) -> None:
    truth = read(tmp_path, document())
    first, crowd = truth.by_file["a.png"]["boxes"]
    assert (first.label, first.top, first.left, first.bottom, first.right) == (3, 0.1, 0.1, 0.6, 0.3)
    assert (crowd.label, crowd.crowd, crowd.bottom, crowd.right) == (1, True, 1.0, 1.0)
    assert truth.by_file["b.png"]["boxes"] == ()
    assert (truth.task, truth.names) == ("detection", {1: "person", 3: "car"})


def test_inputs_may_be_a_part_of_the_data_set(tmp_path: Path) -> None:
    truth = read(tmp_path, document())
    (tmp_path / "a.png").write_bytes(b"a")
    (frame,) = inputs.frames([tmp_path / "a.png"], truth)
    assert frame.boxes is not None
    assert len(frame.boxes) == 2
    assert frame.truth == "detection"
    (tmp_path / "c.png").write_bytes(b"c")
    with pytest.raises(InputsError, match=r"1 of 1 inputs have no label, first c\.png"):
        inputs.frames([tmp_path / "c.png"], truth)


@pytest.mark.parametrize(
    ("content", "where", "says"),
    [
        ("{", ":1", "not JSON"),
        ("[]", "boxes.json", "no JSON object"),
        ({"images": []}, "categories", "missing"),
        (document(images=[{"id": 7, "file_name": "a.png", "width": 0, "height": 1}]), "images[0].width", "no number"),
        (document(images=[3]), "images[0]", "no object"),
        (
            document(annotations=[{"image_id": 9, "category_id": 1, "bbox": [0, 0, 1, 1]}]),
            "annotations[0].image_id",
            "no id",
        ),
        (
            document(annotations=[{"image_id": 7, "category_id": 2, "bbox": [0, 0, 1, 1]}]),
            "annotations[0].category_id",
            "no id",
        ),
        (
            document(annotations=[{"image_id": 7, "category_id": 1, "bbox": [0, 0, 1]}]),
            "annotations[0].bbox",
            "not x, y",
        ),
        (
            document(annotations=[{"image_id": 7, "category_id": 1, "bbox": [0, 0, -1, 1]}]),
            "annotations[0].bbox",
            "outside",
        ),
        (
            document(annotations=[{"image_id": 7, "category_id": 1, "bbox": [900, 0, 1, 1]}]),
            "annotations[0].bbox",
            "outside",
        ),
        (document(categories=[{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]), "categories[1].id", "twice"),
        (document(categories=[{"id": -1, "name": "a"}]), "categories[0].id", "no class"),
    ],
)
def test_errors_name_the_place(tmp_path: Path, content: object, where: str, says: str) -> None:
    with pytest.raises(InputsError) as caught:
        read(tmp_path, content)
    assert caught.value.where.endswith(where)
    assert says in caught.value.message
    assert caught.value.remedy


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["images", "annotations", "categories", "id", "image_id", "category_id", "bbox", "file_name",
                             "width", "height", "name", "iscrowd"]), inner, max_size=6),
        max_leaves=25,
    )
)  # fmt: skip
def test_any_json_is_boxes_or_refused(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    path = tmp_path_factory.mktemp("coco") / "c.json"
    path.write_text(json.dumps(content))
    try:
        truth = coco.read(path)
    except InputsError as e:
        assert str(path) in e.where
    else:
        assert truth.task == "detection"


@given(st.binary(max_size=200))
def test_any_bytes_are_boxes_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("coco") / "c.json"
    path.write_bytes(content)
    with pytest.raises(InputsError):
        coco.read(path)
