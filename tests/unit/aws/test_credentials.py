"""The credentials value and the chain; its container source is replaced, the real one has a contract test."""

from __future__ import annotations

import pickle
import threading

import pytest

from edge.aws import container_credentials
from edge.aws.credentials import (
    ADVISORY_WINDOW_MS,
    HOLD_OFF_MS,
    MANDATORY_WINDOW_MS,
    CredentialChain,
    Credentials,
)
from edge.aws.faults import Unavailable
from edge.clock import ManualClock

NOW_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}


def test_value_does_not_show_its_secrets() -> None:
    credentials = Credentials("AKIDEXAMPLE", "the-secret", "the-token")
    shown = f"{credentials!r} {credentials}"
    assert "the-secret" not in shown and "the-token" not in shown and "EXAMPLE" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(credentials)


@pytest.mark.parametrize("part", ["", "a b", "a\r\nx: y", "a\x00", "ключ"])
def test_part_that_could_not_stand_in_a_header_is_refused(part: str) -> None:
    for arguments in ((part, "s", None), ("a", part, None), ("a", "s", part)):
        with pytest.raises(ValueError, match="printable"):
            Credentials(*arguments)


class Container:
    """Stands in for the endpoint: hands out numbered credentials, or fails."""

    def __init__(self, clock: ManualClock, *, lifetime_ms: int = HOUR_MS) -> None:
        self.clock = clock
        self.lifetime_ms = lifetime_ms
        self.calls = 0
        self.broken = False
        self.gate: threading.Event | None = None

    def __call__(self, _environ: object, *, clock: object) -> Credentials | None:
        assert clock is self.clock
        self.calls += 1
        if self.gate is not None:
            self.gate.wait(5)
        if self.broken:
            raise Unavailable("credentials", outcome_unknown=False)
        return Credentials(
            f"AKID{self.calls}", "s", "t", expires_at_ms=self.clock.now_ms() + self.lifetime_ms
        )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=NOW_MS)


@pytest.fixture
def container(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Container:
    fake = Container(clock)
    monkeypatch.setattr(container_credentials, "from_container", fake)
    return fake


def chain(environ: dict[str, str], clock: ManualClock) -> CredentialChain:
    return CredentialChain(environ, clock=clock, shared_config=False)


def test_environment_comes_first_and_is_asked_once(clock: ManualClock, container: Container) -> None:
    environ = {**KEYS, "AWS_SESSION_TOKEN": "token"}
    source = chain(environ, clock)
    found = source.current()
    assert (found.access_key_id, found.secret_access_key, found.session_token) == (
        "AKIDEXAMPLE",
        "secret",
        "token",
    )
    environ.clear()
    assert source.current() is found
    assert container.calls == 0


@pytest.mark.parametrize("missing", sorted(KEYS))
def test_half_a_pair_does_not_fall_through(missing: str, clock: ManualClock, container: Container) -> None:
    source = chain({name: value for name, value in KEYS.items() if name != missing}, clock)
    with pytest.raises(Unavailable, match="credentials"):
        source.current()
    assert container.calls == 0


def test_nothing_is_decided_before_first_use(clock: ManualClock, container: Container) -> None:
    environ: dict[str, str] = {}
    source = chain(environ, clock)
    environ.update(KEYS)  # as after a restore
    assert source.current().access_key_id == "AKIDEXAMPLE"
    environ.clear()
    source.forget()
    assert source.current().access_key_id == "AKID1"
    assert container.calls == 1


@pytest.mark.usefixtures("container")
def test_renewed_in_the_advisory_window(clock: ManualClock) -> None:
    source = chain({}, clock)
    source.current()
    clock.advance(HOUR_MS - ADVISORY_WINDOW_MS - 1)
    assert source.current().access_key_id == "AKID1"
    clock.advance(1)
    assert source.current().access_key_id == "AKID2"


@pytest.mark.parametrize("window_ms", [ADVISORY_WINDOW_MS, MANDATORY_WINDOW_MS, 1])
def test_old_ones_serve_while_renewal_fails(window_ms: int, clock: ManualClock, container: Container) -> None:
    source = chain({}, clock)
    old = source.current()
    clock.advance(HOUR_MS - window_ms)
    container.broken = True
    assert source.current() is old
    assert source.current() is old
    assert container.calls == 2  # not at every call
    if window_ms > HOLD_OFF_MS:
        clock.advance(HOLD_OFF_MS)
        assert source.current() is old
        assert container.calls == 3


def test_expired_ones_do_not_serve(clock: ManualClock, container: Container) -> None:
    source = chain({}, clock)
    source.current()
    clock.advance(HOUR_MS)
    container.broken = True
    with pytest.raises(Unavailable, match="credentials"):
        source.current()
    container.broken = False
    assert source.current().access_key_id == "AKID3"


def test_source_that_hands_out_short_lived_ones_is_not_asked_at_every_call(
    clock: ManualClock, container: Container
) -> None:
    container.lifetime_ms = MANDATORY_WINDOW_MS
    source = chain({}, clock)
    for _ in range(5):
        source.current()
    assert container.calls == 1


def test_threads_share_one_renewal(clock: ManualClock, container: Container) -> None:
    source = chain({}, clock)
    container.gate = threading.Event()
    found: list[Credentials] = []
    threads = [threading.Thread(target=lambda: found.append(source.current())) for _ in range(8)]
    for thread in threads:
        thread.start()
    container.gate.set()
    for thread in threads:
        thread.join(5)
    assert len(found) == 8 and len(set(map(id, found))) == 1
    assert container.calls == 1


def test_advisory_renewal_does_not_hold_up_others(clock: ManualClock, container: Container) -> None:
    source = chain({}, clock)
    old = source.current()
    clock.advance(HOUR_MS - ADVISORY_WINDOW_MS)
    container.gate = threading.Event()
    renewing = threading.Thread(target=source.current)
    renewing.start()
    while container.calls < 2:
        pass
    assert source.current() is old
    container.gate.set()
    renewing.join(5)
    assert source.current().access_key_id == "AKID2"


def test_refusal_of_ones_that_were_renewed_meanwhile_changes_nothing(
    clock: ManualClock, container: Container
) -> None:
    source = chain({}, clock)
    old = source.current()
    source.forget(old)
    renewed = source.current()
    source.forget(old)
    assert source.current() is renewed
    assert container.calls == 2
