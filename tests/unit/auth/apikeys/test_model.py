"""Any order of rotations, revocations and waiting, against a model that knows when each text was good."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.auth.apikeys.authenticate import FRESH_MS, KeyVerifier
from edge.auth.apikeys.memory import MemoryKeyStore
from edge.auth.apikeys.problems import KeyConflict, KeyRefused
from edge.clock import ManualClock
from tests.unit.auth.apikeys.stores import START_MS, make, manager

DAY_MS = 86_400_000

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([1, 500, FRESH_MS - 1, FRESH_MS, 60_000, DAY_MS // 2])),
        st.tuples(st.just("rotate"), st.sampled_from([0, 1, 60, 86_400])),
        st.tuples(st.just("try"), st.integers(0, 9)),
        st.tuples(st.just("revoke"), st.just(0)),
    ),
    max_size=40,
)


class State(NamedTuple):
    """What a read of the store tells from *since_ms* on."""

    since_ms: int
    versions: int
    previous_until_ms: int
    revoked: bool

    def lets_in(self, version: int, now_ms: int) -> bool:
        """Say it in words: current, or the one before within the overlap; not revoked; not expired."""
        if self.revoked or now_ms >= START_MS + DAY_MS:
            return False
        return version == self.versions or (version == self.versions - 1 and now_ms < self.previous_until_ms)


@pytest.mark.parametrize("fresh_ms", [0, FRESH_MS])
@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
def test_answer_is_that_of_a_state_no_older_than_the_bound(
    fresh_ms: int, steps: list[tuple[str, int]]
) -> None:
    clock = ManualClock(now_ms=START_MS)
    store = MemoryKeyStore()
    keys = manager(store, clock)
    verifier = KeyVerifier(store, clock, env="test", fresh_ms=fresh_ms)
    made = make(keys, expires_in_days=1)
    texts = [made.api_key]
    states = [State(START_MS, 1, 0, revoked=False)]
    for step, argument in steps:
        now_ms = clock.now_ms()
        if step == "wait":
            clock.advance(argument)
        elif step == "revoke":
            keys.revoke(made.record.id, "leaked")
            states.append(states[-1]._replace(since_ms=now_ms, revoked=True))
        elif step == "rotate":
            dead = states[-1].revoked or now_ms >= START_MS + DAY_MS
            try:
                texts.append(keys.rotate(made.record.id, overlap_seconds=argument).api_key)
            except KeyConflict:
                assert dead
                continue
            assert not dead
            states.append(State(now_ms, len(texts), (now_ms // 1000 + argument) * 1000, revoked=False))
        else:
            version = argument % len(texts) + 1
            try:
                verifier.authenticate(texts[version - 1])
                answer = True
            except KeyRefused:
                answer = False
            recent = [
                state
                for state, later in zip(states, [*states[1:], None], strict=True)
                if later is None or later.since_ms > now_ms - fresh_ms
            ]
            assert answer in {state.lets_in(version, now_ms) for state in recent}
