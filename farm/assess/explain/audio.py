"""What the device did to a clip: what it fed against what the clip becomes on other ways.

Ways without numbers to fit are all tried, singly and in pairs, with and without an affine map of what is fed (least squares)
or another gain of the samples. Where none of them leaves as little as rounding does, mel ranges and sample rates are fitted, too:
a scan, then a descent from its best places, beside each of the likeliest other steps.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.assess.explain import hearing
from farm.assess.explain.engine import Candidate, InputEvidence
from farm.assess.explain.sound import Map, Sounds, Way, roughly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from farm.assess.explain.hearing import Step
    from farm.assess.explain.seen import Seen

    Array = np.ndarray[Any, Any]

SCREENED = 3
"""Frames on which all ways are tried."""
KEPT = 24
"""Ways that are then tried on all frames."""
PARTNERS = 4
"""Steps beside which a number is fitted."""
AS_GOOD = 1.2
"""As the engine's: transforms in double precision leave nothing but the rounding of what is fed."""
FITTED = 0.05
"""Of the floor: what an explanation with fitted numbers must be better by than one in the recipe's words."""
TONES = 8
"""Rates that are followed while the beginning grows."""
GAINS = tuple(math.exp(v) for v in np.linspace(-12, 12, 25))
RATE_LOW, RATE_HIGH = 4000.0, 96_000.0
LOWS = (0.0, 20.0, 60.0, 125.0, 250.0, 400.0)


@dataclass(frozen=True)
class _Try:
    """Steps, and the error they leave on the screened frames."""

    steps: tuple[Step, ...]
    way: Way
    how: Map | None
    rmse: float

    @property
    def names(self) -> frozenset[str]:
        """Of its changes."""
        return frozenset(s.change.name for s in self.steps)


def observe(seen: Seen) -> InputEvidence:
    """The evidence of f clips; their recipe must have `audio`."""
    assert seen.recipe is not None  # noqa: S101  # a clip has no input without one
    assert seen.recipe.audio is not None  # noqa: S101
    sounds = Sounds.of(seen, seen.recipe.audio)
    plain = _candidate(sounds, _Try((), Way(sounds.audio), None, 0.0))
    evidence = InputEvidence(seen.agrees, (plain,), sounds.span or 1.0, tuple(hearing.hidden(sounds)))
    if seen.agrees.all():
        return evidence
    if sounds.span <= seen.step:
        return InputEvidence(seen.agrees, (plain,), 1.0, reason="the device's input has the same value everywhere")
    if sounds.silent():
        return InputEvidence(seen.agrees, (plain,), sounds.span, reason="the clips are silent", identifiable=False)
    found = sorted(_search(sounds.some(_screened(sounds))), key=lambda t: t.rmse + 1e-3 * sounds.floor * len(t.steps))
    return InputEvidence(
        agrees=seen.agrees,
        candidates=(plain, *(_candidate(sounds, t) for t in found[:KEPT])),
        span=sounds.span,
        hidden=evidence.hidden,
        as_good=AS_GOOD,
    )


def _screened(sounds: Sounds) -> list[int]:
    """Frames that differ in rate and channels, the loudest first."""
    kinds = [(c.rate, c.samples.shape[1]) for c in sounds.clips]
    loud = sorted(range(len(kinds)), key=lambda f: -float(np.abs(sounds.clips[f].samples.astype(np.float64)).sum()))
    first = [next(f for f in loud if kinds[f] == kind) for kind in dict.fromkeys(kinds[f] for f in loud)]
    return list(dict.fromkeys([*first, *loud]))[:SCREENED]


def _search(sounds: Sounds) -> Iterator[_Try]:
    """Everything that was tried, on the screened frames."""
    found = []
    for chosen in _pairs(list(hearing.steps(sounds))):
        way = _way(sounds, chosen)
        found.append(_try(sounds, chosen, way))
        if len(chosen) < 2:
            found += _valued(sounds, chosen, way)
    yield from found
    if min(t.rmse for t in found) > sounds.floor:
        yield from _fitted(sounds, found)


