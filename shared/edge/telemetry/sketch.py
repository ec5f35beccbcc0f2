"""
A sketch of a distribution that can be merged: DDSketch, whose quantiles have a bounded relative error.

Bucket *i* of level 0 counts the values in [1.02^i, 1.02^(i+1)); its midpoint is at most 0.99 % from any of them. Each level
halves the resolution by merging pairs of neighbours, exactly as if it had been filled at that level, so sketches of any
levels can be merged: levels 1 and 2 are off by at most 1.98 and 3.96 %. Counts only add, so the order of merging never
matters, and one of a region is that of all its environments together: no average of quantiles anywhere.
(C. Masson, J. Rim, H. Lee, DDSketch, PVLDB 12(12), 2019; collapsing by pairs: I. Epicoco et al., UDDSketch, 2020.)

Values are nanoseconds, integers; less than 1 counts as 1.
"""

from __future__ import annotations

from math import floor, log
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GAMMA: Final = 1.02

PER_LOG: Final = 1 / log(_GAMMA)
"""``int(log(value) * PER_LOG)`` is the bucket of a value at level 0."""

COARSE_LEVEL: Final = 2
"""Of minutes that are no part of a summary any more."""

MAX_LEVEL: Final = 8


def relative_error(level: int) -> float:
    """
    Return how far a quantile may be off at *level*, as a part of the value.

    Example:
        >>> [round(relative_error(level), 4) for level in range(3)]
        [0.0099, 0.0198, 0.0396]
    """
    gamma: float = _GAMMA ** (1 << level)
    return (gamma - 1) / (gamma + 1)


class Sketch:
    """
    Counts by bucket.

    Args:
        level: 0 (the finest) to :data:`MAX_LEVEL`.
        counts: observations by bucket, each > 0.

    Example:
        >>> sketch = Sketch()
        >>> for value in range(1, 1001):
        ...     sketch.observe(value)
        >>> sketch.count(), round(sketch.quantile(0.95))
        (1000, 955)
    """

    __slots__ = ("counts", "level")

    def __init__(self, level: int = 0, counts: dict[int, int] | None = None) -> None:
        self.level = level
        self.counts: dict[int, int] = {} if counts is None else counts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sketch) and (self.level, self.counts) == (other.level, other.counts)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"Sketch({self.level}, {self.counts})"

    def observe(self, value: int) -> None:
        """Count *value*."""
        index = (int(log(value) * PER_LOG) if value > 1 else 0) >> self.level
        self.counts[index] = self.counts.get(index, 0) + 1

    def count(self) -> int:
        """Return how many were observed."""
        return sum(self.counts.values())

    def at_level(self, level: int) -> Sketch:
        """Return this sketch at *level*, or at its own if that is coarser; a copy."""
        shift = max(0, level - self.level)
        counts: dict[int, int] = {}
        for index, count in self.counts.items():
            counts[index >> shift] = counts.get(index >> shift, 0) + count
        return Sketch(self.level + shift, counts)

    def less(self, part: Sketch) -> Sketch:
        """Return what was observed here and not in *part*, at the coarser level of the two."""
        rest, part = self.at_level(part.level), part.at_level(self.level)
        for index, count in part.counts.items():
            left = rest.counts.get(index, 0) - count
            if left > 0:
                rest.counts[index] = left
            else:
                rest.counts.pop(index, None)
        return rest

    def quantile(self, quantile: float) -> float:
        """
        Return the value below or at which *quantile* of the observations are.

        Args:
            quantile: 0 to 1; 0 is the least and 1 the greatest observation, within the error.

        Returns:
            Within :func:`relative_error` of the observation of rank ``floor(quantile * (count - 1))``; NaN if there is none.
        """
        counts = self.counts
        rank = floor(quantile * (sum(counts.values()) - 1))
        gamma: float = _GAMMA ** (1 << self.level)
        for index in sorted(counts):
            rank -= counts[index]
            if rank < 0:
                # The point of the bucket that is equally far, as a part of it, from both ends.
                return float(gamma**index * 2 * gamma / (1 + gamma))
        return float("nan")


def merged(sketches: Iterable[Sketch]) -> Sketch:
    """Return one sketch of what all observed, at the coarsest of their levels."""
    parts = list(sketches)
    level = max((part.level for part in parts), default=0)
    counts: dict[int, int] = {}
    for part in parts:
        shift = level - part.level
        for index, count in part.counts.items():
            counts[index >> shift] = counts.get(index >> shift, 0) + count
    return Sketch(level, counts)


def histogram_quantile(quantile: float, bounds: Sequence[float], buckets: Sequence[int]) -> float:
    """
    Return a quantile of a histogram, straight between the bounds of its bucket, as Prometheus' function does.

    Args:
        quantile: 0 to 1.
        bounds: upper bounds of the buckets, ascending; whatever is above the last counts as the last.
        buckets: observations in each bucket alone, one more than there are bounds.

    Returns:
        NaN if there was no observation.

    Example:
        >>> histogram_quantile(0.5, (10.0, 20.0), (0, 4, 0))
        15.0
    """
    rank = quantile * sum(buckets)
    seen, below = 0, 0.0
    for bound, count in zip(bounds, buckets, strict=False):
        if count and seen + count >= rank:
            return below + (bound - below) * (rank - seen) / count
        seen, below = seen + count, bound
    return bounds[-1] if rank else float("nan")
