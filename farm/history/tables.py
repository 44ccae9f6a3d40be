"""The tables of the history: names, columns, meanings. Names stay; a column is only ever added, at the end of its table.

`daily` tables hold what does not change any more, one file a day (UTC) of when a run was over. `kept` tables are small and still
change (devices, nights, regressions, gate checks): the state file has them for ever, and what is written is a copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pyarrow

VERSION = 1
"""Of the tables: in the metadata of every file, as `farm.history`."""
DAY = "day"
Type = Literal["int", "float", "text", "bool", "time", "date", "texts"]
"""`time`: UTC, to the millisecond. `texts`: a map of text to text."""


@dataclass(frozen=True)
class Column:
    """One column."""

    name: str
    type: Type
    meaning: str


@dataclass(frozen=True)
class Table:
    """One table. Daily ones also have `day`, which is in the names of their folders."""

    name: str
    kind: Literal["daily", "kept"]
    meaning: str
    columns: tuple[Column, ...]

    def all_columns(self) -> tuple[Column, ...]:
        """As a query sees them."""
        more = (Column(DAY, "date", "on which the run was over, UTC"),) if self.kind == "daily" else ()
        return self.columns + more

    def schema(self, *, day: bool = False) -> pyarrow.Schema:
        """Of a file, or with `day` of the table as a query sees it; meanings and version are in the metadata."""
        import pyarrow

        columns = self.all_columns() if day else self.columns

        types: dict[Type, pyarrow.DataType] = {
            "int": pyarrow.int64(), "float": pyarrow.float64(), "text": pyarrow.string(), "bool": pyarrow.bool_(),
            "time": pyarrow.timestamp("ms"), "date": pyarrow.date32(),
            "texts": pyarrow.map_(pyarrow.string(), pyarrow.string()),
        }  # fmt: skip
        fields = [pyarrow.field(c.name, types[c.type], metadata={"meaning": c.meaning}) for c in columns]
        return pyarrow.schema(fields, metadata={"farm.history": str(VERSION), "farm.table": self.name})


def _columns(*told: tuple[str, Type, str]) -> tuple[Column, ...]:
    return tuple(Column(*one) for one in told)


WHOSE = _columns(
    ("run", "int", "its number"),
    ("job", "int", "of the job it belongs to"),
    ("ended", "time", "when it was over"),
    ("schedule", "text", "whose night it was of; empty: somebody submitted it"),
    ("night", "int", "see nights"),
    ("model", "text", "the model's name"),
    ("device", "text", "its serial"),
    ("configuration", "text", "what is unusual about the conditions, as `threads=4`; equal: drawn on one line"),
)
"""Of every daily table: so that a question about figures or layers needs no join."""

RUNS = Table(
    "runs", "daily", "every run that is over", WHOSE + _columns(
        ("status", "text", "done, failed, canceled"),
        ("verdict", "text", "pass, fail, undecided; none where the run gave no result"),
        ("cause", "text", "what is to blame: an assertion's name, a rung, none, unexplained"),
        ("user", "text", "who submitted it"),
        ("kind", "text", "job, sentinel, ..."),
        ("variant", "text", "name of its configuration in the job"),
        ("repetition", "int", "of that configuration on that device, from 0"),
        ("attempt", "int", "that ended it, from 1; 0: none began"),
        ("same_as", "int", "the run of another job that did this one's work"),
        ("model_sha256", "text", "of the model's bytes"),
        ("commit", "text", "of the user's repository, as submitted"),
        ("device_kind", "text", "phone, emulator, virtual: figures of virtual ones are no phone's"),
        ("device_model", "text", "what the maker calls it"),
        ("abi", "text", "instruction set"),
        ("sdk", "int", "Android's API level"),
        ("submitted", "time", "when its job was submitted"),
        ("started", "time", "when its last attempt began"),
        ("seconds", "float", "the last attempt took, on the device's lease"),
        ("error_kind", "text", "job, infrastructure, bug"),
        ("error_code", "text", "in a word"),
        ("error", "text", "why it gave no result"),
        ("pushed_bytes", "int", "files that were not yet on the device"),
        ("conditions", "texts", "what the figures were taken under: conditions['threads']"),
    ),
)  # fmt: skip
FIGURES = Table(
    "figures", "daily", "every figure of a run that is done", WHOSE + _columns(
        ("metric", "text", "latency.median, latency.p90, memory.peak, energy.median, top1, agreement, ..."),
        ("unit", "text", "ms, MiB, mJ; empty: a share or a ratio"),
        ("better", "text", "low, high"),
        ("value", "float", ""),
        ("low", "float", "of the 95 % interval, as high"),
        ("high", "float", ""),
        ("n", "int", "frames or invocations behind it"),
        ("condition", "text", "what only this figure was taken under: the boundary of an energy"),
    ),
)  # fmt: skip
LAYERS = Table(
    "layers", "daily", "every layer of a run, against each of its references", WHOSE + _columns(
        ("reference", "text", ""),
        ("reference_version", "text", ""),
        ("node", "int", "of the graph, in the order of execution; -1: an input"),
        ("tensor", "text", ""),
        ("op", "text", ""),
        ("dtype", "text", ""),
        ("shape", "text", "1x224x224x3"),
        ("running_nrmse", "float", "error with all that came before: RMSE / range of the reference, median over frames"),
        ("cosine", "float", ""),
        ("sqnr_db", "float", "signal to error; none when bit-equal"),
        ("max_abs", "float", "largest difference, on the worst frame"),
        ("lsb", "float", "the same in steps of the scale"),
        ("diverged", "bool", "whether the running error is over its threshold"),
        ("isolated_nrmse", "float", "error of this layer alone, fed the reference's inputs"),
        ("isolated_lsb", "float", ""),
        ("time_us", "float", "instrumented model, over the frames"),
        ("profile_us", "float", "plain model, fused as it is deployed"),
    ),
)  # fmt: skip
FINDINGS = Table(
    "findings", "daily", "what each assertion said", WHOSE + _columns(
        ("assertion", "text", ""),
        ("holds", "bool", "false: it found its bug"),
        ("harmless", "bool", "a difference that fails nothing"),
        ("area", "text", "answers, cost, user"),
        ("summary", "text", ""),
        ("remedy", "text", ""),
        ("evidence", "texts", "figures and words by name"),
    ),
)  # fmt: skip
VERDICTS = Table(
    "verdicts", "daily", "the conclusion of every run that is done", WHOSE + _columns(
        ("verdict", "text", "pass, fail, undecided"),
        ("cause", "text", ""),
        ("summary", "text", ""),
        ("confidence", "float", "share of the bootstraps over n frames that name the same cause"),
        ("n", "int", ""),
        ("remedy", "text", ""),
    ),
)  # fmt: skip
DEVICES = Table(
    "devices", "kept", "every device the lab knows, as it was last", _columns(
        ("device", "text", "its serial"),
        ("name", "text", "as the lab calls it"),
        ("pool", "text", ""),
        ("labels", "text", "joined by spaces"),
        ("host", "text", "of its adb server"),
        ("model", "text", ""),
        ("maker", "text", ""),
        ("abi", "text", ""),
        ("sdk", "int", ""),
        ("firmware", "text", "Android's fingerprint of the build"),
        ("first_seen", "time", ""),
        ("last_seen", "time", ""),
        ("enrolled", "time", ""),
        ("faults", "int", "in a row"),
        ("quarantined", "time", ""),
        ("quarantine", "text", "the reason"),
        ("needs_human", "text", "the reason"),
    ),
)  # fmt: skip
NIGHTS = Table(
    "nights", "kept", "every time a schedule was due", _columns(
        ("night", "int", "its number"),
        ("schedule", "text", ""),
        ("due", "time", ""),
        ("fired", "time", "when it was made"),
        ("ended", "time", ""),
        ("missed", "int", "earlier moments that fell into a downtime"),
        ("status", "text", "open, over, skipped, failed"),
        ("note", "text", "why it was skipped or failed"),
        ("jobs", "int", "how many it submitted"),
    ),
)  # fmt: skip
REGRESSIONS = Table(
    "regressions", "kept", "every lasting change of a figure that was found", _columns(
        ("regression", "int", "its number"),
        ("schedule", "text", ""),
        ("model", "text", ""),
        ("device", "text", "its serial"),
        ("configuration", "text", ""),
        ("metric", "text", ""),
        ("unit", "text", ""),
        ("status", "text", "suspect, checking, confirmed, refuted, acknowledged, accepted, ignored, ..."),
        ("begins", "time", "first point of the new level"),
        ("found", "time", ""),
        ("changed", "time", "of its status"),
        ("before", "float", "median of the old level"),
        ("after", "float", "of the new one"),
        ("change", "float", "after / before - 1; of shares after - before"),
        ("worse", "bool", ""),
        ("p_value", "float", ""),
        ("job", "int", "that ran it again"),
        ("user", "text", "who acknowledged, accepted or ignored it"),
        ("reason", "text", ""),
        ("until", "time", "of what is ignored"),
    ),
)  # fmt: skip
GATE_CHECKS = Table(
    "gate_checks", "kept", "every time a gate was asked", _columns(
        ("id", "int", "its number"),
        ("checked", "time", ""),
        ("gate", "text", ""),
        ("subject", "text", "what was checked: a commit, a job"),
        ("test_set", "text", "sha256 over the labelled frames that answered"),
        ("answer", "text", "pass, fail, undecided"),
        ("outcome", "text", "the same, or what the gate's mode makes of it"),
        ("job", "int", "whose runs it was asked of"),
        ("cost", "float", "share of the promise that the use of the test set took"),
    ),
)  # fmt: skip
TABLES = (RUNS, FIGURES, LAYERS, FINDINGS, VERDICTS, DEVICES, NIGHTS, REGRESSIONS, GATE_CHECKS)
DAILY = tuple(table for table in TABLES if table.kind == "daily")
KEPT = tuple(table for table in TABLES if table.kind == "kept")
