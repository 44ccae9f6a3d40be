"""What a token lets its bearer do; each scope holds those before it."""

from __future__ import annotations

from typing import Literal, get_args

Scope = Literal["read", "submit", "operate", "admin"]
"""`read` looks, `submit` also sends jobs and cancels its own, `operate` also handles devices and anybody's jobs, `admin`
also tokens and the audit log."""
SCOPES: tuple[Scope, ...] = get_args(Scope)


def allows(held: Scope, needed: Scope) -> bool:
    """Whether a token of scope `held` may do what needs `needed`."""
    return SCOPES.index(held) >= SCOPES.index(needed)
