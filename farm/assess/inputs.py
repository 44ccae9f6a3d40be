"""What turns the input that was expected into the input the device logged: inferred from the two, up to what the frames show.

Candidates are whole pictures (turned, mirrored, resized otherwise); for each, every order of the channels is tried with and
without an affine map for each channel (least squares, from sums alone). The fewest parts that explain the device's input
as well as the best explanation does are the ones named: a part that the frames cannot show (the channel order of gray
pictures) is never named.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    Array = np.ndarray[Any, Any]

FLOOR = 0.001
"""Residuals (RMSE / range of the input, channel by channel) below it are as good as none: some pixels off by one."""
AS_GOOD = 1.5
"""An explanation is as good as the best one when its residual is at most this many times the best's."""
INTERPOLATION = 0.12
"""Residuals that another interpolation may leave on detailed pictures; above it the device's input is another picture."""
ALIKE = 0.5
"""Share of the device's variance that an explanation must account for; a flat picture is near to anything."""
SATURATION = 0.2
"""Share of values at the integer type's limits, beyond the expected input's own share, that counts as saturation."""


@dataclass(frozen=True)
class Shape:
    """What happened to the picture's geometry on the device, against what was expected."""

    rotate: int = 0
    """Degrees counter-clockwise."""
    mirror: bool = False
    """Left and right swapped, after turning."""
    resize: str = ""
    """Another method than the expected one; empty: as expected."""
    crop: float | None = None
    """Another crop than the expected one."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the assertions this concerns."""
        turned, scaled = bool(self.rotate or self.mirror), bool(self.resize) + (self.crop is not None)
        return ("rotation",) * turned + ("resize",) * bool(scaled)

    @property
    def count(self) -> int:
        """How many things are different."""
        return bool(self.rotate) + self.mirror + bool(self.resize) + (self.crop is not None)


@dataclass(frozen=True)
class Moments:
    """Sums over the usable pixels of each of f frames; device channel c against candidate channel k."""

    n: Array
    """[f, c]"""
    y: Array
    """[f, c]: device."""
    yy: Array
    x: Array
    """[f, c, k]: candidate, over the device channel's usable pixels."""
    xx: Array
    xy: Array

    @classmethod
    def of(cls, device: Sequence[Array], candidate: Sequence[Array], usable: Sequence[Array]) -> Moments:
        """From frames [height, width, channels], real numbers; `usable` marks the device's values that are not saturated."""
        rows = []
        for d, c, u in zip(device, candidate, usable, strict=True):
            mask = u.reshape(-1, u.shape[-1]).astype(np.float64)
            y = d.reshape(-1, d.shape[-1]) * mask
            x = c.reshape(-1, c.shape[-1]).astype(np.float64)
            pairs = ((mask, x), (mask, x * x), (y, x))
            # Not `@`: BLAS would start threads for products as narrow as these.
            products = (np.einsum("pc,pk->ck", left, right) for left, right in pairs)
            rows.append((mask.sum(0), y.sum(0), (y * y).sum(0), *products))
        return cls(*(np.stack(column) for column in zip(*rows, strict=True)))

    def total(self, weights: Array) -> Moments:
        """The sums over frames, each counted `weights[f]` times; fields lose their first axis."""
        fields = (self.n, self.y, self.yy, self.x, self.xx, self.xy)
        return Moments(*(np.tensordot(weights, value, 1) for value in fields))


@dataclass(frozen=True)
class Transform:
    """The explanation chosen."""

    shape: Shape = field(default_factory=Shape)
    permutation: tuple[int, ...] = ()
    """Candidate channel that each device channel shows; empty: each its own."""
    slope: tuple[float, ...] = ()
    """device = slope * expected + offset, for each device channel; empty: the same values."""
    offset: tuple[float, ...] = ()
    residual: float = 0.0
    """What remains unexplained: RMSE / range of the device's input."""
    unexplained: float = 0.0
    """The same without any explanation."""
    saturated: float = 0.0
    """Share of the device's values at its type's limits, when that is the finding."""
    constant: bool = False
    """The device's input has one value everywhere, and the expected one has not."""
    alike: bool = True
    """It accounts for at least `ALIKE` of the device's variance."""
    agrees: bool = False
    """Every value is within one unit of the expected one."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the assertions whose bugs explain the device's input, in the order the recipe applies them."""
        if self.agrees or self.constant or not self.alike or self.residual > INTERPOLATION:
            return ()
        parts = list(self.shape.parts)
        if self.permutation:
            parts.append("channel")
        if self.slope or self.saturated:
            parts.append("normalization")
        return tuple(parts) or ("resize",)  # a small difference with nothing else to it is one of interpolation

    @property
    def differs(self) -> bool:
        """The device's input is not the expected one."""
        return not self.agrees


