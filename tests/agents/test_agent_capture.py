from __future__ import annotations

import hashlib
import io
import os
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.exceptions import EndOfFile, McapError
from mcap.reader import make_reader
from mcap.records import Channel, Chunk, ChunkIndex, DataEnd, Footer, MessageIndex, Schema, Statistics
from mcap.records import Header as McapHeader
from mcap.records import Message as McapMessage
from mcap.stream_reader import StreamReader

from farm.capture import exray_pb2 as pb

from .kit import RUNTIME, Bench, Capture, convolution_model, parse, ppm, read, reshape_model, sum_model

CHUNK = 1 << 20


@pytest.fixture(scope="module")
def many_frames(bench: Bench) -> tuple[Path, bytes]:
    """A capture with several chunks, some full of small messages and some with one large tensor."""
    model = bench.file("large.tflite", reshape_model([1, 300, 400, 3]))
    rng = np.random.default_rng(1)
    frames = bench.tensors(*([rng.random((1, 300, 400, 3), np.float32)] for _ in range(3)))
    result = bench.run(model, frames, layers=True)
    assert result.status == 0, result.stderr
    return bench.out.rename(bench.folder / "many.mcap"), (bench.folder / "many.mcap").read_bytes()


@pytest.fixture(scope="module")
def small(bench: Bench) -> bytes:
    model = bench.file("sum.tflite", sum_model())
    frames = bench.tensors(*([np.full((1, 4), i, np.float32)] * 2 for i in range(4)))
    assert bench.run(model, frames, "--repetitions", "3").status == 0
    return bench.out.read_bytes()


def test_header_comes_first_and_end_last(bench: Bench) -> None:
    model = bench.file("conv.tflite", convolution_model())
    frames = bench.tensors([np.ones((1, 8, 8, 3), np.float32)])
    before = time.time_ns()
    options = ("--threads", "2", "--warmup", "1", "--kernel", "builtin", "--label", "job=7", "--label", "größe=a=b ü")
    capture = bench.capture(model, frames, *options)
    header = capture.header
    assert capture.messages[0] is header
    assert isinstance(capture.messages[-1], pb.End)
    assert capture.messages[-1].invocations == 1
    assert (header.format, getattr(header, "pass"), header.kernel) == (1, pb.PASS_LATENCY, "builtin")
    assert (header.threads, header.warmup, header.repetitions) == (2, 1, 1)
    assert dict(header.labels) == {"job": "7", "größe": "a=b ü"}
    assert not header.HasField("preprocess")
    assert before <= header.wall_ns <= time.time_ns()
    assert header.monotonic_ns <= capture.messages[-1].time_ns
    for digest, path in (
        (header.agent_sha256, bench.agent),
        (header.model_sha256, model),
        (header.runtime_sha256, RUNTIME),
    ):
        assert digest == hashlib.sha256(path.read_bytes()).digest()


def test_header_tells_how_images_were_preprocessed(bench: Bench) -> None:
    model = bench.file("conv.tflite", convolution_model())
    frames = bench.images(np.zeros((9, 7, 3), np.uint8))
    options = (
        "--rotate",
        "90",
        "--crop",
        "0.5",
        "--resize",
        "area",
        "--channels",
        "bgr",
        "--mean",
        "1,2,3",
        "--std",
        "4,5,6",
    )
    told = bench.capture(model, frames, *options).header.preprocess
    assert (told.rotate, told.crop, told.resize, told.channels) == (90, 0.5, "area", "bgr")
    assert (list(told.mean), list(told.std)) == ([1, 2, 3], [4, 5, 6])
    usual = bench.capture(model, frames).header.preprocess
    assert (usual.rotate, usual.crop, usual.resize, usual.channels) == (0, 1, "bilinear", "rgb")
    assert (list(usual.mean), list(usual.std)) == ([0, 0, 0], [1, 1, 1])


