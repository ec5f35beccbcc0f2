"""Real threads on one family, on real engines: one rotation, one answer; and no successor survives a revocation."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from edge.auth.sessions.families import Families
from edge.auth.sessions.problems import RefreshRefused
from edge.auth.sessions.revocations import Revocations
from edge.clock import SystemClock
from edge.regions import CDG1
from tests.unit.auth.sessions.stores import KEYS, ScriptedStore

if TYPE_CHECKING:
    from edge.auth.sessions.dynamo import DynamoSessionStore
    from edge.auth.sessions.grants import Grant
    from tests.contract.auth.sessions.conftest import Engine

THREADS = 16
FAMILIES = 20
RACES = 30


@pytest.fixture
def store(dynamo_store: DynamoSessionStore) -> ScriptedStore:
    return ScriptedStore(dynamo_store)


@pytest.fixture
def families(store: ScriptedStore) -> Families:
    return Families(own=CDG1, store_of=lambda _: store, keys_of=lambda: KEYS, clock=SystemClock())


def begin(families: Families) -> Grant:
    return families.begin(subject="hammered", client_id="key", role="USER", scopes=["geo:route"], plan="free")


def test_sixteen_threads_get_one_rotation_and_one_answer(
    engine: Engine, store: ScriptedStore, families: Families
) -> None:
    at_once = threading.Barrier(THREADS)

    def refresh(number: int, token: str) -> Grant:
        at_once.wait()
        return families.rotate(token, request_id=f"thread-{number}", idempotency_key=None)

    with ThreadPoolExecutor(THREADS) as pool:
        for family in range(FAMILIES if engine.name != "moto" else 2):
            first = begin(families)
            answers = list(pool.map(refresh, range(THREADS), [first.refresh_token] * THREADS))

            assert store.rotations == family + 1
            assert len(set(answers)) == 1
            assert answers[0].generation == 1


def test_revocation_that_races_a_refresh_leaves_no_usable_successor(
    store: ScriptedStore, families: Families
) -> None:
    at_once = threading.Barrier(2)

    def refresh(first: Grant) -> Grant | str:
        assert first.refresh_token is not None
        at_once.wait()
        try:
            return families.rotate(first.refresh_token, request_id="racer", idempotency_key=None)
        except RefreshRefused as refused:
            return refused.reason

    def revoke(first: Grant, delay_seconds: float) -> None:
        at_once.wait()
        time.sleep(delay_seconds)
        families.revoke_family(first.family, home=CDG1, why="logout")

    with ThreadPoolExecutor(2) as pool:
        for race in range(RACES):
            first = begin(families)
            refreshed, revoked = pool.submit(refresh, first), pool.submit(revoke, first, race * 0.000_2)
            revoked.result()
            outcome = refreshed.result()
            assert outcome == "family_revoked" or not isinstance(outcome, str)
            for grant in (first,) if isinstance(outcome, str) else (first, outcome):
                assert grant.refresh_token is not None
                with pytest.raises(RefreshRefused, check=lambda refused: refused.reason == "family_revoked"):
                    families.rotate(grant.refresh_token, request_id=f"later-{race}", idempotency_key=None)
                status = Revocations(store, SystemClock()).status(
                    jti=grant.jti,
                    family=grant.family,
                    subject=grant.subject,
                    client_id=grant.client_id,
                    issued_at=grant.issued_at,
                    fail_closed=True,
                )
                assert status.reason == "family_revoked"
