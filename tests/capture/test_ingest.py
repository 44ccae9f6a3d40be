"""Captures into recordings: every message, every dtype, newer files, older recordings, and memory that does not grow."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save

from farm.capture import exray_pb2 as pb
from farm.capture import tensors as files
from farm.capture.ingest import ingest, record
from farm.capture.messages import tensor_data
from farm.capture.recording import Header, RecordingWriter, Temperature, TensorSpec, load
from farm.errors import BugError, CaptureError, StorageError
from tests.agents.kit import read
from tests.capture import kit
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from farm.capture.recording import PassName, Recording
    from farm.store.artifacts import ArtifactStore


def taken(path: Path, artifacts: ArtifactStore) -> Recording:
    found = record(path, "device:x", artifacts)
    assert found is not None
    return load(artifacts, found)


def test_what_the_agent_logged_is_kept_to_the_bit(recorded: dict[str, Path], artifacts: ArtifactStore) -> None:
    for name in ("layers", "latency", "large"):
        capture, found = read(recorded[name]), taken(recorded[name], artifacts)
        logged = {
            (d.frame, s.tensor_index): d.data
            for d in capture.of(pb.TensorData)
            for s in capture.of(pb.TensorSpec)
            if s.id == d.spec
        }
        kept = {(f, t): v.tobytes() for f in found.frames for t, v in found.tensors(artifacts, f).items()}
        assert kept == logged
        assert found.complete
        times = found.frame_times(artifacts)
        assert [(t.invoke_ns, t.start_ns) for t in times] == [(f.invoke_ns, f.start_ns) for f in capture.of(pb.Frame)]
        ops = [(o.tag, o.duration_us, o.start_us) for times in capture.of(pb.OpTimes) for o in times.ops]
        assert [(o.tag, o.duration_us, o.start_us) for o in found.op_times(artifacts)] == ops
        rss = [m.rss_bytes for m in found.memory_samples(artifacts)]
        assert rss == [m.rss_bytes for m in capture.of(pb.Memory)]


def test_every_message_of_the_format_is_kept(tmp_path: Path, artifacts: ArtifactStore) -> None:
    header = kit.header(pb.PASS_ISOLATED, accelerator="gpu", accelerator_used="cpu", cpu_mask=12, cpu_mask_used=4)
    header.byte_budget = 1 << 40
    conditions = [
        pb.Conditions(when=pb.Conditions.AFTER, time_ns=9),
        pb.Conditions(when=pb.Conditions.BEFORE, time_ns=1),
    ]
    conditions[1].clocks.add(cpu=3, khz=1_800_000)
    conditions[1].temperatures.add(zone="skin", millicelsius=-1500)
    statistics = pb.Statistics(spec=7, frame=4, count=6, min=-1.5, max=2, mean=0.25, rms=1, saturated=2**63, nan=1)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    path = kit.made(tmp_path / "a", header, *conditions, pb.Conditions(), kit.spec(7, [2, 3]), statistics,
                    kit.data(7, 5, x), pb.End())  # fmt: skip
    found = taken(path, artifacts)
    h = found.header
    assert (h.pass_, h.accelerator, h.accelerator_used) == ("isolated", "gpu", "cpu")
    assert (h.cpu_mask, h.cpu_mask_used, h.byte_budget) == (12, 4, 1 << 40)
    assert [(c.when, c.time_ns) for c in found.conditions] == [("before", 1), ("after", 9)]
    assert found.conditions[0].clocks[0].khz == 1_800_000
    assert found.conditions[0].temperatures == (Temperature(zone="skin", millicelsius=-1500),)
    (row,) = found.tensor_statistics(artifacts)
    assert (row.frame, row.tensor, row.count, row.saturated, row.nan) == (4, 7, 6, 2**63, 1)
    assert (row.min, row.max, row.mean, row.rms) == (-1.5, 2, 0.25, 1)
    assert list(found.frames) == [5]
    assert taken(kit.made(tmp_path / "b", kit.header(pb.PASS_PROFILE)), artifacts).header.pass_ == "profile"  # noqa: S105  # no password


NUMPY = {v: pb.DType.Name(v).removeprefix("DTYPE_").lower() for v in pb.DType.values() if v}


@pytest.mark.parametrize("dtype", sorted(set(NUMPY) - {pb.DTYPE_INT4, pb.DTYPE_BFLOAT16}), ids=NUMPY.get)
def test_every_type_and_shape_comes_back(dtype: int, tmp_path: Path, artifacts: ArtifactStore) -> None:
    rng, messages, values = np.random.default_rng(dtype), [], {}
    for number, shape in enumerate([(), (0,), (1,), (3,), (2, 0, 5), (2, 3, 4)]):
        values[number] = rng.integers(0, 2, shape).astype(NUMPY[dtype])
        messages += [kit.spec(number, shape, dtype), kit.data(number, 0, values[number])]
    found = taken(kit.made(tmp_path / "a", kit.header(), *messages, pb.End()), artifacts)
    kept = found.tensors(artifacts, 0)
    assert {t: (v.dtype, v.shape, v.tobytes()) for t, v in kept.items()} == {
        t: (v.dtype, v.shape, v.tobytes()) for t, v in values.items()
    }
    with safe_open(artifacts.path(found.frames[0]), framework="numpy") as file:
        for t, v in values.items():
            assert np.array_equal(file.get_tensor(f"0/{t}"), v)


def test_types_numpy_lacks_are_widened(tmp_path: Path, artifacts: ArtifactStore) -> None:
    floats = np.array([1.5, -2, np.inf], np.float32)
    brain = (floats.view(np.uint32) >> 16).astype(np.uint16)
    nibbles = bytes([0x0 | 0xF << 4, 0x8 | 0x7 << 4, 0x3])
    messages = [kit.spec(1, [3], pb.DTYPE_BFLOAT16), kit.spec(2, [5], pb.DTYPE_INT4), kit.data(1, 0, brain)]
    path = kit.made(tmp_path / "a", kit.header(), *messages, pb.TensorData(spec=2, data=nibbles), pb.End())
    found = taken(path, artifacts).tensors(artifacts, 0)
    assert found[1].tolist() == floats.tolist()
    assert found[2].tolist() == [0, -1, -8, 7, 3]


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=300))
def test_tensors_are_read_without_protobuf_as_with_it(spec: int, frame: int, data: bytes) -> None:
    found = tensor_data(memoryview(pb.TensorData(spec=spec, frame=frame, data=data).SerializeToString()))
    assert found is not None
    assert (found.spec, found.frame, bytes(found.data)) == (spec, frame, data)


@given(
    st.binary(max_size=40)
    | st.lists(st.sampled_from([8, 0x10, 0x1A, 0, 1, 2, 3, 0x80, 0xFF, 0x22]), max_size=12).map(bytes)
)
def test_what_is_read_by_hand_protobuf_reads_alike(body: bytes) -> None:
    found = tensor_data(memoryview(body))
    if found is not None:
        other = pb.TensorData.FromString(body)
        assert (found.spec, found.frame, bytes(found.data)) == (other.spec, other.frame, other.data)


def newer() -> dict[str, Any]:
    """The messages of a farm to come: a field more in each, one of them a message, and a kind more."""
    file = descriptor_pb2.FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(file)
    for kind in file.message_type:
        kind.field.add(name="later_text", number=900, type=9, label=1)
        kind.field.add(name="later_many", number=901, type=11, type_name=".exray.Clock", label=3)
    power = file.message_type.add(name="Power")
    power.field.add(name="milliwatts", number=1, type=4, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    names = [*kit.TOPICS, "Power"]
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"exray.{name}")) for name in names}


def test_a_newer_file_is_read_as_far_as_it_is_understood(
    recorded: dict[str, Path], tmp_path: Path, artifacts: ArtifactStore
) -> None:
    kinds, messages = newer(), []
    for topic, body in kit.stock(recorded["layers"].read_bytes()):
        message = kinds[next(name for name, t in kit.TOPICS.items() if t == topic)].FromString(body)
        message.later_text = "something new"
        message.later_many.add(cpu=1, khz=2)
        messages += [(topic, message.SerializeToString()), ("/power", kinds["Power"](milliwatts=5).SerializeToString())]
    old, new = (taken(p, artifacts) for p in (recorded["layers"], kit.made(tmp_path / "a", *messages)))
    assert new == old


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([kit.header(format=2)], "has format 2, and this farm reads format 1"),
        ([kit.header(17)], "pass 17, which this farm does not know"),
        ([kit.header(), kit.spec(1, [4], 99)], "tensor t1 of dtype 99"),
    ],
)
def test_what_only_a_newer_farm_knows_is_refused_by_name(
    messages: list[Any], words: str, tmp_path: Path, artifacts: ArtifactStore
) -> None:
    path = kit.made(tmp_path / "a", *messages)
    with pytest.raises(CaptureError, match=words) as caught:
        record(path, "x", artifacts)
    assert "agent 1.2.3 wrote" in str(caught.value)
    assert "1.2.3" in caught.value.remedy
    with pytest.raises(BugError, match=words):  # of our own agent nothing is news to us
        ingest(path, "device:x", artifacts)


def test_a_recording_of_an_older_farm_is_still_read(artifacts: ArtifactStore) -> None:
    frames = artifacts.put(save({"3/7": np.arange(4, dtype=np.float32), "3/8": np.zeros((1, 2), np.int8)}))
    out = pa.BufferOutputStream()
    row = {"index": 3, "repetition": 0, "name": "x", "preprocess_ns": 1, "invoke_ns": 2}
    pq.write_table(pa.Table.from_pylist([row]), out)
    times = artifacts.put(out.getvalue().to_pybytes())
    text = (
        '{"header": {"pass_": "layers", "source": "device:x", "source_version": "0.1.0", "model_sha256": "ab",'
        ' "agent_sha256": "", "runtime_sha256": "", "kernel": "delegate", "threads": 1, "warmup": 0, "repetitions": 1,'
        ' "abi": "x86_64", "fully_accelerated": true, "labels": {}},'
        ' "specs": [{"tensor": 7, "name": "t", "role": "output", "position": 0, "dtype": "float32", "shape": [4],'
        ' "scale": [], "zero_point": [], "axis": 0}],'
        f' "frames": {{"3": "{frames}"}}, "times": "{times}", "ops": "", "peak_rss_bytes": 5, "complete": true}}'
    )
    found = load(artifacts, artifacts.put(text.encode()))
    assert found.tensors(artifacts, 3)[7].tolist() == [0, 1, 2, 3]
    assert found.frame_times(artifacts)[0].start_ns == 0
    assert (found.statistics, found.conditions, found.header.cpu_mask) == ("", (), 0)
    assert found.tensor_statistics(artifacts) == []


def test_many_small_frames_share_files_and_are_found_again(artifacts: ArtifactStore) -> None:
    passed: PassName = "latency"
    header = Header(pass_=passed, source="x", source_version="", model_sha256="", kernel="", threads=1)
    writer = RecordingWriter(artifacts, header)
    writer.spec(TensorSpec(tensor=1, name="y", role="output", position=0, dtype="int64", shape=(1,)))
    for i in range(20_000):
        writer.frame(i, {1: np.array([i]), 2: np.array([i % 2], np.int8)})
    found = load(artifacts, writer.close())
    assert len(set(found.frames.values())) == 3
    assert all(found.tensors(artifacts, i)[1][0] == i for i in range(20_000))
    gone = artifacts.path(found.frames[0])
    gone.unlink()
    files.index.cache_clear()
    with pytest.raises(StorageError, match="not stored"):
        found.tensors(artifacts, 0)
    with pytest.raises(KeyError):
        found.tensors(artifacts, 20_000)


@pytest.mark.parametrize("odd", [0, 1])
def test_large_frames_are_read_whole_and_stay_as_stored(artifacts: ArtifactStore, odd: int) -> None:
    values: dict[int, np.ndarray[Any, Any]] = {
        1: np.arange(300_001, dtype=np.float32).reshape(1, -1),
        2: np.arange(70_000 + odd, dtype=np.int16).astype(np.int8),
    }
    header = Header(pass_="layers", source="x", source_version="", model_sha256="", kernel="", threads=1)  # noqa: S106
    writer = RecordingWriter(artifacts, header)
    for i in range(3):  # of an odd size each, so that all but the first lie askew in the file
        writer.frame(i, values)
    found = load(artifacts, writer.close())
    for i in range(3):
        read = found.tensors(artifacts, i)
        for tensor, value in values.items():
            np.testing.assert_array_equal(read[tensor], value)
            assert (read[tensor].dtype, read[tensor].flags.aligned) == (value.dtype, True)
        read[1][0, 0] = 7
        assert found.tensors(artifacts, i)[1][0, 0] == 0
    stored = artifacts.path(found.frames[2])
    stored.write_bytes(stored.read_bytes()[:-1])
    with pytest.raises(StorageError, match="cut off"):
        found.tensors(artifacts, 2)


INGEST = """
import resource, sys
from pathlib import Path
from farm.capture.ingest import ingest
from farm.store.artifacts import ArtifactStore
assert ingest(Path(sys.argv[1]), "x", ArtifactStore(Path(sys.argv[2])))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_kib(frames: int, folder: Path) -> int:
    """Peak memory of a process that takes in so many frames of 2 MB in three tensors."""
    values = [np.arange(n, dtype=np.float32) for n in (400_000, 100_000, 25)]
    path = folder / f"{frames}.mcap"

    def messages() -> Any:
        yield kit.header()
        yield from (kit.spec(i, v.shape) for i, v in enumerate(values))
        for frame in range(frames):
            yield pb.Frame(index=frame, name=f"frame {frame}", invoke_ns=1)
            yield from (kit.data(i, frame, v) for i, v in enumerate(values))
            yield pb.OpTimes(frame=frame, ops=[pb.OpTime(tag="CONV_2D", type=2, index=i) for i in range(100)])
        yield pb.End()

    with path.open("wb") as file:
        kit.write(file, messages())
    store = folder / f"{frames}.artifacts"
    done = subprocess.run(
        [sys.executable, "-c", INGEST, path, store], capture_output=True, text=True, check=True, cwd=ROOT
    )
    path.unlink()
    for artifact in store.rglob("*"):
        if artifact.is_file():
            artifact.unlink()
    return int(done.stdout)


def test_memory_does_not_grow_with_the_frames(tmp_path: Path) -> None:
    assert peak_kib(100, tmp_path) < 1.15 * peak_kib(10, tmp_path)


@pytest.mark.slow
def test_memory_does_not_grow_with_a_thousand_frames(tmp_path: Path) -> None:
    assert peak_kib(1000, tmp_path) < 1.15 * peak_kib(10, tmp_path)
