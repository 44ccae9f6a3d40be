"""What a device needs to run anything: the agent and the runtime for its ABI, found on this machine."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from farm.errors import InfrastructureError

ROOT = Path(__file__).resolve().parents[2]
AGENTS = {"x86_64": "linux-x86_64"}
"""Android ABI -> the agent's build folder. Others come with their builds."""


@dataclass(frozen=True)
class Bundle:
    """Files for one ABI."""

    agent: Path
    runtime: Path


def for_abi(abi: str, *, virtual: bool) -> Bundle:
    """The bundle for a device.

    Raises:
        InfrastructureError: no agent or no runtime for this ABI.
    """
    # A virtual phone is this machine's own Linux, so the wheel's library runs there; a phone's comes from Google's AAR.
    if abi not in AGENTS or not virtual:
        raise InfrastructureError(
            f"no agent and runtime for {abi or 'an unknown ABI'}{'' if virtual else ' on Android'} in this version",
            where="runtime bundle",
            remedy=f"virtual phones of: {', '.join(AGENTS)}",
        )
    agent = ROOT / "agents" / "native" / "build" / AGENTS[abi] / "exray-agent"
    if not agent.is_file():
        raise InfrastructureError("the agent is not built", where=str(agent), remedy="run: make -C agents/native")
    return Bundle(agent, _wheel_runtime())


def _wheel_runtime() -> Path:
    spec = importlib.util.find_spec("ai_edge_litert")
    library = Path(spec.origin).parent / "libLiteRt.so" if spec is not None and spec.origin else Path("libLiteRt.so")
    if not library.is_file():
        raise InfrastructureError("libLiteRt.so is not there", where=str(library), remedy="pip install ai-edge-litert")
    return library
