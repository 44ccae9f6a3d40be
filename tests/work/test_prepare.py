"""What a user names on the command line becomes a submission; nothing is started for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from farm.errors import InputsError, RecipeError
from farm.store.artifacts import sha256_of
from farm.store.inventory import inputs_of
from farm.work.matrix import axes, expand
from farm.work.prepare import Options, Prepared, RecipeFlags, prepare
from tests.conftest import DEMO

MODEL = DEMO / "model.tflite"


def ready(
    inputs: Path, labels: Path | None, recipe: Path | None = None, flags: RecipeFlags | None = None, model: Path = MODEL
) -> Prepared:
    return prepare(model, inputs, labels, recipe, None, flags or RecipeFlags(), Options())


def folder(root: Path, name: str, files: dict[str, bytes]) -> Path:
    made = root / name
    made.mkdir()
    for file, content in files.items():
        (made / file).write_bytes(content)
    return made


def picture(path: Path, mode: str = "RGB") -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.new(mode, (4, 4)).save(path)
    return path


def named(prepared: Prepared) -> set[str]:
    return set(inputs_of(prepared.submission.model_dump(mode="json")))


def coco(root: Path) -> Path:
    path = root / "boxes.json"
    path.write_text(
        json.dumps(
            {
                "images": [{"id": 1, "file_name": "a.png", "width": 4, "height": 4}],
                "annotations": [{"image_id": 1, "category_id": 2, "bbox": [0, 0, 2, 2]}],
                "categories": [{"id": 2, "name": "cat"}],
            }
        )
    )
    return path


def test_labels_tell_the_task_where_the_recipe_does_not(tmp_path: Path) -> None:
    pictures = picture(tmp_path / "in" / "a.png").parent
    recipe = tmp_path / "r.toml"
    recipe.write_text("crop = 0.9\n")
    made = ready(pictures, coco(tmp_path), recipe, model=_alone(tmp_path))
    use = made.submission.recipe
    assert use is not None
    assert (use.recipe.task, use.recipe.crop) == ("detection", 0.9)
    assert made.submission.labels == ("", "", "cat")
    assert made.submission.frames[0].boxes is not None
    flagged = ready(pictures, coco(tmp_path), recipe, RecipeFlags(rotate=90), _alone(tmp_path)).submission.recipe
    assert flagged is not None
    assert (flagged.recipe.task, flagged.recipe.rotate) == ("detection", 90)


def test_a_recipe_for_another_task_is_refused(tmp_path: Path) -> None:
    pictures = picture(tmp_path / "in" / "a.png").parent
    recipe = tmp_path / "r.toml"
    recipe.write_text('task = "segmentation"\n')
    with pytest.raises(RecipeError, match=r"task: the recipe says segmentation, the labels are of detection") as caught:
        ready(pictures, coco(tmp_path), recipe)
    assert caught.value.where == str(recipe)


def test_two_recipes_of_one_model_share_what_its_outputs_mean(tmp_path: Path) -> None:
    pictures, model = picture(tmp_path / "in" / "a.png").parent, _alone(tmp_path)
    model.with_name("m.recipe.toml").write_text('task = "detection"\n[detection]\nfirst_class = 1\n')
    recipe = tmp_path / "r.toml"
    recipe.write_text('channels = "bgr"\n')
    made = ready(pictures, None, recipe, model=model).submission
    assert made.recipe is not None
    assert made.expected is not None
    assert made.recipe.recipe.task == made.expected.recipe.task == "detection"
    assert made.recipe.recipe.detection == made.expected.recipe.detection
    assert made.recipe.recipe.channels == "bgr"


def test_masks_travel_as_artifacts(tmp_path: Path) -> None:
    pictures = picture(tmp_path / "in" / "a.png").parent
    mask = picture(tmp_path / "masks" / "a.png", "L")
    recipe = tmp_path / "r.toml"
    recipe.write_text('task = "segmentation"\n')
    made = ready(pictures, mask.parent, recipe, model=_alone(tmp_path))
    assert made.submission.frames[0].mask == sha256_of(mask)
    assert made.files[sha256_of(mask)] == mask
    assert named(made) == set(made.files)


def test_vocabularies_travel_as_artifacts(tmp_path: Path) -> None:
    texts = folder(tmp_path, "in", {"a.txt": b"good", "b.txt": b"bad"})
    rules = folder(
        tmp_path, "rules", {"words.txt": b"<PAD> 0\ngood 4\n", "r.toml": b'[text]\nvocabulary = "words.txt"\n'}
    )
    made = ready(texts, None, rules / "r.toml")
    use = made.submission.recipe
    assert use is not None
    assert use.recipe.text is not None
    assert use.recipe.text.vocabulary == sha256_of(rules / "words.txt")
    assert made.files[use.recipe.text.vocabulary] == rules / "words.txt"
    assert [f.kind for f in made.submission.frames] == ["text", "text"]
    assert named(made) == set(made.files)
    (rules / "words.txt").write_bytes(b"")
    with pytest.raises(RecipeError, match="holds no token") as caught:
        ready(texts, None, rules / "r.toml")
    assert caught.value.where == str(rules / "words.txt")


def test_every_variant_has_its_vocabulary(tmp_path: Path) -> None:
    texts = folder(tmp_path, "in", {"a.txt": b"good"})
    models = folder(tmp_path, "models", {"a.tflite": MODEL.read_bytes(), "b.tflite": MODEL.read_bytes()})
    for name in "ab":
        (models / f"{name}.txt").write_text(f"{name}\n")
        (models / f"{name}.recipe.toml").write_text(f'[text]\nvocabulary = "{name}.txt"\n')
    asked = axes([models / "a.tflite", models / "b.tflite"], "delegate", "1", "cpu", "")
    made = expand(ready(texts, None, model=models / "a.tflite"), asked, None, None, RecipeFlags(), {})
    assert {sha256_of(models / "a.txt"), sha256_of(models / "b.txt")} <= named(made) <= set(made.files)


def test_tensors_keep_what_the_recipe_says_of_outputs(tmp_path: Path) -> None:
    tensors = folder(tmp_path, "in", {})
    np.save(tensors / "a.npy", np.zeros((1, 4), np.float32))
    recipe = tmp_path / "r.toml"
    recipe.write_text('task = "detection"\ncrop = 0.5\n[detection]\nfirst_class = 1\n')
    use = ready(tensors, None, recipe).submission.recipe
    assert use is not None
    assert use.recipe.detection is not None
    assert (use.recipe.task, use.recipe.crop, use.recipe.detection.first_class) == ("detection", 1.0, 1)
    values = tmp_path / "values.tsv"
    values.write_text("file\tvalue\na.npy\t1.5\n")
    use = ready(tensors, values, model=_alone(tmp_path)).submission.recipe
    assert use is not None
    assert use.recipe.task == "regression"
    assert ready(tensors, None, model=_alone(tmp_path)).submission.recipe is None


def _alone(root: Path) -> Path:
    """The model without the recipe beside it."""
    path = root / "alone" / "m.tflite"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(MODEL.read_bytes())
    return path


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"a.png": b"", "a.wav": b""}, "mixes sounds and pictures|mixes pictures and sounds"),
        ({"a.md": b""}, "holds no inputs"),
    ],
)
def test_folders_that_cannot_be_inputs(files: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(InputsError, match=says):
        ready(folder(tmp_path, "in", files), None)
