"""What ``GET /api/monitoring/errors`` answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from typing_extensions import TypedDict  # pydantic refuses typing's before Python 3.12

from edge.telemetry.error_groups import ErrorGroup, PlacedSample, grouped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge.telemetry.error_store import StoredErrors

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200


class SampleView(TypedDict):
    """One occurrence; the request id leads to the log."""

    at: int
    region: str
    function: str
    request_id: str
    route: str
    status: int
    message: str


class GroupView(TypedDict):
    """One group of errors; see :class:`edge.telemetry.error_groups.ErrorGroup`."""

    key: str
    type: str
    title: str
    where: list[str]
    functions: list[str]
    severity: Literal["error", "critical"]
    first_seen: int
    last_seen: int
    count: int
    by_region: dict[str, int]
    trend: list[int]
    samples: list[SampleView]


class ErrorsAnswer(TypedDict):
    """
    The answer.

    ``unique`` and ``total`` are of all groups, not only of those that are listed; ``unreadable`` items and regions that are
    not ``complete`` are missing in both.
    """

    generated_at: int
    region: str
    scope: Literal["region", "all"]
    missing: list[str]
    unique: int
    total: int
    unreadable: int
    complete: bool
    groups: list[GroupView]


def errors_answer(
    stored: Mapping[str, StoredErrors],
    *,
    missing: Sequence[str],
    region: str,
    scope: Literal["region", "all"],
    now_seconds: int,
    limit: int = DEFAULT_LIMIT,
) -> ErrorsAnswer:
    """
    Return the answer.

    Args:
        stored: what was read, by region code.
        missing: codes of the regions that could not be read.
        region: that answers.
        scope: that was asked for.
        now_seconds: epoch seconds.
        limit: groups that are listed at most, 1 to :data:`MAX_LIMIT`; those that were seen last.
    """
    groups = grouped({code: errors.records for code, errors in stored.items()}, now_seconds=now_seconds)
    return {
        "generated_at": now_seconds,
        "region": region,
        "scope": scope,
        "missing": sorted(missing),
        "unique": len(groups),
        "total": sum(group.total for group in groups),
        "unreadable": sum(errors.unreadable for errors in stored.values()),
        "complete": all(errors.is_complete for errors in stored.values()),
        "groups": [_group_view(group) for group in groups[: max(1, min(limit, MAX_LIMIT))]],
    }


def _group_view(group: ErrorGroup) -> GroupView:
    return {
        "key": group.newest.key,
        "type": group.newest.type,
        "title": group.newest.title,
        "where": list(group.newest.where),
        "functions": list(group.functions),
        "severity": group.severity,
        "first_seen": group.first_seen,
        "last_seen": group.last_seen,
        "count": group.total,
        "by_region": dict(group.by_region),
        "trend": list(group.trend),
        "samples": [_sample_view(placed) for placed in group.samples],
    }


def _sample_view(placed: PlacedSample) -> SampleView:
    sample = placed.sample
    return {
        "at": sample.at,
        "region": placed.region,
        "function": placed.function,
        "request_id": sample.request_id,
        "route": sample.route,
        "status": sample.status,
        "message": sample.message,
    }
