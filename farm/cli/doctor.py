"""`farm doctor`: what of this computer is in the way of a lab."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.markup import escape

from farm.cli import shell

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
COLORS = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Look at adb, USB, kernel, disk, clocks, runtimes and the data folder. Needs no daemon.

    Exit status: 0 nothing fails, 3 something does.
    """
    from farm.doctor.examine import examine

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        findings = []
        for finding in examine(lab.settings):
            findings.append(finding)
            if not as_json:
                mark = f"[{COLORS[finding.level]}]{finding.level:<4}[/]"
                lab.out.print(f"{mark} {finding.area:<8}{escape(finding.what)}", highlight=False, soft_wrap=True)
                if finding.remedy:
                    lab.out.print(f"{'':13}{escape(finding.remedy)}", highlight=False, soft_wrap=True)
        if as_json:
            shell.print_json(json.dumps([vars(finding) for finding in findings], indent=2))
        raise typer.Exit(3 if any(f.level == "fail" for f in findings) else 0)
