"""The program that sends one message to one address with apprise, which may block or crash: a process of its own.

It reads an Errand from stdin, and writes BEGUN and then an Outcome into the open file whose number it is given. It may outlive
the daemon that started it: the file, locked as long as this process lives, tells the next daemon how it ended.
"""

from __future__ import annotations

import logging
import os
import signal
import sys

from farm.notify.message import Message
from farm.notify.target import scrubbed
from farm.report.base import Part

ERROR_LIMIT = 300
BEGUN = b"begun\n"
"""From here on the message may arrive, whatever becomes of this process."""


class Errand(Part):
    """What to send, where, and within how many seconds."""

    url: str
    message: Message
    failure: bool
    """Whether services that know colors and sounds show it as bad news."""
    deadline_s: float


class Outcome(Part):
    """How it went; `error` is empty when it was taken."""

    error: str = ""
    begun: bool = True
    """False: it cannot have arrived, since nobody began to send it."""


def main() -> None:
    """Do one errand."""
    errand = Errand.model_validate_json(sys.stdin.buffer.read())
    file = int(sys.argv[1])
    signal.setitimer(signal.ITIMER_REAL, errand.deadline_s)  # ends the process, whatever it waits for
    os.write(file, BEGUN)
    error = send(errand)
    outcome = Outcome(error=scrubbed(error, errand.url)[:ERROR_LIMIT])
    os.write(file, outcome.model_dump_json().encode())
    os.fsync(file)
    os._exit(0)  # threads of a service that still wait are of no interest any more


def send(errand: Errand) -> str:
    """Send it; what went wrong, or nothing."""
    import apprise
    from apprise.url import URLBase

    logging.getLogger("apprise").addHandler(logging.NullHandler())
    # Its own default of 4 s would call failed what a slow service took, and it would be sent again.
    URLBase.socket_read_timeout = errand.deadline_s
    asset = apprise.AppriseAsset(allow_templates=False, service_timeout=0)
    asset.app_id, asset.app_desc, asset.app_url = "farm", "farm", ""
    service = apprise.Apprise.instantiate(errand.url, asset=asset)
    if service is None:
        return "apprise does not know this address, or finds it incomplete: see its page on the service"
    lab = apprise.Apprise(asset=asset)
    lab.add(service)
    body, form = _body(service, errand.message)
    result = lab.notify(
        title=errand.message.title,
        body=body,
        body_format=form,
        notify_type=apprise.NotifyType.FAILURE if errand.failure else apprise.NotifyType.INFO,
    )
    if result:
        return ""
    said = [entry.message for entry in result.logs()]
    return "; ".join(dict.fromkeys(said)) or "the service did not take it, and did not say why"


def _body(service: object, message: Message) -> tuple[str, str]:
    """The words in the richest form that the service takes."""
    from apprise.conversion import html_to_markdown

    for form, body in (("html", message.html), ("markdown", html_to_markdown(message.html))):  # type: ignore[no-untyped-call]
        if service.resolve_format(form).value == form:  # type: ignore[attr-defined]  # of apprise's NotifyBase
            return body, form
    return message.text, "text"


if __name__ == "__main__":
    main()
