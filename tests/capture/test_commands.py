"""`farm capture ...` as a user types it."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree  # our own pictures

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from farm.capture import exray_pb2 as pb
from farm.capture.ingest import ingest
from farm.capture.opened import opened
from farm.capture.plot import page, svg
from farm.cli import app
from farm.store.artifacts import ArtifactStore
from tests.capture import kit

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result


class Lab:
    """A data folder, and the program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.artifacts = ArtifactStore(folder / "data" / "artifacts")
        (folder / "farm.toml").write_text('data = "data"\n')

    def farm(self, *arguments: object) -> Result:
        done = CliRunner().invoke(app, ["--config", str(self.folder / "farm.toml"), "capture", *map(str, arguments)])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    def document(self, *arguments: object) -> Any:
        return json.loads(self.farm(*arguments, "--json").stdout)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.chdir(tmp_path)
    return Lab(tmp_path)


def mixed(path: Path) -> Path:
    """A capture with one of everything, and a name that is no friend of HTML."""
    rng = np.random.default_rng(5)
    messages: list[Any] = [
        kit.header(cpu_mask=3, accelerator="gpu"),
        kit.spec(1, [4, 2], pb.DTYPE_INT8, scale=[0.5], zero_point=[3]),
        kit.spec(2, [3]),
    ]
    messages[2].name = "<script>\0&'"
    for i in range(3):
        messages += [
            pb.Frame(index=i, name=f"f{i}", start_ns=1000 + i * 10**6, invoke_ns=10**6),
            kit.data(1, i, rng.integers(-128, 127, (4, 2)).astype(np.int8)),
            kit.data(2, i, np.array([i, np.nan, np.inf], np.float32)),
            pb.OpTimes(frame=i, ops=[pb.OpTime(tag="CONV_2D", type=2, index=0, duration_us=5 + i)]),
            pb.Memory(frame=i, rss_bytes=10 << 20),
        ]
    odd = pb.Statistics(spec=2, frame=9, count=4, min=-1, max=1, mean=0.5, rms=1, saturated=2, nan=1)
    return kit.made(path, *messages, odd, pb.End(invocations=3))


def test_info_by_path_and_by_hash(lab: Lab, recorded: dict[str, Path]) -> None:
    found = lab.document("info", recorded["layers"])
    assert (found["complete"], found["indexed"], found["left_out_bytes"]) == (True, True, 0)
    assert (found["frames"], found["invocations"], found["tensors"]) == (3, 3, 3)
    assert found["header"]["pass_"] == "layers"  # noqa: S105  # no password
    assert found["messages"]["TensorData"] == 9
    sha256 = lab.artifacts.put_file(recorded["layers"])
    assert lab.document("info", sha256)["messages"] == found["messages"]
    told = lab.farm("info", sha256)
    assert told.exit_code == 0
    assert "3 with tensors" in told.stdout


def test_a_cut_capture_is_told_mended_and_told_again(lab: Lab, recorded: dict[str, Path]) -> None:
    (lab.folder / "phone.mcap").write_bytes(recorded["large"].read_bytes()[:-100_000])
    assert "cut off" in lab.farm("info", "phone.mcap").stdout
    found = lab.document("recover", "phone.mcap")
    assert found["out"] == "phone.recovered.mcap"
    assert found["left_out_bytes"] > 0
    assert len(kit.stock((lab.folder / "phone.recovered.mcap").read_bytes())) == found["messages"]
    assert lab.document("info", "phone.recovered.mcap")["indexed"]
    again = lab.farm("recover", "phone.mcap")
    assert again.exit_code == 2
    assert "exists already" in again.stderr


@pytest.mark.parametrize("command", ["info", "recover", "plot -o x.svg", "export", "diff"])
def test_what_is_no_capture_is_the_users(command: str, lab: Lab) -> None:
    (lab.folder / "notes.txt").write_text("hello " * 100)
    extra = {"export": ["folder"], "diff": ["notes.txt"]}.get(command, [])
    name, *options = command.split()
    for file, words in (("notes.txt", "is no capture"), ("missing", "no such file"), ("0" * 64, "no such artifact")):
        done = lab.farm(name, file, *extra, *options, "--json")
        assert done.exit_code == 2
        error = json.loads(done.stdout)["error"]
        assert (error["kind"], error["code"]) == ("job", "capture")
        assert words in error["message"]
        assert error["remedy"]
    newer = kit.made(lab.folder / "newer", kit.header(format=9))
    if name != "recover":  # which copies what it need not understand
        done = lab.farm(name, newer, *extra, *options)
        assert done.exit_code == 2
        assert "format 9" in done.stderr


def test_export_as_npz(lab: Lab) -> None:
    assert len(lab.document("export", mixed(lab.folder / "a"), "out", "--format", "npz")["files"]) == 8
    with np.load("out/frame-000002.npz") as arrays:
        assert arrays["1"].shape == (4, 2)
        assert arrays["1"].dtype == np.int8
        assert arrays["2"][0] == 2
    with np.load("out/ops.npz") as arrays:
        assert arrays["duration_us"].tolist() == [5, 6, 7]
        assert arrays["tag"].tolist() == ["CONV_2D"] * 3
    document = json.loads((lab.folder / "out" / "recording.json").read_text())
    assert [s["name"] for s in document["specs"]] == ["t1", "<script>\0&'"]
    assert document["header"]["accelerator"] == "gpu"
    assert "frames" not in document
    assert lab.farm("export", lab.folder / "a", "out").exit_code == 2


