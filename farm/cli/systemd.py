"""`farm systemd`: a user unit that keeps the lab's daemon up."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from farm import settings as settings_file
from farm.cli import shell

if TYPE_CHECKING:
    from farm.settings import Settings

STOP_SLACK_S = 30
FILES = 65536
UNIT = """\
# farm systemd > ~/.config/systemd/user/farm.service
# systemctl --user daemon-reload && systemctl --user enable --now farm
# loginctl enable-linger $USER        (it starts with the computer, not with a login)
[Unit]
Description=farm: the lab's daemon
Documentation=https://www.freedesktop.org/software/systemd/man/systemd.service.html
# Without an end: a lab that is down at night is down until somebody comes.
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={command}
WorkingDirectory={folder}
Environment=PYTHONUNBUFFERED=1
Restart=on-failure
RestartSec=5
# SIGTERM drains: what runs may end. A second one would break it off, so only the daemon gets it, and once; its adb server
# stays, since other programs may use it.
KillMode=process
TimeoutStopSec={stop}
OOMPolicy=continue
LimitNOFILE={files}
UMask=0077
# Only what holds without root, and leaves USB, adb and the namespaces of virtual phones alone.
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=default.target
"""


def systemd(context: typer.Context) -> None:
    """Print a systemd user unit for `farm up` with these settings; its first lines say where it goes."""
    lab = shell.of(context)
    with shell.errors(lab):
        shell.print_json(unit(lab.settings, settings_file.find(lab.config)).rstrip("\n"))


def unit(settings: Settings, config: Path | None) -> str:
    """The unit's text; `config` is the settings' file."""
    program = Path(sys.executable).with_name("farm")
    words = [str(program)] if program.is_file() else [sys.executable, "-c", "from farm.cli import main; main()"]
    if config is not None:
        words += ["--config", str(config.absolute())]
    folder = config.absolute().parent if config is not None else Path.home()
    return UNIT.format(
        command=" ".join(quoted(word) for word in (*words, "up")),
        folder=str(folder).replace("%", "%%"),
        stop=int(settings.run.drain_s) + STOP_SLACK_S,
        files=FILES,
    )


def quoted(word: str) -> str:
    """A word of a command as systemd reads it (systemd.service(5), `Command lines`)."""
    text = word.replace("%", "%%").replace("$", "$$").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"' if text != word or any(c in word for c in " \t;'") or not word else word
