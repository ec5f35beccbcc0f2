"""One limit for four regions: exact while homes answer, labelled where one does not."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import ManualClock
from edge.problems import DependencyUnavailable
from edge.ratelimit.decisions import Charge
from edge.ratelimit.home import HomeLimiter, home_of
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.tiers import TIERS
from edge.regions import DEPLOYED, ROUTABLE, Region

if TYPE_CHECKING:
    from edge.ratelimit.store import Applied, NotApplied, Record, Write

STRICT = TIERS["strict"]
ONE = (Charge(STRICT, 1),)


class Store(MemoryStore):
    """A region's store, which can be cut off."""

    cut_off = False

    def apply(self, key: str, write: Write) -> Applied | NotApplied:
        if self.cut_off:
            raise DependencyUnavailable(1)
        return super().apply(key, write)

    def read(self, key: str) -> Record | None:
        if self.cut_off:
            raise DependencyUnavailable(1)
        return super().read(key)


class World:
    """Four regions and the stores that they all reach."""

    def __init__(self) -> None:
        self.clock = ManualClock(now_ms=2_000_000_000_000)
        self.stores = {region: Store(self.clock) for region in DEPLOYED}
        self.regions = {region: self._region(region) for region in DEPLOYED}

    def _region(self, own: Region) -> HomeLimiter:
        limiters = {region: Limiter(store, self.clock) for region, store in self.stores.items()}
        return HomeLimiter(own, DEPLOYED, limiters.__getitem__)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("load", [2, 5])
def test_four_regions_admit_one_limit_together(world: World, load: int) -> None:
    """Traffic of twice and five times the limit, spread over the regions, for ten windows."""
    chance = random.Random(load)
    stamps: list[int] = []
    for _ in range(10 * 10 * load):
        world.clock.advance(round(chance.expovariate(10 * load / 60_000)))
        if world.regions[chance.choice(DEPLOYED)].check_all("s", ONE).verdict.allowed:
            stamps.append(world.clock.now_ms())

    assert len(stamps) >= 90
    assert max(sum(1 for other in stamps if 0 <= stamp - other < 60_000) for stamp in stamps) == 10


def test_answer_names_the_home_and_is_not_degraded(world: World) -> None:
    home = home_of("s", DEPLOYED)
    for region in DEPLOYED:
        located = world.regions[region].check_all("s", ONE)
        assert located.region == home
        assert not located.verdict.decisions[0].degraded
    assert world.regions[DEPLOYED[0]].peek_all("s", ONE).verdict.decisions[0].remaining == 6


def test_region_decides_by_itself_when_the_home_is_cut_off(world: World) -> None:
    home = home_of("s", DEPLOYED)
    other = next(region for region in DEPLOYED if region != home)
    world.stores[home].cut_off = True

    located = [world.regions[other].check_all("s", ONE) for _ in range(12)]

    assert {one.region for one in located} == {other}
    assert all(decision.degraded for one in located for decision in one.verdict.decisions)
    assert sum(one.verdict.allowed for one in located) == 10
    with pytest.raises(DependencyUnavailable):
        world.regions[home].check_all("s", ONE)

    world.stores[home].cut_off = False
    assert world.regions[other].check_all("s", ONE).region == home


def test_regional_and_global_checks_have_counters_of_their_own(world: World) -> None:
    home = home_of("s", DEPLOYED)
    for _ in range(10):
        world.regions[home].check_all("s", ONE)

    assert Limiter(world.stores[home], world.clock).check("s", STRICT, cost=10).allowed
    assert not world.regions[home].check_all("s", ONE).verdict.allowed


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_region_that_leaves_moves_only_its_own_subjects(subject: str) -> None:
    home = home_of(subject, ROUTABLE)
    for gone in ROUTABLE:
        left = [region for region in ROUTABLE if region != gone]
        assert home_of(subject, left) == home or gone == home
    assert home_of(subject, list(reversed(ROUTABLE))) == home


def test_homes_are_spread_evenly() -> None:
    homes = Counter(home_of(f"user-{number}", DEPLOYED).code for number in range(8_000))

    assert all(1_800 <= count <= 2_200 for count in homes.values())
