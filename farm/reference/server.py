"""A model server over REST: TensorFlow Serving's protocol (also KServe's v1), and KServe's v2, the open inference protocol.

https://www.tensorflow.org/tfx/serving/api_rest        /v1/models/NAME[/versions/V]:predict
https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol    /v2/models/NAME[/versions/V]/infer
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from farm.errors import BugError, FarmError, InfrastructureError, JobError, ModelError
from farm.model.signature import signature
from farm.reference.foreign import Foreign
from farm.reference.rest import RefusedError, request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from farm.model.graph import Graph
    from farm.reference.contract import Means
    from farm.submission import ReferenceSource

    Array = np.ndarray[Any, Any]
    Ports = Sequence[dict[str, Any]]

ASK_S = 10.0
ANSWER_S = 120.0
_URL = re.compile(r"(?P<base>.*/(?P<protocol>v[12])/models/[^/:]+(?:/versions/[^/:]+)?)(?::predict|/infer)?/?")
_V2 = {
    "BOOL": "bool", "FP16": "float16", "FP32": "float32", "FP64": "float64",
    **{f"{u}INT{n}": f"{u.lower()}int{n}" for u in ("", "U") for n in (8, 16, 32, 64)},
}  # fmt: skip
_TF = {"DT_FLOAT": "float32", "DT_HALF": "float16", "DT_DOUBLE": "float64", "DT_BOOL": "bool",
       **{f"DT_{u}INT{n}": f"{u.lower()}int{n}" for u in ("", "U") for n in (8, 16, 32, 64)}}  # fmt: skip


@dataclass(frozen=True)
class Address:
    """Of one model on a server."""

    base: str
    """`http://host:port/v1/models/NAME`, with `/versions/V` where one is named."""
    protocol: str
    """`v1` or `v2`."""


def address(url: str) -> Address:
    """What a URL names.

    Raises:
        JobError: it is none of a model server's.
    """
    parts = urlsplit(url)
    match = _URL.fullmatch(parts.path)
    if parts.scheme not in {"http", "https"} or not parts.hostname or match is None or parts.query or parts.username:
        raise JobError(
            f"{url!r} names no model of a server",
            where="--reference server=",
            remedy="http://HOST:PORT/v1/models/NAME (TensorFlow Serving) or http://HOST:PORT/v2/models/NAME (KServe)",
        )
    return Address(f"{parts.scheme}://{parts.netloc}{match['base']}", match["protocol"])


class Server(Foreign):
    """Whatever a server answers. Its layers cannot be seen."""

    name = "server"
    kernel = "delegate"
    runs = "a model server's model"
    wants = "a URL, http://HOST:PORT/v1/models/NAME or /v2/models/NAME"

    @classmethod
    def version(cls) -> str:
        """The server's own is in `state`."""
        return ""

    @classmethod
    def state(cls, source: ReferenceSource) -> str:
        """What the server says of the model: its versions, platform, inputs and outputs."""
        return json.dumps(_metadata(address(source.url)), sort_keys=True)

    def __init__(self, model: bytes, graph: Graph, *, layers: bool, threads: int, means: Means | None = None) -> None:
        names = signature(model)
        self._asked = [
            {"key": names.inputs.get(i, t.name), "names": [names.inputs.get(i, t.name)], "dtype": _plain(graph, i),
             "shape": [max(1, d) for d in t.shape]}
            for i in graph.inputs
            for t in [graph.tensors[i]]
        ]  # fmt: skip
        self._expected = [
            {
                "key": names.outputs.get(i, t.name),
                "names": [names.outputs.get(i, t.name)],
                "dtype": t.dtype,
                "shape": list(t.shape),
            }
            for i in graph.outputs
            for t in [graph.tensors[i]]
        ]
        super().__init__(model, graph, layers=layers, threads=threads, means=means)

    def _open(self, means: Means | None, *, layers: bool, threads: int) -> tuple[Ports, Ports, Ports]:  # noqa: ARG002  # the server's affair
        if means is None:
            raise BugError("was not told the server", where=self.name)
        self._address = address(means.source.url)
        told = _metadata(self._address)
        inputs, outputs = _v2_ports(told) if self._address.protocol == "v2" else _v1_ports(told)
        # A server that does not say what it takes is asked as the submitted model would be.
        self._nameless = not inputs
        self._types_of = {p["key"]: p["dtype"] for p in inputs or self._asked}
        return inputs or self._asked, outputs or self._expected, ()

    def _call(self, arrays: Mapping[str, Array], wanted: Sequence[str]) -> Mapping[str, Array]:
        try:
            return self._v2(arrays) if self._address.protocol == "v2" else self._v1(arrays, wanted)
        except RefusedError as e:
            raise e.as_error(InfrastructureError if e.status >= 500 else ModelError) from e
        except FarmError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as e:
            raise ModelError(
                f"the server's answer is none of its protocol ({type(e).__name__}: {e})",
                where=self._address.base,
                remedy="check the URL",
            ) from e

    def _v2(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        names = {v: k for k, v in _V2.items()}
        body = {
            "id": "farm",  # optional in the protocol, and KServe's own server fails without it
            "inputs": [
                {"name": key, "shape": list(v.shape), "datatype": names[v.dtype.name], "data": v.ravel().tolist()}
                for key, v in arrays.items()
            ],
        }
        answer = request(f"{self._address.base}/infer", body, timeout_s=ANSWER_S)
        found = {}
        for output in answer["outputs"]:
            if output["datatype"] in _V2:
                values = np.array(output["data"], _V2[output["datatype"]])
                found[str(output["name"])] = values.reshape([int(d) for d in output["shape"]])
        return found

    def _v1(self, arrays: Mapping[str, Array], wanted: Sequence[str]) -> dict[str, Array]:
        keys = list(arrays)
        if all(value.ndim and value.shape[0] == 1 for value in arrays.values()):  # row format: what every server takes
            rows = [arrays[keys[0]][0].tolist()] if len(keys) == 1 else [{k: v[0].tolist() for k, v in arrays.items()}]
            answer = request(f"{self._address.base}:predict", {"instances": rows}, timeout_s=ANSWER_S)
            (first,) = answer["predictions"]
            named = first if isinstance(first, dict) else {wanted[0]: first}
            return {str(k): np.array([v]) for k, v in named.items()}
        columns = {k: v.tolist() for k, v in arrays.items()}
        body = {"inputs": columns if len(keys) > 1 else columns[keys[0]]}
        answer = request(f"{self._address.base}:predict", body, timeout_s=ANSWER_S)["outputs"]
        return (
            {str(k): np.array(v) for k, v in answer.items()}
            if isinstance(answer, dict)
            else {wanted[0]: np.array(answer)}
        )


def _metadata(at: Address) -> dict[str, Any]:
    """What the server tells of a model; a v1 server may tell little.

    Raises:
        JobError: it has no such model.
        InfrastructureError: it does not answer.
    """
    try:
        told = request(at.base, timeout_s=ASK_S)
    except RefusedError as e:
        raise e.as_error(InfrastructureError if e.status >= 500 else JobError) from e
    found: dict[str, Any] = {"model": told}
    if at.protocol == "v1":
        try:
            found["metadata"] = request(f"{at.base}/metadata", timeout_s=ASK_S)
        except RefusedError:  # KServe's v1 has none
            found["metadata"] = None
    return found


def _v2_ports(told: Mapping[str, Any]) -> tuple[Ports, Ports]:
    def ports(listed: Any) -> Ports:
        return [
            {"key": str(p["name"]), "names": [str(p["name"])], "dtype": _V2.get(p["datatype"], str(p["datatype"])),
             "shape": [int(d) for d in p["shape"]]}
            for p in listed or ()
        ]  # fmt: skip

    try:
        return ports(told["model"].get("inputs")), ports(told["model"].get("outputs"))
    except (KeyError, TypeError, ValueError, AttributeError):
        return (), ()


def _v1_ports(told: Mapping[str, Any]) -> tuple[Ports, Ports]:
    def ports(listed: Mapping[str, Any]) -> Ports:
        return [
            {"key": str(name), "names": [str(name)], "dtype": _TF.get(p["dtype"], str(p["dtype"])),
             "shape": None if (s := p["tensor_shape"]).get("unknown_rank") else [int(d["size"]) for d in s.get("dim", ())]}
            for name, p in sorted(listed.items())
        ]  # fmt: skip

    try:
        signatures = told["metadata"]["metadata"]["signature_def"]["signature_def"]
        chosen = signatures["serving_default"]
        return ports(chosen["inputs"]), ports(chosen["outputs"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return (), ()


def _plain(graph: Graph, index: int) -> str:
    """The type in which a server of the unconverted model is most likely asked: quantization came later."""
    tensor = graph.tensors[index]
    return "float32" if tensor.scale else tensor.dtype
