"""`farm lint` and `farm sensitivity` as a user types them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from farm.model import graph as graphs
from tests.conftest import DEMO
from tests.model.planted import planted, recalibrated

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Lab


def test_issues_are_told_to_people_and_scripts(empty_lab: Lab, tmp_path: Path) -> None:
    sound, warned, wrong = (tmp_path / f"{name}.tflite" for name in ("sound", "warned", "wrong"))
    sound.write_bytes(planted())
    warned.write_bytes(planted(lambda t: t.scale("logits", 20.0)))
    wrong.write_bytes(planted(lambda t: t.scale("pool", 0.05)))
    (tmp_path / "model.recipe.toml").write_text("normalize = { mean = 127.5, std = 127.5 }\n")
    for model, status in ((sound, 0), (warned, 4), (wrong, 1)):
        done = empty_lab.farm("lint", str(model), "--json")
        (told,) = done.document
        assert (done.status, told["model"]) == (status, str(model))
    assert {i["rule"] for i in told["issues"] if i["severity"] == "error"} == {"scale-shared"}
    assert empty_lab.farm("lint", str(warned), "--severity", "error").status == 0
    people = empty_lab.farm("lint", str(sound), str(wrong))
    assert people.status == 1
    for word in ("scale-shared", "MAX_POOL_2D", "why:", "mend it:", "note"):
        assert word in people.out
    loud = empty_lab.farm("lint", str(wrong), "--severity", "error")
    assert "note" not in loud.out


def test_the_recipe_beside_the_model_or_given_is_what_it_is_fed(empty_lab: Lab, tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    model.write_bytes(planted())
    rules = {i["rule"] for i in empty_lab.farm("lint", str(model), "--json").document[0]["issues"]}
    assert "input-range" in rules  # nothing says what it is fed
    (tmp_path / "m.recipe.toml").write_text("normalize = { mean = 0, std = 1 }\n")
    assert empty_lab.farm("lint", str(model)).status == 1
    right = tmp_path / "right.toml"
    right.write_text("normalize = { mean = 127.5, std = 127.5 }\n")
    assert empty_lab.farm("lint", str(model), "--recipe", str(right)).status == 0


def test_the_page_has_all_of_it(empty_lab: Lab, tmp_path: Path) -> None:
    wrong, page = tmp_path / "<b>wrong.tflite", tmp_path / "page.html"
    wrong.write_bytes(planted(lambda t: t.scale("pool", 0.05)))
    done = empty_lab.farm("lint", str(wrong), "--html", str(page), "--json")
    text = page.read_text(encoding="utf-8")
    assert {i["rule"] for i in done.document[0]["issues"]} == set(re.findall(r"<td>([a-z-]+)</td><td class", text))
    assert "<b>" not in text
    assert not re.search(r"(src|href)\s*=|@import|url\(|<script", text)


def test_what_cannot_be_read_is_your_error(empty_lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "a.tflite").write_bytes(b"no model")
    for arguments in (("lint", str(tmp_path / "a.tflite")), ("lint", str(tmp_path / "none.tflite"))):
        done = empty_lab.farm(*arguments, "--json")
        assert (done.status, done.document["error"]["code"]) == (2, "model")
    assert empty_lab.farm("lint", str(DEMO / "model.tflite"), "--severity", "loud", "--json").status == 2


@pytest.mark.slow
def test_sensitivity_tells_what_each_choice_brings(empty_lab: Lab, tmp_path: Path) -> None:
    whole = (DEMO / "model_int8.tflite").read_bytes()
    node = next(n.index for n in graphs.read(whole).nodes if n.op == "CONV_2D" and n.index > 3)
    model = tmp_path / "narrow.tflite"
    model.write_bytes(recalibrated(whole, node, 0.08))
    arguments = ["sensitivity", str(model), "--float", str(DEMO / "model.tflite"), "--inputs", str(DEMO / "inputs")]
    arguments += ["--labels", str(DEMO / "labels.tsv"), "--recipe", str(DEMO / "model.recipe.toml")]
    arguments += ["--keep", "1", "--frames", "12"]
    done = empty_lab.farm(*arguments, "--json")
    assert done.status == 0
    assert done.document["frames"] == 12
    assert node in done.document["steps"][1]["nodes"]
    people = empty_lab.farm(*arguments)
    assert f"+ {node} CONV_2D" in people.out
    missing = empty_lab.farm(*arguments[:3], str(tmp_path / "none"), *arguments[4:], "--json")
    assert (missing.status, missing.document["error"]["code"]) == (2, "model")