def test_specs_tell_each_tensors_constants(bench: Bench) -> None:
    model = bench.file("u8.tflite", reshape_model([1, 2, 3, 3], "uint8", scale=0.5, zero_point=3))
    frames = bench.tensors([np.zeros((1, 2, 3, 3), np.uint8)])
    x, y = bench.capture(model, frames, layers=True).of(pb.TensorSpec)
    assert (x.role, x.position, x.name, x.dtype, list(x.shape)) == (pb.ROLE_INPUT, 0, "x", pb.DTYPE_UINT8, [1, 2, 3, 3])
    assert (y.role, y.position, y.name, y.dtype, list(y.shape)) == (pb.ROLE_OUTPUT, 0, "y", pb.DTYPE_UINT8, [1, 18])
    assert (x.tensor_index, y.tensor_index) == (0, 2)
    assert [(list(t.scale), list(t.zero_point)) for t in (x, y)] == [([0.5], [3])] * 2


def test_latency_pass_logs_every_repetition_and_outputs_once(bench: Bench) -> None:
    model = bench.file("sum.tflite", sum_model())
    path = [bench.file(f"{i}.bin", np.full((1, 4), i, np.float32).tobytes()) for i in range(2)]
    frames = bench.frames(
        (9, 1, "tensor", path[1], "nine"), (9, 0, "tensor", path[0], "nine"),
        (4, 0, "tensor", path[1], "four"), (4, 1, "tensor", path[1], "four"),
    )  # fmt: skip
    result = bench.run(model, frames, "--repetitions", "3")
    capture = read(bench.out)
    told = capture.of(pb.Frame)
    assert [(f.index, f.repetition) for f in told] == [(9, 0), (9, 1), (9, 2), (4, 0), (4, 1), (4, 2)]
    assert {f.name for f in told if f.index == 4} == {"four"}
    assert all(f.invoke_ns > 0 and f.preprocess_ns == 0 for f in told)
    assert [f.start_ns for f in told] == sorted(f.start_ns for f in told)
    assert {s.role for s in capture.of(pb.TensorSpec)} == {pb.ROLE_OUTPUT}
    assert {k: v.tolist() for k, v in capture.tensors(pb.ROLE_OUTPUT).items()} == {
        (9, 0): [[1.0] * 4],
        (4, 0): [[2.0] * 4],
    }
    memory = capture.of(pb.Memory)
    assert [m.frame for m in memory] == [9, 4]
    assert memory[0].peak_rss_bytes == 0
    assert memory[1].peak_rss_bytes >= memory[1].rss_bytes > 0
    assert not capture.of(pb.OpTimes)
    assert result.lines[-1] == {"done": {"invocations": 6, "bytes": bench.out.stat().st_size}}
    assert result.lines[-2] == {"progress": {"pass": "latency", "done": 6, "of": 6}}


def test_layers_pass_logs_inputs_outputs_and_operator_times(bench: Bench) -> None:
    model = bench.file("conv.tflite", convolution_model())
    rng = np.random.default_rng(3)
    inputs = [rng.random((1, 8, 8, 3), np.float32) for _ in range(2)]
    capture = bench.capture(model, bench.tensors(*([x] for x in inputs)), "--kernel", "builtin", layers=True)
    logged = capture.tensors(pb.ROLE_INPUT)
    assert all(np.array_equal(logged[i, 0], x) for i, x in enumerate(inputs))
    assert set(capture.tensors(pb.ROLE_OUTPUT)) == {(0, 0), (1, 0)}
    times = capture.of(pb.OpTimes)
    assert [t.frame for t in times] == [0, 1]
    assert [(op.tag, op.type, op.index) for op in times[0].ops] == [("CONV_2D", 2, 0), ("RELU", 2, 1)]
    delegated = bench.capture(model, bench.tensors([inputs[0]]), layers=True).of(pb.OpTimes)[0].ops
    assert {op.type for op in delegated} == {8}
    assert not capture.of(pb.Memory)


