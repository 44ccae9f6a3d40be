from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm import inputs
from farm.errors import InputsError
from farm.truth.contract import Truth


def pictures(folder: Path, *names: str) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(name.encode())
    return inputs.discover(folder)


def labels(folder: Path, text: str, classes: int | None = 10) -> Truth:
    path = folder / "labels.tsv"
    path.write_text(text)
    return inputs.read_truth(path, classes)


def test_pictures_are_found_by_ending_in_order_and_the_rest_is_left(tmp_path: Path) -> None:
    found = pictures(tmp_path / "in", "b.JPEG", "a.png", "labels.tsv", "notes.txt")
    assert [p.name for p in found] == ["a.png", "b.JPEG"]


@pytest.mark.parametrize(("names", "says"), [((), "holds no inputs"), (("a.png", "b.npy"), "mixes")])
def test_folders_that_cannot_be_inputs(tmp_path: Path, names: tuple[str, ...], says: str) -> None:
    with pytest.raises(InputsError, match=says):
        pictures(tmp_path / "in", *names)


def test_a_folder_of_tensors_is_a_frame_where_nothing_lies_beside_it(tmp_path: Path) -> None:
    for name in ("b/1.npy", "b/0.npy", "a/x.npy", "empty/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
    found = inputs.discover(tmp_path)
    assert [p.name for p in found] == ["a", "b"]
    assert [p.name for p in inputs.parts(found[1])] == ["0.npy", "1.npy"]
    one, two = inputs.frames(found, labels(tmp_path, "a\t1\nb\t2\n"))
    assert (one.kind, len(one.sha256), two.name, len(two.sha256), two.label) == ("tensor", 1, "b", 2, 2)
    (tmp_path / "c.npy").write_bytes(b"")
    assert [p.name for p in inputs.discover(tmp_path)] == ["c.npy"]


def test_further_columns_are_metadata(tmp_path: Path) -> None:
    read = labels(tmp_path, "file\tlight\tlabel\tindex_9\tcamera\na.png\tday\t3\t2\t\nb.png\tnight\t4\t3\tx\n")
    assert read.by_file["a.png"]["metadata"] == {"light": "day"}
    assert read.by_file["b.png"]["metadata"] == {"light": "night", "camera": "x"}


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputsError, match="no such folder"):
        inputs.discover(tmp_path / "none")


@pytest.mark.parametrize(
    "text",
    [
        "file\tlabel\na.png\t3\nb.png\t4\n",
        "a.png\t3\nb.png\t4\n",
        "file\twnid\tindex_9\tindex_10\na.png\tx\t2\t3\nb.png\ty\t3\t4\n",
        "file\tlabel\tname\r\na.png\t3\tdog\r\nb.png\t4\tcat\r\n",
        "\ufefffile\tlabel\na.png\t3\n\nb.png\t4",
    ],
)
def test_label_tables(tmp_path: Path, text: str) -> None:
    read = labels(tmp_path, text)
    assert {name: told["label"] for name, told in read.by_file.items()} == {"a.png": 3, "b.png": 4}
    assert read.names == ({3: "dog", 4: "cat"} if "dog" in text else {})


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("file\tlabel\na.png\tdog\n", 2, "'dog' is not a class index"),
        ("file\tlabel\na.png\t1\na.png\t2\n", 3, "labelled twice"),
        ("file\tlabel\na.png 1\n", 2, "columns"),
        ("picture\tlabel\na.png\t1\n", 1, "no column named file"),
        ("file\tindex_1000\na.png\t1\n", 1, "no label column"),
    ],
)
def test_label_errors_name_the_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(InputsError) as e:
        labels(tmp_path, text)
    assert e.value.where.endswith(f"labels.tsv:{line}")
    assert says in str(e.value)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("file\tvalue\na.png\t1.5\nb.png\t-2e3\n", {"a.png": (1.5,), "b.png": (-2000.0,)}),
        ("file\tvalue_1\tvalue_0\na.png\t1\t2\n", {"a.png": (2.0, 1.0)}),
    ],
)
def test_tables_of_values(tmp_path: Path, text: str, values: dict[str, tuple[float, ...]]) -> None:
    read = labels(tmp_path, text)
    assert read.task == "regression"
    assert {k: v["values"] for k, v in read.by_file.items()} == values


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("file\tvalue\na.png\tnan\n", 2, "'nan' is not a number"),
        ("file\tvalue\na.png\tx\n", 2, "'x' is not a number"),
        ("file\tvalue_0\tvalue_2\na.png\t1\t2\n", 1, "has the value columns value_0, value_2"),
        ("file\tvalue\tvalue_0\na.png\t1\t2\n", 1, "has the value columns"),
        ("file\tvalue\tvalue\na.png\t1\t2\n", 1, "has the value columns"),
    ],
)
def test_errors_of_values_name_the_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(InputsError) as e:
        labels(tmp_path, text)
    assert e.value.where.endswith(f"labels.tsv:{line}")
    assert says in str(e.value)


@pytest.mark.parametrize(
    ("name", "kind"), [("a.wav", "audio"), ("a.txt", "text"), ("a.npy", "tensor"), ("a.JPG", "image")]
)
def test_kinds_go_by_the_ending(tmp_path: Path, name: str, kind: str) -> None:
    files = pictures(tmp_path / "in", name)
    (frame,) = inputs.frames(files, None)
    assert (frame.kind, frame.truth) == (kind, None)


def test_texts_beside_sounds_are_notes(tmp_path: Path) -> None:
    assert [p.name for p in pictures(tmp_path / "in", "a.wav", "notes.txt")] == ["a.wav"]


def test_labels_and_inputs_must_name_each_other(tmp_path: Path) -> None:
    files = pictures(tmp_path / "in", "a.png", "b.png")
    with pytest.raises(InputsError, match=r"1 of 2 inputs have no label, first b\.png"):
        inputs.frames(files, labels(tmp_path, "a.png\t1\n"))
    with pytest.raises(InputsError, match=r"1 labels name no input, first c\.png"):
        inputs.frames(files, labels(tmp_path, "a.png\t1\nb.png\t2\nc.png\t3\n"))


def test_frames_carry_hash_and_label(tmp_path: Path) -> None:
    files = pictures(tmp_path / "in", "a.png")
    (frame,) = inputs.frames(files, labels(tmp_path, "a.png\t1\n"))
    assert (frame.name, frame.kind, frame.label) == ("a.png", "image", 1)
    assert len(frame.sha256[0]) == 64


@given(st.binary(max_size=300))
def test_any_bytes_are_labels_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("labels") / "l.tsv"
    path.write_bytes(content)
    try:
        read = inputs.read_truth(path, 10)
    except InputsError as e:
        assert str(path) in e.where
    else:
        assert all(isinstance(v.get("label"), int) or v.get("values") for v in read.by_file.values())
