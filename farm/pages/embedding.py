"""A layer's outputs in two dimensions, edge against reference: do they part alike in every frame?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from farm.compare.embedding import embed, shared
from farm.errors import FarmError
from farm.pages.chart import Axis, Chart, Node, Table
from farm.pages.run import chosen
from farm.pages.view import View
from farm.report.base import Part
from farm.report.embedding import Embedding
from farm.report.words import layer_name, tensor_label

if TYPE_CHECKING:
    from farm.model.graph import Graph
    from farm.pages.chart import Tone
    from farm.pages.shelf import Shelf
    from farm.report.document import Comparison, Job, Run
    from farm.submission import Submission


READ = "Frames that all move the same way speak for one fault; each its own way, for noise."


class Choice(Part):
    """A layer that can be chosen."""

    tensor: int
    """Index of its tensor in the model."""
    label: str


class EmbeddingView(View):
    """One layer of one run."""

    template: ClassVar[str] = "embedding.html.j2"
    section: ClassVar[str] = "/jobs"
    job: int
    run: int
    reference: str
    references: tuple[str, ...]
    tensor: int | None
    choices: tuple[Choice, ...] = ()
    """In execution order."""
    embedding: Embedding | None = None
    missing: str = ""
    """Why there is none."""

    @property
    def base(self) -> str:
        """Path of the run's page."""
        return f"/jobs/{self.job}/runs/{self.run}"


def view(shelf: Shelf, job: Job, submitted: Submission, reference: str, tensor: int | None) -> EmbeddingView:
    """The page of a job's only run here. Without a tensor, the first layer that diverges, else the last one."""
    (run,) = job.runs
    compared = chosen(run, reference)
    name = "" if compared is None else compared.reference
    page = EmbeddingView(
        title=f"Layers of run {run.id} of job {job.job} in two dimensions"[:1000],
        job=job.job,
        run=run.id,
        reference=name,
        references=tuple(c.reference for c in run.comparisons),
        tensor=tensor,
    )
    if compared is None:
        return page.model_copy(update={"missing": "no layers of this run were compared"})
    try:
        return _drawn(page, shelf, run, submitted, compared)
    except FarmError as e:
        return page.model_copy(update={"missing": f"{e.message}: {e.remedy}" if e.remedy else e.message})


def _drawn(page: EmbeddingView, shelf: Shelf, run: Run, submitted: Submission, compared: Comparison) -> EmbeddingView:
    subject = shelf.subject(run, submitted, instead=f"`farm diagnose {page.job}/{page.run}` compares all layers")
    edge = subject.recordings.get("layers")
    if edge is None:
        return page.model_copy(update={"missing": "no capture of pass layers is left"})
    room, reference = shelf.reference(subject, compared.reference)
    if reference is None:
        command = f"`farm diagnose {page.job}/{page.run}`"
        return page.model_copy(
            update={"missing": f"what {page.reference} computed is not kept any more: {command} computes it again"}
        )
    known = set(shared(edge, reference))
    order = [t for t in _in_order(room.graph) if t in known]
    choices = tuple(Choice(tensor=t, label=_label(room.graph, t)) for t in order)
    tensor = page.tensor if page.tensor in known else _first(room.graph, order, compared)
    names = {i: f.name for i, f in enumerate(subject.submission.frames)}
    found = None if tensor is None else embed(edge, reference, tensor, room.graph, shelf.artifacts, names)
    missing = "" if found is not None else "no frame of it was logged in full on both sides"
    return page.model_copy(
        update={
            "tensor": tensor,
            "choices": choices,
            "embedding": found,
            "missing": missing,
            "charts": () if found is None else (chart(found),),
        }
    )


def chart(found: Embedding) -> Chart:
    """Both sides as points; a line joins those of one frame."""
    axes = [f"component {i + 1}, {share:.0%} of the variance" for i, share in enumerate(found.shares)]
    texts = tuple(f.name or f"frame {f.frame}" for f in found.frames)
    sides: tuple[tuple[str, Tone, list[tuple[float, float]]], ...] = (
        ("edge", "warn", [f.edge for f in found.frames]),
        (found.reference, "", [f.reference for f in found.frames]),
    )
    count = len(found.frames)
    return Chart(
        id="embedding",
        title=f"{layer_name(found.node, found.op)} on its principal components",
        kind="graph",
        x=Axis(name=axes[0]),
        y=(Axis(name=axes[1]),),
        nodes=tuple(
            Node(name=texts[i], x=x, y=y, text=name, tone=tone)
            for name, tone, places in sides
            for i, (x, y) in enumerate(places)
        ),
        links=tuple((i, count + i) for i in range(count)),
        note=f"Orange: the edge; blue: {found.reference}; a line joins what both made of one frame. {READ}",
        height="tall",
        table=Table(
            columns=("frame", "name", "edge 1", "edge 2", "reference 1", "reference 2", "apart"),
            rows=tuple((f.frame, f.name, *f.edge, *f.reference, f.apart) for f in found.frames),
        ),
    )


def _in_order(graph: Graph) -> list[int]:
    made = [t for node in graph.nodes for t in node.outputs if t not in graph.from_constants]
    return [*graph.inputs, *made]


def _first(graph: Graph, order: list[int], compared: Comparison) -> int | None:
    parts = compared.first_divergence
    if parts is not None:
        found = next((t for t in order if graph.tensors[t].name == parts.tensor), None)
        if found is not None:
            return found
    return order[-1] if order else None


def _label(graph: Graph, tensor: int) -> str:
    node = graph.producer(tensor)
    op = layer_name(-1 if node is None else node.index, "" if node is None else node.op)
    return f"{op} {tensor_label(graph.tensors[tensor].name)}"
