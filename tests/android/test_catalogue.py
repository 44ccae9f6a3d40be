"""The catalogue: every line is one that a shell reads, any answer is read, and nobody sends anything else."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.android import catalogue, script
from farm.android.command import OLDEST, Command, Line, Said, as_is
from farm.android.commands import battery, files, logs, packages, thermal
from tests.conftest import ROOT

FARM = ROOT / "farm"
SENDERS = {
    "fleet/adb.py",  # the transport itself
    "fleet/streams.py",  # what people type, and the log they read
    "run/passes.py",  # the agent
    "run/samplers/clock.py",  # the agent's clock
}
COMMANDS = catalogue.every()
IDS = [c.name for c in COMMANDS]


def sent(path: str) -> list[int]:
    """Lines on which a module sends something that is not of the catalogue."""
    tree = ast.parse((FARM / path).read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    return [
        call.lineno
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and (
            call.func.attr == "script" or (call.func.attr == "shell" and "DeviceClient(" not in ast.unparse(call.func))
        )
    ]


def test_nobody_sends_what_is_not_in_the_catalogue() -> None:
    modules = [str(p.relative_to(FARM)) for p in FARM.rglob("*.py") if p.relative_to(FARM).parts[0] != "virtual"]
    assert {m: sent(m) for m in modules if m not in SENDERS and sent(m)} == {}
    assert all(sent(m) for m in SENDERS)


def test_the_room_knows_nothing_above_it() -> None:
    found = set()
    for path in (FARM / "android").rglob("*.py"):
        found |= set(re.findall(r"^\s*(?:from|import) (farm\.\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert found <= {"farm.android", "farm.errors"}


@pytest.mark.parametrize("command", COMMANDS, ids=IDS)
def test_every_line_is_one_that_a_shell_reads(command: Command[..., object]) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z-]+", command.name)
    assert command.source
    assert OLDEST <= command.since <= (command.until or max(catalogue.ANDROID))
    assert command.since in catalogue.ANDROID
    assert command.needs != "root", "the farm works without"
    shells = [shell for shell in ("mksh", "dash", "bash") if shutil.which(shell)]
    for shell in shells:
        for line in (command.shown, script.as_app("a.b", Line(command.name, command.shown, as_is)).text):
            done = subprocess.run([shell, "-n", "-c", line], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr


@given(st.sampled_from(COMMANDS), st.text(), st.text(), st.integers(0, 255))
def test_any_answer_is_read_without_an_error(command: Command[..., object], text: str, error: str, status: int) -> None:
    command.read(Said(text, error, status))


@given(st.text(alphabet=st.characters(exclude_characters="\0"), min_size=1))
def test_nothing_that_is_handed_in_is_the_shells_to_read(word: str) -> None:
    lines = [
        files.remove_tree(word), files.size(word), files.copy(word, "/x"), packages.paths(word),
        packages.start("a/.B", {"k": word}), packages.install(word, "-r"), packages.instrument("a/.R", {"k": word}),
    ]  # fmt: skip
    for line in lines:
        assert word in shlex.split(line.text)
    (inner,) = (w for w in shlex.split(files.copy_into_app("a.b", "/x", word).text) if w.startswith("cat > "))
    assert shlex.split(inner.removeprefix("cat > ")) == [word]
    assert shlex.split(shlex.split(script.as_app("a.b", files.size(word)).text)[-1])[-1] == word


def test_several_in_one_line_keep_their_answers_apart() -> None:
    line = script.together({"a": Line("x", "echo one; echo two >&2", as_is), "b": Line("y", "false", as_is)})
    done = subprocess.run(["sh", "-c", line.text], capture_output=True, text=True, check=False)
    assert line.command == "x, y"
    assert line.read(Said(done.stdout)) == {"a": "one\ntwo", "b": ""}


def test_what_is_watched_is_asked_twice() -> None:
    watched, between = {"n": Line("x", "echo $$", as_is)}, {"b": battery.dump(), "t": thermal.dump()}
    line = script.twice(watched, between, 0)
    done = subprocess.run(["sh", "-c", line.text], capture_output=True, text=True, check=False)
    assert list(line.read(Said(done.stdout))) == ["n1", "b", "t", "n2"]


def test_the_end_of_an_answer_has_its_complaints() -> None:
    line = script.end_of(script.in_turn(Line("x", "echo one", as_is), Line("y", "echo two >&2", as_is)), 6)
    done = subprocess.run(["sh", "-c", line.text], capture_output=True, text=True, check=False)
    assert line.read(Said(done.stdout)) == "e\ntwo\n"


def test_the_table_in_the_docs_is_the_catalogues() -> None:
    page = (ROOT / "docs" / "android-commands.md").read_text(encoding="utf-8")
    assert catalogue.table() in page, "run: python tools/android_commands.py"
    for name, why in catalogue.UNRECORDED.items():
        assert f"- {name}: {why}\n" in page, "run: python tools/android_commands.py"
    assert logs.last(3).text == "logcat -d -v threadtime -t 3"
