"""Views drawn as HTML: whole pages, and the parts of them that a page asks for anew."""

from __future__ import annotations

import functools
import json
import time
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode

import jinja2
from markupsafe import Markup, escape

from farm.pages.assets import address, asset, names
from farm.pages.chart import table_of
from farm.trend.news import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.pages.chart import Chart
    from farm.pages.fleet import Trace
    from farm.pages.tonight import Row
    from farm.pages.view import View, Visit
    from farm.report.document import Watch, WatchWord

MACROS = ("macros.html.j2", "chart.html.j2")
"""Every macro of these is known in all templates, and in blocks that are drawn alone."""
SECTIONS = (
    ("/", "Tonight", "t"),
    ("/fleet", "Fleet", "f"),
    ("/jobs", "Jobs", "j"),
    ("/trend", "Trend", "r"),
    ("/compare", "Compare", "c"),
    ("/gates", "Gates", "a"),
)
"""Path, word and shortcut of each entry of the navigation."""
SIGNS = {
    "pass": "\N{CHECK MARK}", "fail": "\N{MULTIPLICATION X}", "undecided": "?", "not run": "\N{EN DASH}",
    "running": "\N{HORIZONTAL ELLIPSIS}", "queued": "\N{HORIZONTAL ELLIPSIS}", "done": "\N{MIDDLE DOT}",
}  # fmt: skip
"""Of tonight.Cell.word."""
TRENDS: dict[WatchWord, str] = {"steady": "good", "slower": "bad", "answers differ": "bad", "faster": "warn"}
"""Colors of what the sentinel says."""
TRACED = 15
"""Nights in its line: the last one, and as many as it is held against."""
UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def page(view: View, visit: Visit) -> str:
    """The whole page."""
    return _environment().get_template(view.template).render(_context(view, visit))


def part(view: View, visit: Visit, block: str) -> str | None:
    """One block of the page alone: what `live` asks for. None when its template has no such block."""
    template = _environment().get_template(view.template)
    drawn = template.blocks.get(block)
    return None if drawn is None else "".join(drawn(template.new_context(_context(view, visit))))


def warm() -> None:
    """Compile every template and pack every file now, so that no visitor waits for it."""
    environment = _environment()
    for template in environment.list_templates():
        environment.get_template(template)
    for name in names():
        asset(name)


