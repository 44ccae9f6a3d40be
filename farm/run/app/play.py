"""The farm's own app as one that plays pictures: decoded by Android's BitmapFactory, scaled by its Bitmap, as real apps do.

It goes the way of an attached app from its capture on: what it fed the model is compared with what the reference's recipe gives.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from farm.builds import BENCH
from farm.errors import FarmError, RecipeError
from farm.fleet import install
from farm.run import stage
from farm.run.app import bench
from farm.run.app.package import Package

if TYPE_CHECKING:
    from pathlib import Path

    from farm.model.recipe import Recipe
    from farm.run.app.session import Session
    from farm.run.runtimes import Runtime


def play(session: Session, file: Path, runtime: Runtime) -> None:
    """Install the app of `file`, bring pictures, model and runtime, have it play them, take its capture home.

    Raises:
        RecipeError: the recipe asks for what Android's own classes do not do, or the frames are no pictures.
        FarmError: what the app, the device or its connection did.
    """
    submission = session.submission
    words = options(submission.recipe.recipe if submission.recipe is not None else None)
    if any(frame.kind != "image" for frame in submission.frames):
        raise RecipeError("plays pictures alone", where=BENCH, remedy="attach an app of your own to other frames")
    installed = install.ensure(session.device, file)
    package = Package(session.device, BENCH)
    package.stop()
    place = bench.place_of(package)
    session.notes |= {
        "app": f"{BENCH} {installed.version_name}".rstrip(),
        "decoder": "Android's BitmapFactory",
        "files by": "run-as" if place.private else "external storage",
    }
    model = stage.Blob.of_file(session.artifacts.path(submission.model_sha256), submission.model_sha256)
    files = session.staged([runtime.blob, model])
    place.clear()
    try:
        place.put(files, lambda done: session.tell("copy frames", done, len(files)))
        session.trail.begin_pass()
        paths = {name: f"{place.frames}/{blob.sha256}" for name, blob in (("runtime", runtime.blob), ("model", model))}
        arguments = {"command": "play", **paths, "frames": place.frames, "out": place.capture, **words}
        try:
            bench.instrument(
                package, arguments, submission.pass_timeout_s, lambda done, of: session.tell("app", done, of),
                session.check, session.trail.heard, f"{package.where}: play",
            )  # fmt: skip
        finally:
            session.pull(place)
    finally:
        with contextlib.suppress(FarmError):  # a device that is gone is left as it is
            package.stop()
            place.clear()


def options(recipe: Recipe | None) -> dict[str, str]:
    """A recipe as arguments of `play`.

    Raises:
        RecipeError: it asks for what BitmapFactory and Bitmap do not do.
    """
    if recipe is None:
        raise RecipeError("needs a recipe for its pictures", where=BENCH, remedy="give --recipe FILE")
    wrong = [
        word
        for word, other in (
            ("sound", recipe.audio is not None),
            ("text", recipe.text is not None),
            (f"crop = {recipe.crop}", recipe.crop != 1),
            (f'fit = "{recipe.fit}"', recipe.fit != "stretch"),
            (f'resize = "{recipe.resize}"', recipe.resize not in {"bilinear", "nearest"}),
        )
        if other
    ]
    if wrong:
        raise RecipeError(
            f"does not do {wrong[0]}: Android's Bitmap scales whole pictures, bilinear or nearest", where=BENCH,
            remedy="give a recipe without it, or attach an app of your own",
        )  # fmt: skip
    return {
        "rotate": str(recipe.rotate),
        "resize": recipe.resize,
        "channels": recipe.channels,
        "mean": ",".join(map(repr, recipe.normalize.mean)),
        "std": ",".join(map(repr, recipe.normalize.std)),
    }
