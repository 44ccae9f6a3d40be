"""What happened, as lines of news: regressions, devices, nights. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from farm.trend.news import News, counted, listed, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.schedule.schedule import Night
    from farm.store.device_changes import DeviceChange
    from farm.store.gate_news import Check
    from farm.trend.news import Severity
    from farm.trend.regression import Regression
    from farm.trend.series import Key

DIFFERING = 3
"""Circumstances told in a title before it says how many more differ."""


def of_regression(regression: Regression) -> News | None:
    """What is told of it; None of what is no news: a suspect that is run again, what people decided themselves.

    Circumstances that are not the same before and after come first: the figure may be theirs and not the model's.
    """
    key, shift = regression.key, regression.shift
    if regression.status not in {"confirmed", "recovered"}:
        return None
    subject = f"{plain(key.metric)} of {plain(key.model)} on {plain(key.serial)}"
    if key.configuration:
        subject += f" ({plain(key.configuration)})"
    moved = f"{shift.before:.4g} to {shift.after:.4g}{f' {regression.unit}' if regression.unit else ''}"
    change = f"{100 * shift.change:+.1f} %" if shift.relative else f"{100 * shift.change:+.1f} points"
    differing = "; ".join(
        f"{plain(d.name)} {plain(d.before) or 'none'} -> {plain(d.after) or 'none'}"
        for d in shift.differing[:DIFFERING]
    )
    if len(shift.differing) > DIFFERING:
        differing += f"; {counted(len(shift.differing) - DIFFERING, 'more circumstance')}"
    if regression.status == "recovered":
        title, detail = (
            f"{subject} is back at {shift.before:.4g} {regression.unit}".rstrip(),
            f"it had gone from {moved}",
        )
    elif differing:
        title = f"under other circumstances ({differing}), {subject} went from {moved} ({change})"
        detail = "look at what differs first: it may be the cause"
    else:
        title, detail = f"{subject} went from {moved} ({change})", "nothing else that is known differs"
    bad = regression.status == "confirmed" and shift.worse
    return News(
        kind="regression",
        severity="bad" if bad else "good",
        title=title,
        detail=f"{detail}. {counted(shift.nights_after, 'night')} against {shift.nights_before} before",
        link=trend_link(key),
        models=(key.model,),
        devices=(key.serial,),
        configuration=key.configuration,
        runs=(shift.run,),
    )


def of_gate(check: Check, checks: int = 1, failed: int = 0) -> News:
    """The newest answer of a gate; of its `checks` in that time so many `failed`."""
    words = {"fail": "failed", "undecided": "has not enough evidence", "pass": "passes again"}
    severities: dict[str, Severity] = {"fail": "bad", "undecided": "warning", "pass": "good"}
    about = f" on {plain(check.subject)}" if check.subject else ""
    of_all = f"{failed} of {checks} checks failed" if checks > 1 else ""
    return News(
        kind="gate",
        severity=severities[check.outcome],
        title=f"gate {plain(check.gate)} {words[check.outcome]}{about}",
        detail=". ".join(filter(None, (plain(check.summary, 600), of_all))),
        link=f"/gates/{quote(check.gate, safe='')}",
    )


def still_regressed(regressions: Sequence[Regression]) -> News | None:
    """One line of those that were told before and that nobody has taken up; None without any."""
    worse = [r for r in regressions if r.shift.worse]
    if not worse:
        return None
    models = tuple(dict.fromkeys(r.key.model for r in worse))
    return News(
        kind="regression",
        severity="note",
        title=f"{counted(len(worse), 'regression')} of earlier nights {'waits' if len(worse) == 1 else 'wait'} for a word",
        detail=f"{listed(models)}. See `farm regressions list`; acknowledge, accept or ignore them",
        link="/trend",
        models=models,
        devices=tuple(dict.fromkeys(r.key.serial for r in worse)),
    )


def of_device(change: DeviceChange) -> News:
    """A device that went out of order, or came back."""
    words = {
        "quarantined": "was put into quarantine",
        "needs-human": "needs a person",
        "released": "is back from quarantine",
    }
    back = change.kind == "released"
    detail = plain(change.detail, 400)
    if not back:
        detail = f"{detail}. Once it is mended: `farm device heal {plain(change.serial)}`" if detail else ""
    return News(
        kind="device",
        severity="good" if back else "warning",
        title=f"{plain(change.serial)} {words[change.kind]}",
        detail=detail,
        link=f"/fleet/{quote(change.serial, safe='')}",
        devices=(change.serial,),
    )


def still_out_of_order(serials: Sequence[str]) -> News | None:
    """One line of devices that were out of order before; None without any."""
    if not serials:
        return None
    return News(
        kind="device",
        severity="note",
        title=f"{counted(len(serials), 'device')} still out of order: {listed(serials)}",
        link="/fleet",
        devices=tuple(serials),
    )


def of_night(night: Night, done: int, runs: int) -> News | None:
    """A night that is not simply over; None when it is. `done` of its `runs` are over."""
    name, link = plain(night.schedule), f"/nights/{night.id}"
    late = f"{counted(night.missed, 'earlier moment')} fell into a downtime" if night.missed else ""
    if night.status == "failed":
        return News(kind="night", severity="bad", title=f"nightly {name} ran nothing", detail=night.note, link=link)
    if night.status == "skipped":
        return News(kind="night", severity="note", title=f"nightly {name} was skipped", detail=night.note, link=link)
    if night.status == "open":
        title = (
            f"nightly {name} is under way: {done} of {counted(runs, 'run')} over" if runs else f"nightly {name} waits"
        )
        return News(kind="night", severity="note", title=title, detail=night.note or late, link=link)
    return (
        News(kind="night", severity="note", title=f"nightly {name} ran late", detail=late, link=link) if late else None
    )


def no_night(schedules: Sequence[str]) -> News | None:
    """Not one night, though these schedules had to run; None without any."""
    if not schedules:
        return None
    return News(
        kind="night",
        severity="warning",
        title="no nightly ran",
        detail=f"{counted(len(schedules), 'schedule')}: {listed(schedules)}. See `farm schedule list`",
        link="/",
    )


def trend_link(key: Key) -> str:
    """The page of one series."""
    asked = {
        "model": key.model, "device": key.serial, "metric": key.metric, "configuration": key.configuration,
        "schedule": key.schedule,
    }  # fmt: skip
    return f"/trend?{urlencode({name: value for name, value in asked.items() if value})}"
