"""
One execution environment as a process of its own: it counts requests, flushes often, and is killed when somebody likes to.

It notes in a file what it tried to store and what was acknowledged, each line before or after the call, so that whoever
looks at the table afterwards knows what must be in it. Some answers are lost on the way, after the table has them.
"""

from __future__ import annotations

import random
import sys
import time
from typing import TYPE_CHECKING

from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.faults import Unavailable
from edge.aws.retries import Budget
from edge.breaker import Breaker
from edge.clock import SystemClock
from edge.telemetry.flushing import Flusher
from edge.telemetry.recorder import Recorder
from edge.telemetry.shard_dynamo import DynamoShardStore

if TYPE_CHECKING:
    from edge.telemetry.store import Contents, Fold, Obstacle, StoredShard


class LossyStore:
    """Loses some answers, and with some the request."""

    def __init__(self, store: DynamoShardStore, random_: random.Random) -> None:
        self._store = store
        self._random = random_

    def put(self, shard: StoredShard, *, is_known: bool) -> Obstacle | None:
        fate = self._random.random()
        if fate < 0.1:
            raise Unavailable("timed_out", outcome_unknown=True)
        answer = self._store.put(shard, is_known=is_known)
        if fate < 0.25:
            raise Unavailable("connection", outcome_unknown=True)
        return answer

    def read(self) -> Contents:
        return self._store.read()

    def fold(self, fold: Fold) -> bool:
        return self._store.fold(fold)


def main() -> None:
    _, url, region, table, number_text, requests_text, journal_path = sys.argv
    number, requests = int(number_text), int(requests_text)
    random_ = random.Random(number)
    client = DynamoDB(
        region=region,
        credentials=FixedCredentials(Credentials("local", "local")),
        endpoint=url,
        budget=Budget(connect_ms=20_000, attempt_ms=30_000, call_ms=30_000),
    )
    clock = SystemClock()
    recorder = Recorder("geo_route", clock)
    store = LossyStore(DynamoShardStore(client, table, flush_budget_ms=30_000), random_)
    breaker = Breaker(clock, failures_to_open=10_000)
    flusher = Flusher(recorder, store, clock, breaker=breaker, budget_ms=30_000)
    method = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other")[number % 8]
    status = (200, 301, 404, 500, 999)[number // 8]
    with open(journal_path, "a", buffering=1, encoding="ascii") as journal:  # noqa: PTH123 - a light process
        recorded = 0
        while recorded < requests:
            for _ in range(min(25, requests - recorded)):
                recorder.record(
                    route="/api/geo/route",
                    method=method,
                    status=status,
                    duration_ns=1 + random_.randrange(10**7),
                )
                recorded += 1
            journal.write(f"try {recorded}\n")
            if flusher.flush():
                journal.write(f"ack {recorded}\n")
            time.sleep(random_.random() * 0.2)
        while not flusher.flush():
            pass
        journal.write(f"ack {recorded}\n")


if __name__ == "__main__":
    main()
