"""The CDN's proof: who has not got it is not believed, and nobody makes us read the secret often."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from edge.aws.faults import Refused, Unavailable
from edge.clock import ManualClock
from edge.geo.cdn_secrets import FRESH_SECONDS, PREVIOUS_SECONDS, RETRY_SECONDS, CdnProof

if TYPE_CHECKING:
    from edge.aws.secrets import SecretsManager

OLD = "a" * 64
NEW = "b" * 64


class Secrets:
    """Plays Secrets Manager: *value* is the secret, or what reading it raises."""

    def __init__(self, value: str | Exception) -> None:
        self.value = value
        self.reads = 0

    def get_secret_value(self, secret_id: str, *, budget_ms: int | None = None) -> str:
        assert secret_id == "cdn"
        assert budget_ms is not None
        self.reads += 1
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=2_000_000_000_000)


@pytest.fixture
def secrets() -> Secrets:
    return Secrets(OLD)


@pytest.fixture
def proof(secrets: Secrets, clock: ManualClock) -> CdnProof:
    return CdnProof(cast("SecretsManager", secrets), "cdn", clock)


def test_request_without_the_header_reads_nothing(proof: CdnProof, secrets: Secrets) -> None:
    assert not proof.holds(None)
    assert not proof.holds("")
    assert secrets.reads == 0


def test_value_is_read_once_and_then_known(proof: CdnProof, secrets: Secrets, clock: ManualClock) -> None:
    assert all(proof.holds(OLD) for _ in range(100))
    clock.advance((FRESH_SECONDS - 1) * 1000)
    assert proof.holds(OLD)
    assert secrets.reads == 1
    clock.advance(1000)
    assert proof.holds(OLD)
    assert secrets.reads == 2


@pytest.mark.parametrize(
    "forged", ["x", OLD[:-1], OLD + "a", OLD.upper(), f" {OLD}", "ü" * 64, "\ud800", NEW]
)
def test_forgery_is_not_believed(proof: CdnProof, forged: str) -> None:
    assert not proof.holds(forged)


def test_forger_cannot_make_us_read_more_than_now_and_then(
    proof: CdnProof, secrets: Secrets, clock: ManualClock
) -> None:
    for number in range(1000):
        assert not proof.holds(f"forged {number}")
        clock.advance(100)
    assert secrets.reads <= 1 + 100 // RETRY_SECONDS


def test_new_value_is_taken_as_soon_as_it_is_shown(
    proof: CdnProof, secrets: Secrets, clock: ManualClock
) -> None:
    assert proof.holds(OLD)
    secrets.value = NEW
    clock.advance(RETRY_SECONDS * 1000)
    assert proof.holds(NEW)
    assert proof.holds(OLD), "parts of the CDN still send it"
    clock.advance(PREVIOUS_SECONDS * 1000)
    assert not proof.holds(OLD)
    assert proof.holds(NEW)


@pytest.mark.parametrize("fault", [Unavailable("timed_out", outcome_unknown=False), Refused("AccessDenied")])
def test_without_the_secret_what_was_known_stays(
    proof: CdnProof, secrets: Secrets, clock: ManualClock, fault: Exception
) -> None:
    assert proof.holds(OLD)
    secrets.value = fault
    for _ in range(200):
        clock.advance(60_000)
        assert proof.holds(OLD)
        assert not proof.holds(NEW)


def test_without_any_secret_nothing_came_through_the_cdn(
    proof: CdnProof, secrets: Secrets, clock: ManualClock
) -> None:
    secrets.value = Unavailable("timed_out", outcome_unknown=False)
    assert not proof.holds(OLD)
    assert not proof.holds("anything")
    assert secrets.reads == 1
    secrets.value = OLD
    clock.advance(RETRY_SECONDS * 1000)
    assert proof.holds(OLD)


def test_empty_secret_proves_nothing(proof: CdnProof, secrets: Secrets) -> None:
    secrets.value = ""
    assert not proof.holds("")
    assert not proof.holds("x")


def test_value_is_read_anew_after_a_freeze_in_which_monotonic_time_stood_still(secrets: Secrets) -> None:
    class Frozen(ManualClock):
        def monotonic_ns(self) -> int:
            return 0

    clock = Frozen(now_ms=2_000_000_000_000)
    proof = CdnProof(cast("SecretsManager", secrets), "cdn", clock)
    assert proof.holds(OLD)
    secrets.value = NEW
    clock.advance(PREVIOUS_SECONDS * 1000)
    assert proof.holds(NEW)
