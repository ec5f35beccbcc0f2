"""
What is known of a group of errors: of one environment, and of all together.

Each execution environment keeps a record of its own of each group that it has met, cumulative since it began. Whoever wants
to know the whole adds them up: counts and hours are sums, samples the newest of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge.telemetry.grouping import Severity

TREND_HOURS: Final = 24
MAX_SAMPLES: Final = 10
HOUR_SECONDS: Final = 3_600


class Sample(NamedTuple):
    """
    One occurrence.

    Attributes:
        at: epoch seconds.
        request_id: of the request, to look it up in the log.
        route: its template.
        status: that was answered.
        message: the normalised message; nothing of the input is in it.
    """

    at: int
    request_id: str
    route: str
    status: int
    message: str


class ErrorRecord(NamedTuple):
    """
    What one environment has seen of one group since it began.

    Attributes:
        key: of the group.
        function: short name of the function.
        environment: id of the execution environment.
        type: module and name of the class.
        title: one line for people.
        where: ``module:function`` of ours, nearest to the raise first.
        severity: ``critical`` for what nobody expected.
        first_seen: epoch seconds.
        last_seen: epoch seconds.
        total: occurrences, >= 1; it only grows, so it also tells which of two records is newer.
        hours: occurrences by hour since the epoch, of the last :data:`TREND_HOURS` hours.
        samples: at most :data:`MAX_SAMPLES`, oldest first.
    """

    key: str
    function: str
    environment: str
    type: str
    title: str
    where: tuple[str, ...]
    severity: Severity
    first_seen: int
    last_seen: int
    total: int
    hours: Mapping[int, int]
    samples: tuple[Sample, ...]


class PlacedSample(NamedTuple):
    """A sample, and the region and function that it is of."""

    region: str
    function: str
    sample: Sample


class ErrorGroup(NamedTuple):
    """
    A group, of all regions and environments that were read.

    Attributes:
        newest: the record that was written to last: type, title and place are its own.
        functions: that have met it, sorted.
        severity: the worst of all.
        first_seen: epoch seconds.
        last_seen: epoch seconds.
        total: occurrences.
        by_region: the same by region code.
        trend: occurrences of each of the last :data:`TREND_HOURS` hours, oldest first, the present one last.
        samples: newest first, at most :data:`MAX_SAMPLES`.
    """

    newest: ErrorRecord
    functions: tuple[str, ...]
    severity: Severity
    first_seen: int
    last_seen: int
    total: int
    by_region: Mapping[str, int]
    trend: tuple[int, ...]
    samples: tuple[PlacedSample, ...]


def grouped(regions: Mapping[str, Sequence[ErrorRecord]], *, now_seconds: int) -> list[ErrorGroup]:
    """
    Return all groups, the one that was seen last first.

    Args:
        regions: the records of each region, by its code.
        now_seconds: epoch seconds; trends end there.
    """
    by_key: dict[str, list[tuple[str, ErrorRecord]]] = {}
    for region, records in regions.items():
        for record in records:
            by_key.setdefault(record.key, []).append((region, record))
    groups = [_group(placed, now_seconds // HOUR_SECONDS) for placed in by_key.values()]
    return sorted(groups, key=lambda group: (-group.last_seen, group.newest.key))


def _group(placed: list[tuple[str, ErrorRecord]], hour: int) -> ErrorGroup:
    records = [record for _, record in placed]
    newest = max(records, key=lambda record: (record.last_seen, record.environment))
    by_region: dict[str, int] = {}
    trend = [0] * TREND_HOURS
    for region, record in placed:
        by_region[region] = by_region.get(region, 0) + record.total
        for at, count in record.hours.items():
            age = hour - at
            # A clock that is ahead puts an error into the hour to come: it is of this one.
            if age < TREND_HOURS:
                trend[TREND_HOURS - 1 - max(0, age)] += count
    samples = [
        PlacedSample(region, record.function, sample)
        for region, record in placed
        for sample in record.samples
    ]
    samples.sort(key=lambda one: (-one.sample.at, one.sample.request_id))
    return ErrorGroup(
        newest=newest,
        functions=tuple(sorted({record.function for record in records})),
        severity="critical" if any(record.severity == "critical" for record in records) else "error",
        first_seen=min(record.first_seen for record in records),
        last_seen=newest.last_seen,
        total=sum(record.total for record in records),
        by_region=by_region,
        trend=tuple(trend),
        samples=tuple(samples[:MAX_SAMPLES]),
    )