def _context(view: View, visit: Visit) -> dict[str, object]:
    return {"view": view, "visit": visit, "now": time.time()}


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("farm.pages"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(
        moment=moment,
        ago=ago,
        age=age,
        number=number,
        percent=percent,
        spec=spec,
        path=lambda text: quote(text, safe=""),
        coded=coded,
        cells=cells,
        bars=bars,
        spark=spark,
        size=size,
        counted=counted,
    )
    environment.globals.update(asset=address, turned=turned, sections=SECTIONS, table_of=table_of, trends=TRENDS)
    for name in MACROS:
        module = environment.get_template(name).module
        environment.globals.update({word: vars(module)[word] for word in vars(module) if not word.startswith("_")})
    return environment


def spec(chart: Chart) -> Markup:
    """A chart as JSON that may stand in a script element: no `<` of a name ends it."""
    text = json.dumps(chart.model_dump(mode="json", exclude_defaults=True, exclude={"table"}), separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704  # JSON without any sign that HTML knows


def moment(at: float | str | None) -> Markup | str:
    """Unix seconds or ISO 8601 in the lab's own time, to the minute; empty for 0 or None."""
    if not at:
        return ""
    local = (datetime.fromisoformat(at) if isinstance(at, str) else datetime.fromtimestamp(at)).astimezone()
    return Markup('<time datetime="{}">{}</time>').format(
        local.isoformat(timespec="seconds"), local.strftime("%Y-%m-%d %H:%M")
    )


def ago(at: float | None, now: float) -> str:
    """How long ago, in the largest unit that fits; empty for 0 or None."""
    if not at:
        return ""
    seconds = max(0.0, now - at)
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def age(created: str, now: float) -> str:
    """How long ago an ISO 8601 moment was, as `ago`."""
    return ago(datetime.fromisoformat(created).timestamp(), now)


def coded(text: str) -> Markup:
    """Plain text, what stands in backquotes in it set as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one is left over: as it stands
        return escape(text)
    return Markup("").join(Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in enumerate(parts))


def cells(row: Row) -> Markup:
    """A row of the page Tonight: thousands of cells, of numbers and words of ours alone, so that nothing is to be escaped."""
    drawn = []
    for cell in row.cells:
        if cell is None:
            drawn.append("<td></td>")
            continue
        name = f"{cell.word}{', changed' if cell.changed else ''}"
        drawn.append(
            f'<td class="{cell.word.replace(" ", "-")}{" new" if cell.changed else ""}">'
            f'<a href="/jobs/{cell.job:d}/runs/{cell.run:d}" aria-label="{name}">{SIGNS[cell.word]}'
            f"{f'<sub>{cell.runs:d}</sub>' if cell.runs > 1 else ''}</a></td>"
        )
    return Markup("".join(drawn))  # noqa: S704  # see above


def bars(shares: Sequence[float]) -> Markup:
    """Shares of 1 as small bars, the last one now: one path, since a page has hundreds of these."""
    path = "".join(f"M{6 * i} 18v-{18 * share:.1f}h5v{18 * share:.1f}z" for i, share in enumerate(shares))
    words = ", ".join(map(percent, shares))
    width = 6 * len(shares) - 1
    drawn = f'<svg class="spark" width="{width}" height="18" role="img" aria-label="{words}"><path d="{path}"/></svg>'
    return Markup(drawn)  # noqa: S704  # numbers alone: nothing is to be escaped


def spark(trace: Trace, watch: Watch) -> Markup:
    """The sentinel's nights on one device as a line that ends in a dot, the last one at the right.

    Its scale reaches a tenth below and above the baseline at least, as a smaller change is not told: noise fills no picture.
    """
    base = trace.median_ms[-1] if watch.baseline_ms is None else watch.baseline_ms
    low, high = min(*trace.median_ms, 0.9 * base), max(*trace.median_ms, 1.1 * base)

    def height(ms: float) -> float:
        return 16 - 14 * (ms - low) / (high - low or 1.0)

    first = TRACED - len(trace.median_ms)
    places = [f"{6 * (first + i) + 3} {height(ms):.1f}" for i, ms in enumerate(trace.median_ms)]
    x, y = places[-1].split()
    usual = "" if watch.baseline_ms is None else f'<path class="usual" d="M0 {height(base):.1f}H{6 * TRACED}"/>'
    words = escape(
        f"{counted(len(places), 'night')}, {min(trace.median_ms):.3g} to {max(trace.median_ms):.3g} ms; {watch.summary}"
    )
    return Markup(  # noqa: S704  # numbers, and words that are escaped
        f'<svg class="spark trace {TRENDS.get(watch.word, "")}" width="{6 * TRACED}" height="18" role="img" aria-label="{words}">'
        f'<title>{words}</title>{usual}<path d="M{"L".join(places)}"/><circle cx="{x}" cy="{y}" r="2.5"/></svg>'
    )


def turned(visit: Visit, **changes: object) -> str:
    """The page's address with parts of its query changed; an empty one goes."""
    query = dict(parse_qsl(visit.query)) | {name: str(value) for name, value in changes.items()}
    left = urlencode({name: value for name, value in query.items() if value})
    return visit.path + (f"?{left}" if left else "")


def size(count: int) -> str:
    """Bytes, in the largest unit that fits."""
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if count >= 1 << power:
            return f"{count / (1 << power):.1f} {unit}"
    return counted(count, "byte")


def number(value: float | None, digits: int = 3) -> str:
    """A figure to so many significant digits; a dash for None."""
    return "-" if value is None else f"{value:.{digits}g}"


def percent(share: float | None) -> str:
    """A share of 1; a dash for None."""
    return "-" if share is None else f"{100 * share:.0f} %"
