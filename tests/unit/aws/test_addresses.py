"""Name resolution with a resolver that fails, hangs and recovers."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from edge.aws.addresses import Resolver

if TYPE_CHECKING:
    from collections.abc import Iterator

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))]


class Dns:
    """Stands in for getaddrinfo."""

    def __init__(self) -> None:
        self.calls = self.flags = 0
        self.failure: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, *_: object, flags: int, **__: object) -> object:
        self.calls += 1
        self.flags = flags
        self.gate.wait(5)
        if self.failure is not None:
            raise self.failure
        return FOUND


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dns]:
    fake = Dns()
    monkeypatch.setattr(socket, "getaddrinfo", fake)
    yield fake
    fake.gate.set()


def test_known_addresses_serve_while_the_resolver_fails_or_hangs(dns: Dns) -> None:
    resolver = Resolver("a.example", 443)
    first = resolver.resolve(5)
    assert first == [(socket.AF_INET, ("192.0.2.1", 443))]
    dns.failure = socket.gaierror()
    assert resolver.resolve(5) == first
    dns.gate.clear()
    assert resolver.resolve(0.01) == first


def test_failure_without_known_addresses(dns: Dns) -> None:
    dns.failure = socket.gaierror()
    with pytest.raises(socket.gaierror):
        Resolver("a.example", 443).resolve(5)


def test_hanging_resolver_keeps_to_the_deadline_and_gathers_no_threads(dns: Dns) -> None:
    dns.gate.clear()
    resolver = Resolver("a.example", 443)
    started = time.monotonic()
    for _ in range(5):
        with pytest.raises(TimeoutError):
            resolver.resolve(0.01)
    assert time.monotonic() - started < 2
    assert dns.calls == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fd00:ec2::23"])
def test_address_is_only_parsed(host: str, dns: Dns) -> None:
    Resolver(host, 80).resolve(0)  # in no time: in no thread
    assert dns.flags == socket.AI_NUMERICHOST
    Resolver("a.example", 80).resolve(5)
    assert dns.flags == 0


def test_name_that_nobody_can_have_is_a_failure_like_others(dns: Dns) -> None:
    """Python encodes a name before it asks the resolver, and fails at some in its own way; no thread may die of it."""
    with pytest.raises(UnicodeError) as failed:
        "a..b.example".encode("idna")
    dns.failure = failed.value
    with pytest.raises(socket.gaierror):
        Resolver("a..b.example", 443).resolve(5)
