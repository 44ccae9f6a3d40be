"""What `Frame.run` makes of whatever a pipeline runs, and `layers` of an interpreter: by LiteRT itself, on both writers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import exray
import numpy as np
import pytest
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from farm.capture.recording import Recording
from farm.model import graph as graphs
from farm.store.artifacts import ArtifactStore
from tests.conftest import DEMO
from tests.exray.python_kit import BACKENDS, recorded

if TYPE_CHECKING:
    from pathlib import Path

Array = np.ndarray[Any, Any]
MODELS = ("model.tflite", "model_int8.tflite")


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXRAY_PURE", BACKENDS[request.param])


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def interpreter(model: str, **options: Any) -> Any:
    made = Interpreter(str(DEMO / model), **options)
    made.allocate_tensors()
    return made


def picture(dtype: Any) -> Array:
    rng = np.random.default_rng(7)
    return (rng.uniform(-1, 1, (1, 64, 64, 3)) * (1 if np.dtype(dtype).kind == "f" else 127)).astype(dtype)


def values(found: Recording, artifacts: ArtifactStore, role: str) -> dict[int, tuple[str, Array]]:
    tensors = found.tensors(artifacts, 0)
    return {s.position: (s.name, tensors[s.tensor]) for s in found.specs if s.role == role}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("way", ["run", "inference"])
def test_an_interpreter_is_run_and_logged(way: str, model: str, tmp_path: Path, artifacts: ArtifactStore) -> None:
    run = interpreter(model)
    detail, answer = run.get_input_details()[0], run.get_output_details()[0]
    fed = picture(detail["dtype"])
    run.set_tensor(detail["index"], fed)
    with exray.open(tmp_path / "app.mcap", ring=4 << 20) as log, log.frame() as frame:
        if way == "run":
            assert frame.run(run) is None
        else:
            with frame.inference(run):
                run.invoke()
    found = recorded(tmp_path / "app.mcap", artifacts)
    (time,) = found.frame_times(artifacts)
    assert 0 < time.invoke_ns <= time.duration_ns
    tensors = found.tensors(artifacts, 0)
    np.testing.assert_array_equal(tensors[detail["index"]], fed)
    np.testing.assert_array_equal(tensors[answer["index"]], run.get_tensor(answer["index"]))
    assert tensors[answer["index"]].any()
    told = {s.tensor: (s.name, s.scale, s.zero_point) for s in found.specs}
    for d in (detail, answer):
        scale, zero = d["quantization"]
        assert told[d["index"]] == (d["name"], (scale,) if scale else (), (zero,) if scale else ())


@pytest.mark.parametrize("signature", [0, "serving_default"])
def test_a_compiled_model_is_run_and_logged(
    signature: int | str, tmp_path: Path, artifacts: ArtifactStore
) -> None:  # fmt: skip
    model = CompiledModel.from_file(str(DEMO / "model.tflite"))
    inputs, outputs = model.create_input_buffers(0), model.create_output_buffers(0)
    fed = picture(np.float32)
    inputs[0].write(fed)
    given: tuple[Any, Any] = (inputs, outputs)
    if isinstance(signature, str):
        names = model.get_signature_by_index(0)
        given = ({names["inputs"][0]: inputs[0]}, {names["outputs"][0]: outputs[0]})
    with exray.open(tmp_path / "app.mcap", ring=4 << 20) as log, log.frame() as frame:
        frame.run(model, signature, *given)
    found = recorded(tmp_path / "app.mcap", artifacts)
    graph = graphs.read_file(DEMO / "model.tflite")
    tensors = found.tensors(artifacts, 0)
    np.testing.assert_array_equal(tensors[graph.inputs[0]], fed)
    right = interpreter("model.tflite")
    right.set_tensor(graph.inputs[0], fed)
    right.invoke()
    np.testing.assert_allclose(tensors[graph.outputs[0]], right.get_tensor(graph.outputs[0]), atol=1e-5)


class ByArray:
    """An array of another library, as numpy's protocol has it."""

    def __init__(self, array: Array) -> None:
        self._array = array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self._array


