"""Assertions: every `assertions/*.py` that defines `check(evidence) -> Finding | None`, found the way pytest finds tests."""

from __future__ import annotations

import importlib.util
import inspect
import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import farm
from farm.errors import FarmError, JobError
from farm.report.document import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.assess.evidence import Evidence

REMEDY = "define `def check(evidence: Evidence) -> Finding | None` (docs/assertions.md)"


@dataclass(frozen=True)
class Assertion:
    """One file's check."""

    name: str
    """The file's, without `.py`."""
    path: Path
    check: Callable[[Evidence], Finding | None]
    once: bool = False
    """What it finds does not hang on which frames are drawn: it is not asked again for resamplings. `ONCE = True` in the file."""

    def __call__(self, evidence: Evidence) -> Finding | None:
        """The finding; None when the assertion does not apply.

        Raises:
            JobError: the file's code failed, or returned something else; names file and line.
        """
        try:
            finding: Any = self.check(evidence)
        except FarmError:
            raise
        except Exception as e:  # a user's code may raise anything
            raise JobError(f"{type(e).__name__}: {e}", where=_place(e, self.path), remedy="mend the assertion") from e
        if finding is not None and not isinstance(finding, Finding):
            raise JobError(
                f"check returned {type(finding).__name__}, not a Finding or None",
                where=f"{self.path}:{self.check.__code__.co_firstlineno}",
                remedy=REMEDY,
            )
        return finding


def folder() -> Path:
    """Where the assertions are: inside an installed package, else beside it in a checkout."""
    package = Path(farm.__file__).parent
    bundled = package / "bundled" / "assertions"
    return bundled if bundled.is_dir() else package.parent / "assertions"


def discover(where: Path | None = None) -> tuple[Assertion, ...]:
    """All assertions of a folder, by file name; files that start with `_` are helpers.

    Raises:
        JobError: the folder has none, or a file cannot be loaded or has no fitting `check`; names file and line.
    """
    where = where or folder()
    files = sorted(p for p in where.glob("*.py") if not p.name.startswith("_"))
    if not files:
        raise JobError("holds no assertion", where=str(where), remedy="put the files of assertions/ there")
    return tuple(load(path) for path in files)


def load(path: Path) -> Assertion:
    """The assertion of a file.

    Raises:
        JobError: it cannot be loaded, or has no `check` that takes one argument; names file and line.
    """
    name = f"farm_assertions.{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise JobError("cannot be loaded", where=str(path), remedy=REMEDY)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as e:
        raise JobError(f"is not Python: {e.msg}", where=f"{path}:{e.lineno}", remedy="mend the assertion") from e
    except Exception as e:  # a user's code may raise anything
        raise JobError(f"{type(e).__name__}: {e}", where=_place(e, path), remedy="mend the assertion") from e
    check = getattr(module, "check", None)
    if not inspect.isfunction(check):
        raise JobError("defines no function `check`", where=f"{path}:1", remedy=REMEDY)
    try:
        inspect.signature(check).bind(object())
    except TypeError as e:
        raise JobError(
            f"check{inspect.signature(check)} does not take the evidence as its one argument",
            where=f"{path}:{check.__code__.co_firstlineno}",
            remedy=REMEDY,
        ) from e
    return Assertion(path.stem, path, check, bool(getattr(module, "ONCE", False)))


def _place(error: BaseException, path: Path) -> str:
    """File and line of the last frame of the traceback inside the assertion's file."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == path]
    return f"{path}:{lines[-1] if lines else 1}"
