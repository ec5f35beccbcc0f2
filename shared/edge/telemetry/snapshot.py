"""
What was counted in one region, at one moment: what renderers render and summaries summarise.

A snapshot is sorted and complete: families in the order of their definitions, each with every series that it always has,
at zero where nothing was counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["counter", "gauge", "histogram", "summary"]


class Definition(NamedTuple):
    """
    One metric.

    Attributes:
        name: in full, as Prometheus names it: base units, ``_total`` at the end of a counter.
        kind: of metric.
        help: what it counts, one sentence.
        labels: names of its labels; every series has one value for each. ``region`` is not among them, all have it.
        unit: ``seconds`` or ``bytes``, as the name ends (before ``_total``); empty for counts.
        bounds: of a histogram: upper bounds of its buckets, ascending, without infinity.
        quantiles: of a summary, each 0 to 1, ascending.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    bounds: tuple[float, ...] = ()
    quantiles: tuple[float, ...] = ()


class Distribution(NamedTuple):
    """
    Value of a histogram's series.

    Attributes:
        buckets: observations in each bucket alone (not cumulated), one more than the definition has bounds.
        sum: of all observations.
    """

    buckets: Sequence[int]
    sum: float


class Quantiles(NamedTuple):
    """
    Value of a summary's series.

    Attributes:
        values: at each of the definition's quantiles; NaN while nothing was observed in the window.
        observations: ever, how many.
        sum: of all observations.
    """

    values: Sequence[float]
    observations: int
    sum: float


class Series(NamedTuple):
    """
    One series.

    Attributes:
        labels: one value for each of the definition's labels; any text at all.
        value: a number, or what the kind of metric has.
    """

    labels: tuple[str, ...]
    value: float | Distribution | Quantiles


class Family(NamedTuple):
    """
    All series of one metric.

    Attributes:
        definition: of the metric.
        series: each with labels of its own.
    """

    definition: Definition
    series: Sequence[Series]


class Snapshot(NamedTuple):
    """
    All metrics of a region.

    Attributes:
        region: its code, the constant label of every series.
        families: each of a metric of its own.
        created_at: epoch seconds since when counters count.
    """

    region: str
    families: Sequence[Family]
    created_at: float
