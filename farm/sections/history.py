"""[history]: what lasts, how long the state file keeps what is large, and what a question may take."""

from __future__ import annotations

from pydantic import Field

from farm.sections.base import Section


class History(Section):
    """Facts of runs as Parquet by day (docs/history.md)."""

    every_min: float = Field(default=15.0, gt=0)
    """Between two looks for days that are over."""
    document_days: float = Field(default=30.0, ge=0)
    """Age at which a run's document leaves the state file for an archive, from which it is read back where it is asked for, and
    events leave the log. 0: never."""
    keep_days: float = Field(default=0.0, ge=0)
    """Age at which a day leaves the history, and its runs' documents with it; 0: never."""
    query_s: float = Field(default=60.0, gt=0)
    """What a question may take."""
    query_memory_mb: int = Field(default=1024, ge=64)
    query_rows: int = Field(default=100_000, ge=1, le=10_000_000)
    """Of an answer."""
    queries: int = Field(default=2, ge=1, le=100)
    """At once; one more is told to come again."""
