"""What every kind of truth tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from farm.model.recipe import Task


@dataclass(frozen=True)
class Truth:
    """By input: fields of an `InputFrame`."""

    path: Path
    task: Task
    """Whose truth it is."""
    by_file: dict[str, dict[str, object]]
    names: dict[int, str] = field(default_factory=dict)
    """Of classes, by index."""
    files: dict[str, Path] = field(default_factory=dict)
    """sha256 -> file, of what travels as an artifact."""
    by_stem: bool = False
    """`by_file` holds names without their ending."""
    may_hold_more: bool = False
    """A whole data set's, of which the inputs may be a part."""

    def key(self, name: str) -> str:
        """Under which an input stands in `by_file`."""
        return name.rpartition(".")[0] or name if self.by_stem else name
