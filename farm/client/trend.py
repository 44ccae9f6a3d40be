"""A lab's history as methods: series, regressions, annotations, the frontier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from farm.api.trend_messages import AnnotationRequest, IgnoreRequest, ReasonRequest
from farm.trend.annotation import Annotation
from farm.trend.compared import Compared
from farm.trend.frontier import Frontier
from farm.trend.line import Line
from farm.trend.regression import Regression, Status
from farm.trend.series import Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.api.messages import Message
    from farm.client.client import Client
    from farm.trend.annotation import Kind

JSON = {"content-type": "application/json"}
_LINES, _SERIES = TypeAdapter(list[Line]), TypeAdapter(list[Series])
_REGRESSIONS, _ANNOTATIONS = TypeAdapter(list[Regression]), TypeAdapter(list[Annotation])


class TrendClient:
    """Raises as `Client` does; NotFoundError: no such series, regression or annotation. Moments are Unix seconds."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def series(
        self,
        *,
        models: Sequence[str] = (),
        serial: str | None = None,
        metric: str | None = None,
        schedule: str | None = None,
        limit: int = 1000,
    ) -> list[Series]:
        """Each with its newest point. None: any; the schedule '' is what people submitted."""
        asked = {"model": [*models], "serial": serial, "metric": metric, "schedule": schedule, "limit": limit}
        return _SERIES.validate_json(self._get("/api/series", asked))

    def line(self, series: int, *, since: float = 0.0, points: int = 400) -> Line:
        """One series with its newest points and all that stands beside it."""
        return Line.model_validate_json(self._get(f"/api/series/{series}", {"since": since, "points": points}))

    def lines(
        self,
        *,
        models: Sequence[str] = (),
        serial: str | None = None,
        metric: str = "latency.median",
        schedule: str | None = None,
        since: float = 0.0,
        points: int = 400,
        limit: int = 50,
        steps: bool = False,
    ) -> list[Line]:
        """A metric over time, on each device and under each configuration; `steps`: with those, too."""
        asked = {
            "model": [*models], "serial": serial, "metric": metric, "schedule": schedule, "since": since,
            "points": points, "limit": limit, "steps": steps,
        }  # fmt: skip
        return _LINES.validate_json(self._get("/api/trend", asked))

    def frontier(
        self,
        models: Sequence[str] = (),
        *,
        serial: str | None = None,
        accuracy: str = "",
        latency_ms: float | None = None,
    ) -> Frontier:
        """Which variant to take on which device, by the newest figures."""
        asked = {"model": [*models], "serial": serial, "accuracy": accuracy, "latency_ms": latency_ms}
        return Frontier.model_validate_json(self._get("/api/frontier", asked))

    def regressions(
        self, *, statuses: Sequence[Status] = (), model: str = "", serial: str = "", limit: int = 100
    ) -> list[Regression]:
        """The newest first; without `statuses`, wherever they stand."""
        asked = {"status": [*statuses], "model": model, "serial": serial, "limit": limit}
        return _REGRESSIONS.validate_json(self._get("/api/regressions", asked))

    def regression(self, number: int) -> Regression:
        """One, and where it stands."""
        return Regression.model_validate_json(self._get(f"/api/regressions/{number}", {}))

    def frames(self, number: int) -> Compared:
        """Its runs beside one of the level before, frame by frame."""
        return Compared.model_validate_json(self._get(f"/api/regressions/{number}/frames", {}))

    def acknowledge(self, number: int, reason: str = "") -> Regression:
        """Say that somebody looks at it."""
        return self._ask(number, "acknowledge", ReasonRequest(reason=reason))

    def accept(self, number: int, reason: str) -> Regression:
        """Have its series judged against the new level from now on."""
        return self._ask(number, "accept", ReasonRequest(reason=reason))

    def ignore(self, number: int, reason: str, until: float) -> Regression:
        """Have it told to nobody until then."""
        return self._ask(number, "ignore", IgnoreRequest(reason=reason, until=until))

    def recheck(self, number: int, reason: str = "") -> Regression:
        """Have it run again."""
        return self._ask(number, "recheck", ReasonRequest(reason=reason))

    def annotate(
        self, text: str, *, kind: Kind = "note", at: float | None = None, model: str = "", serial: str = ""
    ) -> Annotation:
        """Write something beside the series of a model and a device; empty: of all."""
        asked = AnnotationRequest(text=text, kind=kind, at=at, model=model, serial=serial)
        return Annotation.model_validate_json(self._post("/api/annotations", asked))

    def annotations(self, *, model: str = "", serial: str = "", since: float = 0.0) -> list[Annotation]:
        """What people wrote, the oldest first."""
        asked = {"model": model, "serial": serial, "since": since}
        return _ANNOTATIONS.validate_json(self._get("/api/annotations", asked))

    def remove_annotation(self, number: int) -> None:
        """Forget it."""
        self._client._request("DELETE", f"/api/annotations/{number}")

    def _ask(self, number: int, action: str, asked: Message) -> Regression:
        return Regression.model_validate_json(self._post(f"/api/regressions/{number}/{action}", asked))

    def _get(self, path: str, asked: dict[str, Any]) -> bytes:
        params = {name: value for name, value in asked.items() if value is not None}
        return self._client._request("GET", path, params=params).content

    def _post(self, path: str, asked: Message) -> bytes:
        return self._client._request("POST", path, content=asked.model_dump_json().encode(), headers=JSON).content