def _pairs(steps: Sequence[Step]) -> Iterator[tuple[Step, ...]]:
    for count in range(3):
        for chosen in itertools.combinations(steps, count):
            # Two words for one rate explain nothing that one does not.
            names = {"sample-rate" if s.change.name == "resampled-to" else s.change.name for s in chosen}
            if len(names) == count:
                yield chosen


def _way(sounds: Sounds, steps: Sequence[Step]) -> Way:
    way = Way(sounds.audio)
    for step in steps:
        way = step.apply(way)
    return way


def _try(sounds: Sounds, steps: tuple[Step, ...], way: Way, how: Map | None = None) -> _Try:
    return _Try(steps, way, how, sounds.rmse(way, how))


def _valued(sounds: Sounds, steps: tuple[Step, ...], way: Way) -> Iterator[_Try]:
    """Beside these steps, another gain or an affine map."""
    audio = sounds.audio
    how = sounds.mapped(way)
    if how is not None:
        yield _try(sounds, (*steps, hearing.affine(audio, how)), way, how)
    if any(s.change.name == "scale" for s in steps):
        return
    if not sounds.spectral:
        how = sounds.mapped(way, scale_only=True)
        if how is not None:
            yield _try(sounds, (*steps, hearing.scale(audio, how.slope)), way, how)
        return
    gain = _gain(sounds, way)
    step = hearing.scale(audio, gain)
    yield _try(sounds, (*steps, step), step.apply(way))


def _gain(sounds: Sounds, way: Way) -> float:
    """Of the samples, that leaves least: a scan on one frame, then a descent on all."""

    def left(some: Sounds, log: float) -> float:
        return some.rmse(hearing.scale(sounds.audio, math.exp(log)).apply(way))

    one = sounds.some([0])
    best = min((math.log(g) for g in GAINS), key=lambda log: left(one, log))
    return math.exp(_least(lambda log: left(sounds, log), best - 1, best + 1))


def _least(left: Callable[[float], float], low: float, high: float, tolerance: float = 1e-5) -> float:
    from scipy.optimize import minimize_scalar

    return float(minimize_scalar(left, bounds=(low, high), method="bounded", options={"xatol": tolerance}).x)


def _fitted(sounds: Sounds, found: Sequence[_Try]) -> Iterator[_Try]:
    """Mel ranges and sample rates, alone and beside one other step."""
    singles = [t.steps for t in found if len(t.steps) <= 1 and not any(s.fitted for s in t.steps)]
    yield from _rates(sounds, singles)
    if sounds.spectral:
        one = sounds.some([0])
        # A gain that was fitted beside the expected range is near the right one, to begin at.
        gains = [t.steps for t in found if len(t.steps) == 1 and t.steps[0].fitted and t.names == {"scale"}]
        places = [t for steps in (*singles, *gains) for t in _mel_places(one, steps)]
        for t in _best(places):
            yield from _mel(sounds, t.steps)


def _best(places: Sequence[_Try]) -> list[_Try]:
    """Of each set of changes its best place; many places of one set tell no more."""
    best: dict[frozenset[str], _Try] = {}
    for t in sorted(places, key=lambda t: t.rmse):
        best.setdefault(t.names, t)
    return list(best.values())[:PARTNERS]


def _rates(sounds: Sounds, singles: Sequence[tuple[Step, ...]]) -> Iterator[_Try]:
    """Rates that clips are taken for: found under any affine map, then tried beside every other step."""
    moving = [s for s in singles if not s or s[0].change.name in {"channel", "time-reversed", "transposed"}]
    places = [(_rough_rate(sounds, _way(sounds, steps)), steps) for steps in moving]
    for (_, rate), steps in sorted(places, key=lambda p: p[0])[:2]:
        step = hearing.sample_rate(sounds.audio, rate, fitted=1)
        for more in {(), *((s,) for one in singles for s in one)} if not steps else {steps}:
            if any(s.change.name == "sample-rate" for s in more):
                continue
            chosen = (step, *more)
            way = _way(sounds, chosen)
            yield _try(sounds, chosen, way)
            if not more:
                yield from _valued(sounds, chosen, way)


