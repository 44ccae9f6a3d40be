from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import DEMO

if TYPE_CHECKING:
    from tests.cli.conftest import Lab


def test_a_model_says_what_it_is(empty_lab: Lab) -> None:
    told = empty_lab.farm("inspect", str(DEMO / "model_int8.tflite"), "--json").document
    (image,) = told["inputs"]
    assert (image["dtype"], image["shape"]) == ("int8", [1, 64, 64, 3])
    assert len(image["scale"]) == 1
    assert told["ops"]["CONV_2D"] == 8
    assert told["layers_bytes"] > 64 * 64 * 3
    assert told["recipe"]["origin"].endswith("model.recipe.toml")
    assert told["recipe"]["recipe"]["crop"] == 0.875
    people = empty_lab.farm("inspect", str(DEMO / "model.tflite"))
    assert people.status == 0
    assert "8 CONV_2D" in people.out


def test_metadata_is_shown_as_the_recipe(empty_lab: Lab, testdata: Path) -> None:
    told = empty_lab.farm("inspect", str(testdata / "models" / "mobilenet_v1_0.25_224_quant.tflite"), "--json").document
    assert told["recipe"]["origin"] == "the model's metadata"
    assert told["recipe"]["recipe"]["normalize"] == {"mean": [127.5] * 3, "std": [127.5] * 3}


def test_a_broken_model_is_your_error(empty_lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "a.tflite").write_bytes(b"")
    result = empty_lab.farm("inspect", str(tmp_path / "a.tflite"), "--json")
    assert result.status == 2
    assert result.document["error"]["code"] == "model"
