"""
Forty processes, 10,000 requests, some processes killed, answers lost, everything folded all the while: the sum is exact.

Each process counts under a series of its own, so every one of them is checked, not only their sum.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge.telemetry.folding import fold_idle
from edge.telemetry.region_totals import TotalsUnavailable, read_totals
from tests import engines
from tests.contract.telemetry.conftest import HERE, TABLE, make_table, open_client, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.aws.dynamo import DynamoDB

ROOT = Path(__file__).parents[3]
WORKER = Path(__file__).with_name("shard_worker.py")
PROCESSES = 40
REQUESTS_EACH = 250
KILLED = 12
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other")
STATUSES = ("2xx", "3xx", "4xx", "5xx", "other")
KEYS = [f"q /api/geo/route {METHODS[number % 8]} {STATUSES[number // 8]}" for number in range(PROCESSES)]


# moto runs in this process and holds one lock: it would measure the test.
@pytest.fixture(scope="module", params=[name for name in engines.engine_names() if name != "moto"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Endpoint of each engine in turn, one of its own, with the table empty."""
    if request.param == "ministack":
        with engines.run_ministack(tmp_path_factory.mktemp("ministack") / "log") as found:
            make_table(found)
            yield found
        return
    jars = engines.dynamodb_local_jars().directory
    assert jars is not None
    with engines.run_dynamodb_local(jars, tmp_path_factory.mktemp("dynamodb") / "log") as found:
        make_table(found)
        yield found


def journal_of(path: Path) -> tuple[int, int]:
    """Return what was acknowledged last and what was tried last."""
    last = {"ack": 0, "try": 0}
    for line in path.read_text().splitlines() if path.exists() else []:
        word, _, number = line.partition(" ")
        last[word] = int(number or 0)
    return last["ack"], max(last.values())


@pytest.fixture
def client(url: str) -> Iterator[DynamoDB]:
    """Our client of that engine."""
    client = open_client(url)
    yield client
    client.forget()


def test_sum_is_what_was_flushed_whatever_happens(client: DynamoDB, url: str, tmp_path: Path) -> None:
    random_ = random.Random(7)
    store = open_store(client)
    journals = [tmp_path / f"{number}.journal" for number in range(PROCESSES)]
    path = os.pathsep.join((str(ROOT / "shared"), str(ROOT)))
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-S",
                str(WORKER),
                url,
                HERE,
                TABLE,
                str(number),
                str(REQUESTS_EACH),
                journal,
            ],
            env={"PYTHONPATH": path},
        )
        for number, journal in enumerate(journals)
    ]
    seen = dict.fromkeys(KEYS, 0)
    scrapes = folded = torn = 0
    victims = random_.sample(range(PROCESSES), KILLED)
    deadline = time.monotonic() + 60
    try:
        while any(process.poll() is None for process in processes):
            assert time.monotonic() < deadline, "the processes do not end"
            now_ms = time.time_ns() // 1_000_000
            folded += fold_idle(store, now_ms=now_ms, idle_ms=random_.choice((0, 100, 400))).shards
            try:
                totals = read_totals(store, now_ms=now_ms)
            except TotalsUnavailable:
                torn += 1
                continue
            counters = totals.functions["geo_route"].totals.counters
            for key in KEYS:
                assert counters.get(key, 0) >= seen[key], "a series steps back"
                seen[key] = counters.get(key, 0)
            scrapes += 1
            for number in list(victims):
                if journal_of(journals[number])[0] >= 25 and random_.random() < 0.7:
                    victims.remove(number)
                    processes[number].kill()
    finally:
        for process in processes:
            process.kill()
            process.wait()
    while fold_idle(store, now_ms=time.time_ns() // 1_000_000, idle_ms=0).shards:
        pass
    totals = read_totals(store, now_ms=time.time_ns() // 1_000_000)
    counters = totals.functions["geo_route"].totals.counters

    killed = [number for number, process in enumerate(processes) if process.returncode != 0]
    for number, journal in enumerate(journals):
        acknowledged, tried = journal_of(journal)
        stored = counters.get(KEYS[number], 0)
        assert acknowledged <= stored <= tried
        if number not in killed:
            assert stored == acknowledged == REQUESTS_EACH
    assert sum(counters.get(key, 0) for key in KEYS) == sum(
        totals.functions["geo_route"].totals.histograms["t /api/geo/route"][:-1]
    )
    assert totals.shards == 0, "everything is folded"
    assert len(killed) >= KILLED // 3
    assert scrapes > 10
    assert folded > PROCESSES