def _rough_rate(sounds: Sounds, way: Way) -> tuple[float, int]:
    """What an affine map leaves at the best rate, and that rate, Hz."""
    rate = _wave_rate(sounds, way) if not sounds.spectral else _feature_rate(sounds, way)
    tried = {r: _mapped_rmse(sounds, replace(way, assumed=r)) for r in {rate, 5 * round(rate / 5)}}
    while True:  # downhill, by whole numbers
        best = min(tried, key=lambda r: tried[r])
        near = {best - 1, best + 1} - tried.keys()
        if not near:
            return tried[best], best
        tried |= {r: _mapped_rmse(sounds, replace(way, assumed=r)) for r in near}


def _mapped_rmse(sounds: Sounds, way: Way) -> float:
    return sounds.rmse(way, sounds.mapped(way))


def _feature_rate(sounds: Sounds, way: Way) -> int:
    """A scan on the first frame, a closer one about its best rate, then a descent between the neighbors."""
    one = sounds.some([0])
    logs = np.linspace(math.log(RATE_LOW), math.log(RATE_HIGH), 64)

    def rough(log: float) -> float:
        return _mapped_rmse(one, replace(way, assumed=round(math.exp(log)), resampler="linear"))

    best = min(logs.tolist(), key=rough)
    width = float(logs[1] - logs[0])

    def exact(log: float) -> float:
        return _mapped_rmse(one, replace(way, assumed=round(math.exp(log))))

    # What a rate leaves without a filter is least some way off the right one.
    best = min(np.linspace(best - width, best + width, 25).tolist(), key=exact)
    return round(math.exp(_least(exact, best - width / 12, best + width / 12, 2e-5)))


def _wave_rate(sounds: Sounds, way: Way) -> int:
    """On a beginning that grows: the longer it is, the closer the rate must be, and the fewer are left to try. On all frames
    together: a tone is like itself at many rates, and another tone at others."""
    heard = [
        (sounds.mono(way, f), np.nan_to_num(fed[::-1] if way.backwards == "samples" else fed, posinf=0.0, neginf=0.0))
        for f, fed in enumerate(sounds.fed)
    ]
    whole = max(len(fed) for _, fed in heard)
    length = min(whole, *(_onset(fed) for _, fed in heard))
    logs = np.arange(math.log(RATE_LOW), math.log(RATE_HIGH), 0.7 / length)
    while True:

        def unlike(log: float, length: int = length) -> float:
            scale = math.exp(log) / sounds.audio.sample_rate
            return -sum(_likeness(roughly(mono, scale, len(fed[:length])), fed[:length]) for mono, fed in heard)

        best = _lowest(logs, [unlike(log) for log in logs.tolist()])
        if length == whole:
            return round(math.exp(best[0]))
        length = min(whole, 2 * length)
        logs = np.sort((np.array(best)[:, None] + np.arange(-3, 3.01, 0.5) / length).ravel())


def _onset(fed: Array) -> int:
    """Samples up to where there is a sound at last, but no more than can be searched."""
    power = np.cumsum((fed - fed.mean()) ** 2)
    return max(256, min(2048, int(np.searchsorted(power, 1e-3 * power[-1]))))


def _likeness(made: Array, right: Array) -> float:
    """Share of the one that the other explains, 0..1, whatever its gain and offset."""
    made, right = made - made.mean(), right - right.mean()
    own, other, both = (float(np.einsum("i,i->", *pair)) for pair in ((made, made), (right, right), (made, right)))
    return abs(both) / max(1e-12, math.sqrt(own * other))


