"""What environments and regions have seen is added up, and told as the page expects it."""

from __future__ import annotations

import json

from edge.telemetry.error_groups import MAX_SAMPLES, TREND_HOURS, ErrorRecord, Sample, grouped
from edge.telemetry.error_store import StoredErrors
from edge.telemetry.error_wire import MAX_LIMIT, errors_answer

NOW = 2_000_000_000
HOUR = NOW // 3_600


def record(
    key: str = "1a",
    *,
    environment: str = "e1",
    function: str = "keys",
    last: int = NOW - 10,
    total: int = 1,
    hours: dict[int, int] | None = None,
    samples: int = 1,
    severity: str = "error",
) -> ErrorRecord:
    return ErrorRecord(
        key=key,
        function=function,
        environment=environment,
        type="builtins.ValueError",
        title=f"ValueError: by {environment}",
        where=("edge.geo.router:decide",),
        severity=severity,  # type: ignore[arg-type]
        first_seen=last - 100,
        last_seen=last,
        total=total,
        hours={HOUR: total} if hours is None else hours,
        samples=tuple(
            Sample(last - number, f"{environment}-{number}", "/a", 500, "m") for number in range(samples)
        ),
    )


def test_environments_and_regions_are_added_up() -> None:
    (group,) = grouped(
        {
            "cdg1": [
                record(total=2),
                record(environment="e2", total=3, last=NOW - 5, function="health", severity="critical"),
            ],
            "iad1": [record(environment="e3", total=4, last=NOW - 7)],
        },
        now_seconds=NOW,
    )

    assert (group.total, dict(group.by_region)) == (9, {"cdg1": 5, "iad1": 4})
    assert (group.first_seen, group.last_seen) == (NOW - 110, NOW - 5)
    assert (group.functions, group.severity) == (("health", "keys"), "critical")
    assert group.newest.title == "ValueError: by e2"
    assert [placed.region for placed in group.samples] == ["cdg1", "iad1", "cdg1"]
    assert sum(group.trend) == 9


def test_trend_ends_now_and_forgets_what_is_older_than_a_day() -> None:
    hours = {HOUR - TREND_HOURS: 100, HOUR - TREND_HOURS + 1: 1, HOUR - 1: 2, HOUR: 3, HOUR + 1: 4}
    (group,) = grouped({"cdg1": [record(total=110, hours=hours)]}, now_seconds=NOW)

    assert group.trend == (1, *[0] * (TREND_HOURS - 3), 2, 7)


def test_only_the_newest_samples_are_told() -> None:
    records = [record(environment=f"e{number}", last=NOW - 100 * number, samples=4) for number in range(5)]
    (group,) = grouped({"cdg1": records}, now_seconds=NOW)
    times = [placed.sample.at for placed in group.samples]

    assert len(times) == MAX_SAMPLES
    assert times == sorted(times, reverse=True)
    assert times[0] == NOW


def test_groups_are_told_in_the_order_they_were_last_seen() -> None:
    records = [record("1c", last=NOW - 3), record("1a", last=NOW - 1), record("1b", last=NOW - 1)]

    assert [group.newest.key for group in grouped({"cdg1": records}, now_seconds=NOW)] == ["1a", "1b", "1c"]


def test_answer_is_what_the_page_was_promised() -> None:
    answer = errors_answer(
        {"cdg1": StoredErrors((record(total=2),), 1, is_complete=False), "iad1": StoredErrors()},
        missing=["sfo1", "hnd1"],
        region="cdg1",
        scope="all",
        now_seconds=NOW,
    )

    assert json.loads(json.dumps(answer)) == {
        "generated_at": NOW,
        "region": "cdg1",
        "scope": "all",
        "missing": ["hnd1", "sfo1"],
        "unique": 1,
        "total": 2,
        "unreadable": 1,
        "complete": False,
        "groups": [
            {
                "key": "1a",
                "type": "builtins.ValueError",
                "title": "ValueError: by e1",
                "where": ["edge.geo.router:decide"],
                "functions": ["keys"],
                "severity": "error",
                "first_seen": NOW - 110,
                "last_seen": NOW - 10,
                "count": 2,
                "by_region": {"cdg1": 2},
                "trend": [0] * 23 + [2],
                "samples": [
                    {
                        "at": NOW - 10,
                        "region": "cdg1",
                        "function": "keys",
                        "request_id": "e1-0",
                        "route": "/a",
                        "status": 500,
                        "message": "m",
                    }
                ],
            }
        ],
    }


def test_limit_bounds_what_is_listed_and_not_what_is_counted() -> None:
    stored = {
        "cdg1": StoredErrors(tuple(record(f"1{number:03}", last=NOW - number) for number in range(300)))
    }

    def listed(limit: int) -> list[str]:
        answer = errors_answer(
            stored, missing=(), region="cdg1", scope="region", now_seconds=NOW, limit=limit
        )
        assert (answer["unique"], answer["total"]) == (300, 300)
        return [group["key"] for group in answer["groups"]]

    assert listed(3) == ["1000", "1001", "1002"]
    assert len(listed(1_000)) == MAX_LIMIT
    assert len(listed(0)) == 1


def test_no_errors_are_an_empty_answer() -> None:
    answer = errors_answer({}, missing=["cdg1"], region="cdg1", scope="region", now_seconds=NOW)

    assert (answer["groups"], answer["unique"], answer["total"], answer["complete"]) == ([], 0, 0, True)
