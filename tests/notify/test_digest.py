"""The words of a message: hostile names do nothing, lengths have limits, links lead back."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from farm.notify.digest import alarm, digest
from farm.notify.items import of_regression
from farm.notify.message import TEXT_LIMIT, TITLE_LIMIT
from farm.notify.morning import Morning
from farm.report.words import VIRTUAL_NOTE
from farm.trend.news import KINDS, SEVERITIES, News, plain, worst_first
from farm.trend.regression import Regression
from farm.trend.series import Key
from farm.trend.shift import Differing, Shift

DAY = date(2026, 11, 22)
LINK = "https://lab.example:8377"
TAGS = {"p", "h3", "ul", "li", "b", "br", "a"}


def of(*news: News, virtual: tuple[str, ...] = ()) -> Morning:
    return Morning(since=0, until=1, news=worst_first(news), schedules=("n",), nights=2, runs=40, virtual=virtual)


class Reader(HTMLParser):
    """Tags, links and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]
        assert {name for name, _ in attrs} <= {"href"}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_nothing_changed_is_one_line() -> None:
    found = digest(of(), DAY)
    assert (found.title, found.text) == ("farm, Sun 22 Nov: nothing changed", "Nothing changed: 2 nightlies, 40 runs.")
    assert found.html == "<p>Nothing changed: 2 nightlies, 40 runs.</p>"


def test_the_worst_comes_first_and_links_lead_back() -> None:
    found = digest(
        of(
            News(kind="back", severity="good", title="one gives results again"),
            News(kind="gate", severity="bad", title="gate a failed", detail="0.6 < 0.7", link="/jobs/3"),
            News(kind="gate", severity="bad", title="gate b failed"),
            News(kind="not run", severity="warning", title="nothing ran on two", devices=("two",)),
            virtual=("two",),
        ),
        DAY,
        link=f"{LINK}/",
    )
    assert found.title == "farm, Sun 22 Nov: 2 gates failed, 1 did not run"
    assert found.text == (
        f"2 nightlies, 40 runs\n\nWorse\n- gate a failed. 0.6 < 0.7\n  {LINK}/jobs/3\n- gate b failed\n\n"
        f"To look at\n- nothing ran on two\n\nBetter\n- one gives results again\n\ntwo: {VIRTUAL_NOTE}\n\n{LINK}/"
    )
    assert f'<li><b>gate a failed</b><br>0.6 &lt; 0.7 <a href="{LINK}/jobs/3">look</a></li>' in found.html


def test_circumstances_that_differ_are_told_before_the_figure() -> None:
    key = Key(schedule="n", model="m.tflite", serial="s24", configuration="threads=4", metric="latency.median")

    def told(*differing: Differing, **changes: object) -> tuple[str, str]:
        shift = Shift(
            begins=0, run=7, before=10, after=12, nights_before=20, nights_after=3, change=0.2, worse=True, p_value=0.001,
            differing=differing,
        )  # fmt: skip
        one = Regression(
            id=1, series=1, key=key, unit="ms", better="low", status="confirmed", found=0, changed=0, shift=shift
        )
        news = of_regression(one.model_copy(update=changes))
        assert news is not None
        assert news.link == (
            "/trend?model=m.tflite&device=s24&metric=latency.median&configuration=threads%3D4&schedule=n"
        )
        return news.severity, news.title

    subject = "latency.median of m.tflite on s24 (threads=4)"
    assert told() == ("bad", f"{subject} went from 10 to 12 ms (+20.0 %)")
    runtime = Differing(name="runtime", before="2.2", after="2.3")
    assert told(runtime) == (
        "bad",
        f"under other circumstances (runtime 2.2 -> 2.3), {subject} went from 10 to 12 ms (+20.0 %)",
    )
    assert told(status="recovered") == ("good", f"{subject} is back at 10 ms")


HOSTILE = (
    "<script>alert(1)</script>", "</b></li><img src=x onerror=alert(1)>", "[x](http://evil.example)", "@everyone",
    "<!channel>", "a\nSubject: b\r\nBcc: eve@evil.example", "\u202egnp.tflite", "x" * 500, "`*_~|#", "&lt;b&gt;", "\x00",
)  # fmt: skip
names = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=1200))
news_items = st.lists(
    st.builds(
        News, kind=st.sampled_from(KINDS), severity=st.sampled_from(SEVERITIES), title=names, detail=names,
        link=st.sampled_from(["", "/jobs/1", "/fleet/%22%3E%3Cscript%3E"]),
    ),
    max_size=60,
)  # fmt: skip


@given(news=news_items, link=st.sampled_from(["", LINK]))
def test_names_are_words_and_nothing_else(news: list[News], link: str) -> None:
    for found in [digest(of(*news), DAY, link=link), *(alarm(one, link=link) for one in news[:1])]:
        page = Reader()
        page.feed(found.html)
        assert set(page.tags) <= TAGS
        assert all(to is not None and to.startswith(link) and link for to in page.links)
        assert found.title.isprintable() or "\u2060" in found.title
        assert len(found.title.replace("\u2060", "")) <= TITLE_LIMIT
        assert len(found.text) < 2 * TEXT_LIMIT
        for text in (found.title, found.text, page.text):
            assert not re.search(r"@\w|<!\w|\u202e|\x00", text)
    text = digest(of(*news), DAY, link=link).text
    shown, more = len(re.findall(r"^- ", text, re.MULTILINE)), re.search(r"^and (\d+) more$", text, re.MULTILINE)
    assert shown + (int(more[1]) if more else 0) == len(news)


def test_a_name_is_cut_and_stays_on_its_line() -> None:
    assert plain("a\r\n\tb\u202ec") == "a b c"
    assert plain("x" * 500) == "x" * 79 + "…"
