"""Which devices a user means: `abi=arm64-v8a sdk>=30 soc~"sm8*" pool=nightly not model=X`.

Clauses are joined by and; `not` turns the next one round; no clause means every device.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.errors import SelectorError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from farm.fleet.device import Device

KEYS: dict[str, Callable[[Device], Collection[str]]] = {
    "serial": lambda d: (d.serial,),
    "name": lambda d: (d.name,),
    "pool": lambda d: (d.pool,),
    "label": lambda d: d.labels,
    "host": lambda d: (d.host,),
    "abi": lambda d: (d.abi,),
    "kind": lambda d: (d.kind,),
    "model": lambda d: (d.model,),
    "soc": lambda d: (d.soc,),
    "sdk": lambda d: () if d.sdk is None else (str(d.sdk),),
}
"""What a device has under each key; a clause means one of them."""
NUMBERS = frozenset({"sdk"})
_CLAUSE = re.compile(r"""(?P<key>[A-Za-z_]+)(?P<op>!=|>=|<=|=|>|<|~)(?P<value>"[^"]*"|[^\s"]*)(?=\s|$)""")
_NOT = re.compile(r"not(?=\s|$)")
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "=": lambda have, want: have == want,
    "~": lambda have, want: fnmatch.fnmatchcase(have.lower(), want.lower()),
}
_ORDER: dict[str, Callable[[int, int], bool]] = {
    ">=": lambda have, want: have >= want,
    "<=": lambda have, want: have <= want,
    ">": lambda have, want: have > want,
    "<": lambda have, want: have < want,
}


@dataclass(frozen=True)
class Clause:
    """`key op value`; `~` matches a glob, case ignored."""

    text: str
    key: str
    op: str
    value: str
    negated: bool = False

    def matches(self, device: Device) -> bool:
        """Whether the device has it. A number that the device does not tell is not matched by any order."""
        return self._has(KEYS[self.key](device)) != self.negated

    def _has(self, values: Collection[str]) -> bool:
        if self.op in _ORDER:
            return any(v.isdigit() and _ORDER[self.op](int(v), int(self.value)) for v in values)
        if self.op == "!=":
            return self.value not in values
        return any(_TEXT[self.op](v, self.value) for v in values)


def parse(selector: str) -> tuple[Clause, ...]:
    """The clauses of a selector.

    Raises:
        SelectorError: naming the column.
    """
    clauses: list[Clause] = []
    at, negated_at = 0, None
    while at < len(selector):
        if selector[at].isspace():
            at += 1
            continue
        if negated_at is None and (word := _NOT.match(selector, at)):
            negated_at, at = at, word.end()
            continue
        found = _CLAUSE.match(selector, at)
        where = f"--on {selector!r}, column {at + 1}"
        if found is None:
            text = selector[at:].split(maxsplit=1)[0]
            raise SelectorError(
                f"{text!r} is not KEY OP VALUE",
                where=where,
                remedy=f"for one device: serial={text}; operators: = != >= <= > < ~, and not before a clause",
            )
        key, op, value = found["key"], found["op"], found["value"].strip('"')
        if key not in KEYS:
            close = difflib.get_close_matches(key, KEYS, n=1)
            remedy = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(KEYS)}"
            raise SelectorError(f"unknown key {key!r}", where=where, remedy=remedy)
        if op in _ORDER and (key not in NUMBERS or not (value.isascii() and value.isdigit() and len(value) < 10)):
            raise SelectorError(
                f"{op} compares numbers, and {key}{op}{value} has none",
                where=where,
                remedy=f"numeric keys: {', '.join(NUMBERS)}",
            )
        negated = negated_at is not None
        clauses.append(Clause(f"not {found[0]}" if negated else found[0], key, op, value, negated))
        at, negated_at = found.end(), None
    if negated_at is not None:
        raise SelectorError(
            "nothing follows 'not'", where=f"--on {selector!r}, column {negated_at + 1}", remedy="not KEY OP VALUE"
        )
    return tuple(clauses)


def select(selector: str, devices: Sequence[Device]) -> list[Device]:
    """The devices that match every clause, in the order given.

    Raises:
        SelectorError: the selector cannot be parsed, or excludes every one of `devices` (saying by which clause).
    """
    clauses = parse(selector)
    matching = [d for d in devices if all(c.matches(d) for c in clauses)]
    if devices and not matching:
        reasons = []
        for device in devices:
            clause = next(c for c in clauses if not c.matches(device))
            reasons.append(f"{device.serial} by {clause.text} (it has {_words(KEYS[clause.key](device))})")
        raise SelectorError(
            f"excludes every device: {'; '.join(reasons[:8])}", where=f"--on {selector!r}", remedy="see `farm devices`"
        )
    return matching


def _words(values: Collection[str]) -> str:
    return ", ".join(sorted(v for v in values if v)) or "nothing there"
