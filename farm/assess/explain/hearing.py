"""The steps in which a device may go another way with sound, each with its name, its words and the lines that mend it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.report.explanation import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from farm.assess.explain.sound import Map, Sounds, Way
    from farm.model.recipe import Audio

RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)
"""Hz that clips are taken for, most often."""
FULL = 32768.0
"""A 16-bit sample of 1."""
SCALES = {"unit": "[-1, 1)", "int16": "[-32768, 32767]"}
WINDOWS = ("hann", "hamming", "rectangular")
LOGS = {"e": "natural logarithms", "10": "decimal logarithms", "db": "decibels"}
CHANNELS = {"mean": "the mean of the channels", "left": "the left channel", "right": "the right channel"}


@dataclass(frozen=True, eq=False)
class Step:
    """One thing that is otherwise."""

    change: Change
    apply: Callable[[Way], Way]
    diff: tuple[str, ...] = ()
    harmless: bool = False
    fitted: int = 0
    """Numbers in it that were fitted to the device's input."""


def steps(sounds: Sounds) -> Iterator[Step]:
    """Those without a number to be fitted, which these clips can show."""
    audio = sounds.audio
    if _channels_differ(sounds):
        for channel, told in CHANNELS.items():
            if channel != audio.channel:
                yield _word(audio, "channel", "channel", channel, f"takes {told}, not {CHANNELS[audio.channel]}")
    rates = {c.rate for c in sounds.clips}
    for rate in sorted({*RATES, *rates, audio.sample_rate}):
        if rates != {rate}:
            yield sample_rate(audio, rate)
    for rate in sorted({*RATES, *rates} - {audio.sample_rate}):
        yield _resampled_to(audio, rate)
    if rates != {audio.sample_rate}:
        for how in ("linear", "nearest"):
            yield _resampler(how)
    for what in ("samples", "clip", "frames") if sounds.spectral else ("samples", "clip"):
        yield _backwards(what)
    other = "int16" if audio.scale == "unit" else "unit"
    factor = FULL if other == "int16" else 1 / FULL
    told = f"feeds samples in {SCALES[other]} where the model expects {SCALES[audio.scale]}"
    line = f'scale = "{audio.scale}"'
    change = _change("normalization", "scale", told, {"factor": factor}, line)
    yield replace(scale(audio, factor), change=change, diff=_lines(f'scale = "{other}"', line), fitted=0)
    if sounds.spectral:
        yield from _spectral(audio)


def _spectral(audio: Audio) -> Iterator[Step]:
    for window in WINDOWS:
        if window != audio.window:
            yield _word(
                audio, "audio", "window", window, f"uses a {window} window where the model expects {audio.window}"
            )
    other = "power" if audio.spectrum == "magnitude" else "magnitude"
    yield _word(
        audio, "audio", "spectrum", other, f"takes the {other} of the spectrum where the model expects {audio.spectrum}"
    )
    for log, told in LOGS.items():
        if log != audio.log:
            yield _word(audio, "normalization", "log", log, f"feeds {told} where the model expects {LOGS[audio.log]}")
    change = _change(
        "audio", "transposed", "feeds coefficients by time where the model expects time by coefficients", {}
    )
    yield Step(
        change, lambda way: replace(way, transposed=True), ("+ feed frames in their order, each with its values",)
    )


def sample_rate(audio: Audio, rate: int, fitted: int = 0) -> Step:
    """Every clip is taken for one of that rate."""
    told = (
        f"feeds clips without resampling them to {audio.sample_rate} Hz"
        if rate == audio.sample_rate
        else f"takes clips for {rate} Hz whatever their rate is"
    )
    change = _change("resize", "sample-rate", told, {"assumed_hz": rate}, f"sample_rate = {audio.sample_rate}")
    mend = f"+ resample from the clip's own rate to sample_rate = {audio.sample_rate}"
    return Step(change, lambda way: replace(way, assumed=rate), (mend,), fitted=fitted)


def scale(audio: Audio, factor: float) -> Step:
    """Samples times a factor."""
    told = f"feeds samples times {factor:.4g}"
    change = _change("normalization", "scale", told, {"factor": factor}, f'scale = "{audio.scale}"')
    mend = f"+ feed samples in {SCALES[audio.scale]}"
    return Step(change, lambda way: replace(way, gain=way.gain * factor), (mend,), fitted=1)


