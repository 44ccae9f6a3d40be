"""Runtimes in environments of their own, for real: made by pip, once for all tests of a session."""

from __future__ import annotations

import contextlib
import fcntl
import io
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from farm.compare.difference import difference, real
from farm.compare.layers import compare_layers
from farm.errors import InputsError, JobError, ModelError
from farm.model import graph as graphs
from farm.model import recipe as recipes
from farm.reference import check, environments
from farm.reference.record import record, record_times
from farm.reference.registry import KNOWN, find
from farm.reference.rest import request
from farm.store.artifacts import ArtifactStore
from farm.submission import InputFrame, ReferenceSource
from tests.conftest import DEMO, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.capture.recording import Recording

pytestmark = pytest.mark.slow

NEEDY = [name for name, runtime in KNOWN.items() if runtime.pins]
SERVER = ["kserve==0.21.0", "onnxruntime==1.31.1"]
PHOTOS = recipes.Recipe(crop=0.875, normalize=recipes.Normalize(mean=(127.5,) * 3, std=(127.5,) * 3))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for the workers of a session: environments are large, and made under a lock."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "runtimes-data"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def data(shared: Path) -> Path:
    """With every runtime installed."""
    for name in NEEDY:
        environments.add(environments.home(shared), find(name), lambda _: None)
    return shared


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """The workers of a session share one folder: one of them makes what is in it."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def play(
    data: Path,
    name: str,
    model: bytes,
    frames: list[tuple[int, InputFrame]],
    *sources: ReferenceSource,
    layers: bool = True,
    recipe: recipes.Recipe | None = None,
) -> Recording:
    artifacts = ArtifactStore(data / "artifacts")
    return record(
        name, artifacts=artifacts, cache=data / "references", model_sha256=artifacts.put(model), frames=frames,
        recipe=recipe, layers=layers, sources=sources, timeout_s=400,
    )  # fmt: skip


def npy(artifacts: ArtifactStore, value: np.ndarray[Any, Any], name: str) -> InputFrame:
    file = io.BytesIO()
    np.save(file, value)
    return InputFrame(name=name, kind="tensor", sha256=(artifacts.put(file.getvalue()),))


@pytest.mark.parametrize("name", NEEDY)
def test_the_golden_model_is_right_in_every_tensor(name: str, data: Path) -> None:
    done = check.check(find(name), data)
    assert done.right, done
    assert done.tensors == 4, done.notes


@pytest.mark.parametrize("name", ["tflite-runtime", "tensorflow"])
@pytest.mark.parametrize(
    "model", ["mobilenet_v1_0.25_224.tflite", "mobilenet_v1_0.25_224_quant.tflite", "kws_int8.tflite"]
)
def test_real_models_agree_with_reference_kernels(name: str, model: str, data: Path, testdata: Path) -> None:
    artifacts = ArtifactStore(data / "artifacts")
    content = (testdata / "models" / model).read_bytes()
    recipe = None
    if "kws" in model:
        features = np.load(testdata / "features" / "kws01_mfcc_int8_1000.npz")["x"]
        frames = [(i, npy(artifacts, x, f"{i}.npy")) for i, x in enumerate(features[:4])]
    else:
        files = sorted((testdata / "images" / "imagenet_sample100").glob("*.JPEG"))[:3]
        frames = [
            (i, InputFrame(name=f.name, kind="image", sha256=(artifacts.put_file(f),))) for i, f in enumerate(files)
        ]
        recipe = PHOTOS
    mine, right = (play(data, n, content, frames, recipe=recipe) for n in (name, "litert-ref"))
    graph = graphs.read(content)
    compared = compare_layers(mine, right, graph, artifacts, threshold=0.0)
    assert compared.frames == len(frames)
    assert {d.tensor for d in compared.layers} >= {graph.tensors[t].name for t in graph.outputs}
    assert len(compared.layers) > len(graph.nodes) / 2
    assert max(d.running_nrmse for d in compared.layers) < (
        0.03 if graph.tensors[graph.inputs[0]].dtype != "float32" else 1e-4
    )
    for index, _ in frames:
        one, two = (r.tensors(artifacts, index)[graph.outputs[0]].ravel() for r in (mine, right))
        assert one.argmax() == two.argmax()


def test_the_demo_model_takes_its_pictures(data: Path) -> None:
    artifacts = ArtifactStore(data / "artifacts")
    files = sorted((DEMO / "inputs").glob("*.png"))[:3]
    frames = [(i, InputFrame(name=f.name, kind="image", sha256=(artifacts.put_file(f),))) for i, f in enumerate(files)]
    content, recipe = (DEMO / "model_int8.tflite").read_bytes(), recipes.load(DEMO / "model.recipe.toml")
    graph = graphs.read(content)
    mine, right = (play(data, n, content, frames, recipe=recipe) for n in ("tflite-runtime", "litert-ref"))
    assert all(mine.tensors(artifacts, i).keys() == right.tensors(artifacts, i).keys() for i in range(3))
    output = graph.tensors[graph.outputs[0]]
    assert all(
        difference(mine.tensors(artifacts, i)[output.index], right.tensors(artifacts, i)[output.index], output).nrmse
        < 0.05
        for i in range(3)
    )


def quantized(data: Path) -> bytes:
    """The golden model after TensorFlow's own converter quantized it to int8, calibrated with what it will be fed."""
    program = """
import sys, numpy as np, keras, tensorflow as tf
model = keras.models.load_model(sys.argv[1])
rng = np.random.default_rng(5)
converter = tf.lite.TFLiteConverter.from_keras_model(model)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
converter.representative_dataset = lambda: ([rng.uniform(-1, 1, (1, 12, 12, 3)).astype(np.float32)] for _ in range(200))
converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
converter.inference_input_type = converter.inference_output_type = tf.int8
open(sys.argv[2], "wb").write(converter.convert())
"""
    made = data / "golden_int8.tflite"
    with locked(data / "golden_int8.lock"):
        if not made.exists():
            python = environments.python(environments.home(data), find("keras"))
            part = data / "golden_int8.part"
            command: list[str | Path] = [python, "-c", program, check.GOLDEN / "golden.keras", part]
            subprocess.run(command, check=True, capture_output=True)
            part.rename(made)
    return made.read_bytes()