def _lowest(places: Array, values: Sequence[float]) -> list[float]:
    """The best places that are lower than both neighbors, at most `TONES`: a tone is like itself one period later, too."""
    padded = np.concatenate([[np.inf], values, [np.inf]])
    low = np.flatnonzero((padded[1:-1] <= padded[:-2]) & (padded[1:-1] <= padded[2:]))
    return [float(places[i]) for i in low[np.argsort(padded[1:-1][low], kind="stable")][:TONES]]


def _mel_places(sounds: Sounds, steps: tuple[Step, ...]) -> Iterator[_Try]:
    """Places of a scan, to begin at."""
    audio = sounds.audio
    highs = np.linspace(0.2, 1.0, 13) * audio.sample_rate / 2
    for low, high in itertools.product({audio.low_hz, *LOWS}, {audio.high_hz, *highs.tolist()}):
        if high > low + 500:
            chosen = (*steps, hearing.mel_range(audio, low, high))
            way = _way(sounds, chosen)
            yield _try(sounds, chosen, way)
            how = None if steps else sounds.mapped(way)
            if how is not None:
                yield _try(sounds, (*chosen, hearing.affine(audio, how)), way, how)


def _mel(sounds: Sounds, steps: tuple[Step, ...]) -> Iterator[_Try]:
    """A descent from the mel range that is among `steps`."""
    audio = sounds.audio
    from scipy import optimize

    minimize: Any = optimize.minimize  # its stubs know no list

    rest = tuple(s for s in steps if s.change.name not in {"mel-range", "affine", "scale"})
    begin = next(s.change for s in steps if s.change.name == "mel-range").parameters
    kind = next((s.change.name for s in steps if s.change.name in {"affine", "scale"}), "")
    gain = next((float(s.change.parameters["factor"]) for s in steps if s.change.name == "scale"), 1.0)
    start = [float(begin["low_hz"]), float(begin["high_hz"]), *([math.log(gain)] if kind == "scale" else [])]

    def at(values: Any) -> _Try:
        low = min(max(values[0], 0.0), audio.sample_rate / 2 - 200)
        high = min(max(values[1], low + 100), audio.sample_rate / 2)
        chosen = (*rest, hearing.mel_range(audio, low, high))
        if kind == "scale":
            chosen = (*chosen, hearing.scale(audio, math.exp(values[2])))
        way = _way(sounds, chosen)
        if kind == "affine":
            how = sounds.mapped(way) or Map()
            return _try(sounds, (*chosen, hearing.affine(audio, how)), way, how)
        return _try(sounds, chosen, way)

    simplex = [start, [start[0] + 40, *start[1:]], [start[0], start[1] * 0.96, *start[2:]]]
    if kind == "scale":
        simplex.append([*start[:2], start[2] + 0.3])
    options: Any = {"initial_simplex": simplex, "xatol": 0.05, "fatol": 1e-9, "maxfev": 250}
    done = minimize(lambda v: at(v).rmse, start, method="Nelder-Mead", options=options).x.tolist()
    yield at(done)
    yield at([round(done[0]), round(done[1]), *done[2:]])
    # One end alone may be another: a simpler explanation.
    yield at([audio.low_hz, *done[1:]])
    yield at([done[0], audio.high_hz, *done[2:]])


def _candidate(sounds: Sounds, tried: _Try) -> Candidate:
    """On all frames."""
    how = tried.how
    if how is not None and tried.steps and tried.steps[-1].change.name == "affine":
        how = sounds.mapped(tried.way) or how
    size = np.array([float(d.size) for d in sounds.fed])
    fitted = sum(s.fitted for s in tried.steps)
    return Candidate(
        changes=tuple(s.change for s in tried.steps),
        sse=sounds.left(tried.way, how) + fitted * size * (FITTED * sounds.floor) ** 2,
        n=size,
        floor=sounds.floor,
        diff=tuple(line for s in tried.steps for line in s.diff),
        harmless=bool(tried.steps) and all(s.harmless for s in tried.steps),
    )
