"""One limit for the four local regions: floods over HTTP, each region a process of its own, on real time."""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from edge.ratelimit.home import home_of
from edge.ratelimit.tiers import TIERS
from edge.regions import DEPLOYED, HND1
from tests.local.running import ROOT, LocalSetup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.local.state import State

STRICT, BURST, FREE = TIERS["strict"], TIERS["burst"], TIERS["plan:free"]
CODES: Final = tuple(region.code for region in DEPLOYED)

NEWS_SECONDS: Final = 2.0
"""D of the docstring of published.py, less the lag: here the replicas are one table. Under a twentieth is never told."""


class Answer(NamedTuple):
    """What a region answered, and between which instants it must have decided; in seconds of this process's clock."""

    region: str
    sent: float
    received: float
    status: int
    allowed: bool
    degraded: bool
    decided_in: str


class Caller:
    """One connection to one region, with the key of the demo administrator."""

    def __init__(self, state: State, region: str) -> None:
        self._region = region
        self._connection = HTTPConnection(state["regions"][region]["url"].removeprefix("http://"), timeout=15)
        self._headers = {
            "x-api-key": str(state["admin_api_key"]),
            "content-type": "application/json",
        }

    def check(self, subject: str, tier: str) -> Answer:
        body = json.dumps({"subject": subject, "tier": tier, "scope": "global"})
        sent = time.monotonic()
        self._connection.request("POST", "/api/ratelimit/check", body, self._headers)
        response = self._connection.getresponse()
        told = json.loads(response.read())
        assert response.status in (200, 429), told
        return Answer(
            self._region,
            sent,
            time.monotonic(),
            response.status,
            told["allowed"],
            told["degraded"],
            told["region"],
        )

    def close(self) -> None:
        self._connection.close()


def ask(
    state: State,
    subject: str,
    tier: str,
    *,
    each: int,
    seconds: float = 0.0,
    regions: tuple[str, ...] = CODES,
    threads: int = 2,
) -> list[Answer]:
    """
    Return what is answered to so many checks in each region.

    Args:
        state: of the setup.
        subject: who is limited.
        tier: by what.
        each: checks in each region.
        seconds: over which they are spread evenly; 0 for as fast as it goes.
        regions: that are asked, all at the same time.
        threads: that ask each of them.
    """
    answers: list[Answer] = []
    failures: list[BaseException] = []
    began = time.monotonic() + 0.1

    def run(region: str, numbers: range) -> None:
        caller = Caller(state, region)
        try:
            for number in numbers:
                # They live on real time, so there is nothing but to wait.
                time.sleep(max(0.0, began + seconds * number / each - time.monotonic()))
                answers.append(caller.check(subject, tier))
        except BaseException as failure:
            failures.append(failure)
            raise
        finally:
            caller.close()

    pool = [
        threading.Thread(target=run, args=(region, range(first, each, threads)))
        for region in regions
        for first in range(threads)
    ]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()
    assert not failures
    return sorted(answers, key=lambda answer: answer.received)


def most_surely_in_a_window(admitted: list[Answer], seconds: float) -> int:
    """Return the most admissions that lie in one window whenever they were decided while their calls were under way."""
    return max(
        sum(first.sent <= other.sent and other.received < first.sent + seconds for other in admitted)
        for first in admitted
    )


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSetup]:
    running = LocalSetup(tmp_path_factory.mktemp("global"), template=ROOT / "template.yaml")
    running.wait_ready()
    yield running
    assert running.end() == 0


@pytest.fixture(scope="module")
def state(setup: LocalSetup) -> State:
    return setup.wait_ready()


@pytest.mark.parametrize("load", [2, 5])
def test_home_admits_exactly_the_limit_of_all_regions(state: State, load: int) -> None:
    """Ten a minute, asked for twice and five times in all four regions at once: ten in all, wherever they were asked."""
    subject = f"home-{load}"
    answers = ask(state, subject, "strict", each=STRICT.window.limit * load // len(CODES))

    admitted = [answer for answer in answers if answer.allowed]
    assert len(admitted) == STRICT.window.limit
    assert {answer.status for answer in answers if not answer.allowed} == {429}
    assert {answer.decided_in for answer in answers} == {home_of(subject, DEPLOYED).code}
    assert not any(answer.degraded for answer in answers)


def test_home_admits_no_more_in_any_window_of_a_flood(state: State) -> None:
    """Fifty a second, windows that roll while it goes on: never more in any, and nearly as much in each."""
    answers = ask(state, "rolling", "burst", each=200, seconds=3.0)

    admitted = [answer for answer in answers if answer.allowed]
    assert not any(answer.degraded for answer in answers)
    assert most_surely_in_a_window(admitted, BURST.window.window_ms / 1_000) <= BURST.window.limit
    assert len(admitted) >= 2.5 * BURST.window.limit
    assert len({answer.region for answer in admitted}) == len(CODES)


def test_published_quota_admits_the_limit_and_what_had_not_arrived(state: State) -> None:
    """A hundred a day, asked for twice and five times, evenly and in all regions: the law of published.py's docstring."""
    seconds = 6.0
    found: dict[int, list[Answer]] = {}

    def run(load: int) -> None:
        each = FREE.window.limit * load // len(CODES)
        found[load] = ask(state, f"published-{load}", "plan:free", each=each, seconds=seconds, threads=1)

    pool = [threading.Thread(target=run, args=(load,)) for load in (2, 5)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()

    limit = FREE.window.limit
    untold = (len(CODES) - 1) * limit // 20
    for load, answers in found.items():
        assert len(answers) == load * limit
        assert not any(answer.degraded for answer in answers)
        assert all(answer.decided_in == answer.region for answer in answers)
        admitted = [answer for answer in answers if answer.allowed]
        remote_per_second = load * limit / seconds * (len(CODES) - 1) / len(CODES)
        assert limit <= len(admitted) <= limit + remote_per_second * NEWS_SECONDS + untold
        for last in admitted:
            own = sum(one.region == last.region and one.received <= last.received for one in admitted)
            arrived = sum(
                one.region != last.region and one.received < last.sent - NEWS_SECONDS for one in admitted
            )
            assert own + arrived <= limit + untold


@pytest.fixture
def without_tokyo(tmp_path: Path) -> Iterator[State]:
    """A setup of its own, of which the process of one region was killed."""
    setup = LocalSetup(tmp_path, template=ROOT / "template.yaml")
    state = setup.wait_ready()
    os.kill(state["pids"][HND1.code], signal.SIGKILL)
    setup.wait_output(f"region {HND1.code} ended")
    yield state
    assert setup.end() == 0


def test_killed_region_changes_nothing_for_the_others(without_tokyo: State) -> None:
    """A home is a table and not a process: its subjects are limited as before, exactly and without the label."""
    state, others = without_tokyo, tuple(code for code in CODES if code != HND1.code)
    subject = next(
        name for name in map("user-{}".format, itertools.count()) if home_of(name, DEPLOYED) == HND1
    )
    with pytest.raises(ConnectionRefusedError):
        Caller(state, HND1.code).check(subject, "strict")

    at_home = ask(state, subject, "strict", each=10, regions=others)
    published = ask(state, subject, "plan:free", each=10, regions=others)

    assert sum(answer.allowed for answer in at_home) == STRICT.window.limit
    assert {answer.decided_in for answer in at_home} == {HND1.code}
    assert all(answer.allowed and answer.decided_in == answer.region for answer in published)
    assert not any(answer.degraded for answer in [*at_home, *published])
