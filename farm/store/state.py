"""The state file: jobs, runs and leases, and what happened to them."""

from __future__ import annotations

from farm.store.jobs import Jobs
from farm.store.runs import LeaseLostError, Runs

__all__ = ["LeaseLostError", "State"]


class State(Jobs, Runs):
    """All that the queue keeps. See `farm.store.database.Database` for what every method raises."""
