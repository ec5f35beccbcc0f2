"""
Random lives of families in three regions: tabs, lost answers, partitions with a takeover, sign-outs, thieves.

After the model in the study (section 5.5): replication lags 0.2 s and an exponential 0.8 s; a third of the refreshes
come from two tabs, often in two regions; one answer in twenty is lost and asked for again.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING

from edge.auth.sessions.families import DAY_SECONDS, Families
from edge.auth.sessions.problems import HomeUnavailable, RefreshRefused
from edge.auth.sessions.revocations import Revocations
from edge.auth.sessions.store import family_name
from edge.problems import DependencyUnavailable
from tests.unit.auth.sessions.replicas import REGIONS, World
from tests.unit.auth.sessions.stores import KEYS, START_MS

if TYPE_CHECKING:
    from edge.auth.sessions.grants import Grant
    from edge.regions import Region

HOUR_MS = 3_600_000


class Life:
    """
    One family from sign-in to its end, and what was seen of it.

    Attributes:
        successors: each refresh token that was presented with success -> what it was answered with.
        tokens: every refresh token that anybody was given.
        was_signed_out: the owner lost the session without a sign-out and without a thief.
        ended_in: where it was ended on purpose, and the store there took it.
    """

    def __init__(self, seed: int, *, partition: bool, thief: bool) -> None:
        self.chance = random.Random(seed)
        self.world = World(self.chance)
        self.has_thief = thief
        self.successors: defaultdict[str, set[str | None]] = defaultdict(set)
        self.jtis: defaultdict[str, set[str]] = defaultdict(set)
        self.tokens: set[str] = set()
        self.was_signed_out = False
        self.was_reused = False
        self.ended_in: list[Region] = []
        self.grants: list[Grant] = []
        self.stolen: str | None = None
        self._families = {
            region: Families(
                own=region,
                store_of=lambda asked, own=region: (  # type: ignore[misc]
                    self.world.replicas[asked] if asked == own else self.world.store_of(asked)
                ),
                keys_of=lambda: KEYS,
                clock=self.world.clock,
                random_bytes=self.chance.randbytes,
            )
            for region in REGIONS
        }
        home = self.chance.choice(REGIONS)
        if partition:
            start = START_MS + self.chance.randrange(5 * DAY_SECONDS * 1000)
            self.world.cut = (home, start, start + self.chance.randrange(30_000, 20_000_000))
            if self.chance.random() < 0.8:  # aim at a refresh, or most partitions meet nothing
                start = START_MS + 20 * HOUR_MS * self.chance.randrange(1, 6) - self.chance.randrange(90_000)
                self.world.cut = (home, start, start + self.chance.randrange(30_000, 7_200_000))
        self.current = self._families[home].begin(
            subject="owner", client_id="k", role="USER", scopes=["geo:route"], plan="free"
        )
        self.grants.append(self.current)
        self.tokens.add(str(self.current.refresh_token))
        for cycle in range(1, 6):
            self.world.at(START_MS + cycle * 20 * HOUR_MS, self._cycle)
        if self.chance.random() < 0.4:
            # Often beside a refresh: there is where a revocation gets lost.
            beside = (
                START_MS + self.chance.randrange(1, 6) * 20 * HOUR_MS + self.chance.randrange(-500, 3_000)
            )
            self.world.at(beside, self._sign_out)
        if thief:
            stolen_at = self.chance.randrange(5) * 20 * HOUR_MS + HOUR_MS
            self.world.at(START_MS + stolen_at, self._steal)
            used_at = stolen_at + self.chance.choice([HOUR_MS, 19 * HOUR_MS, 30 * HOUR_MS])
            self.world.at(START_MS + used_at, self._use_stolen)

    def run(self) -> Life:
        """Live it, and let replication settle."""
        self.world.run()
        return self

    def is_revoked_in(self, region: Region, grant: Grant) -> bool:
        """Return what a validator of *region* says now."""
        status = Revocations(self.world.replicas[region], self.world.clock).status(
            jti=grant.jti,
            family=grant.family,
            subject=grant.subject,
            client_id=grant.client_id,
            issued_at=grant.issued_at,
            fail_closed=True,
        )
        return status.revoked

    def is_usable(self, token: str) -> bool:
        """Tell whether *token* still gets a successor."""
        try:
            self._families[REGIONS[0]].rotate(token, request_id="afterwards", idempotency_key=None)
        except RefreshRefused:
            return False
        return True

    def tombstones(self) -> int:
        """Return in how many regions the family has its tombstone."""
        key = (family_name(self.current.family), "X")
        return sum(replica.holds(key) for replica in self.world.replicas.values())

    def _cycle(self) -> None:
        token = self.current.refresh_token
        if token is None or self.was_signed_out:
            return
        key = f"key-{self.chance.random()}" if self.chance.random() < 0.5 else None
        self._refresh(token, key, tries=0)
        if self.chance.random() < 0.3:
            self.world.later(
                self.chance.choice([0, 5, 100, 900, 3_000]), lambda: self._refresh(token, None, tries=0)
            )

    def _refresh(self, token: str, key: str | None, *, tries: int) -> None:
        own = self.chance.choice([region for region in REGIONS if not self.world.is_cut(region)])
        is_lost = self.chance.random() < 0.05
        try:
            grant = self._families[own].rotate(
                token, request_id=f"r{self.chance.random()}", idempotency_key=key
            )
        except HomeUnavailable:
            if tries < 60:
                self.world.later(120_000, lambda: self._refresh(token, key, tries=tries + 1))
            return
        except RefreshRefused as refused:
            self.was_reused |= refused.reason == "token_reuse_detected"
            self.was_signed_out |= not self.ended_in and not self.has_thief
            return
        self._note(token, grant)
        if is_lost:
            longest_ms = 3_000 if key is None else 500_000
            self.world.later(
                self.chance.randrange(500, longest_ms), lambda: self._refresh(token, key, tries=tries)
            )
        elif grant.generation > self.current.generation:
            self.current = grant

    def _note(self, token: str, grant: Grant) -> None:
        self.successors[token].add(grant.refresh_token)
        self.jtis[token].add(grant.jti)
        self.grants.append(grant)
        if grant.refresh_token is not None:
            self.tokens.add(grant.refresh_token)

    def _sign_out(self) -> None:
        own = self.chance.choice(REGIONS)
        try:
            self._families[own].revoke_family(self.current.family, home=self.current.home, why="logout")
        except DependencyUnavailable:
            return
        self.ended_in.append(own)

    def _steal(self) -> None:
        self.stolen = self.current.refresh_token

    def _use_stolen(self) -> None:
        if self.stolen is None:
            return
        own = self.chance.choice([region for region in REGIONS if not self.world.is_cut(region)])
        try:
            self._note(
                self.stolen,
                self._families[own].rotate(self.stolen, request_id="thief", idempotency_key=None),
            )
        except HomeUnavailable:
            return
        except RefreshRefused as refused:
            self.was_reused |= refused.reason == "token_reuse_detected"
