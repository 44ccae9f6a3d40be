"""`farm dashboard` starts the user's browser, where there is somebody who sees it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx2
import pytest

from farm.cli.dashboard import has_screen
from tests.daemon.lab import daemon, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.daemon import Daemon


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    made = daemon(settings(tmp_path_factory.mktemp("lab") / "data"))
    made.start(port=0)
    yield made
    made.stop()


def opened(lab: Daemon, folder: Path, *flags: str, piped: bool = False, **more: str) -> tuple[str, str]:
    """What the command printed, and the address that the browser was started with; empty: it was not."""
    told, browser, config = folder / "told", folder / "browser", folder / "farm.toml"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{told}"\n', encoding="utf-8")
    browser.chmod(0o755)
    config.write_text(f"data = {json.dumps(str(lab.data))}\n", encoding="utf-8")
    mine, its = pty.openpty()
    command = [sys.executable, "-m", "farm", "--config", str(config), "dashboard", "/fleet", *flags]
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {
        "BROWSER": str(browser),
        **more,
    }
    try:
        done = subprocess.run(
            command, env=environment, stdin=its, stdout=subprocess.PIPE if piped else its, check=True, timeout=120
        )
    finally:
        os.close(its)
    printed = done.stdout if piped else os.read(mine, 65536)
    os.close(mine)
    return printed.decode().strip(), told.read_text(encoding="utf-8") if told.exists() else ""


def test_the_browser_is_started_with_the_address_that_is_printed(lab: Daemon, tmp_path: Path) -> None:
    printed, shown = opened(lab, tmp_path)
    assert shown == printed
    with httpx2.Client(headers={"accept": "text/html"}, trust_env=False) as client:
        assert client.get(shown).headers["location"] == "/fleet"
        assert client.get(f"{lab.url}/fleet").status_code == 200


@pytest.mark.parametrize("how", ["--no-open", "--json", "piped", "CI"])
def test_no_browser_is_started_where_nobody_asked_for_one(lab: Daemon, tmp_path: Path, how: str) -> None:
    flags = [how] if how.startswith("--") else []
    printed, shown = opened(lab, tmp_path, *flags, piped=how == "piped", **{"CI": "true"} if how == "CI" else {})
    assert f"{lab.url}/login?code=" in printed
    assert not shown


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"DISPLAY": ""}, "linux", False),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "darwin", True),
        ({"CI": "1", "DISPLAY": ":0"}, "linux", False),
    ],
)
def test_a_browser_needs_a_screen(environment: dict[str, str], platform: str, expected: bool) -> None:
    assert has_screen(environment, platform) == expected
