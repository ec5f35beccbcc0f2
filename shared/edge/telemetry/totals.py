"""
What was counted, as numbers that add: counters, histograms, and slots of the last minutes and hours.

Everything is an integer, durations in nanoseconds, so that sums and differences are exact in any order. A counter's key is
the code of its metric and its label values, joined by spaces (:mod:`edge.telemetry.definitions` has the codes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.telemetry.sketch import COARSE_LEVEL, Sketch, merged

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT_MINUTES: Final = 60
KEPT_HOURS: Final = 24

FINE_MINUTES: Final = 12
"""So long a minute keeps its resolution: the window of the summaries is 10 minutes, and clocks differ."""

_SLACK_MINUTES: Final = 5
"""How far ahead the clock of another may be."""


class Minute:
    """
    One minute.

    Attributes:
        requests: answered.
        errors: of those with a status of 500 or above.
        degraded: of those, rate checks that were decided without their table.
        dropped: samples that are in no sum.
        sum_ns: of durations.
        sketch: of durations, in nanoseconds.
    """

    __slots__ = ("degraded", "dropped", "errors", "requests", "sketch", "sum_ns")

    def __init__(
        self,
        requests: int = 0,
        errors: int = 0,
        degraded: int = 0,
        dropped: int = 0,
        sum_ns: int = 0,
        sketch: Sketch | None = None,
    ) -> None:
        self.requests = requests
        self.errors = errors
        self.degraded = degraded
        self.dropped = dropped
        self.sum_ns = sum_ns
        self.sketch = Sketch() if sketch is None else sketch

    def numbers(self) -> tuple[int, int, int, int, int]:
        """Return all but the sketch."""
        return self.requests, self.errors, self.degraded, self.dropped, self.sum_ns

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Minute) and (self.numbers(), self.sketch) == (other.numbers(), other.sketch)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"Minute{(*self.numbers(), self.sketch)}"


class Totals:
    """
    What somebody counted since he began.

    Attributes:
        counters: by key.
        histograms: by key: observations in each bucket, one more than there are bounds, and then their sum.
        minutes: by minutes since the epoch.
        hours: by hours since the epoch: requests, and those with a status of 500 or above.
    """

    __slots__ = ("counters", "histograms", "hours", "minutes")

    def __init__(
        self,
        counters: dict[str, int] | None = None,
        histograms: dict[str, list[int]] | None = None,
        minutes: dict[int, Minute] | None = None,
        hours: dict[int, tuple[int, int]] | None = None,
    ) -> None:
        self.counters = counters or {}
        self.histograms = histograms or {}
        self.minutes = minutes or {}
        self.hours = hours or {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Totals) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"Totals{(self.counters, self.histograms, self.minutes, self.hours)}"

    def less(self, part: Totals) -> Totals:
        """
        Return what was counted here and not in *part*, which is an earlier state of this.

        Slots that *part* alone still has are over. What became zero is left out.
        """
        rest = Totals()
        for key, count in self.counters.items():
            if left := count - part.counters.get(key, 0):
                rest.counters[key] = left
        for key, row in self.histograms.items():
            before = part.histograms.get(key)
            left_row = row if before is None else [now - then for now, then in zip(row, before, strict=True)]
            if any(left_row):
                rest.histograms[key] = list(left_row)
        for at, minute in self.minutes.items():
            taken = part.minutes.get(at)
            if taken is None:
                rest.minutes[at] = minute
            elif taken.numbers() != minute.numbers():
                rest.minutes[at] = Minute(
                    max(0, minute.requests - taken.requests),
                    max(0, minute.errors - taken.errors),
                    max(0, minute.degraded - taken.degraded),
                    max(0, minute.dropped - taken.dropped),
                    max(0, minute.sum_ns - taken.sum_ns),
                    minute.sketch.less(taken.sketch),
                )
        for at, (requests, errors) in self.hours.items():
            gone = part.hours.get(at, (0, 0))
            if gone != (requests, errors):
                rest.hours[at] = (max(0, requests - gone[0]), max(0, errors - gone[1]))
        return rest

    def trimmed(self, minute: int) -> Totals:
        """
        Return this without slots that are over at *minute*, or far ahead of it, and with older minutes coarser.

        Args:
            minute: minutes since the epoch.
        """
        minutes: dict[int, Minute] = {}
        for at in sorted(self.minutes):
            slot = self.minutes[at]
            if not minute - KEPT_MINUTES < at <= minute + _SLACK_MINUTES:
                continue
            if at <= minute - FINE_MINUTES and slot.sketch.level < COARSE_LEVEL:
                slot = Minute(*slot.numbers(), sketch=slot.sketch.at_level(COARSE_LEVEL))
            minutes[at] = slot
        hour = minute // 60
        hours = {at: self.hours[at] for at in sorted(self.hours) if hour - KEPT_HOURS < at <= hour + 1}
        return Totals(self.counters, self.histograms, minutes, hours)


def added(parts: Iterable[Totals]) -> Totals:
    """Return the sum of *parts*; none of them is changed."""
    whole = Totals()
    minutes: dict[int, list[Minute]] = {}
    for part in parts:
        for key, count in part.counters.items():
            whole.counters[key] = whole.counters.get(key, 0) + count
        for key, row in part.histograms.items():
            so_far = whole.histograms.get(key)
            if so_far is None:
                whole.histograms[key] = list(row)
            else:
                whole.histograms[key] = [left + right for left, right in zip(so_far, row, strict=True)]
        for at, minute in part.minutes.items():
            minutes.setdefault(at, []).append(minute)
        for at, (requests, errors) in part.hours.items():
            so_far_hour = whole.hours.get(at, (0, 0))
            whole.hours[at] = (so_far_hour[0] + requests, so_far_hour[1] + errors)
    for at, slots in minutes.items():
        whole.minutes[at] = Minute(
            sum([slot.requests for slot in slots]),
            sum([slot.errors for slot in slots]),
            sum([slot.degraded for slot in slots]),
            sum([slot.dropped for slot in slots]),
            sum([slot.sum_ns for slot in slots]),
            merged(slot.sketch for slot in slots),
        )
    return whole
