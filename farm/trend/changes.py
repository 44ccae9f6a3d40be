"""What changed between two nights: verdicts, causes, what does not run any more and what runs again. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from farm.trend.news import News, Severity, counted, listed, plain, worst_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from farm.schedule.schedule import Missing
    from farm.trend.news import Kind
    from farm.trend.nightly import NightlyRun

UNKNOWN = frozenset({"", "unexplained", "not identifiable"})
"""Causes that name none."""
OPEN = frozenset({"queued", "running"})
_WORST = ("fail", "undecided", "pass", "done", "not run", "open")
"""Of several runs of one model, device and configuration in a night, this one stands for all."""


class _Group(NamedTuple):
    """What is told in one line: these are equal."""

    kind: Kind
    severity: Severity
    about: tuple[str, ...]
    """Model and configuration, or the device, then the words."""


def word(run: NightlyRun) -> str:
    """`fail`, `undecided` or `pass` as the verdict says, `done` without one, `not run`, or `open`."""
    if run.status in OPEN:
        return "open"
    return (run.verdict or "done") if run.status == "done" else "not run"


def changes(
    tonight: Sequence[NightlyRun], before: Sequence[NightlyRun], missing: Sequence[Missing] = ()
) -> tuple[News, ...]:
    """What of `tonight` is not as it was in the night `before` (empty: there was none), the worst first.

    `missing` are devices that should have taken part. Runs that wait or run are left out: nothing is known of them yet. What
    fails as it did is told in one line.
    """
    now, then = cells(tonight), cells(before)
    models = {model for model, _, _ in now}
    away = {device.serial for device in missing}
    failed = {run.cell for run in before if word(run) == "not run"}
    groups: dict[_Group, list[NightlyRun]] = defaultdict(list)
    for run in tonight:  # each, though another of its cell gave a result
        if word(run) == "not run":
            again = run.cell in failed
            about = (run.serial, "again" if again else "new", run.error)
            groups[_Group("not run", "note" if again else "warning", about)].append(run)
    for cell, run in now.items():
        group = _changed(run, then.get(cell))
        if group is not None:
            groups[group].append(run)
    for cell, run in then.items():
        if cell not in now and run.serial and run.serial not in away and word(run) not in {"not run", "open"}:
            if run.model in models:
                groups[_Group("not run", "warning", (run.serial, "absent"))].append(run)
            else:
                groups[_Group("not run", "note", (run.model, "not planned"))].append(run)
    there = {serial for _, serial, _ in then}
    return worst_first(
        [
            *(_line(group, runs) for group, runs in groups.items()),
            *(_away(device, is_new=not before or device.serial in there) for device in missing),
        ]
    )


def _away(device: Missing, *, is_new: bool) -> News:
    """A device that matched and was not ready; new: it had taken part the night before."""
    return News(
        kind="not run",
        severity="warning" if is_new else "note",
        title=f"nothing ran on {plain(device.serial)}: it was {plain(device.condition)}",
        detail=_sentences(device.reason, device.remedy),
        link=f"/fleet/{quote(device.serial, safe='')}",
        devices=(device.serial,),
    )


def cells(runs: Iterable[NightlyRun]) -> dict[tuple[str, str, str], NightlyRun]:
    """By model, serial and configuration, the run that stands for all of a night: the worst."""
    found: dict[tuple[str, str, str], NightlyRun] = {}
    for run in runs:
        known = found.get(run.cell)
        if known is None or _WORST.index(word(run)) < _WORST.index(word(known)):
            found[run.cell] = run
    return found


def _changed(now: NightlyRun, then: NightlyRun | None) -> _Group | None:
    """How the result of one cell is to be told; None when it needs no word, or there is none."""
    is_now, was = word(now), word(then) if then is not None else ""
    what = (now.model, now.configuration)
    if is_now in {"not run", "open"}:
        return None
    if is_now == "fail":
        if was != "fail":
            return _Group("verdict", "bad", (*what, was, now.cause))
        if then is not None and then.cause != now.cause:
            severity: Severity = "bad" if now.cause in UNKNOWN else "warning"
            return _Group("cause", severity, (*what, then.cause, now.cause))
        return _Group("verdict", "note", ("still",))
    if is_now == "undecided" and was in {"pass", "done"}:
        return _Group("verdict", "warning", (*what, was, now.cause))
    if is_now == "pass" and was in {"fail", "undecided"}:
        return _Group("verdict", "good", (*what, was))
    if was == "not run":
        return _Group("back", "good", (now.serial,))
    return None


def _line(group: _Group, runs: Sequence[NightlyRun]) -> News:
    first = runs[0]
    title, detail = _TELL[group.kind](group, runs)
    gone = group.about[-1] in {"absent", "not planned"}  # of the night before
    return News(
        kind=group.kind,
        severity=group.severity,
        title=title,
        detail=detail,
        link=f"/jobs/{first.job}/runs/{first.run}",
        models=_models(runs),
        devices=_devices(runs),
        configuration=first.configuration if len({run.configuration for run in runs}) == 1 else "",
        runs=() if gone else tuple(run.run for run in runs),
    )


def _verdict(group: _Group, runs: Sequence[NightlyRun]) -> tuple[str, str]:
    if group.severity == "note":
        return f"{counted(len(runs), 'run')} still {'fails' if len(runs) == 1 else 'fail'}: {listed(_models(runs))}", ""
    subject, was, first, where = _subject(runs[0]), group.about[2], runs[0], listed(_devices(runs))
    if group.severity == "good":
        return f"{subject} passes again on {where}", f"it {_DID[was]} the night before"
    earlier = f"it {_DID[was]} the night before" if was in _DID else "it had no verdict before"
    cause = ", cause unknown" if first.cause in UNKNOWN else f": {plain(first.cause)}"
    is_now = f"fails on {where}{cause}" if first.verdict == "fail" else f"is undecided on {where}"
    return f"{subject} {is_now}", _sentences(earlier, first.summary)


def _cause(group: _Group, runs: Sequence[NightlyRun]) -> tuple[str, str]:
    then, now = (("an unknown cause" if cause in UNKNOWN else plain(cause)) for cause in group.about[2:])
    title = f"{_subject(runs[0])} still fails on {listed(_devices(runs))}, now for {now}"
    return title, _sentences(f"it was {then} the night before", runs[0].summary)


def _not_run(group: _Group, runs: Sequence[NightlyRun]) -> tuple[str, str]:
    of, how = group.about[:2]
    names = listed(_models(runs))
    if how == "not planned":
        return f"{plain(of)} is not run any more", ""
    if how == "absent":
        return f"{names} did not run on {plain(of)}", "it did the night before"
    again = " again" if how == "again" else ""
    where = plain(of) or "any device that matches"
    title = f"{counted(len(runs), 'run')} on {where} gave no result{again}: {plain(runs[0].error, 200) or 'canceled'}"
    return title, _sentences(names, runs[0].remedy)


def _back(group: _Group, runs: Sequence[NightlyRun]) -> tuple[str, str]:
    return f"{plain(group.about[0]) or 'a device'} gives results again", listed(_models(runs))


_TELL: dict[Kind, Callable[[_Group, Sequence[NightlyRun]], tuple[str, str]]] = {
    "verdict": _verdict, "cause": _cause, "not run": _not_run, "back": _back,
}  # fmt: skip
_DID = {
    "pass": "passed", "fail": "failed", "done": "was not judged", "undecided": "was undecided", "not run": "did not run",
}  # fmt: skip


def _models(runs: Iterable[NightlyRun]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(run.model for run in runs))


def _devices(runs: Iterable[NightlyRun]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(run.serial for run in runs if run.serial))


def _subject(run: NightlyRun) -> str:
    return plain(run.model) + (f" ({plain(run.configuration)})" if run.configuration else "")


def _sentences(*parts: str) -> str:
    return ". ".join(plain(part, 400).rstrip(".") for part in parts if part)
