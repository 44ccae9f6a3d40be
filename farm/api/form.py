"""What a page's form sends."""

from __future__ import annotations

from urllib.parse import parse_qs

from farm.errors import InputsError

FIELDS = 10
"""More no form of ours has."""


def fields(body: bytes) -> dict[str, str]:
    """What was filled in; of several fields of one name the first.

    Raises:
        InputsError: there are more than FIELDS.
    """
    try:
        given = parse_qs(body.decode("utf-8", "replace"), max_num_fields=FIELDS)
    except ValueError as e:
        raise InputsError(f"more than {FIELDS} fields", where="form", remedy="use the page's own form") from e
    return {name: values[0] for name, values in given.items()}