class OffTape:
    """One that gives its array as PyTorch does: not while a gradient's tape runs."""

    def __init__(self, array: Array, taped: bool = True) -> None:
        self._array, self._taped = array, taped

    def detach(self) -> OffTape:
        return OffTape(self._array, taped=False)

    def cpu(self) -> OffTape:
        return self

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if self._taped:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return self._array


class ByDlpack:
    """One that offers DLPack alone."""

    def __init__(self, array: Array) -> None:
        self._array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        device: tuple[int, int] = self._array.__dlpack_device__()
        return device


@pytest.mark.parametrize("offered", [np.asarray, ByArray, OffTape, ByDlpack])
def test_anything_that_can_be_called_is(offered: Any, tmp_path: Path, artifacts: ArtifactStore) -> None:
    def pipeline(first: Any, nested: Any, *, scale: float, more: Any) -> Any:
        return {"scores": first_value * scale, "rest": [np.arange(3), "a text", None]}, "done"

    first_value = np.arange(6, dtype=np.float32).reshape(2, 3)
    given = (offered(first_value), {"ids": [offered(np.arange(4)), "no array", 3], "none": None})
    with exray.open(tmp_path / "app.mcap") as log, log.frame() as frame:
        answer = frame.run(pipeline, *given, scale=2.0, more=offered(np.ones(2, np.uint8)))
    assert answer[1] == "done"
    found = recorded(tmp_path / "app.mcap", artifacts)
    fed, answered = (values(found, artifacts, role) for role in ("input", "output"))
    assert [(p, n, v.tolist()) for p, (n, v) in sorted(fed.items())] == [
        (0, "", first_value.tolist()), (1, "ids", [0, 1, 2, 3]), (2, "more", [1, 1]),
    ]  # fmt: skip
    assert [(p, n, v.tolist()) for p, (n, v) in sorted(answered.items())] == [
        (0, "scores", (first_value * 2).tolist()), (1, "rest", [0, 1, 2]),
    ]  # fmt: skip


def test_what_was_fed_is_logged_as_it_was_before_the_call(tmp_path: Path, artifacts: ArtifactStore) -> None:
    def in_place(array: Array) -> Array:
        array *= 2
        return array

    with exray.open(tmp_path / "app.mcap") as log, log.frame() as frame:
        frame.run(in_place, np.ones(4))
    found = recorded(tmp_path / "app.mcap", artifacts)
    assert values(found, artifacts, "input")[0][1].tolist() == [1] * 4
    assert values(found, artifacts, "output")[0][1].tolist() == [2] * 4


def test_a_list_that_holds_itself_ends(tmp_path: Path) -> None:
    ring: list[Any] = [np.ones(2)]
    ring.append(ring)
    with exray.open(tmp_path / "app.mcap") as log, log.frame() as frame:
        assert frame.run(len, ring) == 2


def test_other_byte_orders_and_layouts_are_logged_as_they_are_read(tmp_path: Path, artifacts: ArtifactStore) -> None:
    whole = np.arange(24, dtype=">f4").reshape(4, 6)
    with exray.open(tmp_path / "app.mcap") as log, log.frame() as frame:
        frame.input(0, whole, index=0)
        frame.input(1, whole.T[::2, ::-1], index=1)
        frame.input(2, np.float64(3.5), index=2)
    tensors = recorded(tmp_path / "app.mcap", artifacts).tensors(artifacts, 0)
    np.testing.assert_array_equal(tensors[0], whole)
    np.testing.assert_array_equal(tensors[1], whole.T[::2, ::-1])
    assert tensors[2].shape == ()
    assert tensors[2] == 3.5


