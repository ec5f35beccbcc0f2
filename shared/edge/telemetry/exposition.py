"""
What both of Prometheus' formats write alike: the lines of samples, numbers, escapes, and what is refused.

A tool that reads metrics takes much that is wrong without a word: duplicate series, buckets that are not cumulative,
a count that is none. So a snapshot is checked here, and one that could not be read back as it was meant raises
:class:`NotExposable`. It names the metric, never a label's value: that may come from a request.

Times are not written: a sample is of the moment of its scrape.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from math import inf, isfinite
from typing import TYPE_CHECKING, Final

from edge.telemetry.snapshot import Distribution, Quantiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.telemetry.snapshot import Definition, Family, Kind, Series, Snapshot

REGION_LABEL: Final = "region"
"""The constant label of every series."""

SUFFIXES: Final[dict[Kind, tuple[str, ...]]] = {
    "counter": ("", "_total", "_created"),
    "gauge": ("",),
    "histogram": ("", "_bucket", "_sum", "_count", "_created"),
    "summary": ("", "_sum", "_count", "_created"),
}
"""What may follow a family's name in a sample's; no two families may claim one name (OpenMetrics 1.0)."""

_METRIC_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LABEL_NAME: Final = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_OURS: Final = frozenset({REGION_LABEL, "le", "quantile"})
_LARGEST_PLAIN: Final = 1e15
_GO_TURNS_TO_EXPONENTS: Final = 1e6


class NotExposable(ValueError):
    """A definition or a snapshot is wrong: a defect of ours, whatever was asked."""

    def __init__(self, metric: str, defect: str) -> None:
        super().__init__(f"{metric}: {defect}")


def escaped(value: str) -> str:
    r"""
    Return the value of a label as it stands between quotes.

    What UTF-8 cannot say, a lone surrogate, is spelled out: ``\ud800``. The rest is kept, NUL and CR too.

    Example:
        >>> print(escaped('say "hi"'), escaped("a" + chr(10) + "b"))
        say \"hi\" a\nb
    """
    if value.isprintable():  # no line feed, no surrogate; what nearly every value is
        if '"' not in value and "\\" not in value:
            return value
    else:
        value = value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def number(value: float) -> str:
    """
    Return a sample's value: an integer without a fraction where it is one, else what reads back as the same float.

    Example:
        >>> number(3), number(3.0), number(0.1), number(1e21), number(float("inf"))
        ('3', '3', '0.1', '1e+21', '+Inf')
    """
    if type(value) is int:
        return str(value)
    value = float(value)
    if -_LARGEST_PLAIN < value < _LARGEST_PLAIN and value.is_integer():
        return str(int(value))
    if isfinite(value):
        return repr(value)
    return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"


def canonical(value: float) -> str:
    """
    Return the value of ``le`` or ``quantile``, which is a text: one number must always be the same text.

    As Go's ``%g`` and a fraction of zero, which is what OpenMetrics 1.0 asks for (Considerations: Canonical Numbers).

    Args:
        value: not negative, not NaN.

    Example:
        >>> [canonical(value) for value in (0.005, 1, 2.5, 1e5, 1e6, 1.5e7, float("inf"))]
        ['0.005', '1.0', '2.5', '100000.0', '1e+06', '1.5e+07', '+Inf']
    """
    value = float(value)
    if value == inf:
        return "+Inf"
    text = repr(value)
    if value < _GO_TURNS_TO_EXPONENTS or "e" in text:
        return text
    whole, _, fraction = text.partition(".")
    mantissa = f"{whole[0]}.{whole[1:]}{fraction}".rstrip("0").rstrip(".")
    return f"{mantissa}e+{len(whole) - 1:02d}"


@lru_cache(maxsize=256)
def family_name(definition: Definition) -> str:
    """
    Return the name of a metric without a counter's ``_total``, once its definition is found to be sound.

    Raises:
        NotExposable: it is not.
    """
    name, kind = definition.name, definition.kind
    family = name.removesuffix("_total")
    sound = {
        "no name of a metric": _METRIC_NAME.fullmatch(name) is not None,
        "a counter ends in _total, and nothing else does": (kind == "counter") == name.endswith("_total"),
        "its help is no line of text": definition.help.isprintable()
        and definition.help.strip() == definition.help != "",
        "a label has no name of a label": all(_LABEL_NAME.fullmatch(label) for label in definition.labels),
        "a label is one of ours": _OURS.isdisjoint(definition.labels),
        "a label is there twice": len(set(definition.labels)) == len(definition.labels),
        "its bounds do not ascend from above zero": all(a < b for a, b in pairwise((0.0, *definition.bounds, inf))),
        "bounds are a histogram's": kind == "histogram" or not definition.bounds,
        "its quantiles do not ascend within 0 and 1": all(0 <= at <= 1 for at in definition.quantiles)
        and all(a < b for a, b in pairwise(definition.quantiles)),
        "quantiles are a summary's": kind == "summary" or not definition.quantiles,
    }  # fmt: skip
    for defect, is_sound in sound.items():
        if not is_sound:
            raise NotExposable(name, defect)
    return family


def exposed_families(snapshot: Snapshot, *, created: bool) -> Iterator[tuple[Definition, list[str]]]:
    """
    Yield each metric with the lines of its samples, in the order of *snapshot*; those of one series stand together.

    Args:
        snapshot: what to write.
        created: whether lines ``_created`` are among them; only OpenMetrics has these.

    Raises:
        NotExposable: *snapshot* has a metric or a series twice, or a value that its metric cannot have.
    """
    claimed: set[str] = set()
    region = escaped(snapshot.region).replace("%", "%%")
    since = number(snapshot.created_at) if created else None
    for family in snapshot.families:
        definition = family.definition
        name = family_name(definition)
        names = {name + suffix for suffix in SUFFIXES[definition.kind]}
        if not claimed.isdisjoint(names):
            raise NotExposable(definition.name, "another metric has a name of it")
        claimed |= names
        yield definition, _family_lines(family, region, since)


def _family_lines(family: Family, region: str, since: str | None) -> list[str]:
    definition = family.definition
    pattern = "".join(
        (f'{REGION_LABEL}="{region}"', *(f',{label}="%s"' for label in definition.labels))
    )  # of this code and the region alone: what a request said goes in as an argument
    write = _WRITERS[definition.kind](definition)
    created = None if since is None or definition.kind == "gauge" else family_name(definition) + "_created"
    seen: set[str] = set()
    lines: list[str] = []
    for series in family.series:
        if len(series.labels) != len(definition.labels):
            raise NotExposable(definition.name, "a series has not as many labels as its metric")
        labels = pattern % tuple(map(escaped, series.labels))
        if labels in seen:
            raise NotExposable(definition.name, "a series is there twice")
        seen.add(labels)
        write(labels, series, lines)
        if created is not None:
            lines.append(f"{created}{{{labels}}} {since}\n")
    return lines


def _write_counter(definition: Definition) -> Callable[[str, Series, list[str]], None]:
    def write(labels: str, series: Series, lines: list[str]) -> None:
        value = series.value
        if isinstance(value, tuple) or not value >= 0:  # NaN is not
            raise NotExposable(definition.name, "a counter counts from 0")
        lines.append(f"{definition.name}{{{labels}}} {number(value)}\n")

    return write


def _write_gauge(definition: Definition) -> Callable[[str, Series, list[str]], None]:
    def write(labels: str, series: Series, lines: list[str]) -> None:
        if isinstance(series.value, tuple):
            raise NotExposable(definition.name, "a gauge is a number")
        lines.append(f"{definition.name}{{{labels}}} {number(series.value)}\n")

    return write


def _write_histogram(definition: Definition) -> Callable[[str, Series, list[str]], None]:
    name = definition.name
    tails = [f',le="{canonical(bound)}"}} ' for bound in (*definition.bounds, inf)]

    def write(labels: str, series: Series, lines: list[str]) -> None:
        value = series.value
        if not isinstance(value, Distribution) or len(value.buckets) != len(tails):
            raise NotExposable(name, "a histogram has one bucket more than bounds")
        if min(value.buckets) < 0 or not value.sum >= 0:
            raise NotExposable(name, "a histogram counts from 0")
        head = f"{name}_bucket{{{labels}"
        count = 0
        for tail, observed in zip(tails, value.buckets, strict=True):
            count += observed
            lines.append(f"{head}{tail}{count}\n")
        lines.append(f"{name}_sum{{{labels}}} {number(value.sum)}\n{name}_count{{{labels}}} {count}\n")

    return write


def _write_summary(definition: Definition) -> Callable[[str, Series, list[str]], None]:
    name = definition.name
    tails = [f',quantile="{canonical(quantile)}"}} ' for quantile in definition.quantiles]

    def write(labels: str, series: Series, lines: list[str]) -> None:
        value = series.value
        if not isinstance(value, Quantiles) or len(value.values) != len(tails):
            raise NotExposable(name, "a summary has a value for each quantile")
        if value.observations < 0 or not value.sum >= 0 or any(at < 0 for at in value.values):
            raise NotExposable(name, "a summary observes nothing below 0")
        for tail, at in zip(tails, value.values, strict=True):
            lines.append(f"{name}{{{labels}{tail}{number(at)}\n")
        lines.append(
            f"{name}_sum{{{labels}}} {number(value.sum)}\n{name}_count{{{labels}}} {value.observations}\n"
        )

    return write


_WRITERS: Final[dict[Kind, Callable[[Definition], Callable[[str, Series, list[str]], None]]]] = {
    "counter": _write_counter,
    "gauge": _write_gauge,
    "histogram": _write_histogram,
    "summary": _write_summary,
}
