"""What every store of errors must do; a class for each store inherits it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.telemetry.error_groups import MAX_SAMPLES, TREND_HOURS, ErrorRecord, Sample
from edge.telemetry.error_store import StoredErrors

if TYPE_CHECKING:
    from edge.telemetry.error_store import ErrorStore

START = 2_000_000_000
"""DynamoDB Local deletes by the machine's clock what is past its time to live: these items live in 2033."""


def record(
    key: str = "1" + "a" * 20, *, environment: str = "e1", total: int = 1, last: int = START
) -> ErrorRecord:
    """Return a record at the limits of what one can hold."""
    return ErrorRecord(
        key=key,
        function="ratelimit_check",
        environment=environment,
        type="edge.aws.faults." + "T" * 104,
        title='ti: <value> é🔑 "quoted" \\ ' + "x" * 130,
        where=tuple(f"edge.auth.sessions.revocations:Revocations.of_family_{number}" for number in range(4)),
        severity="critical",
        first_seen=START - 86_400,
        last_seen=last,
        total=total,
        hours={last // 3_600 - hour: 1_000_000 + hour for hour in range(TREND_HOURS)},
        samples=tuple(
            Sample(last - number, "r" * 128, "/api/" + "a" * 123, 500, "<value> " * 37)
            for number in range(MAX_SAMPLES)
        ),
    )


class ErrorStoreContract:
    """Inherit and provide the fixture ``error_store``, empty."""

    def test_nothing_is_stored_at_first(self, error_store: ErrorStore) -> None:
        assert error_store.read() == StoredErrors()

    def test_record_is_read_as_it_was_put(self, error_store: ErrorStore) -> None:
        error_store.put(record())

        assert error_store.read() == StoredErrors((record(),))

    def test_record_of_little_is_read_as_it_was_put(self, error_store: ErrorStore) -> None:
        little = record()._replace(where=(), samples=(), hours={}, severity="error", title="", type="")
        error_store.put(little)

        assert error_store.read().records == (little,)

    def test_newest_record_of_an_environment_stays(self, error_store: ErrorStore) -> None:
        for total in (2, 3, 3, 1):
            error_store.put(record(total=total, last=START + total))

        assert error_store.read().records == (record(total=3, last=START + 3),)

    def test_groups_functions_and_environments_do_not_touch_each_other(self, error_store: ErrorStore) -> None:
        records = [
            record(),
            record(environment="e2", total=5),
            record(environment="e2")._replace(function="keys"),
            record("1" + "b" * 20),
        ]
        for one in records:
            error_store.put(one)

        assert error_store.read().records == tuple(sorted(records, key=lambda one: one[:3]))