@pytest.mark.filterwarnings("ignore:Warning. Enabling .experimental_preserve_all_tensors")
@pytest.mark.parametrize("resolver", [OpResolverType.AUTO, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES])
@pytest.mark.parametrize("model", MODELS)
def test_every_operators_output_is_logged(
    model: str, resolver: Any, tmp_path: Path, artifacts: ArtifactStore
) -> None:  # fmt: skip
    run = interpreter(model, experimental_preserve_all_tensors=True, experimental_op_resolver_type=resolver)
    detail = run.get_input_details()[0]
    run.set_tensor(detail["index"], picture(detail["dtype"]))
    with exray.open(tmp_path / "app.mcap", layers=True, ring=16 << 20) as log, log.frame() as frame:
        frame.run(run)
    found = recorded(tmp_path / "app.mcap", artifacts)
    graph = graphs.read_file(DEMO / model)
    computed = [t for t in graph.tensors if not t.constant]
    tensors = found.tensors(artifacts, 0)
    assert tensors.keys() == {t.index for t in computed}
    roles = {s.tensor: s.role for s in found.specs}
    assert {i for i, role in roles.items() if role != "layer"} == {*graph.inputs, *graph.outputs}
    for tensor in computed:
        np.testing.assert_array_equal(tensors[tensor.index], run.get_tensor(tensor.index))
        assert found.by_tensor[tensor.index].scale == pytest.approx(tensor.scale)
        assert found.by_tensor[tensor.index].zero_point == tensor.zero_point


@pytest.mark.parametrize("resolver", [OpResolverType.AUTO, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES])
def test_an_interpreter_that_keeps_no_layers_is_told_how(resolver: Any, tmp_path: Path) -> None:
    run = interpreter("model.tflite", experimental_op_resolver_type=resolver)
    with (
        exray.open(tmp_path / "app.mcap") as log,
        log.frame() as frame,
        pytest.raises(ValueError, match="experimental_preserve_all_tensors=True"),
    ):
        frame.layers(run)


def test_frames_that_are_not_logged_are_not_read_from_the_interpreter(tmp_path: Path, artifacts: ArtifactStore) -> None:
    run = interpreter("model.tflite")
    with exray.open(tmp_path / "app.mcap", sampling="never", layers=True) as log, log.frame() as frame:
        frame.run(run)  # keeps no layers, which nobody wants of this frame
    found = recorded(tmp_path / "app.mcap", artifacts)
    assert not found.specs
    assert len(found.frame_times(artifacts)) == 1


@pytest.mark.parametrize("run", [lambda f: f.run(3), lambda f: f.layers(len), lambda f: f.inference(len).__enter__()])
def test_what_cannot_be_run_is_refused(run: Any, tmp_path: Path) -> None:
    with exray.open(tmp_path / "app.mcap") as log, log.frame() as frame, pytest.raises(TypeError):
        run(frame)


@pytest.mark.filterwarnings("ignore:Warning. Enabling .experimental_preserve_all_tensors")
def test_layers_that_captures_have_no_word_for_are_left_out(
    tmp_path: Path, artifacts: ArtifactStore, testdata: Path
) -> None:  # fmt: skip
    """YAMNet's Fourier transforms are complex numbers."""
    run = Interpreter(str(testdata / "models" / "yamnet_quant.tflite"), experimental_preserve_all_tensors=True)
    run.allocate_tensors()
    with exray.open(tmp_path / "app.mcap", layers=True, ring=64 << 20) as log, log.frame() as frame:
        frame.run(run)
    found = recorded(tmp_path / "app.mcap", artifacts)
    kinds = {d["index"]: np.dtype(d["dtype"]) for d in run.get_tensor_details()}
    layers = {s.tensor for s in found.specs if s.role == "layer"}
    computed = {int(i) for op in run._get_ops_details() for i in op["outputs"] if op["op_name"] != "DELEGATE"}
    ends = {d["index"] for d in run.get_output_details()}
    assert layers == {i for i in computed - ends if kinds[i].kind != "c"}
    assert any(kinds[i].kind == "c" for i in computed)