@dataclass(frozen=True)
class InputEvidence:
    """The inputs of the frames whose layers were logged, as sums: small, and cheap to resample."""

    candidates: tuple[tuple[Shape, Moments], ...]
    agrees: Array
    """bool [f]: every value of the frame is within one unit of the expected one."""
    span: Array
    """[c]: range of the device's usable values over all frames; errors of a channel count in units of its own."""
    saturated: Array
    """[f]: share of the device's values at its type's limits."""
    expected_saturated: Array
    step: float = 0.0
    """One quantization step of the input, in its own units; 0 for float."""

    def infer(self, weights: Array | None = None) -> Transform:
        """The explanation, with frame f counted `weights[f]` times."""
        weights = np.ones(len(self.agrees)) if weights is None else weights
        if self.agrees[weights > 0].all():
            return Transform(agrees=True)
        plain = self.candidates[0][1].total(weights)
        excess = float(weights @ (self.saturated - self.expected_saturated) / weights.sum())
        if excess > SATURATION and (self.span.max() <= self.step or float(plain.n.sum()) == 0 or excess > 0.9):
            share = float(weights @ self.saturated / weights.sum())
            return Transform(saturated=share)
        if not self.span.any():
            return Transform(constant=True, residual=1.0)
        return self._choose([(shape, moments.total(weights)) for shape, moments in self.candidates])

    def _choose(self, candidates: list[tuple[Shape, Moments]]) -> Transform:
        options: list[tuple[int, float, Transform]] = []
        weight = 1 / np.where(self.span > 0, self.span, self.span.max()) ** 2
        for shape, sums in candidates:
            channels = sums.y.shape[0]
            orders = itertools.permutations(range(channels)) if channels == 3 else iter([tuple(range(channels))])
            same, fitted, slope, offset = _errors(sums)
            variance = float(weight @ (sums.yy - sums.y * sums.y / np.maximum(sums.n, 1.0)))
            rows, n = np.arange(channels), max(1.0, float(sums.n.sum()))
            for order in orders:
                permutation = () if order == tuple(range(channels)) else order
                picked = rows, list(order)
                for affine in (False, True):
                    sse = float(weight @ (fitted if affine else same)[picked])
                    transform = Transform(
                        shape=shape,
                        permutation=permutation,
                        slope=tuple(map(float, slope[picked])) if affine else (),
                        offset=tuple(map(float, offset[picked])) if affine else (),
                        residual=(sse / n) ** 0.5,
                        alike=sse <= (1 - ALIKE) * variance,
                    )
                    options.append((shape.count + bool(permutation) + affine, transform.residual, transform))
        plain = options[0]
        options = [o for o in options if o[2].alike] or [plain]
        best = min(residual for _, residual, _ in options)
        limit = max(FLOOR + 0.3 * self.step * float(weight.mean()) ** 0.5, AS_GOOD * best)
        _, _, chosen = min((o for o in options if o[1] <= limit), key=lambda o: o[:2])
        return replace(chosen, unexplained=plain[1])


def _errors(sums: Moments) -> tuple[Array, Array, Array, Array]:
    """For device channel c and candidate channel k: squared error as it is, after the best affine map, and that map."""
    n = np.maximum(sums.n, 1.0)[:, None]
    same = sums.yy[:, None] - 2 * sums.xy + sums.xx
    var_x = sums.xx - sums.x * sums.x / n
    var_y = (sums.yy - sums.y * sums.y / n[:, 0])[:, None]
    cov = sums.xy - sums.y[:, None] * sums.x / n
    flat = var_x <= 1e-12 * np.maximum(sums.xx, 1e-300)
    slope = np.where(flat, 1.0, cov / np.where(flat, 1.0, var_x))
    offset = (sums.y[:, None] - slope * sums.x) / n
    fitted = np.where(flat, var_y, var_y - slope * cov)
    return np.maximum(same, 0), np.maximum(fitted, 0), slope, offset
