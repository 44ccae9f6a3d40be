"""The words of a digest, and of a gate's failing. Pure: typed news in, a message out."""

from __future__ import annotations

import re
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from farm.notify.message import TEXT_LIMIT, TITLE_LIMIT, Message
from farm.report.words import VIRTUAL_NOTE
from farm.trend.news import counted, listed, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from farm.notify.morning import Morning
    from farm.trend.news import Kind, News, Severity

LINES = 40
"""Lines of news in one message; the rest is counted."""
LINE_LIMIT = 600
"""Characters of one line's title, and of its detail."""
_MENTION = re.compile(r"@(?! )")
_HEADINGS: dict[Severity, str] = {"bad": "Worse", "warning": "To look at", "good": "Better", "note": "Also"}
_COUNTED: dict[Kind, tuple[str, str]] = {
    "gate": ("gate failed", "gates failed"),
    "night": ("nightly ran nothing", "nightlies ran nothing"),
    "regression": ("regression", "regressions"),
    "verdict": ("new failure", "new failures"),
    "cause": ("new unknown cause", "new unknown causes"),
    "not run": ("did not run", "did not run"),
    "device": ("device out of order", "devices out of order"),
    "back": ("back", "back"),
}


def digest(morning: Morning, day: date, *, link: str = "") -> Message:
    """One night's digest. `link` is the lab's address as its readers reach it; empty: no links."""
    changed = [one for one in morning.news if one.severity != "note"]
    title = f"farm, {day:%a} {day.day} {day:%b}: {summary(changed) or 'nothing changed'}"
    ran = f"{counted(morning.nights, 'nightly').replace('nightlys', 'nightlies')}, {counted(morning.runs, 'run')}"
    first = ran if changed else f"Nothing changed: {ran}."
    return _message(
        title, first, morning.news, link, f"{listed(morning.virtual)}: {VIRTUAL_NOTE}" if morning.virtual else ""
    )


def alarm(news: News, *, link: str = "") -> Message:
    """One line of news that is told at once."""
    return _message(f"farm: {news.title}", "", [news], link, "")


def summary(news: Iterable[News]) -> str:
    """`1 gate failed, 2 regressions`: what is bad and what is to be looked at, the worst first; else what is better."""
    found = list(news)
    told: list[str] = []
    for severity in ("bad", "warning"):
        for kind, (one, many) in _COUNTED.items():
            number = sum(n.kind == kind and n.severity == severity for n in found)
            if number:
                told.append(_words(kind, severity, number, one, many))
    better = sum(n.severity == "good" for n in found)
    if better and not told:
        told.append(f"{better} better")
    return ", ".join(told)


def _words(kind: Kind, severity: Severity, number: int, one: str, many: str) -> str:
    if severity == "warning" and kind in {"gate", "verdict"}:
        return f"{number} undecided"
    if severity == "warning" and kind == "cause":
        return counted(number, "new cause")
    if severity == "warning" and kind == "night":
        return "no nightly ran"
    if kind == "not run":
        return f"{number} did not run"
    return f"{number} {one if number == 1 else many}"


def _message(title: str, first: str, news: Sequence[News], link: str, last: str) -> Message:
    """Paragraphs and lists, in both forms; `news` under a heading for each severity, where there are several."""
    shown = list(_fitting(news[:LINES], link))
    rest = f"and {len(news) - len(shown)} more" if len(shown) < len(news) else ""
    html, text = _paragraph(first), [first] if first else []
    for severity, of in groupby(shown, lambda item: item.severity):
        lines = [line for item in of for line in _line(item, link)]
        heading = _HEADINGS[severity] if len(news) > 1 else ""
        html += f"<h3>{heading}</h3>" if heading else ""
        html += f"<ul>{''.join(lines[::2])}</ul>"
        text.append("\n".join(filter(None, (heading, *lines[1::2]))))
    for words in filter(None, (rest, last)):
        html += _paragraph(words)
        text.append(_unmentioned(words))
    if link:
        html += f'<p><a href="{escape(link)}">the dashboard</a></p>'
        text.append(link)
    return Message(title=_unmentioned(plain(title, TITLE_LIMIT)), html=html, text="\n\n".join(text))


def _fitting(news: Iterable[News], link: str) -> Iterator[News]:
    """As many as a message holds."""
    size = 0
    for one in news:
        size += len(_line(one, link)[1])
        if size > TEXT_LIMIT:
            return
        yield one


def _line(news: News, link: str) -> tuple[str, str]:
    """As HTML, and as text."""
    title, detail = plain(news.title, LINE_LIMIT), plain(news.detail, LINE_LIMIT)
    to = f"{link.rstrip('/')}{news.link}" if link and news.link else ""
    html = f"<b>{_safe(title)}</b>" + (f"<br>{_safe(detail)}" if detail else "")
    html += f' <a href="{escape(to)}">look</a>' if to else ""
    text = _unmentioned(f"- {title}" + (f". {detail}" if detail else "")) + (f"\n  {to}" if to else "")
    return f"<li>{html}</li>", text


def _paragraph(text: str) -> str:
    return f"<p>{_safe(text)}</p>" if text else ""


def _safe(text: str) -> str:
    return escape(_unmentioned(text))


def _unmentioned(text: str) -> str:
    """A name such as `@everyone` calls nobody in a chat: a word joiner, which nobody sees, stands after the sign."""
    return _MENTION.sub("@\u2060", text).replace("<!", "<\u2060!")