def test_export_as_parquet(lab: Lab) -> None:
    lab.farm("export", mixed(lab.folder / "a"), "out", "--format", "parquet")
    rows = pq.read_table("out/tensors.parquet").to_pylist()
    assert [(r["frame"], r["tensor"]) for r in rows] == [(f, t) for f in range(3) for t in (2, 1)]
    assert np.frombuffer(rows[0]["data"], rows[0]["dtype"]).reshape(rows[0]["shape"])[0] == 0
    assert pq.read_table("out/memory.parquet")["rss_bytes"].to_pylist() == [10 << 20] * 3


def test_export_as_text(lab: Lab) -> None:
    path = mixed(lab.folder / "a")
    done = lab.farm("export", path, "c", "--format", "csv")
    assert "tensors are left out" in done.stderr
    with (lab.folder / "c" / "frames.csv").open(newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["f0", "f1", "f2"]
    lab.farm("export", path, "j", "--format", "json")
    assert json.loads((lab.folder / "j" / "statistics.json").read_text())[0]["nan"] == 1


def test_diff(lab: Lab, recorded: dict[str, Path]) -> None:
    path = mixed(lab.folder / "a")
    assert lab.farm("diff", path, path).exit_code == 0
    assert lab.document("diff", path, path)["same"]
    other = [kit.header(), kit.spec(1, [4, 2], pb.DTYPE_INT8, scale=[0.5], zero_point=[3]), kit.spec(5, [1])]
    values = np.zeros((4, 2), np.int8)
    kit.made(lab.folder / "b", *other, kit.data(1, 0, values), kit.data(1, 1, values), pb.End())
    done = lab.farm("diff", path, lab.folder / "b")
    assert done.exit_code == 1
    found = lab.document("diff", path, lab.folder / "b")
    assert {c["field"] for c in found["header"]} == {"accelerator", "cpu_mask"}
    assert [c["field"] for c in found["specs"]] == ["2 <script>\0&'", "5 t5"]
    (tensor,) = found["tensors"]
    logged = ingest(path, "x", lab.artifacts)
    assert logged is not None
    with opened(logged, lab.artifacts) as what:  # a stored recording may stand for a capture
        gaps = [what.recording.tensors(what.artifacts, i)[1] * 0.5 for i in (0, 1)]
    assert tensor["max_abs"] == np.abs(gaps).max()
    assert tensor["rmse"] == pytest.approx(np.sqrt(np.square(gaps).mean()))
    assert lab.document("diff", logged, path)["same"]


def test_pictures_stand_alone(lab: Lab, recorded: dict[str, Path]) -> None:
    for i, source in enumerate((mixed(lab.folder / "a"), recorded["layers"], recorded["latency"], recorded["large"])):
        for name in (f"{i}.svg", f"{i}.html"):
            assert lab.farm("plot", source, "-o", name).exit_code == 0
            text = (lab.folder / name).read_text(encoding="utf-8")
            assert "<script" not in text
            assert not re.search(r"(?:src|href)=|@import|url\(", text)
            assert set(re.findall(r"https?://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}
        ElementTree.parse(f"{i}.svg")  # noqa: S314  # our own
    text = (lab.folder / "0.svg").read_text(encoding="utf-8")
    for words in ("time of each invocation", "time of each layer", "memory of the agent", "1 NaN, 50.0% saturated"):
        assert words in text
    assert lab.farm("plot", lab.folder / "a", "-o", "a.png").exit_code == 2
    assert lab.farm("plot", lab.folder / "a", "-o", "nowhere/a.svg").exit_code == 2


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.lists(st.tuples(*[st.floats() for _ in range(3)]), max_size=5),
    st.integers(0, 2**64 - 1),
)
def test_pictures_of_anything_are_well_formed(
    tmp_path: Path, name: str, values: list[tuple[float, float, float]], big: int
) -> None:
    header = kit.header()
    header.labels[name] = name
    header.agent_version = name
    spec = kit.spec(1, [1])
    spec.name = name
    path = kit.made(
        tmp_path / "a",
        header,
        spec,
        *(
            pb.Statistics(spec=1, frame=i, count=big, min=a, max=b, mean=c, nan=big)
            for i, (a, b, c) in enumerate(values)
        ),
        pb.Frame(name=name, invoke_ns=big),
        pb.OpTimes(ops=[pb.OpTime(tag=name, type=8, duration_us=big)]),
        pb.Memory(rss_bytes=big),
    )
    with opened(str(path), ArtifactStore(tmp_path / "none")) as what:
        picture = svg(what)
        assert "nan" not in re.sub(r">[^<]*<", "><", picture).lower()
        ElementTree.fromstring(picture)  # noqa: S314  # our own
        assert page(what).endswith("</html>\n")
