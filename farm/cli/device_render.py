"""Devices as people read them on a terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console

    from farm.api.device_messages import DeviceDetail
    from farm.api.messages import DeviceView
    from farm.fleet.enrolment import Enrolment

COLORS = {
    "ready": "green", "busy": "blue", "cooling": "yellow", "charging": "yellow",
    "offline": "red", "unauthorized": "red", "quarantined": "red", "needs-human": "red",
}  # fmt: skip
REASON_WIDTH = 44


def devices(console: Console, views: list[DeviceView], now: float | None = None) -> None:
    """One line a device; below, what to do about those that need it."""
    moment = time.time() if now is None else now
    if not views:
        console.print("no devices: plug one in, or: farm virtual up")
        return
    optional = {
        "name": any(v.name for v in views),
        "pool": any(v.pool for v in views),
        "labels": any(v.labels for v in views),
        "holder": any(v.holder for v in views),
    }
    table = Table("serial", box=None, pad_edge=False)
    if optional["name"]:
        table.add_column("name")
    for title in ("state", "since", "reason", "battery", "temp", "run", "kind", "model"):
        table.add_column(title, **({"max_width": REASON_WIDTH} if title == "reason" else {}))  # type: ignore[arg-type]
    for title in ("pool", "labels", "holder"):
        if optional[title]:
            table.add_column(title)
    for v in views:
        row = [escape(v.serial), *([escape(v.name)] if optional["name"] else [])]
        row += [
            _condition(v), ago(v.since, moment), escape(v.reason), "" if v.battery is None else f"{v.battery} %",
            "" if v.battery_c is None else f"{v.battery_c:.1f} C", "" if v.run is None else str(v.run),
            v.kind, escape(v.properties.get("ro.product.model", "")),
        ]  # fmt: skip
        row += [escape(v.pool)] if optional["pool"] else []
        row += [escape(" ".join(v.labels))] if optional["labels"] else []
        row += [escape(v.holder)] if optional["holder"] else []
        table.add_row(*row)
    console.print(table)
    for v in views:
        if v.remedy:
            console.print(f"{escape(v.name or v.serial)}: {escape(v.remedy)}", highlight=False, soft_wrap=True)


def device(console: Console, detail: DeviceDetail, now: float | None = None) -> None:
    """All that is known of one."""
    moment = time.time() if now is None else now
    view, enrolment = detail.device, detail.enrolment
    rows = [
        ("serial", view.serial), ("name", view.name), ("pool", view.pool), ("labels", " ".join(view.labels)),
        ("kind", view.kind), ("state", f"{view.condition or view.state}{f': {view.reason}' if view.reason else ''}"),
        ("since", ago(view.since, moment)), ("remedy", view.remedy), ("run", "" if view.run is None else str(view.run)),
        ("battery", "" if view.battery is None else f"{view.battery} %, {_celsius(view.battery_c)}"),
        ("thermal status", view.thermal or ""), ("last seen", ago(view.last_seen, moment)),
        ("errors in a row", str(detail.faults) if detail.faults else ""),
    ]  # fmt: skip
    if detail.reservation is not None:
        r = detail.reservation
        until = time.strftime("%Y-%m-%d %H:%M", time.localtime(r.expires))
        over = " (over)" if r.expires <= moment else ""
        rows.append(("reserved", f"by {r.user} until {until}{over}{f': {r.reason}' if r.reason else ''}"))
    rows += _enrolled(enrolment, ago(detail.enrolled or 0.0, moment)) if enrolment is not None else [("enrolled", "no")]
    table = Table(box=None, show_header=False, pad_edge=False)
    for key, text in rows:
        if text:
            table.add_row(key, escape(text))
    console.print(table)
    for event in detail.events:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.at))
        console.print(f"{at}  {event.kind}  {escape(event.detail)}", highlight=False, soft_wrap=True)


def ago(at: float, now: float) -> str:
    """How long ago a moment (Unix seconds) was: `12s`, `5m`, `3h`, `2d`; empty for none."""
    if at <= 0:
        return ""
    seconds = max(0, int(now - at))
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _enrolled(e: Enrolment, when: str) -> list[tuple[str, str]]:
    c = e.capabilities
    current = c.battery_current
    clusters = ", ".join(
        f"{len(k.cpus)} x {'?' if k.max_khz is None else f'{k.max_khz / 1e6:.2f}'} GHz" for k in e.clusters
    )
    sizes = [f"{n / (1 << 30):.1f}" for n in (e.storage_free, e.storage_total) if n is not None]
    named = (
        ("thermal service", c.thermal_service), ("smaps_rollup", c.smaps_rollup), ("governor", c.governor),
        ("clocks", c.clocks), ("taskset", c.taskset), ("fixed performance", c.fixed_performance),
    )  # fmt: skip
    golden = {
        "equal": "computes the golden model as the reference does",
        "no-agent": f"not proved: {e.golden.detail or 'no agent for this phone yet'}",
        "not-run": f"not run{f': {e.golden.detail}' if e.golden.detail else ''}",
    }.get(e.golden.parity, f"{e.golden.parity}: {e.golden.detail}")
    return [
        ("enrolled", when and f"{when} ago"),
        ("model", f"{e.manufacturer} {e.model}".strip()),
        ("Android", f"{e.android} (sdk {e.sdk}, patch {e.security_patch})"),
        ("SoC", e.soc),
        ("ABIs", ", ".join(e.abis)),
        ("CPUs", f"{e.cpus}{f': {clusters}' if clusters else ''}"),
        ("memory", "" if e.memory is None else f"{e.memory / (1 << 30):.1f} GiB"),
        ("storage", f"{' of '.join(sizes)} GiB free" if len(sizes) == 2 else ""),  # free and total
        (
            "battery current",
            f"{current.source}, {_unit(current.unit)}, {current.sign}" if current.readable else "not readable",
        ),
        ("power rails", ", ".join(c.power_rails) or "none"),
        ("thermal zones", ", ".join(c.thermal_zones) or "none readable"),
        ("can", ", ".join(name for name, has in named if has) or "nothing of note"),
        ("cannot", ", ".join(name for name, has in named if not has)),
        ("screen", c.screen or "none"),
        ("golden model", golden),
    ]


def _unit(unit: str) -> str:
    return "in uA" if unit == "uA" else f"unit {unit}"


def _celsius(value: float | None) -> str:
    return "temperature not told" if value is None else f"{value:.1f} C"


def _condition(view: DeviceView) -> str:
    word = view.condition or view.state
    return f"[{COLORS.get(word, 'default')}]{word}[/]"
