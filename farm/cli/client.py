"""The command line's way to the daemon: REST, over the one at work or one embedded in this process.

Nothing is lost when a daemon goes away: the client finds the next one, or becomes it, and every request can be sent again.
"""

from __future__ import annotations

import contextlib
import secrets
import signal
import ssl
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx2
from pydantic import TypeAdapter, ValidationError

from farm.api.advert import read_advert, read_token
from farm.api.messages import MISSING_LIMIT, DeviceView, Event, Hashes, Health, Problem
from farm.errors import DaemonError, FarmError, InputsError
from farm.report.document import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import FrameType

    from farm.daemon import Daemon
    from farm.settings import Settings
    from farm.submission import Submission

    MakeDaemon = Callable[[Settings], Daemon]
    Say = Callable[[str], None]

FIND_S = 30.0  # for a daemon that starts up or shuts down at this moment
ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
HEALTH_S = 10.0
SILENCE_S = 30.0  # the daemon sends a ping every 5 s into a stream
ANSWER_S = 300.0  # a preflight reads the whole model
CHUNK = 1 << 20
_JOBS, _DEVICES = TypeAdapter(list[Job]), TypeAdapter(list[DeviceView])


class Client:
    """Requests to the daemon. Every method raises the FarmError the daemon raised, or DaemonError when there is none."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.submitted: set[int] = set()

    @property
    def embedded(self) -> bool:
        """Whether the daemon lives in this process, and ends with it."""
        return self._link.daemon is not None

    def submit(self, submission: Submission) -> Job:
        """Queue a job. Sent twice by a broken connection, it is still one job."""
        answer = self._request(
            "POST",
            "/api/jobs",
            content=submission.model_dump_json().encode(),
            headers={"content-type": "application/json", "idempotency-key": secrets.token_hex(16)},
        )
        job = Job.model_validate_json(answer.content)
        self.submitted.add(job.job)
        return job

    def upload(self, files: Mapping[str, Path]) -> int:
        """Send those of `files` (by sha256) that the daemon does not have; the bytes sent.

        Raises:
            InputsError: a file cannot be read, or changed since its sha256 was taken.
        """
        names = list(files)
        sent = 0
        for at in range(0, len(names), MISSING_LIMIT):
            asked = Hashes(sha256=tuple(names[at : at + MISSING_LIMIT]))
            answer = self._request(
                "POST",
                "/api/artifacts/missing",
                content=asked.model_dump_json().encode(),
                headers={"content-type": "application/json"},
            )
            for sha256 in Hashes.model_validate_json(answer.content).sha256:
                sent += self._put(sha256, files[sha256])
        return sent

    def jobs(self, limit: int = 50) -> list[Job]:
        """The newest first, their runs without figures."""
        return _JOBS.validate_json(self._request("GET", "/api/jobs", params={"limit": limit}).content)

    def job(self, job: int) -> Job:
        """One job with all its figures."""
        return Job.model_validate_json(self._request("GET", f"/api/jobs/{job}").content)

    def devices(self) -> list[DeviceView]:
        """Every device, looked at now."""
        return _DEVICES.validate_json(self._request("GET", "/api/devices").content)

    def cancel(self, job: int) -> Job:
        """Cancel a job; one that is over stays as it is."""
        return Job.model_validate_json(self._request("POST", f"/api/jobs/{job}/cancel").content)

    def report(self, job: int) -> bytes:
        """The HTML report of a job that is over."""
        return self._request("GET", f"/api/jobs/{job}/report").content

    def events(self, job: int) -> Iterator[Event]:
        """What happens to a job, from where it stands now until it is over; across daemons, if need be."""
        seen: dict[int | None, Event] = {}
        while True:
            for event in self._stream(job):
                if seen.get(event.run) != event:
                    seen[event.run] = event
                    yield event
                if event.last:
                    return
            time.sleep(0.05)
            self._link.renew()

    def wait(self, job: int) -> Job:
        """The job, once it is over."""
        for _ in self.events(job):
            pass
        return self.job(job)

    def _stream(self, job: int) -> Iterator[Event]:
        """Events until the stream ends, for whatever reason."""
        with contextlib.suppress(httpx2.TransportError):
            http = self._link.http
            timeout = httpx2.Timeout(SILENCE_S)
            with http.stream("GET", f"/api/jobs/{job}/events", timeout=timeout) as answer:
                if answer.is_error:
                    answer.read()
                    error = _error(answer)
                    if isinstance(error, DaemonError):
                        return
                    raise error
                for event in httpx2.EventSource(answer):
                    if event.event == "job":
                        yield Event.model_validate_json(event.data)

    def _put(self, sha256: str, file: Path) -> int:
        def parts() -> Iterator[bytes]:
            with file.open("rb") as f:
                while part := f.read(CHUNK):
                    yield part

        try:
            size = file.stat().st_size
            self._request("PUT", f"/api/artifacts/{sha256}", stream=parts)
        except OSError as e:
            raise InputsError(f"cannot be read: {e.strerror}", where=str(file), remedy="check the file") from e
        return size

    def _request(
        self, method: str, path: str, *, stream: Callable[[], Iterator[bytes]] | None = None, **kwargs: Any
    ) -> httpx2.Response:
        deadline = time.monotonic() + FIND_S
        while True:
            try:
                if stream is not None:
                    kwargs["content"] = stream()
                answer = self._link.http.request(method, path, **kwargs)
                error = _error(answer) if answer.is_error else None
            except httpx2.TransportError as e:
                error = DaemonError(
                    f"the connection broke: {e or type(e).__name__}", where=self._link.url, remedy="try again"
                )
            if error is None:
                return answer
            if not isinstance(error, DaemonError) or time.monotonic() > deadline:
                raise error
            time.sleep(0.05)
            self._link.renew()


class Link:
    """The connection, and the embedded daemon if this process is the one that has it."""

    def __init__(self, settings: Settings, make_daemon: MakeDaemon, say: Say) -> None:
        self._settings = settings
        self._make_daemon = make_daemon
        self._say = say
        self.http = _http("", "")
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
                daemon = self._make_daemon(self._settings)
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
        http = _http(advert.url, token)
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
                left = self.daemon.wanted()
                self.daemon.stop()
                if left:
                    self._say(f"{_jobs(left)} handed over: `farm up`, or the next farm command, goes on")

    def _finish(self, daemon: Daemon, given_up: frozenset[int]) -> None:
        said: set[int] = set()
        with contextlib.suppress(KeyboardInterrupt):
            while left := daemon.wanted() - given_up:
                if left - said:
                    said |= left
                    self._say(f"still running {_jobs(left)} here; Ctrl-C hands over to the next daemon")
                time.sleep(0.1)


@contextlib.contextmanager
def connect(settings: Settings, *, make_daemon: MakeDaemon | None = None, say: Say | None = None) -> Iterator[Client]:
    """A client of the daemon at work on `settings.data`; without one, this process becomes it for as long as it lasts.

    Leaving waits for jobs submitted to an embedded daemon by anybody; after an exception (Ctrl-C), for other clients' only.

    Raises:
        DaemonError: another process holds the data folder but does not answer.
    """
    link = Link(settings, make_daemon or _real_daemon, say or _say)
    client = Client(link)
    with _terminable():
        try:
            link.renew()
            yield client
        except SystemExit:  # SIGTERM: whoever sent it does not wait
            link.close(now=True)
            raise
        except BaseException:
            link.close(given_up=frozenset(client.submitted))
            raise
        link.close()


def serve(settings: Settings, *, make_daemon: MakeDaemon | None = None, started: Callable[[str], None]) -> None:
    """The foreground daemon on the configured port, until SIGTERM or SIGINT. `started` is told its url.

    Raises:
        DaemonError: another daemon holds the data folder, or the port is taken.
    """
    over = threading.Event()
    before = {number: signal.signal(number, lambda *_: over.set()) for number in ENDS}
    daemon = (make_daemon or _real_daemon)(settings)
    try:
        daemon.start()
        started(daemon.url)
        over.wait()
    finally:
        daemon.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind, so that an embedded daemon hands over; from other threads nothing is changed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _http(url: str, token: str) -> httpx2.Client:
    return httpx2.Client(
        base_url=url,
        headers={"authorization": f"Bearer {token}"},
        timeout=ANSWER_S,
        trust_env=False,  # no proxy of the environment stands between two processes of one machine
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # never used, and reading the CA bundle takes 0.3 s
    )


def _real_daemon(settings: Settings) -> Daemon:
    from farm.daemon import Daemon  # brings FastAPI and SQLite: only when needed

    return Daemon(settings)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _jobs(jobs: set[int]) -> str:
    return f"job{'s' if len(jobs) > 1 else ''} {', '.join(map(str, sorted(jobs)))}"


def _error(answer: httpx2.Response) -> FarmError:
    try:
        return Problem.model_validate_json(answer.content).error()
    except ValidationError:
        return DaemonError(f"answered {answer.status_code}", where=str(answer.url), remedy="see the daemon's output")
