"""What holds in every life of a family across regions whose tables are reconciled later, last writer first."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from edge.auth.sessions.families import Families
from edge.auth.sessions.problems import RefreshRefused
from edge.auth.sessions.store import Names, Tombstone, family_name
from edge.regions import CDG1, IAD1
from tests.unit.auth.sessions.lives import Life
from tests.unit.auth.sessions.replicas import REGIONS, World
from tests.unit.auth.sessions.stores import KEYS, NOW, START_MS

if TYPE_CHECKING:
    from edge.auth.sessions.grants import Grant
    from edge.auth.sessions.store import Family

LIVES = 300


@pytest.fixture(scope="module", params=["healthy", "partition", "thief", "thief and partition"])
def lives(request: pytest.FixtureRequest) -> list[Life]:
    """Lived lives of one kind."""
    kind = str(request.param)
    return [
        Life(seed, partition="partition" in kind, thief="thief" in kind).run()
        for seed in range(1_000, 1_000 + LIVES)
    ]


def test_no_parent_has_two_successors(lives: list[Life]) -> None:
    assert sum(len(life.successors) for life in lives) > 2 * LIVES
    for life in lives:
        assert all(len(successors) == 1 for successors in life.successors.values())
        assert all(len(jtis) == 1 for jtis in life.jtis.values())


def test_no_family_ever_has_more_than_five_refreshes(lives: list[Life]) -> None:
    assert max(len(life.tokens) for life in lives) == 5
    assert all(len(life.successors) <= 5 for life in lives)


def test_no_revocation_is_lost(lives: list[Life]) -> None:
    ended = [life for life in lives if life.ended_in or life.was_reused]
    assert len(ended) > LIVES / 5
    for life in ended:
        assert life.tombstones() == len(REGIONS)
        assert not any(life.is_usable(token) for token in life.tokens)
        assert all(life.is_revoked_in(region, grant) for region in REGIONS for grant in life.grants)


def test_owners_are_hardly_ever_signed_out(lives: list[Life]) -> None:
    """Where clocks and luck could do it: a second tab that comes back after the grace, during a takeover."""
    if not any(life.has_thief for life in lives):
        assert sum(life.was_signed_out for life in lives) <= LIVES / 100


# -- the cases that the random lives are made of, one by one --------------------------------------------------------


class Two:
    """A world of replicas, and families in two regions of it."""

    def __init__(self) -> None:
        self.world = World(Random(7))
        self.cdg, self.iad = (self.families(region) for region in (CDG1, IAD1))

    def families(self, own: object) -> Families:
        region = next(region for region in REGIONS if region == own)
        return Families(
            own=region,
            store_of=self.world.replicas.__getitem__,
            keys_of=lambda: KEYS,
            clock=self.world.clock,
        )

    def begin(self) -> Grant:
        grant = self.cdg.begin(subject="s", client_id="k", role="USER", scopes=["geo:route"], plan="free")
        self.world.run()
        return grant

    def refresh(self, families: Families, grant: Grant, request_id: str = "r") -> Grant:
        return families.rotate(str(grant.refresh_token), request_id=request_id, idempotency_key=None)

    def stored(self, grant: Grant) -> Family:
        record = self.world.replicas[CDG1]._family(grant.family)
        assert record is not None
        return record


@pytest.fixture
def two() -> Two:
    return Two()


def test_tombstone_survives_a_younger_write_to_the_family(two: Two) -> None:
    """The family's item of another region wins as a whole; it has no say about the tombstone."""
    grant = two.begin()
    old = two.stored(grant)
    two.iad.revoke_family(grant.family, home=CDG1, why="logout")
    two.world.clock.advance(50)
    two.world.replicas[CDG1]._keep(family_name(grant.family), "F", old)
    two.world.run()

    assert two.stored(grant).state == "A"
    for families in (two.cdg, two.iad):
        with pytest.raises(RefreshRefused) as refused:
            two.refresh(families, grant)
        assert refused.value.reason == "family_revoked"


def test_two_regions_that_end_one_family_at_once_agree(two: Two) -> None:
    grant = two.begin()
    for region in (CDG1, IAD1):
        two.world.replicas[region].bury(family_name(grant.family), Tombstone("reuse", NOW, NOW + 9_000))
    two.world.run()

    names = Names(None, grant.family, "s", "k")
    assert all(two.world.replicas[region].marks(names).family for region in REGIONS)


def test_family_that_fell_back_is_healed_by_its_next_refresh(two: Two) -> None:
    grant = two.begin()
    old = two.stored(grant)
    for number in range(3):
        two.world.clock.advance(60_000)
        grant = two.refresh(two.cdg, grant, f"r{number}")
    two.world.replicas[CDG1]._keep(family_name(grant.family), "F", old)
    two.world.run()

    healed = two.refresh(two.iad, grant, "after")

    assert (healed.generation, two.stored(grant).generation) == (4, 4)


def test_family_that_fell_back_gives_the_successor_that_it_gave_before(two: Two) -> None:
    first = two.begin()
    old = two.stored(first)
    second = two.refresh(two.cdg, first)
    two.world.replicas[CDG1]._keep(family_name(first.family), "F", old)
    two.world.clock.advance(3_600_000)

    again = two.refresh(two.cdg, first, "later")

    assert (again.refresh_token, again.jti) == (second.refresh_token, second.jti)


def test_family_that_fell_back_gets_no_sixth_refresh(two: Two) -> None:
    first = grant = two.begin()
    old = two.stored(grant)
    for number in range(5):
        two.world.clock.advance(60_000)
        before, grant = grant, two.refresh(two.cdg, grant, f"r{number}")
        two.world.replicas[CDG1]._keep(family_name(grant.family), "F", old)

        assert two.refresh(two.cdg, before, "again").refresh_token == grant.refresh_token
    assert (first.refreshes_remaining, grant.refreshes_remaining, grant.refresh_token) == (5, 0, None)


def test_sign_out_reaches_validators_of_its_own_region_at_once_and_others_with_the_lag(two: Two) -> None:
    grant = two.begin()
    two.iad.revoke_family(grant.family, home=None, why="logout")
    names = Names(grant.jti, grant.family, "s", "k")

    assert two.world.replicas[IAD1].marks(names).family
    assert not two.world.replicas[CDG1].marks(names).family
    two.world.run()
    assert two.world.replicas[CDG1].marks(names).family


def test_successor_of_a_home_that_had_not_heard_yet_dies_when_it_does(two: Two) -> None:
    first = two.begin()
    two.iad.revoke_family(first.family, home=None, why="logout")
    second = two.refresh(two.cdg, first)
    assert two.world.replicas[IAD1].marks(Names(second.jti, second.family, "s", "k")).family
    two.world.run()

    with pytest.raises(RefreshRefused):
        two.refresh(two.cdg, second)
    assert two.world.clock.now_ms() < START_MS + 30_000
