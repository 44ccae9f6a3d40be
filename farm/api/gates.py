"""The gates' routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Path as InPath
from fastapi import Query, Request
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema  # noqa: TC002  # FastAPI reads the annotations

from farm.api.gate_messages import CheckRequest  # noqa: TC001  # FastAPI reads the annotations
from farm.api.needs import needs
from farm.gate.answer import Explanation, GateAnswer, GateView  # noqa: TC001  # FastAPI reads the annotations
from farm.gate.explain import DIFFER

if TYPE_CHECKING:
    from fastapi import FastAPI

    from farm.daemon import Daemon

Name = Annotated[str, InPath(min_length=1, max_length=64)]


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add them to the application."""

    @app.get("/api/gates", **needs("read"))
    def gates() -> list[GateView]:
        """Every gate of farm.toml, how it went last, and what is left of its test set."""
        return daemon.gates.views()

    @app.post("/api/gates/{gate}/check", **needs("submit", "check gate"))
    def check(gate: Name, asked: CheckRequest, request: Request) -> GateAnswer:
        """Whether a job passes. It takes one check of the test set; asked again about the same runs, it is the same answer."""
        answer = daemon.gates.check(gate, asked.job, asked.against, commit=asked.commit, user=request.state.user)
        request.state.subject = f"gate {gate}, job {answer.job}: {answer.outcome}"
        return answer

    @app.get("/api/gates/{gate}/explain", **needs("read"))
    def explain(
        gate: Name,
        cells: Annotated[int, Field(ge=1, le=100_000)] | SkipJsonSchema[None] = None,
        differ: Annotated[float, Query(gt=0, le=1)] = DIFFER,
    ) -> Explanation:
        """What each condition needs: on so many models x devices, where old and new differ on such a share of the frames."""
        return daemon.gates.explain(gate, cells=cells, differ=differ)

    @app.get("/api/gates/{gate}/history", **needs("read"))
    def history(gate: Name, limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> list[GateAnswer]:
        """Its newest checks first."""
        return daemon.gates.history(gate, limit)
