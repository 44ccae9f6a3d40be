"""The commit of a checkout, as git itself tells it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from farm.errors import JobError
from farm.work.commit import commit_of

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *words: str) -> str:
    """What a command of git says."""
    own = ("-c", "user.name=ana", "-c", "user.email=ana@lab", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(folder), *own, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def checkout(folder: Path, *, hashes: str = "sha1") -> str:
    """Make a checkout with one file, and a tag; its commit."""
    folder.mkdir(exist_ok=True)
    git(folder, "init", "-q", f"--object-format={hashes}")
    (folder / "train.py").write_text("lr = 0.1\n")
    git(folder, "add", "train.py")
    return commit(folder)


def commit(folder: Path) -> str:
    """Commit what git knows, as it is; the commit."""
    git(folder, "commit", "-qam", "as it is")
    git(folder, "tag", "-f", "v1")
    return git(folder, "rev-parse", "HEAD")


def test_a_checkouts_commit_and_whether_its_files_are_those(tmp_path: Path) -> None:
    lab = tmp_path / "a lab"
    built = checkout(lab)
    (lab / "models").mkdir()
    assert commit_of(lab) == commit_of(lab / "models") == built
    (lab / "models" / "m.tflite").write_bytes(b"built")
    assert commit_of(lab) == built, "what git does not know was built"
    (lab / "train.py").write_text("lr = 0.2\n")
    assert commit_of(lab) == f"{built}-dirty"
    later = commit(lab)
    assert commit_of(lab) == later != built


def test_a_commit_of_sha256_is_cut_to_what_a_submission_holds(tmp_path: Path) -> None:
    built = checkout(tmp_path / "lab", hashes="sha256")
    assert (len(built), commit_of(tmp_path / "lab")) == (64, built[:40])


def test_a_hooks_environment_names_no_other_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, other = checkout(tmp_path / "ours"), tmp_path / "other"
    checkout(other)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert commit_of(tmp_path / "ours") == ours


def test_a_checkouts_configuration_runs_nothing(tmp_path: Path) -> None:
    built = checkout(tmp_path / "lab")
    ran = tmp_path / "ran"
    git(tmp_path / "lab", "config", "core.fsmonitor", f"touch {ran}; true")
    assert commit_of(tmp_path / "lab") == built
    assert not ran.exists()


@pytest.mark.parametrize(
    ("what", "told"), [("folder", "not a git repository"), ("nothing", "No such file"), ("empty", "git says: ")]
)
def test_without_a_commit_the_words_say_why(tmp_path: Path, what: str, told: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").mkdir()
    git(tmp_path / "empty", "init", "-q")
    with pytest.raises(JobError, match=told) as e:
        commit_of(tmp_path / what)
    assert (e.value.where, "repository" in e.value.remedy) == (str(tmp_path / what), True)


def test_a_computer_without_git_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(JobError, match="there is no git on this computer"):
        commit_of(tmp_path)


def test_git_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("farm.work.commit.GIT_S", 0.2)
    with pytest.raises(JobError, match="did not answer"):
        commit_of(tmp_path)
