"""Keys are fetched when they must be, once for all, and good ones outlive a source that fails."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from edge.auth.tokens.generate import new_document, rotated
from edge.auth.tokens.key_source import CachedKeyRing
from edge.auth.tokens.problems import KeysRefused, KeysUnavailable, TokenRefused
from edge.auth.tokens.verifier import TokenVerifier
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable
from tests.unit.auth.tokens.forge import AUDIENCE, ISSUER, NOW, b64, compact, forge_of

if TYPE_CHECKING:
    from collections.abc import Callable

OLD, NEW = forge_of("HS256"), forge_of("ES256")
DOCUMENT = new_document([OLD.entry])
ROTATED = rotated(DOCUMENT, NEW.entry, now_seconds=NOW, keep_keys=2, max_age_seconds=10**9)


class Source:
    """Plays a document, or a failure while ``fails`` is set; counts."""

    def __init__(self, document: str = DOCUMENT) -> None:
        self.document = document
        self.fails = False
        self.calls = 0
        self.before: Callable[[], object] = lambda: None

    def read(self) -> str:
        self.calls += 1
        self.before()
        if self.fails:
            raise DependencyUnavailable(retry_after_seconds=1)
        return self.document


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=NOW * 1000)


def cached(source: Source, clock: ManualClock) -> CachedKeyRing:
    return CachedKeyRing(source, clock, fresh_seconds=300, max_age_seconds=3_600)


def test_nothing_is_fetched_before_it_is_asked_for(clock: ManualClock) -> None:
    source = Source()
    keys = cached(source, clock)
    assert source.calls == 0

    keys.current()
    clock.advance(299_999)
    assert keys.current() is keys.current()
    assert source.calls == 1


def test_keys_are_fetched_again_when_they_are_no_longer_fresh(clock: ManualClock) -> None:
    source = Source()
    keys = cached(source, clock)
    first = keys.current()
    source.document = ROTATED
    clock.advance(300_000)

    assert keys.current() is not first
    assert keys.current().signing_key.kid == "ES256-1"
    assert source.calls == 2


def test_failed_fetch_keeps_the_good_keys_until_their_age_limit(clock: ManualClock) -> None:
    source = Source()
    keys = cached(source, clock)
    first = keys.current()
    source.fails = True
    clock.advance(3_599_999)
    assert keys.current() is first
    assert isinstance(keys.last_failure, DependencyUnavailable)

    clock.advance(1)
    with pytest.raises(KeysUnavailable) as unavailable:
        keys.current()
    assert unavailable.value.headers() == [(b"retry-after", b"5")]


def test_bad_document_is_a_failed_fetch(clock: ManualClock) -> None:
    source = Source()
    keys = cached(source, clock)
    first = keys.current()
    source.document = '{"token_keys":[]}'
    clock.advance(300_000)

    assert keys.current() is first
    assert isinstance(keys.last_failure, KeysRefused)


def test_bad_document_at_the_start_leaves_no_keys(clock: ManualClock) -> None:
    with pytest.raises(KeysUnavailable):
        cached(Source("{}"), clock).current()


def test_source_that_failed_is_left_alone_for_a_pause(clock: ManualClock) -> None:
    source = Source()
    source.fails = True
    keys = cached(source, clock)
    for _ in range(20):
        with pytest.raises(KeysUnavailable):
            keys.current()
    assert source.calls == 1

    clock.advance(5_000)
    source.fails = False
    assert keys.current().signing_key.kid == "HS256-1"
    assert keys.last_failure is None


def test_stale_keys_serve_through_the_pause_without_a_call(clock: ManualClock) -> None:
    source = Source()
    keys = cached(source, clock)
    keys.current()
    source.fails = True
    clock.advance(300_000)
    for _ in range(20):
        keys.current()
    assert source.calls == 2

    clock.advance(5_000)
    keys.current()
    assert source.calls == 3


def test_unforeseen_error_of_a_source_is_not_swallowed(clock: ManualClock) -> None:
    source = Source()
    keys = cached(source, clock)

    def fail() -> None:
        raise ZeroDivisionError

    source.before = fail
    with pytest.raises(ZeroDivisionError):
        keys.current()
    source.before = lambda: None
    assert keys.current().keys  # and the lock was released


def test_clock_that_is_set_back_does_not_keep_keys_for_ever(clock: ManualClock) -> None:
    source = Source()
    keys = cached(source, clock)
    keys.current()
    clock.set_back(10_000_000)
    clock.advance(300_000)

    keys.current()
    assert source.calls == 2


def test_thaw_after_a_freeze_is_noticed_by_the_wall_clock() -> None:
    class Frozen(ManualClock):
        def monotonic_ns(self) -> int:
            return 0

    clock = Frozen(now_ms=NOW * 1000)
    source = Source()
    keys = cached(source, clock)
    keys.current()
    clock.advance(300_000)
    keys.current()
    assert source.calls == 2


def test_forgetting_fetches_anew(clock: ManualClock) -> None:
    source = Source()
    keys = cached(source, clock)
    keys.current()
    keys.forget()
    keys.current()
    assert source.calls == 2


class CountedLock:
    """A lock that lets the source wait until all threads stand before it."""

    def __init__(self, threads: int) -> None:
        self._lock = threading.Lock()
        self._arrived = threading.Semaphore(0)
        self._threads = threads

    def __enter__(self) -> None:
        self._arrived.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def await_all(self) -> None:
        for _ in range(self._threads):
            assert self._arrived.acquire(timeout=5)
        self._threads = 0


@pytest.mark.parametrize("fails", [False, True])
def test_threads_that_wait_together_share_one_call_and_its_outcome(
    clock: ManualClock, *, fails: bool
) -> None:
    source = Source()
    source.fails = fails
    keys = cached(source, clock)
    lock = CountedLock(8)
    monkeyed: Any = keys
    monkeyed._lock = lock
    source.before = lock.await_all
    outcomes: list[object] = []

    def ask() -> None:
        try:
            outcomes.append(keys.current())
        except KeysUnavailable:
            outcomes.append(None)

    run([ask] * 8)
    assert source.calls == 1
    assert len(outcomes) == 8
    assert len(set(map(id, outcomes))) == 1
    assert (outcomes[0] is None) is fails


def test_one_thread_renews_while_the_others_go_on(clock: ManualClock) -> None:
    source = Source()
    keys = cached(source, clock)
    first = keys.current()
    clock.advance(300_000)
    fetching, others_done = threading.Event(), threading.Event()

    def hold() -> None:
        fetching.set()
        assert others_done.wait(5)

    source.before, source.document = hold, ROTATED
    renewer = threading.Thread(target=keys.current)
    renewer.start()
    assert fetching.wait(5)
    assert keys.current() is first
    assert keys.after_unknown_key(first) is first
    others_done.set()
    renewer.join(5)

    assert source.calls == 2
    assert keys.current() is not first


def run(work: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)


def verifier(source: Source, clock: ManualClock) -> TokenVerifier:
    return TokenVerifier(
        cached(source, clock),
        clock,
        algorithms=frozenset({"HS256", "ES256"}),
        issuer=ISSUER,
        audience=AUDIENCE,
    )


def test_token_of_a_key_newer_than_the_table_brings_the_fetch_forward(clock: ManualClock) -> None:
    source = Source()
    tokens = verifier(source, clock)
    assert tokens.verify(OLD.token()).key_id == "HS256-1"
    source.document = ROTATED

    assert tokens.verify(NEW.token()).key_id == "ES256-1"
    assert tokens.verify(OLD.token()).key_id == "HS256-1"
    assert source.calls == 2


def test_flood_of_unknown_keys_costs_one_call_in_thirty_seconds(clock: ManualClock) -> None:
    source = Source()
    tokens = verifier(source, clock)
    for number in range(300):
        with pytest.raises(TokenRefused) as refused:
            tokens.verify(OLD.with_header(kid=f"k{number}"))
        assert refused.value.reason == "unknown_key"
        assert tokens.verify(OLD.token()).subject == "user-42"
        clock.advance(100)
    assert source.calls == 2  # at the start, and once for 30 s of flood

    clock.advance(1)
    with pytest.raises(TokenRefused):
        tokens.verify(OLD.with_header(kid="k"))
    assert source.calls == 3


def test_unknown_key_does_not_ask_a_source_that_just_failed(clock: ManualClock) -> None:
    source = Source()
    tokens = verifier(source, clock)
    tokens.verify(OLD.token())
    source.fails = True
    clock.advance(300_000)
    tokens.verify(OLD.token())
    assert source.calls == 2

    with pytest.raises(TokenRefused):
        tokens.verify(NEW.token())
    assert source.calls == 2


def test_other_refusals_bring_nothing_forward(clock: ManualClock) -> None:
    source = Source()
    tokens = verifier(source, clock)
    for token in (
        f"{OLD.token()}A",
        OLD.with_claims(exp=NOW),
        OLD.with_header(alg="ES256"),
        b64(compact({})),
    ):
        with pytest.raises(TokenRefused):
            tokens.verify(token)
    assert source.calls == 1


def test_key_that_was_taken_out_is_refused_after_the_next_fetch(clock: ManualClock) -> None:
    source = Source(ROTATED)
    tokens = verifier(source, clock)
    tokens.verify(OLD.token())
    source.document = new_document([NEW.entry])
    clock.advance(300_000)

    with pytest.raises(TokenRefused, match="unknown_key"):
        tokens.verify(OLD.with_claims(exp=NOW + 3_600))


@pytest.mark.parametrize(
    "durations",
    [
        {"fresh_seconds": 0},
        {"fresh_seconds": 10, "max_age_seconds": 9},
        {"retry_pause_seconds": 0},
        {"unknown_key_pause_seconds": 0},
    ],
)
def test_impossible_durations_are_refused(clock: ManualClock, durations: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="fresh_seconds"):
        CachedKeyRing(Source(), clock, **durations)