@pytest.mark.parametrize("name", ["keras", "savedmodel", "onnx"])
def test_a_float_model_is_the_reference_of_a_quantized_one(name: str, data: Path) -> None:
    """Inputs are fed unquantized, answers compared in real numbers: what is left is what quantization costs."""
    artifacts = ArtifactStore(data / "artifacts")
    model = quantized(data)
    graph = graphs.read(model)
    tensor = graph.tensors[graph.inputs[0]]
    rng = np.random.default_rng(3)
    frames = []
    for i in range(4):
        values = np.clip(
            np.round(rng.uniform(-1, 1, (1, 12, 12, 3)) / tensor.scale[0]) + tensor.zero_point[0], -128, 127
        )
        frames.append((i, npy(artifacts, values.astype(np.int8), f"{i}.npy")))
    file = check.FILES[name]
    source = ReferenceSource(
        name="cloud", runtime=name, model_name=file, model_sha256=artifacts.put_file(check.GOLDEN / file)
    )
    right, device = play(data, "cloud", model, frames, source), play(data, "litert", model, frames)
    assert right.header.labels["inputs fed"] == "real numbers, not quantized"
    assert right.by_tensor[graph.outputs[0]].dtype == "float32"
    compared = compare_layers(device, right, graph, artifacts, threshold=0.1)
    assert len(compared.layers) >= 4, compared.layers
    assert compared.layers[0].running_nrmse == 0, "the input is the same"
    assert 0 < max(d.running_nrmse for d in compared.layers) < 0.05
    assert compared.layers[-1].lsb is not None
    assert compared.layers[-1].lsb < 12
    output = graph.tensors[graph.outputs[0]]
    for i, _ in frames:
        mine, other = device.tensors(artifacts, i)[output.index], right.tensors(artifacts, i)[output.index]
        assert np.abs(real(mine, output) - other).max() < 0.05


def test_a_model_that_is_another_one_is_refused(data: Path) -> None:
    artifacts = ArtifactStore(data / "artifacts")
    file = check.GOLDEN / "golden.onnx"
    source = ReferenceSource(name="o", runtime="onnx", model_name="x.onnx", model_sha256=artifacts.put_file(file))
    picture = sorted((DEMO / "inputs").glob("*.png"))[0]
    frames = [(0, InputFrame(name="x.png", kind="image", sha256=(artifacts.put_file(picture),)))]
    recipe = recipes.load(DEMO / "model.recipe.toml")
    with pytest.raises(ModelError, match=r"its inputs \(picture float32 .*cannot be matched"):
        play(data, "o", (DEMO / "model.tflite").read_bytes(), frames, source, recipe=recipe)


