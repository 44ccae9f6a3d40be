"""What `am instrument -w -r` prints: statuses as they come, the result, and every way to end without one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.errors import AppError, BugError, FarmError, InfrastructureError, ModelError, StorageError
from farm.run.app.bench import extras, failure
from farm.run.app.instrument import OK, Output, Status

COMPONENT = "dev.exray.bench/.Runner"
# AOSP, frameworks/base: ActivityManagerService.startInstrumentation and reportStartInstrumentationFailureLocked
# (`results.putString("id", "ActivityManagerService"); results.putString("Error", report);`), Instrument.java's
# `throw new AndroidException("INSTRUMENTATION_FAILED: " + cn.flattenToString())`, printed by BaseCommand on stderr.
NOT_THERE = f"""\
INSTRUMENTATION_STATUS: Error=Unable to find instrumentation info for: ComponentInfo{{dev.exray.bench/dev.exray.bench.Runner}}
INSTRUMENTATION_STATUS: id=ActivityManagerService
INSTRUMENTATION_STATUS_CODE: -1
onError: commandError=true message=INSTRUMENTATION_FAILED: {COMPONENT}
"""
# ActivityManagerService.crashApplication (later AppErrors): `info.putString("shortMsg", shortMsg)`, the same for `longMsg`, and
# `finishInstrumentationLocked(r, Activity.RESULT_CANCELED, info)`.
CRASHED = """\
INSTRUMENTATION_STATUS: progress=3/120
INSTRUMENTATION_STATUS_CODE: 1
INSTRUMENTATION_RESULT: longMsg=Process crashed.
INSTRUMENTATION_RESULT: shortMsg=Process crashed.
INSTRUMENTATION_CODE: 0
"""
THROWN = """\
INSTRUMENTATION_RESULT: longMsg=java.lang.UnsatisfiedLinkError: dlopen failed: library "libexray_agent_jni.so" not found
INSTRUMENTATION_RESULT: shortMsg=java.lang.UnsatisfiedLinkError
INSTRUMENTATION_CODE: 0
"""
GONE = "onError: commandError=false message=INSTRUMENTATION_ABORTED: System has crashed.\n"
GONE += "INSTRUMENTATION_ABORTED: System has crashed.\n"


def read(text: str | bytes, *, piece: int = 1 << 20) -> tuple[Output, list[Status]]:
    statuses: list[Status] = []
    told = Output(statuses.append)
    data = text if isinstance(text, bytes) else text.encode()
    for start in range(0, len(data), piece):
        told.feed(data[start : start + piece])
    told.end()
    return told, statuses


def of(text: str, stderr: bytes = b"") -> FarmError | None:
    return failure(read(text)[0], stderr, "here")


def error(code: str, kind: str) -> str:
    told = json.dumps({"error": {"code": code, "message": "what happened", "kind": kind, "where": "a place"}})
    return f"INSTRUMENTATION_RESULT: error={told}\nINSTRUMENTATION_RESULT: exit=2\nINSTRUMENTATION_CODE: -1\n"


values = st.dictionaries(
    st.text(st.characters(codec="ascii", exclude_characters="=\n\r"), min_size=1, max_size=12),
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=20), min_size=1, max_size=3)
    .filter(lambda lines: not any(line.startswith(("INSTRUMENTATION_", "onError: ")) for line in lines[1:]))
    .map("\n".join),
    max_size=5,
)
statuses = st.builds(Status, st.integers(-9, 9), values)


def printed(status: Status, word: str, code: str) -> str:
    """As TextStatusReporter does it."""
    lines = [f"INSTRUMENTATION_{word}: {key}={status.values[key]}\n" for key in sorted(status.values)]
    return "".join(lines) + f"INSTRUMENTATION_{code}: {status.code}\n"


@given(st.lists(statuses, max_size=5), statuses, st.integers(1, 64))
def test_what_was_printed_is_read_however_it_is_cut(on_the_way: list[Status], end: Status, piece: int) -> None:
    text = "".join(printed(status, "STATUS", "STATUS_CODE") for status in on_the_way) + printed(end, "RESULT", "CODE")
    told, seen = read(text, piece=piece)
    assert seen == on_the_way
    assert told.result == end
    assert not told.wrong


@given(st.binary(max_size=400), st.integers(1, 64))
def test_garbage_is_no_error(data: bytes, piece: int) -> None:
    told, _ = read(data, piece=piece)
    failure(told, data, "here")


@given(st.lists(st.sampled_from([*CRASHED.splitlines(), *NOT_THERE.splitlines(), *GONE.splitlines(), "", "x=1"])))
def test_lines_in_any_order_are_no_error(lines: list[str]) -> None:
    assert isinstance(of("\n".join(lines)), FarmError)


def test_a_line_without_end_is_kept_short() -> None:
    told, seen = read(b"INSTRUMENTATION_STATUS: line=" + bytes(1 << 20), piece=4096)
    assert not seen
    assert len(told.said) < 1 << 17


def test_words_between_the_values_are_no_part_of_them() -> None:
    text = "WARNING: linker: something\nINSTRUMENTATION_STATUS: progress=1/2\nINSTRUMENTATION_STATUS_CODE: 1\nmore\n"
    told, seen = read(text + "INSTRUMENTATION_RESULT: exit=0\r\nINSTRUMENTATION_CODE: -1\r\n")
    assert seen == [Status(1, {"progress": "1/2"})]
    assert told.result == Status(OK, {"exit": "0"})
    assert told.said == "WARNING: linker: something\nmore\n"
    assert failure(told, b"", "here") is None


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        (NOT_THERE, AppError, "not the farm's: Unable to find instrumentation info"),
        (CRASHED, AppError, "crashed: Process crashed."),
        (THROWN, AppError, r"crashed: java\.lang\.UnsatisfiedLinkError \(java.*libexray_agent_jni"),
        (GONE, InfrastructureError, "INSTRUMENTATION_ABORTED: System has crashed"),
        ("", InfrastructureError, "without a result: it said nothing"),
        ("Killed\n", InfrastructureError, "without a result: Killed"),
        ("INSTRUMENTATION_CODE: -1\n", BugError, "without the agent's status"),
        (error("invoke-failed", "job"), ModelError, r"invoke-failed: what happened \(a place\)"),
        (error("storage-full", "infrastructure"), StorageError, "storage-full"),
        (error("context-refused", "infrastructure"), InfrastructureError, "context-refused"),
        (error("agent-died", "job"), ModelError, "agent-died"),
        ("INSTRUMENTATION_RESULT: exit=139\nINSTRUMENTATION_CODE: -1\n", ModelError, r"exit code 139 \(signal 11\)"),
    ],
)
def test_every_end_has_its_class_and_its_words(text: str, kind: type[FarmError], words: str) -> None:
    found = of(text)
    assert type(found) is kind
    with pytest.raises(kind, match=words):
        raise found
    assert found.remedy


def test_what_am_says_on_stderr_is_told_where_nothing_else_is() -> None:
    assert "SecurityException" in str(of("", b"java.lang.SecurityException: Permission Denial"))


def test_the_agents_options_become_extras() -> None:
    told = extras("run", ["--threads", "4", "--label", "run=7", "--label", "kind=a=b", "--normalize", ""])
    assert told == {"command": "run", "threads": "4", "label.run": "7", "label.kind": "a=b", "normalize": ""}
    for wrong in (["--threads"], ["threads", "4"]):
        with pytest.raises(BugError):
            extras("run", wrong)
