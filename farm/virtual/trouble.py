"""The faults a phone suffers from now: made, undone, and undone by themselves when their time is over."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from typing import TYPE_CHECKING

from farm.android import refusals
from farm.virtual import namespace, root
from farm.virtual.faults import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from farm.virtual.auth import Policy
    from farm.virtual.condition import Condition
    from farm.virtual.faults import Fault
    from farm.virtual.storage import Ailment, Storage

OVERRIDE = f"{root.STATE}/override"
"""Files here win over those of the same name beside this folder (docs/virtual.md)."""
_DISCHARGING = "3"
_NOISE_BYTES = 64 << 10


class Trouble:
    """`drop_all` ends every connection, with a TCP reset or without; `tree` is the host's view of the phone's root."""

    def __init__(self, condition: Condition, storage: Storage, tree: Path, drop_all: Callable[[bool], None]) -> None:
        self._condition = condition
        self._storage = storage
        self._override = tree / OVERRIDE
        self._drop_all = drop_all
        self._policy: Policy = condition.guard.policy
        self._undo: dict[str, Callable[[], None]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def active(self) -> list[str]:
        """The names of the faults that last."""
        return sorted(self._undo)

    async def handle(self, fault: Fault | None) -> list[str]:
        """Suffer `fault`, or (None) none any more; the names of those that last then.

        Raises:
            InfrastructureError: the kernel refuses.
        """
        if fault is None:
            for name in self.active():
                self._clear(name)
            return []
        if fault == NOTHING:
            return self.active()
        self._clear(fault.name)
        undo = self._make(fault)
        if undo is not None:
            self._undo[fault.name] = undo
            if fault.for_s is not None:
                loop = asyncio.get_running_loop()
                self._timers[fault.name] = loop.call_later(fault.for_s, self._clear, fault.name)
        return self.active()

    def _clear(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
        undo = self._undo.pop(name, None)
        if undo is not None:
            undo()

    def _make(self, fault: Fault) -> Callable[[], None] | None:
        condition, options = self._condition, fault.options
        match fault.name:
            case "freeze":
                asyncio.get_running_loop().call_later(0.05, _freeze, fault.for_s)  # when the answer has left
            case "mute":
                condition.speaks.clear()
                self._drop_all(True)
                return condition.speaks.set
            case "unauthorized":
                condition.guard.refuse()
                self._drop_all(False)
                return lambda: condition.guard.relent(self._policy)
            case "drop":
                condition.link.cut()
                return condition.link.mend
            case "slow":
                condition.link.limit(options["bytes_s"], options["latency_s"])
                return condition.link.limit
            case "reset":
                self._drop_all(True)
            case "reboot":
                condition.restart(options["down_s"])
            case "stuck-shell":
                condition.shells_start.clear()
                return condition.shells_start.set
            case "storage-full" | "storage-read-only":
                return self._spoil("full" if fault.name == "storage-full" else "read-only")
            case _:
                return self._pretend(_files(fault.name, options))
        return None

    def _spoil(self, ailment: Ailment) -> Callable[[], None]:
        for other in ("storage-full", "storage-read-only"):  # one at a time
            self._clear(other)
        self._storage.become(ailment)
        return lambda: self._storage.become("")

    def _pretend(self, files: Mapping[str, bytes]) -> Callable[[], None]:
        for name, content in files.items():
            path = self._override / name
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}")
            temporary.write_bytes(content)
            temporary.replace(path)

        def undo() -> None:
            for name in files:
                (self._override / name).unlink(missing_ok=True)

        return undo


def _files(name: str, options: Mapping[str, float]) -> dict[str, bytes]:
    """What to write under OVERRIDE for a fault that only changes what the phone says."""
    match name:
        case "low-battery":
            texts = {"battery/level": f"{options['level']:.0f}", "battery/status": _DISCHARGING, "battery/usb": "false"}
        case "hot":
            texts = {
                "thermal/celsius": f"{options['celsius']:.1f}",
                "thermal/status": f"{options['status']:.0f}",
                "battery/temperature": f"{options['battery_celsius'] * 10:.0f}",
            }
        case "clock-jump":
            texts = {"clock/offset": f"{options['seconds']:.0f}"}
        case "garbage":
            return {"getprop": noise()}
        case "install-refused":
            known = refusals.known(f"{options['code']:.0f}")
            texts = {"package/refused": known.code if known is not None else f"{options['code']:.0f}"}
        case _:
            raise ValueError(name)
    return {path: f"{text}\n".encode() for path, text in texts.items()}


def noise() -> bytes:
    """The same every time: lines cut off, without end, of no character set, and some that look right."""
    dice = random.Random(1)  # noqa: S311  # no secret
    lines = [
        b"[ro.product.cpu.abi", b"]: [", b"[ro.build.version.sdk]: [-1e999]", b"[]: []", b"[ro.product.model]: [\xff\xfe\x00]",
        b"[ro.serialno]: [" + b"x" * 8192 + b"]", "[ro.product.cpu.abi]: [\u202e\u0665]".encode(),
    ]  # fmt: skip
    while sum(map(len, lines)) < _NOISE_BYTES:
        lines.append(dice.randbytes(dice.randrange(400)))
    return b"\n".join(lines)


def _freeze(seconds: float | None) -> None:
    """Stop this process; a child that does not stop with it wakes it when the time is over."""
    child = 0
    if seconds is not None:
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                namespace.die_with_parent(signal.SIGKILL)
                time.sleep(seconds)
                if os.getppid() == parent:
                    os.kill(parent, signal.SIGCONT)
            os._exit(0)
    os.kill(os.getpid(), signal.SIGSTOP)
    if child:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