def records(data: bytes, *, emit_chunks: bool) -> list[object]:
    return list(StreamReader(io.BytesIO(data), validate_crcs=True, emit_chunks=emit_chunks).records)


def test_chunks_are_bounded_and_have_their_crc(many_frames: tuple[Path, bytes]) -> None:
    chunks = [r for r in records(many_frames[1], emit_chunks=True) if isinstance(r, Chunk)]
    assert len(chunks) >= 6
    for chunk in chunks:
        assert chunk.uncompressed_crc == zlib.crc32(chunk.data)
        assert chunk.compression == ""
        messages = [
            r
            for r in StreamReader(io.BytesIO(chunk.data + FOOTER), skip_magic=True).records
            if isinstance(r, McapMessage)
        ]
        assert len(chunk.data) <= CHUNK or len(messages) == 1
        assert chunk.message_start_time == messages[0].log_time
        assert chunk.message_end_time == messages[-1].log_time


# A stream reader goes on until it meets a footer.
FOOTER = struct.pack("<BQQQI", 2, 20, 0, 0, 0) + b"\x89MCAP0\r\n"


def test_index_finds_every_message_and_summary_counts_them(many_frames: tuple[Path, bytes]) -> None:
    data = many_frames[1]
    stream = records(data, emit_chunks=True)
    chunks, indexes = ([r for r in stream if isinstance(r, kind)] for kind in (Chunk, ChunkIndex))
    assert len(chunks) == len(indexes)
    found = 0
    for index in indexes:
        assert isinstance(index, ChunkIndex)
        opcode, length = struct.unpack_from("<BQ", data, index.chunk_start_offset)
        assert (opcode, length + 9) == (6, index.chunk_length)
        body = index.chunk_start_offset + index.chunk_length - index.uncompressed_size
        after = index.chunk_start_offset + index.chunk_length
        for channel, at in index.message_index_offsets.items():
            assert after <= at < after + index.message_index_length
            entry = read_message_index(data, at)
            assert entry.channel_id == channel
            for log_time, offset in entry.records:
                assert struct.unpack_from("<BQHIQ", data, body + offset)[::2] == (5, channel, log_time)
                found += 1
    (statistics,) = (r for r in stream if isinstance(r, Statistics))
    plain = [r for r in records(data, emit_chunks=False) if isinstance(r, McapMessage)]
    assert found == statistics.message_count == len(plain) == sum(statistics.channel_message_counts.values())
    assert statistics.chunk_count == len(chunks)
    assert (statistics.message_start_time, statistics.message_end_time) == (plain[0].log_time, plain[-1].log_time)


def read_message_index(data: bytes, at: int) -> MessageIndex:
    reader = StreamReader(io.BytesIO(data[at:]), skip_magic=True)
    record = next(iter(reader.records))
    assert isinstance(record, MessageIndex)
    return record


