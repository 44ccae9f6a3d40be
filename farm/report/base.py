"""What all parts of the report have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Base of all parts: immutable, and nothing unknown gets in."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")
