"""Tokens and the audit log, as REST offers them."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from farm.api.advert import owner, token_hash
from farm.api.entrance import Entrance
from farm.api.messages import AuditLine, ConflictError, NewToken, NotFoundError, TokenView
from farm.api.recorder import UPLOAD
from farm.store.audit import Audit
from farm.store.tokens import OWN, Tokens

if TYPE_CHECKING:
    from farm.api.messages import TokenRequest
    from farm.store.database import Database
    from farm.store.tokens import Token


class Door:
    """Who may come in, and who did what. `own` is the data folder's token: for everything, in the owner's name."""

    def __init__(self, state: Database, own: str) -> None:
        self._tokens = Tokens(state)
        self._tokens.add_own(token_hash(own), owner())
        self.audit = Audit(state)
        self.audit.trim(UPLOAD)
        self.entrance = Entrance(state)

    def find(self, text: str) -> Token | None:
        """The token, if it is one; it may have expired or been revoked."""
        return self._tokens.find(token_hash(text))

    def create(self, asked: TokenRequest) -> NewToken:
        """Make a token.

        Raises:
            ConflictError: the name is taken.
        """
        if asked.name == OWN:
            raise ConflictError("is the lab's own token", where=f"token {OWN}", remedy="take another name")
        text = secrets.token_urlsafe(32)
        expires = time.time() + asked.expires_s if asked.expires_s is not None else None
        made = self._tokens.add(token_hash(text), asked.name, asked.user, asked.scope, expires)
        if made is None:
            raise ConflictError(
                "there is a token of this name",
                where=f"token {asked.name}",
                remedy="take another name, or revoke it first",
            )
        return NewToken(token=text, **_view(made).model_dump())

    def tokens(self) -> list[TokenView]:
        """All, the newest first."""
        return [_view(token) for token in self._tokens.all()]

    def revoke(self, name: str) -> TokenView:
        """End a token for good.

        Raises:
            NotFoundError: no token that holds has this name.
            ConflictError: it is the lab's own.
        """
        if name == OWN:
            raise ConflictError(
                "the lab's own token is not revoked", where=f"token {OWN}",
                remedy="remove the file `token` of the data folder and start the daemon again: a new one is made",
            )  # fmt: skip
        token = self._tokens.revoke(name)
        if token is None:
            raise NotFoundError("there is no such token", where=f"token {name}", remedy="see `farm token list`")
        return _view(token)

    def lines(self, limit: int) -> list[AuditLine]:
        """The newest lines of the audit log first."""
        return [AuditLine(**vars(line)) for line in self.audit.newest(limit)]


def _view(token: Token) -> TokenView:
    return TokenView(
        name=token.name,
        user=token.user,
        scope=token.scope,
        state=token.state(time.time()),
        created=token.created,
        expires=token.expires,
    )
