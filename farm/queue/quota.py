"""How much a user may ask for at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.errors import QuotaError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from farm.settings import User


def check(users: Iterable[User], user: str, unfinished: int, more: int) -> None:
    """Refuse a submission that would take a user over their limit of waiting and running runs.

    Raises:
        QuotaError: with how many there are, and how many there may be.
    """
    limit = next((u.runs for u in users if u.name == user), None)
    if limit is not None and unfinished + more > limit:
        raise QuotaError(
            f"{user} has {unfinished} runs that are not over; {more} more would be beyond the limit of {limit}",
            where="farm.toml: user.runs",
            remedy="wait for some to end, cancel some (`farm jobs`), or ask for fewer devices or repetitions",
        )
