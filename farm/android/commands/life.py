"""Signs of life."""

from __future__ import annotations

from farm.android.command import Command, argv, as_is, fixed, refusal


def _echo(word: str) -> str:
    return argv("echo", word)


echo = Command("life.echo", _echo, as_is, source="mksh: echo", example=("farm",))
nothing = Command("life.nothing", fixed("true"), refusal, source="mksh: true", prints=False)
