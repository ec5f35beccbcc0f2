"""Once, in one region: replays, retries, clocks that disagree, stores that are gone."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.clock import ManualClock
from edge.problems import DependencyUnavailable
from edge.regions import BY_CODE, CDG1, ROUTABLE, Region
from edge.signing.memory import MemoryNonceStore
from edge.signing.nonces import MARGIN_SECONDS, NonceClaim, keep_until, nonce_name
from edge.signing.problems import (
    NonceStoreUnavailable,
    RegionMismatch,
    Replayed,
    SignatureRefused,
)
from edge.signing.sign import sign
from edge.signing.verify import claim_nonce
from tests.unit.signing.letters import (
    BODY,
    KEY,
    KEYS,
    METHOD,
    NONCE,
    NOW,
    URL,
    CountingStore,
    Letter,
    checked,
    received,
    written,
)

LETTER = Letter(written())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=NOW * 1000)


@pytest.fixture
def store(clock: ManualClock) -> CountingStore:
    return CountingStore(MemoryNonceStore(clock))


def test_first_use_is_accepted_and_says_who(store: CountingStore) -> None:
    verified = received(LETTER, store)

    assert verified._asdict() == {
        "key_id": "k3yOfACaller.1",
        "api_key_id": "k3yOfACaller",
        "nonce": NONCE,
        "created": NOW,
        "expires": NOW + 60,
        "region": CDG1,
    }
    assert len(store.claims) == 1


def test_replay_is_refused(store: CountingStore) -> None:
    received(LETTER, store)
    with pytest.raises(Replayed):
        received(LETTER, store, now=NOW + 59)


def test_replay_under_the_first_request_id_is_refused(store: CountingStore) -> None:
    received(LETTER, store, request_id="chosen by the sender")
    with pytest.raises(Replayed):
        received(LETTER, store, request_id="chosen by the sender")


def test_nonce_used_with_another_request_is_refused(store: CountingStore) -> None:
    received(LETTER, store)
    with pytest.raises(Replayed):
        received(Letter(written(created=str(NOW - 1))), store)


def test_same_nonce_of_another_key_is_another_nonce(store: CountingStore) -> None:
    other = KEYS.key_of("k3yOfAnother", CDG1)
    received(LETTER, store)

    received(Letter(written(keyid=f'"{other.key_id}"', secret=other.secret)), store)


@pytest.mark.parametrize("broken", ["signature_invalid", "digest_mismatch", "expired", "unknown_key", "form"])
def test_refused_request_uses_no_nonce_up(store: CountingStore, broken: str) -> None:
    letters = {
        "signature_invalid": (Letter(written(secret=b"x" * 32)), NOW),
        "digest_mismatch": (LETTER._replace(body=b"{}"), NOW),
        "expired": (LETTER, NOW + 60),
        "unknown_key": (Letter(written(keyid='"k3yOfACaller.2"')), NOW),
        "form": (LETTER._replace(url=URL + "#x"), NOW),
    }
    letter, now = letters[broken]
    with pytest.raises(SignatureRefused):
        received(letter, store, now=now)

    assert store.claims == []
    received(LETTER, store)


@pytest.mark.parametrize(
    "region", [region for region in ROUTABLE if region != CDG1], ids=lambda one: one.code
)
def test_replay_in_another_region_is_told_the_home_and_costs_no_call(
    store: CountingStore, region: Region
) -> None:
    with pytest.raises(RegionMismatch) as refused:
        received(LETTER, store, region=region)

    assert store.claims == []
    assert refused.value.status == 421
    assert refused.value.extensions() == {"home_region": "cdg1"}
    assert BY_CODE["cdg1"].aws_region == "eu-west-3"


def test_region_is_told_before_a_key_is_looked_for() -> None:
    class NoKeys:
        def find(self, key_id: str, region: Region) -> None:
            raise AssertionError(key_id, region)

    from edge.signing.verify import check_signature

    with pytest.raises(RegionMismatch):
        check_signature(
            **LETTER._asdict(), keys=NoKeys(), region=BY_CODE["hnd1"], now_seconds=NOW + 1_000_000
        )


def test_tag_rewritten_for_another_region_does_not_carry_the_signature_there(store: CountingStore) -> None:
    headers = dict(written())
    headers["Signature-Input"] = headers["Signature-Input"].replace("eu-west-3", "us-east-1")
    with pytest.raises(SignatureRefused) as refused:
        received(Letter(headers), store, region=BY_CODE["iad1"])

    assert refused.value.reason == "signature_invalid"
    assert store.claims == []


def test_store_that_is_gone_accepts_nothing(store: CountingStore) -> None:
    store.lost_request = True
    with pytest.raises(NonceStoreUnavailable) as refused:
        received(LETTER, store)

    assert refused.value.status == 503
    assert refused.value.retry_after_seconds == 7
    assert refused.value.log_fields() == {"fault": "timed_out"}
    assert refused.value.__cause__ is None
    store.lost_request = False
    received(LETTER, store)


def test_claim_whose_answer_was_lost_is_not_accepted_later(store: CountingStore) -> None:
    store.lost_answer = True
    with pytest.raises(NonceStoreUnavailable):
        received(LETTER, store)
    store.lost_answer = False
    with pytest.raises(Replayed):
        received(LETTER, store)


def test_holder_is_the_request_and_chance(store: CountingStore) -> None:
    verified = checked(LETTER)
    claim_nonce(verified, store, now_seconds=NOW, request_id="x" * 200, random=lambda size: b"\1" * size)

    assert store.claims == [NonceClaim(KEY.key_id, NONCE, "x" * 128 + "." + "AQEB" * 4, NOW + 120)]


def test_key_id_and_nonce_cannot_run_into_each_other() -> None:
    assert nonce_name("a.1", "1" * 16) != nonce_name("a.11", "1" * 15)
    assert len(nonce_name("a" * 64 + ".1", "n" * 64)) == 45


def test_full_memory_refuses_rather_than_forgets(clock: ManualClock) -> None:
    store = MemoryNonceStore(clock, max_claims=2)
    for number in range(2):
        store.claim(NonceClaim("k.1", f"{number}", "a", NOW + 10), now_seconds=NOW)
    with pytest.raises(DependencyUnavailable):
        store.claim(NonceClaim("k.1", "2", "a", NOW + 10), now_seconds=NOW)

    assert store.claim(NonceClaim("k.1", "0", "b", NOW + 10), now_seconds=NOW) == "a"
    clock.advance(10_000)
    assert store.claim(NonceClaim("k.1", "2", "a", NOW + 20), now_seconds=NOW + 10) == "a"
    assert len(store) == 1


SKEWS = st.integers(-MARGIN_SECONDS, MARGIN_SECONDS)
ARRIVALS = st.lists(st.tuples(st.integers(-700, 700), SKEWS), min_size=2, max_size=12)


def times_accepted(ahead: int, life: int, arrivals: list[tuple[int, int]]) -> int:
    """
    Return how often one signature is accepted.

    Args:
        ahead: how far ahead of the first second it was created.
        life: of the signature.
        arrivals: second of each, by the store's clock, which forgets at once; and how far the verifier's clock is off.
    """
    signed = sign(
        method=METHOD, url=URL, body=BODY, key=KEY, created=NOW + ahead, expires_in_seconds=life, nonce=NONCE
    )
    letter, clock = Letter(signed.headers), ManualClock(now_ms=(NOW - 1_000) * 1000)
    store, accepted = MemoryNonceStore(clock), 0
    for requests, (at, skew) in enumerate(sorted(arrivals)):
        clock.advance((NOW + at) * 1000 - clock.now_ms())
        try:
            received(letter, store, now=NOW + at + skew, request_id=f"r{requests}")
        except (SignatureRefused, Replayed):
            continue
        accepted += 1
    return accepted


@given(st.integers(-330, 360), st.integers(1, 300), ARRIVALS)
@settings(max_examples=250, deadline=None)
@example(0, 60, [(0, 0), (119, -60), (120, -60)])
@example(300, 300, [(0, 0), (301, 0), (599, 0), (659, -60), (660, -60)])
@example(360, 300, [(0, 60), (719, -60), (720, -60)])
def test_no_signature_is_accepted_after_its_nonce_is_forgotten(
    ahead: int, life: int, arrivals: list[tuple[int, int]]
) -> None:
    """One signature comes again and again, to containers whose clocks are up to the margin off."""
    assert times_accepted(ahead, life, arrivals) <= 1


def test_margin_is_what_clocks_may_differ_by_and_no_second_more() -> None:
    assert times_accepted(0, 60, [(0, 0), (120, -MARGIN_SECONDS)]) == 1
    assert times_accepted(0, 60, [(0, 0), (120, -MARGIN_SECONDS - 1)]) == 2


@pytest.mark.parametrize("life", [1, 60, 300])
def test_claim_of_a_signature_made_ahead_outlives_it(life: int) -> None:
    clock = ManualClock(now_ms=NOW * 1000)
    store = MemoryNonceStore(clock)
    letter = Letter(written(created=str(NOW + 300), expires=str(NOW + 300 + life)))
    received(letter, store)
    for second in range(1, 300 + life + MARGIN_SECONDS):
        clock.advance(1000)
        behind = NOW + second - (MARGIN_SECONDS - 1)
        with pytest.raises((Replayed, SignatureRefused)):
            received(letter, store, now=behind)
        assert len(store) == 1, second
    clock.advance(1000)
    with pytest.raises(SignatureRefused) as refused:
        received(letter, store, now=NOW + 300 + life)
    assert refused.value.reason == "expired"


@given(st.integers(1, 10**10), st.integers(1, 300))
def test_claim_is_kept_no_longer_than_six_minutes_from_created(created: int, life: int) -> None:
    assert created + life + 60 == keep_until(created + life) <= created + 360
