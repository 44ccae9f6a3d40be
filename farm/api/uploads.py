"""Routes of artifacts: files named by their sha256, sent once, streamed both ways."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import Path as InPath
from fastapi import Request, Response
from fastapi.responses import FileResponse
from starlette.requests import ClientDisconnect

from farm.api.messages import Hashes, NotFoundError
from farm.api.needs import file_of, needs
from farm.api.recorder import UPLOAD
from farm.errors import InputsError, JobError
from farm.store.artifacts import MismatchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from farm.store.artifacts import ArtifactStore

Sha256 = Annotated[str, InPath(pattern="^[0-9a-f]{64}$")]


def add(app: FastAPI, store: ArtifactStore, most: int) -> None:
    """Add the routes to the application; `most` uploads at once."""
    threads = CapacityLimiter(most)  # of its own: a few slow uploads must not stand in the way of the others

    @app.post("/api/missing", **needs("submit", action="-"))
    def missing(asked: Hashes) -> Hashes:
        """Which of these the lab does not have."""
        return Hashes(sha256=tuple(s for s in dict.fromkeys(asked.sha256) if not store.use(s)))

    @app.put("/api/artifacts/{sha256}", status_code=204, **needs("submit", action=UPLOAD))
    async def put(sha256: Sha256, request: Request) -> None:
        """Send a file; nothing of it is kept unless all of it came and has this sha256."""
        loop, stream = asyncio.get_running_loop(), request.stream()

        async def pull() -> bytes | None:
            return await anext(stream, None)

        def parts() -> Iterator[bytes]:  # in a thread: the disk must not hold up the loop
            while (part := asyncio.run_coroutine_threadsafe(pull(), loop).result()) is not None:
                yield part

        try:
            store_it = functools.partial(store.put_stream, parts(), expected=sha256)
            await to_thread.run_sync(store_it, limiter=threads, abandon_on_cancel=True)
        except ClientDisconnect as e:
            raise JobError("the upload was broken off", where=sha256[:12], remedy="send it again") from e
        except MismatchError as e:
            raise InputsError(
                e.message, where="upload", remedy="the file changed while it was sent: send it again"
            ) from e

    @app.get(
        "/api/artifacts/{sha256}",
        response_class=Response,
        **needs("read", answers=file_of("application/octet-stream")),
    )
    def get(sha256: Sha256) -> FileResponse:
        """A file's bytes."""
        if not store.has(sha256):
            raise NotFoundError("is not stored", where=f"artifact {sha256[:12]}", remedy="upload it")
        return FileResponse(store.path(sha256), media_type="application/octet-stream")
