"""A model server as the reference: a small HTTP server with TensorFlow Serving's protocol. A real one: test_installed."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from farm.errors import DeadlineError, InfrastructureError, ModelError
from farm.reference import check
from farm.reference.litert_ref import LiteRtRef
from farm.reference.record import record
from farm.reference.server import address
from farm.submission import ReferenceSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.capture.recording import Recording
    from farm.store.artifacts import ArtifactStore

GOLDEN = check.GOLDEN / "golden.tflite"


def play(
    artifacts: ArtifactStore, name: str, *sources: ReferenceSource, layers: bool = True, **options: Any
) -> Recording:
    model = GOLDEN.read_bytes()
    return record(
        name,
        artifacts=artifacts,
        cache=artifacts.folder.parent / "references",
        model_sha256=artifacts.put(model),
        frames=check._frames(model, artifacts),
        recipe=None,
        layers=layers,
        sources=sources,
        timeout_s=60,
        **options,
    )


@pytest.mark.parametrize("url", ["http://h/v2/models/m", "http://h/v2/models/m/infer", "http://h/v2/models/m/"])
def test_addresses(url: str) -> None:
    assert address(url).base == "http://h/v2/models/m"
    assert (
        address("https://h:1/prefix/v1/models/m/versions/3:predict").base == "https://h:1/prefix/v1/models/m/versions/3"
    )


class TfServing(BaseHTTPRequestHandler):
    """TensorFlow Serving's protocol with its metadata, as its documentation shows it: the golden model by LiteRT."""

    version: ClassVar[str] = "1"
    answers: ClassVar[str] = "well"
    asked: ClassVar[int] = 0

    def do_GET(self) -> None:
        if self.path.endswith("/metadata"):
            size = [{"size": str(n)} for n in (-1, 12, 12, 3)]
            inputs = {
                "picture": {"dtype": "DT_FLOAT", "tensor_shape": {"dim": size, "unknown_rank": False}, "name": "x:0"}
            }
            scores = {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1"}, {"size": "5"}]}, "name": "y:0"}
            chosen = {"inputs": inputs, "outputs": {"scores": scores}, "method_name": "tensorflow/serving/predict"}
            self.answer({"metadata": {"signature_def": {"signature_def": {"serving_default": chosen}}}})
        else:
            self.answer({"model_version_status": [{"version": type(self).version, "state": "AVAILABLE"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        type(self).asked += 1
        if self.answers == "drip":
            self.send_response(200)
            with contextlib.suppress(BrokenPipeError):
                for _ in range(100):
                    self.wfile.write(b"x")
                    time.sleep(0.1)
            return
        if self.answers != "well":
            self.answer(
                {"error": "no such signature"} if self.answers == "refuse" else [1],
                400 if self.answers == "refuse" else 200,
            )
            return
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=str(GOLDEN))
        interpreter.allocate_tensors()
        interpreter.set_tensor(0, np.array(body["instances"], np.float32))
        interpreter.invoke()
        self.answer({"predictions": interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).tolist()})

    def answer(self, document: object, status: int = 200) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serving() -> Iterator[ReferenceSource]:
    with ThreadingHTTPServer(("127.0.0.1", 0), TfServing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1/models/golden"
        yield ReferenceSource(name="cloud", runtime="server", url=url)
        server.shutdown()
    TfServing.version, TfServing.answers, TfServing.asked = "1", "well", 0


def test_a_server_answers_as_the_model_does(serving: ReferenceSource, artifacts: ArtifactStore) -> None:
    made, right = play(artifacts, "cloud", serving), play(artifacts, LiteRtRef.name)
    worst, tensors = check._worst(made, right, GOLDEN.read_bytes(), artifacts)
    assert tensors == 1
    assert worst < 1e-6
    assert made.header.source == "cloud"
    asked = TfServing.asked
    play(artifacts, "cloud", serving)
    assert TfServing.asked == asked, "cached"
    TfServing.version = "2"
    play(artifacts, "cloud", serving)
    assert TfServing.asked == 2 * asked, "another version of the model is another reference"


def test_a_server_that_does_not_is_named(
    serving: ReferenceSource, artifacts: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    TfServing.answers = "refuse"
    with pytest.raises(ModelError, match=r"answers 400.*no such signature"):
        play(artifacts, "cloud", serving)
    TfServing.answers = "nonsense"
    with pytest.raises(ModelError, match="none of its protocol"):
        play(artifacts, "cloud", serving)
    with pytest.raises(InfrastructureError, match="no model server answers"):
        play(artifacts, "cloud", serving.model_copy(update={"url": "http://127.0.0.1:1/v1/models/m"}))


def test_a_server_that_drips_does_not_hold_us(serving: ReferenceSource) -> None:
    from farm.reference.rest import request

    TfServing.answers = "drip"
    with pytest.raises(DeadlineError):
        request(f"{serving.url}:predict", {"instances": []}, timeout_s=0.5)
