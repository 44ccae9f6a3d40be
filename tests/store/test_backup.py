"""Backup and restore: what comes back is what was there, and nothing else is believed."""

from __future__ import annotations

import io
import tarfile
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from farm.errors import InputsError, StorageError
from farm.store.artifacts import ArtifactStore
from farm.store.backup import MANIFEST, backup, read_manifest, restore
from farm.store.integrity import check
from farm.store.state import State
from tests.store.kit import add_job


@pytest.fixture
def data(tmp_path: Path) -> Path:
    add_job(tmp_path / "data", "first")
    return tmp_path / "data"


def names(data: Path) -> list[str]:
    state = State(data / "state.db")
    try:
        return [job.model for job in state.jobs(100)]
    finally:
        state.close()


def whole(data: Path) -> None:
    found = check(data)
    assert (found.problems, found.removed) == ((), 0)


def test_what_comes_back_is_what_was_there(data: Path, tmp_path: Path) -> None:
    add_job(data, "open", over=False)
    computed = ArtifactStore(data / "artifacts").put(b"tensors")
    (data / "token").write_text("secret")
    made = backup(data, tmp_path / "b.tar")
    assert (made.artifacts, made.named, made.missing) == (6, 6, 0)
    restored = tmp_path / "new" / "data"
    assert restore([tmp_path / "b.tar"], restored).artifacts == 6
    whole(restored)
    assert names(restored) == ["open", "first"]
    assert not ArtifactStore(restored / "artifacts").has(computed), "it can be computed again"
    assert not (restored / "token").exists()
    state = State(restored / "state.db")
    job = state.job(1)
    state.close()
    assert job is not None
    assert job.report == str(restored / "reports" / "1" / "report.html")
    assert Path(job.report).read_text() == "report first"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.tar", "data", "new"], "nothing is left half-written"


def test_a_later_backup_holds_what_is_new(data: Path, tmp_path: Path) -> None:
    full, later, latest = (tmp_path / name for name in ("full.tar", "later.tar", "latest.tar"))
    backup(data, full)
    add_job(data, "second")
    assert backup(data, later, since=full).artifacts == 4
    add_job(data, "third")
    assert backup(data, latest, since=later).artifacts == 4
    with pytest.raises(StorageError, match="4 files"):
        restore([full, latest], tmp_path / "gap")
    assert not (tmp_path / "gap").exists()
    restore([full, later, latest], tmp_path / "new")
    whole(tmp_path / "new")
    assert names(tmp_path / "new") == ["third", "second", "first"]


def test_a_backup_is_of_one_moment_while_jobs_are_written(data: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            add_job(data, f"meanwhile {(number := number + 1)}")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            backup(data, tmp_path / f"{number}.tar")
    finally:
        stop.set()
        writer.join()
    for number in range(5):
        restore([tmp_path / f"{number}.tar"], tmp_path / f"new{number}")
        whole(tmp_path / f"new{number}")


def test_a_folder_that_is_not_empty_is_left_alone(data: Path, tmp_path: Path) -> None:
    backup(data, tmp_path / "b.tar")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    with pytest.raises(InputsError, match="not empty"):
        restore([tmp_path / "b.tar"], tmp_path / "mine")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_bytes_that_rotted_are_noticed(data: Path, tmp_path: Path) -> None:
    backup(data, tmp_path / "b.tar")
    content = (tmp_path / "b.tar").read_bytes()
    (tmp_path / "b.tar").write_bytes(content.replace(b"capture first", b"capture f1rst"))
    with pytest.raises(StorageError, match="expected"):
        restore([tmp_path / "b.tar"], tmp_path / "new")
    assert not (tmp_path / "new").exists()


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 0.95))
def test_a_backup_that_was_cut_off_is_refused(data: Path, tmp_path: Path, share: float) -> None:
    file, cut = tmp_path / "b.tar", tmp_path / "cut.tar"
    if not file.exists():
        backup(data, file)
    content = file.read_bytes().rstrip(b"\0")
    cut.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputsError):
        restore([cut], tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "name", ["../../evil", "/tmp/evil", "artifacts/ab/../../x", "reports/1/../../state.db", "token"]
)
def test_a_name_that_leads_elsewhere_is_refused(data: Path, tmp_path: Path, name: str) -> None:
    backup(data, tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar", "a") as archive:
        head = tarfile.TarInfo(name)
        head.size = 4
        archive.addfile(head, io.BytesIO(b"evil"))
    with pytest.raises(InputsError, match="holds"):
        restore([tmp_path / "b.tar"], tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_link_is_refused(data: Path, tmp_path: Path) -> None:
    backup(data, tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar", "a") as archive:
        head = tarfile.TarInfo("reports/1/report.html")
        head.type, head.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(head)
    with pytest.raises(InputsError, match="no file"):
        restore([tmp_path / "b.tar"], tmp_path / "new")


def test_another_tar_is_no_backup(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        head = tarfile.TarInfo(MANIFEST)
        head.size = 2
        archive.addfile(head, io.BytesIO(b"{}"))
    with pytest.raises(InputsError, match="no backup"):
        read_manifest(tmp_path / "x.tar")
    with pytest.raises(InputsError, match="cannot be read"):
        read_manifest(tmp_path / "none.tar")
