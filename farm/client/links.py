"""Ways to a daemon: the one at work on a data folder or embedded in this process, or one at an address."""

from __future__ import annotations

import contextlib
import ipaddress
import ssl
import time
from typing import TYPE_CHECKING, Protocol
from urllib.parse import SplitResult, urlsplit

import httpx2
from pydantic import ValidationError

from farm.api.advert import read_advert, read_token
from farm.api.messages import Health
from farm.errors import DaemonError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from farm.daemon import Daemon
    from farm.settings import Settings

    MakeDaemon = Callable[[Settings], Daemon]
    Say = Callable[[str], None]

FIND_S = 30.0  # for a daemon that starts up or shuts down at this moment
HEALTH_S = 10.0
ANSWER_S = 300.0  # a preflight reads the whole model


class Link(Protocol):
    """A connection that can be made again."""

    http: httpx2.Client
    url: str
    daemon: Daemon | None
    """The embedded one, if this process is it."""
    remote: bool

    def renew(self) -> None:
        """Find a daemon that answers, after the connection broke.

        Raises:
            DaemonError: there is none.
        """

    def close(self, *, given_up: frozenset[int] = frozenset(), now: bool = False) -> None:
        """Let go."""


class LocalLink:
    """To the daemon of this computer's data folder; where none is at work, this process becomes it."""

    remote = False

    def __init__(self, settings: Settings, make_daemon: MakeDaemon, say: Say) -> None:
        self._settings = settings
        self._make_daemon = make_daemon
        self._say = say
        self.http = _http("", "", None)
        self.url = ""
        self.daemon: Daemon | None = None

    def renew(self) -> None:
        """Find the daemon at work, else become it.

        Raises:
            DaemonError: another process holds the data folder but does not answer.
        """
        deadline = time.monotonic() + FIND_S
        while not self._find():
            try:
                daemon = self._make_daemon(_private(self._settings))
                daemon.start(port=0, eager=False)
                self.daemon = daemon
            except DaemonError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _find(self) -> bool:
        data = self._settings.data
        advert, token = read_advert(data), read_token(data)
        if advert is None or token is None:
            return False
        http = _http(advert.url, token, _pinned(advert.certificate) if advert.certificate else None)
        try:
            health = Health.model_validate_json(http.get("/api/health", timeout=HEALTH_S).content)
        except (httpx2.HTTPError, ValidationError):
            health = None
        if health is None or health.pid != advert.pid:  # a dead daemon's advert, its port taken by somebody else
            http.close()
            return False
        self.http.close()
        self.http, self.url = http, advert.url
        return True

    def close(self, *, given_up: frozenset[int] = frozenset(), now: bool = False) -> None:
        """Let go; an embedded daemon first finishes, unless `now`, the jobs somebody waits for and that are not `given_up`."""
        try:
            if self.daemon is not None and not now:
                self._finish(self.daemon, given_up)
        finally:
            self.http.close()
            if self.daemon is not None:
                left = self.daemon.jobs.wanted()
                self.daemon.stop()
                if left:
                    self._say(f"{_jobs(left)} handed over: `farm up`, or the next farm command, goes on")

    def _finish(self, daemon: Daemon, given_up: frozenset[int]) -> None:
        said: set[int] = set()
        with contextlib.suppress(KeyboardInterrupt):
            while left := daemon.jobs.wanted() - given_up:
                if left - said:
                    said |= left
                    self._say(f"still running {_jobs(left)} here; Ctrl-C hands over to the next daemon")
                time.sleep(0.1)


class RemoteLink:
    """To a daemon by address and token.

    Raises:
        SettingsError: the address or the CA file cannot be used.
    """

    remote = True
    daemon: Daemon | None = None

    def __init__(self, url: str, token: str, ca: Path | None) -> None:
        parts = _parts(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
            raise SettingsError(f"{url!r} is no address of a lab", remedy="write it as https://lab.example:8377")
        if parts.scheme == "http" and not _loopback(parts.hostname):
            raise SettingsError(
                "plain http would show the token to the network",
                where=url,
                remedy="use https (api.tls_cert on the lab's side), or an SSH tunnel to localhost",
            )
        if not token or not token.isascii() or not token.isprintable():
            raise SettingsError("the token is missing or not a token", where=url, remedy="set FARM_TOKEN")
        self.url = url.rstrip("/")
        self.http = _http(self.url, token, _trusting(ca) if parts.scheme == "https" else None)

    def renew(self) -> None:
        """See that somebody answers.

        Raises:
            DaemonError: nobody does, or the certificate is not trusted.
        """
        try:
            Health.model_validate_json(self.http.get("/api/health", timeout=HEALTH_S).content)
        except (httpx2.HTTPError, ValidationError) as e:
            trust = "CERTIFICATE_VERIFY_FAILED" in str(e)
            raise DaemonError(
                f"no lab answers: {str(e).splitlines()[0] if str(e) else type(e).__name__}",
                where=self.url,
                remedy="name who signed its certificate: client.ca in farm.toml, or FARM_CA"
                if trust
                else "check FARM_URL, and that `farm up` runs there",
            ) from e

    def close(self, *, given_up: frozenset[int] = frozenset(), now: bool = False) -> None:  # noqa: ARG002  # see Link
        """Close the connection."""
        self.http.close()


def _parts(url: str) -> SplitResult:
    with contextlib.suppress(ValueError, httpx2.InvalidURL):
        parts, _ = urlsplit(url), httpx2.URL(url)
        _ = parts.port  # read only now
        return parts
    return SplitResult("", "", "", "", "")


def _private(settings: Settings) -> Settings:
    """Of a daemon for this command's time: it serves this computer only, whatever `farm up` would do."""
    alone = {"host": "127.0.0.1", "names": (), "tls_cert": "", "tls_key": ""}
    return settings.model_copy(update={"api": settings.api.model_copy(update=alone)})


def _http(url: str, token: str, tls: ssl.SSLContext | None) -> httpx2.Client:
    return httpx2.Client(
        base_url=url,
        headers={"authorization": f"Bearer {token}"},
        timeout=ANSWER_S,
        trust_env=False,  # no proxy of the environment stands between a command and its lab
        verify=tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # trusts nobody; reading the CA bundle takes 0.3 s
    )


def _pinned(certificate: str) -> ssl.SSLContext:
    """Trusts this certificate alone, whatever its names: the advert, which only the owner writes, told it."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname = False
    tls.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    tls.load_verify_locations(cadata=certificate)
    return tls


def _trusting(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as e:  # ssl.SSLError is one
        raise SettingsError(
            f"cannot be read as certificates: {e.strerror or e}", where=str(ca), remedy="name a PEM file"
        ) from e


def _loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _jobs(jobs: set[int]) -> str:
    return f"job{'s' if len(jobs) > 1 else ''} {', '.join(map(str, sorted(jobs)))}"
