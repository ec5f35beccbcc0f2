"""What every nonce store must do, and what verifying on it must; a class for each store inherits it."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from edge.signing.nonces import NonceClaim
from edge.signing.problems import NonceStoreUnavailable, Replayed, SignatureRefused
from tests.unit.signing.letters import NOW, CountingStore, Letter, received, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.signing.nonces import NonceStore
    from edge.signing.verify import Verified

NONCES = 200
THREADS = 16
WAIT_SECONDS = 60


def new_claim(holder: str = "first", *, keep_until: int = NOW + 360) -> NonceClaim:
    return NonceClaim("k3yOfACaller.1", uuid.uuid4().hex, holder, keep_until)


def new_letter(**changed: str) -> Letter:
    return Letter(written(nonce=f'"{uuid.uuid4().hex}"', **changed))  # type: ignore[arg-type]


def accepted(letter: Letter, store: NonceStore) -> Verified | None:
    try:
        return received(letter, store)
    except Replayed:
        return None


class NonceStoreContract:
    """
    Inherit and provide fixtures.

    ``store``; ``sibling`` gives another container's; ``unreachable`` cannot be had; ``contested`` is how many nonces are
    fought for.
    """

    def test_first_gets_it(self, store: NonceStore) -> None:
        assert store.claim(new_claim(), now_seconds=NOW) == "first"

    def test_second_is_told_who_has_it(self, store: NonceStore) -> None:
        claim = new_claim()
        store.claim(claim, now_seconds=NOW)

        assert store.claim(claim._replace(holder="second"), now_seconds=NOW) == "first"
        assert store.claim(claim._replace(holder="third"), now_seconds=NOW + 359) == "first"

    def test_own_retry_gets_it_again(self, store: NonceStore) -> None:
        claim = new_claim()
        store.claim(claim, now_seconds=NOW)

        assert store.claim(claim, now_seconds=NOW) == "first"

    def test_nonces_of_another_key_are_others(self, store: NonceStore) -> None:
        claim = new_claim()
        store.claim(claim, now_seconds=NOW)

        other = claim._replace(key_id="k3yOfACaller.2", holder="second")
        assert store.claim(other, now_seconds=NOW) == "second"

    def test_claim_is_held_to_its_last_second_and_free_at_its_end(self, store: NonceStore) -> None:
        claim = new_claim(keep_until=NOW + 100)
        store.claim(claim, now_seconds=NOW)
        second = claim._replace(holder="second", keep_until=NOW + 500)

        assert store.claim(second, now_seconds=NOW + 99) == "first"
        assert store.claim(second, now_seconds=NOW + 100) == "second"
        assert store.claim(claim._replace(holder="third"), now_seconds=NOW + 101) == "second"

    def test_verifier_behind_does_not_take_what_one_ahead_has_claimed(self, store: NonceStore) -> None:
        claim = new_claim()
        store.claim(claim, now_seconds=NOW + 60)

        assert store.claim(claim._replace(holder="second"), now_seconds=NOW - 60) == "first"

    def test_signature_is_good_once(self, store: NonceStore) -> None:
        letter = new_letter()

        assert accepted(letter, store) is not None
        assert accepted(letter, store) is None

    @pytest.mark.parametrize("bad", ["signature", "body"])
    def test_bad_signature_neither_writes_nor_burns(self, store: NonceStore, bad: str) -> None:
        letter, counting = new_letter(), CountingStore(store)
        headers = dict(letter.headers)
        forged = (
            letter._replace(headers={**headers, "Signature": written()["Signature"]})
            if bad == "signature"
            else letter._replace(body=b"{}")
        )
        with pytest.raises(SignatureRefused):
            received(forged, counting)

        assert counting.claims == []
        assert accepted(letter, counting) is not None

    def test_future_dated_signature_is_not_accepted_again_while_it_lives(self, store: NonceStore) -> None:
        letter = new_letter(created=str(NOW + 300), expires=str(NOW + 600))
        received(letter, store, now=NOW)
        for now in (NOW + 299, NOW + 301, NOW + 599):
            with pytest.raises(Replayed):
                received(letter, store, now=now)
        with pytest.raises(SignatureRefused) as refused:
            received(letter, store, now=NOW + 600)
        assert refused.value.reason == "expired"

    def test_store_that_cannot_be_had_accepts_nothing(self, unreachable: NonceStore) -> None:
        with pytest.raises(NonceStoreUnavailable) as refused:
            received(new_letter(), unreachable)

        assert refused.value.retry_after_seconds > 0

    def test_each_nonce_has_one_winner_among_16_threads(
        self, store: NonceStore, sibling: Callable[[], NonceStore], contested: int
    ) -> None:
        letters = [new_letter() for _ in range(contested)]
        stores = [store, *(sibling() for _ in range(3))]
        start = threading.Barrier(THREADS, timeout=WAIT_SECONDS)

        def run(number: int) -> list[str]:
            start.wait()
            # Neighbours begin in different places, so that each nonce is fought for at some time by all.
            order = letters[number % 2 :: 2] + letters[1 - number % 2 :: 2]
            won = [accepted(letter, stores[number % len(stores)]) for letter in order]
            return [verified.nonce for verified in won if verified is not None]

        with ThreadPoolExecutor(THREADS) as pool:
            wins = Counter(nonce for won in pool.map(run, range(THREADS)) for nonce in won)

        assert len(wins) == contested
        assert set(wins.values()) == {1}
