"""Devices over REST: what is known of each, what people do with it, and its shell, log and screen as streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import Path as InPath
from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from farm.android.commands import logs, window
from farm.api.device_messages import (
    STREAM_S,
    CommandRequest,
    DeviceDetail,
    DeviceNoted,
    ForceRequest,
    NameRequest,
    QuarantineRequest,
    ReservationView,
    ReserveRequest,
)
from farm.api.messages import NotFoundError
from farm.api.needs import file_of, needs
from farm.errors import AdbError
from farm.fleet.enrolment import Enrolment
from farm.fleet.streams import Stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fastapi import FastAPI

    from farm.daemon import Daemon
    from farm.fleet.device import Device

PNG = b"\x89PNG\r\n\x1a\n"
SCREEN_S = 30.0
OCTETS = "application/octet-stream"
Serial = Annotated[str, InPath(min_length=1, max_length=200, description="A device's serial, or its name.")]
Buffer = Literal["main", "system", "crash", "events", "radio", "kernel", "all"]


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add the routes of single devices."""

    def found(serial: str, request: Request) -> Device:
        device = daemon.desk.find(serial)
        if device is None:
            raise NotFoundError("there is no such device", where=f"device {serial}", remedy="see `farm devices`")
        request.state.subject = f"device {device.serial}"
        return device

    def detail(device: Device, *, events: int = 20) -> DeviceDetail:
        desk, now = daemon.desk, daemon.desk.find(device.serial) or device
        row = desk.row(device.serial)
        (view,) = daemon.views([now])
        if row is None:
            return DeviceDetail(device=view)
        noted = tuple(DeviceNoted(at=e.at, kind=e.kind, detail=e.detail) for e in desk.events(device.serial, events))
        return DeviceDetail(
            device=view,
            first_seen=row.first_seen,
            faults=row.faults,
            reservation=None if row.reservation is None else ReservationView(**vars(row.reservation)),
            enrolment=_enrolment(row.enrolment),
            enrolled=row.enrolled,
            events=noted,
        )

    @app.get("/api/devices/{serial}", **needs("read"))
    def device(serial: Serial, request: Request, events: Annotated[int, Query(ge=0, le=500)] = 20) -> DeviceDetail:
        """All that is known of a device; nothing is asked."""
        return detail(found(serial, request), events=events)

    @app.delete("/api/devices/{serial}", status_code=204, **needs("operate", "forget device"))
    def forget(serial: Serial, request: Request) -> None:
        """Know nothing of a device any more; one that is attached is enrolled anew."""
        daemon.desk.forget(found(serial, request).serial)

    @app.post("/api/devices/{serial}/reserve", **needs("operate", "reserve device"))
    def reserve(serial: Serial, asked: ReserveRequest, request: Request) -> DeviceDetail:
        """From now on only the caller's runs go there, for so many seconds."""
        at = found(serial, request)
        daemon.desk.reserve(at.serial, request.state.user, asked.seconds, asked.reason, wait=asked.wait)
        return detail(at)

    @app.post("/api/devices/{serial}/release", **needs("operate", "release device"))
    def release(serial: Serial, asked: ForceRequest, request: Request) -> DeviceDetail:
        """End a reservation; another user's with `force`."""
        at = found(serial, request)
        daemon.desk.release(at.serial, request.state.user, force=asked.force)
        return detail(at)

    @app.post("/api/devices/{serial}/quarantine", **needs("operate", "quarantine device"))
    def quarantine(serial: Serial, asked: QuarantineRequest, request: Request) -> DeviceDetail:
        """Nothing runs there until it is healed."""
        at = found(serial, request)
        daemon.desk.quarantine(at.serial, asked.reason)
        return detail(at)

    @app.post("/api/devices/{serial}/name", **needs("operate", "name device"))
    def name(serial: Serial, asked: NameRequest, request: Request) -> DeviceDetail:
        """Change what the lab calls a device."""
        at = found(serial, request)
        daemon.desk.name(at.serial, name=asked.name, pool=asked.pool, add=asked.add, remove=asked.remove)
        return detail(at)

    @app.post("/api/devices/{serial}/heal", **needs("operate", "heal device"))
    def heal(serial: Serial, request: Request) -> DeviceDetail:
        """Begin to ask and enrol a device anew; its quarantine ends when that went well. Over when its `task` is empty."""
        at = found(serial, request)
        daemon.desk.heal(at.serial)
        return detail(at)

    @app.post("/api/devices/{serial}/reboot", **needs("operate", "reboot device"))
    def reboot(serial: Serial, asked: ForceRequest, request: Request) -> DeviceDetail:
        """Begin to reboot a device; `task` is `rebooted` until it has booted."""
        at = found(serial, request)
        daemon.desk.reboot(at.serial, request.state.user, force=asked.force)
        return detail(at)

    _add_streams(app, daemon, found)


def _add_streams(app: FastAPI, daemon: Daemon, found: Callable[[str, Request], Device]) -> None:
    async def frames(stream: Stream) -> AsyncIterator[bytes]:
        try:
            while not daemon.is_stopping():
                frame = await run_in_threadpool(stream.next)
                if frame is None:
                    return
                if frame:
                    yield frame
        finally:
            stream.close()

    def answer(serial: str, request: Request, command: str, deadline_s: float, *, force: bool) -> StreamingResponse:
        handle = daemon.desk.handle(found(serial, request).serial, request.state.user, force=force)
        return StreamingResponse(frames(Stream(handle, command, deadline_s)), media_type=OCTETS)

    streamed = file_of(OCTETS)

    @app.post(
        "/api/devices/{serial}/shell", response_class=Response, **needs("operate", "device shell", answers=streamed)
    )
    def shell(serial: Serial, asked: CommandRequest, request: Request) -> StreamingResponse:
        """What a command prints on a device, as frames (docs/fleet.md); at most 16 MiB."""
        return answer(serial, request, asked.command, asked.timeout_s, force=asked.force)

    @app.get(
        "/api/devices/{serial}/logcat", response_class=Response, **needs("operate", "device logcat", answers=streamed)
    )
    def logcat(
        serial: Serial,
        request: Request,
        lines: Annotated[int, Query(ge=1, le=100_000)] = 1000,
        buffer: Buffer = "main",
        follow: bool = False,
        force: bool = False,
    ) -> StreamingResponse:
        """A device's log, as frames: the last lines, or what comes from now on until nobody reads."""
        if follow:
            return answer(serial, request, logs.follow(buffer).text, STREAM_S, force=force)
        return answer(serial, request, logs.recent(buffer, lines).text, SCREEN_S, force=force)

    @app.get(
        "/api/devices/{serial}/screenshot",
        response_class=Response,
        **needs("operate", "device screenshot", answers=file_of("image/png")),
    )
    def screenshot(serial: Serial, request: Request, force: bool = False) -> Response:
        """A device's screen, as PNG."""
        handle = daemon.desk.handle(found(serial, request).serial, request.state.user, force=force)
        done = handle.send(window.picture(), SCREEN_S)
        if not done.stdout.startswith(PNG):
            said = (done.stderr or done.stdout)[:200].decode("utf-8", "replace").strip()
            raise AdbError(
                f"screencap gave no picture: {said or f'exit code {done.exit_code}'}",
                where=f"{handle.serial}: {window.picture().text}",
                remedy="a virtual phone has no screen; a real one must be unlocked once after it booted",
            )
        return Response(done.stdout, media_type="image/png")


def _enrolment(text: str | None) -> Enrolment | None:
    try:
        return Enrolment.model_validate_json(text) if text is not None else None
    except ValidationError:  # of another version: it is enrolled anew
        return None