def test_summary_repeats_schemas_and_channels_and_its_crc_holds(small: bytes) -> None:
    stream = records(small, emit_chunks=True)
    assert isinstance(stream[0], McapHeader)
    assert stream[0].profile == "exray"
    assert stream[0].library.startswith("exray-agent ")
    assert sum(isinstance(r, DataEnd) for r in stream) == 1
    schemas = [r for r in stream if isinstance(r, Schema)]
    channels = [r for r in stream if isinstance(r, Channel)]
    assert schemas[: len(schemas) // 2] == schemas[len(schemas) // 2 :]
    assert channels[: len(channels) // 2] == channels[len(channels) // 2 :]
    assert {c.topic: schemas[c.schema_id - 1].name for c in channels} == {
        "/header": "exray.Header", "/tensor_spec": "exray.TensorSpec", "/tensor_data": "exray.TensorData",
        "/frame": "exray.Frame", "/op_times": "exray.OpTimes", "/memory": "exray.Memory", "/end": "exray.End",
        "/statistics": "exray.Statistics", "/conditions": "exray.Conditions", "/sample": "exray.Sample",
        "/sensor": "exray.Sensor",
    }  # fmt: skip
    for record in schemas:
        assert record.encoding == "protobuf"
        (file,) = FileDescriptorSet.FromString(record.data).file
        assert record.name.removeprefix("exray.") in {m.name for m in file.message_type}
    footer = stream[-1]
    assert isinstance(footer, Footer)
    assert zlib.crc32(small[footer.summary_start : -12]) == footer.summary_crc
    assert struct.unpack_from("<I", small, len(small) - 12) == (footer.summary_crc,)
    with_summary = make_reader(io.BytesIO(small), validate_crcs=True).get_summary()
    assert with_summary is not None
    assert with_summary.statistics is not None
    assert {m.sequence for _, c, m in make_reader(io.BytesIO(small)).iter_messages(topics="/frame") if c} == set(
        range(12)
    )


def salvage(data: bytes) -> Capture:
    """Read as far as whole records go."""
    capture, names = Capture(), {}
    try:
        for record in StreamReader(io.BytesIO(data), validate_crcs=True).records:
            if isinstance(record, Schema):
                names[record.id] = record.name
            elif isinstance(record, McapMessage):
                capture.messages.append(parse(names[record.channel_id], record.data))
    except (EndOfFile, McapError, struct.error, ValueError, UnicodeDecodeError):
        pass  # cut off inside a record
    return capture


def chunk_ends(data: bytes) -> list[tuple[int, int]]:
    """Where each chunk ends, and the messages up to there."""
    ends, total = [], 0
    for index in (r for r in records(data, emit_chunks=True) if isinstance(r, ChunkIndex)):
        after = index.chunk_start_offset + index.chunk_length
        total += sum(len(read_message_index(data, at).records) for at in index.message_index_offsets.values())
        ends.append((after, total))
    return ends


@settings(deadline=None)
@given(st.data())
def test_capture_cut_off_anywhere_gives_every_whole_chunk(many_frames: tuple[Path, bytes], draw: st.DataObject) -> None:
    whole = many_frames[1]
    ends = chunk_ends(whole)
    near = st.sampled_from(ends).flatmap(lambda end: st.integers(end[0] - 60, end[0] + 60))
    cut = draw.draw(st.integers(0, len(whole) - 1) | near)
    expected = max((n for end, n in ends if end <= cut), default=0)
    assert len(salvage(whole[:cut]).messages) == expected
    assert bool(salvage(whole[:cut]).of(pb.End)) == (cut >= ends[-1][0])


def test_messages_are_encoded_as_protobuf_encodes_them(small: bytes, many_frames: tuple[Path, bytes]) -> None:
    for data in (small, many_frames[1]):
        for schema, _, message in make_reader(io.BytesIO(data)).iter_messages():
            assert schema is not None
            assert parse(schema.name, message.data).SerializeToString(deterministic=True) == message.data


def test_texts_that_are_not_utf8_are_mended(bench: Bench) -> None:
    model = bench.file("sum.tflite", sum_model())
    data = bench.file("a.bin", np.zeros((1, 4), np.float32).tobytes())
    text = b"".join(b"0\t%d\ttensor\t%s\t\xffname\xc3(\n" % (i, os.fsencode(data)) for i in range(2))
    capture = bench.capture(model, bench.file("frames.tsv", text))
    assert {f.name for f in capture.of(pb.Frame)} == {"\ufffdname\ufffd("}


def test_a_large_image_and_a_small_one_share_a_capture(bench: Bench) -> None:
    model = bench.file("conv.tflite", convolution_model())
    rows = []
    for i, side in enumerate((1, 600, 2)):
        rows.append((i, 0, "rgb", bench.file(f"s{i}.ppm", ppm(np.full((side, side, 3), i, np.uint8))), "n"))
    frames = bench.frames(*rows)
    logged = bench.capture(model, frames, layers=True).tensors(pb.ROLE_INPUT)
    assert {k[0]: np.unique(v).tolist() for k, v in logged.items()} == {0: [0.0], 1: [1.0], 2: [2.0]}
