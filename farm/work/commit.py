"""The commit that a git checkout is at, for the history."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from farm.errors import JobError

if TYPE_CHECKING:
    from pathlib import Path

GIT_S = 20.0
"""A large tree on a slow disk is looked through in less."""
WORDS = 300
"""Characters of what git says."""
_COMMIT = re.compile(r"[0-9a-f]{40}(-dirty)?")
_ARGUMENTS = (
    # What a checkout's own configuration would have git run to look at its files.
    *("--no-pager", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"),
    *("describe", "--always", "--exclude=*", "--abbrev=40", "--dirty"),
)


def commit_of(folder: Path) -> str:
    """The 40 digits of the commit at the checkout's HEAD; with `-dirty` where a file that git knows differs from it.

    Raises:
        JobError: the folder is not within a checkout, it has no commit yet, or there is no git.
    """
    # GIT_DIR and the like would name another checkout, as in a hook that called us.
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *_ARGUMENTS], stdin=subprocess.DEVNULL, capture_output=True, timeout=GIT_S,
            env=own | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise _unknown(folder, "there is no git on this computer") from None
    except OSError as e:
        raise _unknown(folder, f"git cannot be run: {e.strerror}") from e
    except subprocess.TimeoutExpired:
        raise _unknown(folder, f"git did not answer within {GIT_S:.0f} s") from None
    answer = done.stdout.decode(errors="replace").strip()
    if done.returncode != 0 or not _COMMIT.fullmatch(answer):
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise _unknown(folder, f"git says: {said[-1][:WORDS]}" if said else "git names no commit")
    return answer


def _unknown(folder: Path, why: str) -> JobError:
    return JobError(
        f"the commit is not known: {why}", where=str(folder), remedy="name a folder of a git checkout as `repository`"
    )
