"""The lab's REST interface as methods: the command line uses these and nothing else."""

from __future__ import annotations

import contextlib
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx2
from pydantic import TypeAdapter, ValidationError

from farm.api.messages import (
    MISSING_LIMIT,
    AuditLine,
    DeviceView,
    Event,
    Hashes,
    LabEvent,
    NewToken,
    Problem,
    Ready,
    TokenRequest,
    TokenView,
)
from farm.client.links import RemoteLink
from farm.errors import DaemonError, FarmError, InputsError
from farm.report.document import Job, Watch
from farm.store.artifacts import sha256_of
from farm.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from farm.client.links import Link

FIND_S = 30.0  # for a daemon that starts up or shuts down at this moment
SILENCE_S = 30.0  # the daemon sends a ping every 5 s into a stream
CHUNK = 1 << 20
JSON = {"content-type": "application/json"}
_JOBS, _DEVICES = TypeAdapter(list[Job]), TypeAdapter(list[DeviceView])
_WATCHES = TypeAdapter(list[Watch])
_TOKENS, _AUDIT = TypeAdapter(list[TokenView]), TypeAdapter(list[AuditLine])


class Client:
    """Requests to one lab. Safe for one thread at a time.

    Every method raises the FarmError the daemon raised: TokenError where the token is not known, ForbiddenError where its scope
    is too small, NotFoundError where there is no such thing; and DaemonError where no daemon answers. Each is sent again
    where a connection breaks, for half a minute.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._answered = False  # whoever never answered is more likely a wrong address than a daemon on its way up
        self.submitted: set[int] = set()

    @classmethod
    def at(cls, url: str, token: str, *, ca: Path | str | None = None) -> Self:
        """The lab at `url` (`https://lab.example:8377`); `ca` is a PEM file of who signed its certificate.

        Raises:
            SettingsError: `url` is not http(s), is plain http to another machine, or `ca` is no PEM file.
        """
        return cls(RemoteLink(url, token, Path(ca) if ca else None))

    def __enter__(self) -> Self:
        """The client itself; leaving closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """See `close`."""
        self.close()

    def close(self) -> None:
        """Close the connection. What was submitted goes on in the lab."""
        self._link.close()

    def reach(self) -> None:
        """See that the lab answers."""
        self._link.renew()
        self._answered = True

    @property
    def embedded(self) -> bool:
        """Whether the daemon lives in this process, and ends with it."""
        return self._link.daemon is not None

    @property
    def remote(self) -> bool:
        """Whether the daemon's files are out of reach."""
        return self._link.remote

    # jobs

    def submit(self, submission: Submission, key: str | None = None) -> Job:
        """Queue a job. Sent twice by a broken connection, it is still one job.

        After a DaemonError nobody knows whether it was queued: a caller that submits it again gives both the same `key`
        (16 to 64 characters, e.g. from the CI run's id), and it is one job then too.
        """
        answer = self._request(
            "POST",
            "/api/jobs",
            content=submission.model_dump_json().encode(),
            headers={**JSON, "idempotency-key": key or secrets.token_hex(16)},
        )
        job = Job.model_validate_json(answer.content)
        self.submitted.add(job.job)
        return job

    def put(self, file: Path | str) -> str:
        """Send a file, unless the daemon has it; its sha256, by which submissions name it.

        Raises:
            InputsError: the file cannot be read.
        """
        path = Path(file)
        try:
            sha256 = sha256_of(path)
        except OSError as e:
            raise _unreadable(path, e) from e
        self.upload({sha256: path})
        return sha256

    def upload(self, files: Mapping[str, Path]) -> int:
        """Send those of `files` (by sha256) that the daemon does not have; the bytes sent.

        Raises:
            InputsError: a file cannot be read, or changed since its sha256 was taken.
        """
        names = list(files)
        sent = 0
        for at in range(0, len(names), MISSING_LIMIT):
            asked = Hashes(sha256=tuple(names[at : at + MISSING_LIMIT]))
            answer = self._request("POST", "/api/missing", content=asked.model_dump_json().encode(), headers=JSON)
            for sha256 in Hashes.model_validate_json(answer.content).sha256:
                sent += self._put(sha256, files[sha256])
        return sent

    def jobs(self, limit: int = 50, before: int | None = None) -> list[Job]:
        """The newest first, their runs without figures; those numbered below `before`, for the next page."""
        asked = {"limit": limit} | ({} if before is None else {"before": before})
        return _JOBS.validate_json(self._request("GET", "/api/jobs", params=asked).content)

    def job(self, job: int) -> Job:
        """One job with all its figures."""
        return Job.model_validate_json(self._request("GET", f"/api/jobs/{job}").content)

    def submission(self, job: int) -> Submission:
        """What was submitted as a job; `artifact` gives the files it names."""
        return Submission.model_validate_json(self._request("GET", f"/api/jobs/{job}/submission").content)

    def cancel(self, job: int) -> Job:
        """Cancel a job; one that is over stays as it is."""
        return Job.model_validate_json(self._request("POST", f"/api/jobs/{job}/cancel").content)

    def report(self, job: int) -> bytes:
        """The HTML report of a job that is over."""
        return self._request("GET", f"/api/jobs/{job}/report").content

    def artifact(self, sha256: str) -> bytes:
        """The bytes of a model, a frame, a capture or another file that the lab keeps."""
        return self._request("GET", f"/api/artifacts/{sha256}").content

    def events(self, job: int) -> Iterator[Event]:
        """What happens to a job, from where it stands now until it is over; across daemons, if need be."""
        seen: dict[int | None, Event] = {}
        while True:
            for _, name, data in self._stream(f"/api/jobs/{job}/events"):
                if name != "job":
                    continue
                event = Event.model_validate_json(data)
                if seen.get(event.run) != event:
                    seen[event.run] = event
                    yield event
                if event.last:
                    return
            self._again()

    def wait(self, job: int) -> Job:
        """The job, once it is over."""
        for _ in self.events(job):
            pass
        return self.job(job)

    # the lab

    def devices(self) -> list[DeviceView]:
        """Every device, looked at now."""
        return _DEVICES.validate_json(self._request("GET", "/api/devices").content)

    def sentinel(self) -> list[Watch]:
        """Each device against its own nights before, on the golden model."""
        return _WATCHES.validate_json(self._request("GET", "/api/sentinel").content)

    def run_sentinel(self) -> int:
        """Run the golden model now on every device that takes runs; the job."""
        job = int(self._request("POST", "/api/sentinel").content)
        self.submitted.add(job)
        return job

    def lab_events(self, *, follow: bool = True) -> Iterator[LabEvent]:
        """Where every open job, its runs and every device stand; then each change, without end if `follow`."""
        last = ""
        while True:
            headers = {"last-event-id": last} if last else {}
            for at, name, data in self._stream("/api/events", params={"follow": follow}, headers=headers):
                last = at or last
                if name == "lab":
                    yield LabEvent.model_validate_json(data)
            if not follow:
                return
            self._again()

    def ready(self) -> Ready:
        """Whether the lab can work, check by check."""
        answer = self._request("GET", "/api/ready", accept=503)
        return Ready.model_validate_json(answer.content)

    def metrics(self) -> str:
        """The lab's figures in Prometheus' text format."""
        return self._request("GET", "/metrics").text

    # who may

    def create_token(self, asked: TokenRequest) -> NewToken:
        """Make a token. Its text is in this answer and nowhere else."""
        answer = self._request("POST", "/api/tokens", content=asked.model_dump_json().encode(), headers=JSON)
        return NewToken.model_validate_json(answer.content)

    def tokens(self) -> list[TokenView]:
        """All tokens, the newest first; their texts are not known to the lab."""
        return _TOKENS.validate_json(self._request("GET", "/api/tokens").content)

    def revoke_token(self, name: str) -> TokenView:
        """End a token, at once and for good."""
        return TokenView.model_validate_json(self._request("DELETE", f"/api/tokens/{name}").content)

    def audit(self, limit: int = 50) -> list[AuditLine]:
        """Who changed what, the newest first."""
        return _AUDIT.validate_json(self._request("GET", "/api/audit", params={"limit": limit}).content)

    # inside

    def _again(self, deadline: float | None = None) -> None:
        """Find a daemon after a broken connection, until `deadline` if it is given, else for half a minute."""
        deadline = deadline or time.monotonic() + FIND_S
        while True:
            time.sleep(0.05)
            try:
                self._link.renew()
            except DaemonError:
                if not self._answered or time.monotonic() > deadline:
                    raise
            else:
                self._answered = True
                return

    def _stream(self, path: str, **kwargs: Any) -> Iterator[tuple[str, str, str]]:
        """Id, name and data of events until the stream ends, for whatever reason."""
        with contextlib.suppress(httpx2.TransportError):
            timeout = httpx2.Timeout(SILENCE_S)
            with self._link.http.stream("GET", path, timeout=timeout, **kwargs) as answer:
                self._answered = True
                if answer.is_error:
                    answer.read()
                    error = _error(answer)
                    if isinstance(error, DaemonError):
                        return
                    raise error
                for event in httpx2.EventSource(answer):
                    yield event.id, event.event, event.data

    def _put(self, sha256: str, file: Path) -> int:
        def parts() -> Iterator[bytes]:
            with file.open("rb") as f:
                while part := f.read(CHUNK):
                    yield part

        try:
            size = file.stat().st_size
            self._request("PUT", f"/api/artifacts/{sha256}", stream=parts)
        except OSError as e:
            raise _unreadable(file, e) from e
        return size

    def _request(
        self,
        method: str,
        path: str,
        *,
        stream: Callable[[], Iterator[bytes]] | None = None,
        accept: int = 200,
        **kwargs: Any,
    ) -> httpx2.Response:
        deadline = None
        while True:
            try:
                if stream is not None:
                    kwargs["content"] = stream()
                answer = self._link.http.request(method, path, **kwargs)
                self._answered = True
                error = _error(answer) if answer.is_error and answer.status_code != accept else None
            except httpx2.TransportError as e:
                self._answered |= not isinstance(e, httpx2.ConnectError | httpx2.ConnectTimeout)
                error = DaemonError(
                    f"the connection broke: {e or type(e).__name__}", where=self._link.url, remedy="try again"
                )
            if error is None:
                return answer
            deadline = (
                deadline or time.monotonic() + FIND_S
            )  # from the break on: the answer may have been long in coming
            if not isinstance(error, DaemonError) or time.monotonic() > deadline:
                raise error
            self._again(deadline)


def _unreadable(file: Path, error: OSError) -> InputsError:
    return InputsError(f"cannot be read: {error.strerror}", where=str(file), remedy="check the file")


def _error(answer: httpx2.Response) -> FarmError:
    try:
        return Problem.model_validate_json(answer.content).error()
    except ValidationError:
        return DaemonError(f"answered {answer.status_code}", where=str(answer.url), remedy="see the daemon's output")
