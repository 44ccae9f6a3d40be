"""The pages of gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.api.gates import Name  # noqa: TC001  # FastAPI reads the annotations
from farm.api.page import page
from farm.gate.explain import DIFFER
from farm.pages.gates import GatePage, Gates, Needs, gate, gates, needs

if TYPE_CHECKING:
    from fastapi import FastAPI

    from farm.daemon import Daemon

SHOWN = 50
"""Checks of one page."""


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add them to the application."""

    @page(app, "/gates")
    def the_gates() -> Gates:
        return gates(daemon.gates.views(), [view.schedule.name for view in daemon.schedules.all()])

    @page(app, "/gates/{name}")
    def the_gate(name: Name) -> GatePage:
        found = daemon.gates.history(name, SHOWN + 1)
        return gate(daemon.gates.view(name), found[:SHOWN], more=len(found) > SHOWN)

    @page(app, "/gates/{name}/needs")
    def the_needs(name: Name) -> Needs:
        return needs(daemon.gates.explain(name, cells=None, differ=DIFFER))
