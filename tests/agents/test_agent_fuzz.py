"""The fuzz targets over their corpus and damaged copies of it, under the sanitizers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .kit import NATIVE, locked

FUZZ = NATIVE / "fuzz"
TARGETS = sorted(path.stem.removeprefix("fuzz_") for path in FUZZ.glob("fuzz_*.c"))
DAMAGED = 2000


def make(target: str) -> Path:
    with locked(NATIVE / "build" / ".lock"):
        done = subprocess.run(["make", "-C", NATIVE, target], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return NATIVE / "build" / "fuzz"


@pytest.fixture(scope="session")
def replays(sanitized: Path) -> Path:
    assert sanitized.is_file()  # its objects are the ones that are fuzzed
    return make("fuzz-replay")


@pytest.mark.parametrize("target", TARGETS)
def test_target_survives_its_corpus_and_damaged_copies(replays: Path, target: str) -> None:
    corpus = FUZZ / "corpus" / target
    for seed in ("1", "2"):
        command: list[str | Path] = [replays / f"replay-{target}", corpus, str(DAMAGED), seed]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{len(list(corpus.iterdir()))} files, {DAMAGED} damaged\n"


def test_driver_sees_a_read_too_far(tmp_path: Path) -> None:
    # A target that is wrong, behind the same driver: that nothing was found means something.
    source = tmp_path / "wrong.c"
    source.write_text(
        "#include <stddef.h>\n#include <stdint.h>\nint LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);\n"
        "int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return size > 3 && data[size] == 7; }\n"
    )
    flags = ["-std=c11", "-D_XOPEN_SOURCE=700", "-fsanitize=address", f"-I{FUZZ}"]
    subprocess.run(["cc", *flags, "-o", tmp_path / "wrong", source, FUZZ / "replay.c"], check=True)
    wrong: list[str | Path] = [tmp_path / "wrong", FUZZ / "corpus" / "ppm", "100", "1"]
    done = subprocess.run(wrong, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_libfuzzer_finds_nothing_in_ten_thousand_runs(target: str, tmp_path: Path) -> None:
    if shutil.which("clang") is None:
        pytest.skip("no clang here")
    fuzzer = make("fuzz") / f"libfuzzer-{target}"
    shutil.copytree(FUZZ / "corpus" / target, tmp_path / "corpus")
    command: list[str | Path] = [fuzzer, "-runs=10000", "-max_len=4096", "-seed=1", tmp_path / "corpus"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
