"""The device's screen."""

from __future__ import annotations

import re

from farm.android.command import Command, as_is, fixed, of_text


def parse_locked(text: str) -> bool | None:
    """Whether the keyguard shows; None when it is not told."""
    showing = re.findall(r"(?:mIsS|\bs)howing=(true|false)", text)
    return "true" in showing if showing else None


def parse_screen(text: str) -> str:
    """`1080x2400 at 420 dpi`, out of `wm size` and `wm density`; an override counts."""
    sizes = re.findall(r"^\w+ size: (\d{1,5}x\d{1,5})", text, re.MULTILINE)
    densities = re.findall(r"^\w+ density: (\d{1,5})", text, re.MULTILINE)
    return f"{sizes[-1]}{f' at {densities[-1]} dpi' if densities else ''}" if sizes else ""


locked = Command(
    "window.locked", fixed("dumpsys window policy 2>/dev/null | grep -E 'howing='"), of_text(parse_locked),
    source="KeyguardServiceDelegate.dump, KeyguardStateMonitor.dump", recorded=("window-policy-redmi-note-12-locked",),
)  # fmt: skip
screen = Command(
    "window.screen", fixed("wm size; wm density"), of_text(parse_screen),
    source="WindowManagerShellCommand", recorded=("wm-size", "wm-size-override"),
)  # fmt: skip
picture = Command(
    # The answer is bytes: who asks looks at stdout itself.
    "window.picture", fixed("screencap -p"), as_is, source="frameworks/base/cmds/screencap",
)  # fmt: skip
