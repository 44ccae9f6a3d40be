"""A lab's devices as methods: what is known of each, what people do with it, its shell, log and screen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx2
from pydantic import ValidationError

from farm.api.device_messages import (
    CommandRequest,
    DeviceDetail,
    ForceRequest,
    NameRequest,
    QuarantineRequest,
    ReserveRequest,
)
from farm.api.messages import Problem
from farm.errors import DaemonError, DeadlineError, FarmError, InfrastructureError
from farm.fleet.streams import ERROR, EXIT, STDOUT, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from farm.api.messages import Message
    from farm.client.client import Client

JSON = {"content-type": "application/json"}
LOOK_S = 0.25
TASK_S = 600.0
SLACK_S = 30.0


class DeviceClient:
    """The devices of one lab, each by its serial or its name. Raises as `Client` does; NotFoundError: no such device."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def show(self, device: str, *, events: int = 20) -> DeviceDetail:
        """All that is known of it."""
        return _detail(self._client._request("GET", _path(device), params={"events": events}))

    def reserve(self, device: str, seconds: float, *, reason: str = "", wait: bool = False) -> DeviceDetail:
        """Keep other users' runs away. `wait`: also while a run is there, and until it is over."""
        found = self._post(device, "reserve", ReserveRequest(seconds=seconds, reason=reason, wait=wait))
        while wait and found.device.run is not None:
            time.sleep(LOOK_S)
            found = self.show(device)
        return found

    def release(self, device: str, *, force: bool = False) -> DeviceDetail:
        """End a reservation."""
        return self._post(device, "release", ForceRequest(force=force))

    def quarantine(self, device: str, reason: str) -> DeviceDetail:
        """Keep all runs away until it is healed."""
        return self._post(device, "quarantine", QuarantineRequest(reason=reason))

    def heal(self, device: str) -> DeviceDetail:
        """Have it enrolled anew, and wait for that; its quarantine ends when it went well.

        Raises:
            InfrastructureError: it did not go well.
        """
        self._post(device, "heal", None)
        found = self._over(device)
        view = found.device
        if view.condition in {"quarantined", "needs-human", "offline", "unauthorized"}:
            raise InfrastructureError(f"still {view.condition}: {view.reason}", where=view.serial, remedy=view.remedy)
        return found

    def reboot(self, device: str, *, force: bool = False) -> DeviceDetail:
        """Reboot it, and wait until it has booted.

        Raises:
            InfrastructureError: it did not come back.
        """
        before = self._post(device, "reboot", ForceRequest(force=force))
        found = self._over(device)
        failed = next((e for e in found.events if e.kind == "reboot failed"), None)
        if failed is not None and failed not in before.events:
            raise InfrastructureError(failed.detail, where=found.device.serial, remedy="look at it")
        return found

    def name(
        self,
        device: str,
        *,
        name: str | None = None,
        pool: str | None = None,
        add: tuple[str, ...] = (),
        remove: tuple[str, ...] = (),
    ) -> DeviceDetail:
        """Change what the lab calls it; None: as it was."""
        return self._post(device, "name", NameRequest(name=name, pool=pool, add=add, remove=remove))

    def forget(self, device: str) -> None:
        """Know nothing of it any more."""
        self._client._request("DELETE", _path(device))

    def shell(
        self,
        device: str,
        command: str,
        *,
        timeout_s: float = 60.0,
        force: bool = False,
        out: Callable[[bytes], object],
        err: Callable[[bytes], object],
    ) -> int:
        """Run a command line there; `out` and `err` get what it prints. Its exit code."""
        asked = CommandRequest(command=command, timeout_s=timeout_s, force=force)
        kwargs = {"content": asked.model_dump_json().encode(), "headers": JSON}
        return self._follow("POST", f"{_path(device)}/shell", timeout_s + SLACK_S, out, err, **kwargs)

    def logcat(
        self,
        device: str,
        *,
        lines: int = 1000,
        buffer: str = "main",
        follow: bool = False,
        force: bool = False,
        out: Callable[[bytes], object],
        err: Callable[[bytes], object],
    ) -> int:
        """Its log: the last lines, or all that comes from now on."""
        asked = {"lines": lines, "buffer": buffer, "follow": follow, "force": force}
        return self._follow("GET", f"{_path(device)}/logcat", None if follow else SLACK_S, out, err, params=asked)

    def screenshot(self, device: str, *, force: bool = False) -> bytes:
        """Its screen, as PNG."""
        return self._client._request("GET", f"{_path(device)}/screenshot", params={"force": force}).content

    def _over(self, device: str) -> DeviceDetail:
        deadline = time.monotonic() + TASK_S
        while True:
            found = self.show(device)
            if not found.device.task:
                return found
            if time.monotonic() > deadline:
                raise DeadlineError(f"no end after {TASK_S:g} s", where=found.device.serial, remedy="farm device show")
            time.sleep(LOOK_S)

    def _post(self, device: str, what: str, asked: Message | None) -> DeviceDetail:
        content = b"" if asked is None else asked.model_dump_json().encode()
        return _detail(self._client._request("POST", f"{_path(device)}/{what}", content=content, headers=JSON))

    def _follow(
        self,
        method: str,
        path: str,
        silence_s: float | None,
        out: Callable[[bytes], object],
        err: Callable[[bytes], object],
        **kwargs: Any,
    ) -> int:
        """Frames to their end. Never sent again: a command may have done something."""
        http = self._client._link.http
        try:
            with http.stream(method, path, timeout=httpx2.Timeout(silence_s), **kwargs) as answer:
                if answer.is_error:
                    raise _error(answer.read(), answer.status_code)
                return self._frames(answer.iter_bytes(), out, err)
        except httpx2.TransportError as e:
            raise DaemonError(f"the connection broke: {e or type(e).__name__}", remedy="try again") from e

    def _frames(self, parts: Iterator[bytes], out: Callable[[bytes], object], err: Callable[[bytes], object]) -> int:
        for kind, content in read(parts):
            if kind == EXIT:
                return content[0]
            if kind == ERROR:
                raise Problem.model_validate_json(content).error()
            (out if kind == STDOUT else err)(content)
        raise InfrastructureError("the stream ended before the command", where="daemon", remedy="try again")


def _path(device: str) -> str:
    return f"/api/devices/{quote(device, safe='')}"


def _detail(answer: httpx2.Response) -> DeviceDetail:
    return DeviceDetail.model_validate_json(answer.content)


def _error(content: bytes, status: int) -> FarmError:
    try:
        return Problem.model_validate_json(content).error()
    except ValidationError:
        return DaemonError(f"answered {status}", remedy="see the daemon's output")