def mel_range(audio: Audio, low: float, high: float) -> Step:
    """The mel bins lie in another range."""
    told = f"spreads the mel bins over {low:.4g} to {high:.4g} Hz not {audio.low_hz:g} to {audio.high_hz:g}"
    lines = (f"low_hz = {audio.low_hz:g}", f"high_hz = {audio.high_hz:g}")
    was = (f"low_hz = {low:.4g}", f"high_hz = {high:.4g}")
    diff = tuple(line for w, r in zip(was, lines, strict=True) if w != r for line in _lines(w, r))
    change = Change(
        part="audio", name="mel-range", words=told, parameters={"low_hz": low, "high_hz": high}, lines=lines
    )
    return Step(
        change,
        lambda way: replace(way, audio=way.audio.model_copy(update={"low_hz": low, "high_hz": high})),
        diff,
        fitted=2,
    )


def affine(audio: Audio, how: Map) -> Step:
    """All that is fed is mapped: another mean and standard deviation."""
    std = audio.std / how.slope if how.slope else math.inf
    mean = audio.mean - how.offset * std
    told = f"feeds (value - {mean:.4g}) / {std:.4g} where the model expects (value - {audio.mean:g}) / {audio.std:g}"
    lines = (f"mean = {audio.mean:g}", f"std = {audio.std:g}")
    parameters: dict[str, float | str] = {"slope": how.slope, "offset": how.offset}
    change = Change(part="normalization", name="affine", words=told, parameters=parameters, lines=lines)
    diff = (*_lines(f"mean = {mean:.4g}", lines[0]), *_lines(f"std = {std:.4g}", lines[1]))
    return Step(change, lambda way: way, diff, fitted=2)


def _word(audio: Audio, part: str, word: str, value: Any, told: str) -> Step:
    line = f'{word} = "{getattr(audio, word)}"'
    return Step(
        _change(part, word, told, {word: value}, line),
        lambda way: replace(way, audio=way.audio.model_copy(update={word: value})),
        _lines(f'{word} = "{value}"', line),
    )


def _resampled_to(audio: Audio, rate: int) -> Step:
    """The model is fed sound of another rate, as the recipe's own word would have it."""
    told = f"resamples to {rate} Hz where the model expects {audio.sample_rate}"
    line = f"sample_rate = {audio.sample_rate}"
    return Step(
        _change("resize", "resampled-to", told, {"sample_rate": rate}, line),
        lambda way: replace(way, audio=way.audio.model_copy(update={"sample_rate": rate})),
        _lines(f"sample_rate = {rate}", line),
    )


def _backwards(what: Any) -> Step:
    told = {
        "samples": "feeds the samples backwards in time",
        "clip": "feeds the clip backwards, from its end",
        "frames": "feeds the frames of features backwards in time",
    }
    change = _change("audio", "time-reversed", told[what], {"what": what})
    return Step(change, lambda way: replace(way, backwards=what), ("+ feed sound in the order of time",))


def _resampler(how: Any) -> Step:
    told = {
        "linear": "resamples by straight lines, without a filter",
        "nearest": "resamples by taking the nearest sample",
    }
    change = _change("resize", "resampler", told[how], {"method": how})
    return Step(
        change, lambda way: replace(way, resampler=how), (f"+ resample with a filter, not by {how}",), harmless=True
    )


def _change(part: str, name: str, told: str, parameters: dict[str, float | str], *lines: str) -> Change:
    return Change(part=part, name=name, words=told, parameters=parameters, lines=lines)


def _lines(was: str, right: str) -> tuple[str, ...]:
    return (f"- {was}", f"+ {right}")


def _channels_differ(sounds: Sounds) -> bool:
    return any(c.samples.shape[1] > 1 and np.any(c.samples[:, 0] != c.samples[:, 1]) for c in sounds.clips)


def hidden(sounds: Sounds) -> Iterator[str]:
    """What these clips cannot show, and why."""
    if not _channels_differ(sounds):
        mono = all(c.samples.shape[1] == 1 for c in sounds.clips)
        yield f"which channel is taken: {'the clips are mono' if mono else 'their channels are alike'}"
    if {c.rate for c in sounds.clips} == {sounds.audio.sample_rate}:
        yield f"whether clips are resampled: all have {sounds.audio.sample_rate} Hz"
