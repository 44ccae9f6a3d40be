"""Limits on a file of assertions of a user's: the section `[assertions]` of farm.toml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """Of one file's process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout_s: float = Field(default=60.0, gt=0, le=3600)
    memory_mb: int = Field(default=4096, ge=512)
    """Of addresses, MiB: numpy and pyarrow take about a gigabyte of them."""


LIMITS = Limits()