@pytest.mark.parametrize("name", ["keras", "savedmodel", "onnx"])
@pytest.mark.parametrize("content", [b"", b"garbage" * 100])
def test_garbage_is_the_users(name: str, content: bytes, data: Path) -> None:
    artifacts = ArtifactStore(data / "artifacts")
    source = ReferenceSource(name="g", runtime=name, model_name="x", model_sha256=artifacts.put(content))
    model = check.GOLDEN / "golden.tflite"
    with pytest.raises(ModelError):
        play(data, "g", model.read_bytes(), check._frames(model.read_bytes(), artifacts), source)


def test_operators_are_timed_on_another_interpreter(data: Path) -> None:
    artifacts = ArtifactStore(data / "artifacts")
    model = (check.GOLDEN / "golden.tflite").read_bytes()
    made = record_times(
        "tflite-runtime", artifacts=artifacts, model_sha256=artifacts.put(model), rounds=3, timeout_s=200
    )
    assert [op.tag for op in made.op_times(artifacts)][:4] == ["CONV_2D", "MEAN", "FULLY_CONNECTED", "SOFTMAX"]


def test_an_environment_that_broke_says_how_to_mend_it(data: Path, tmp_path: Path) -> None:
    runtime = find("onnx")
    home = environments.home(tmp_path)
    broken = environments.folder(home, runtime) / "bin"
    broken.mkdir(parents=True)
    # The other environment's own Python: it starts, has numpy, and lacks the runtime.
    (broken / "python").symlink_to(environments.python(environments.home(data), find("tflite-runtime")))
    with pytest.raises(JobError, match="its environment is broken") as caught:
        check.check(runtime, tmp_path)
    assert "farm runtime add onnx" in caught.value.remedy


@pytest.fixture(scope="session")
def server(shared: Path) -> Iterator[str]:
    """KServe's own server, from PyPI, in an environment of its own, on loopback."""
    home = shared / "kserve"
    with locked(shared / "kserve.lock"):
        if not (home / "done").exists():
            subprocess.run([sys.executable, "-m", "venv", home], check=True)
            subprocess.run([home / "bin" / "python", "-m", "pip", "install", "-q", *SERVER], check=True)
            (home / "done").touch()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = ROOT / "tests" / "reference" / "serve.py"
    with (shared / f"serve-{port}.log").open("wb") as log:
        process = subprocess.Popen(
            [home / "bin" / "python", program, check.GOLDEN / "golden.onnx", str(port)], stdout=log, stderr=log
        )
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                request(f"{url}/v2/models/golden", timeout_s=2)
                break
            except Exception:
                assert process.poll() is None, Path(log.name).read_text()
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_a_real_server_answers_as_the_model_does(protocol: str, server: str, tmp_path: Path) -> None:
    """Over v2 the server says that its model is channels first, and is sent pictures laid out so."""
    artifacts = ArtifactStore(tmp_path / "artifacts")
    model = (check.GOLDEN / "golden.tflite").read_bytes()
    source = ReferenceSource(name="cloud", runtime="server", url=f"{server}/{protocol}/models/golden")
    frames = check._frames(model, artifacts)
    made, right = play(tmp_path, "cloud", model, frames, source), play(tmp_path, "litert-ref", model, frames)
    worst, tensors = check._worst(made, right, model, artifacts)
    assert tensors == 1
    assert worst < 1e-6
    assert ("turned" in made.header.labels["inputs matched"]) == (protocol == "v2")


def test_a_real_server_that_refuses_is_named(server: str, tmp_path: Path) -> None:
    artifacts = ArtifactStore(tmp_path / "artifacts")
    model = (check.GOLDEN / "golden.tflite").read_bytes()
    source = ReferenceSource(name="cloud", runtime="server", url=f"{server}/v2/models/nothing")
    with pytest.raises(JobError, match="404"):
        play(tmp_path, "cloud", model, check._frames(model, artifacts), source)
    other = (DEMO / "model.tflite").read_bytes()
    frames = [(0, npy(artifacts, np.zeros((1, 64, 64, 3), np.float32), "x.npy"))]
    source = source.model_copy(update={"url": f"{server}/v2/models/golden"})
    with pytest.raises((ModelError, InputsError), match="cannot be matched"):
        play(tmp_path, "cloud", other, frames, source)
