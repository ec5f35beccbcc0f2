"""
What stands before the limiter costs: a lookup in access lists, and the hop into a thread.

All in one process, in memory. The lists are as full as they may be, with the two extremes of shape: networks of every
prefix length, and of five.
"""

from __future__ import annotations

import asyncio
import random
import time
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING

from edge.clock import SystemClock
from edge.ratelimit.access import MAX_ENTRIES, AccessList
from edge.ratelimit.aio import AsyncLimiter
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.tiers import make_tier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROUNDS = 5
LOOKUPS = 20_000
CHECKS = 5_000
NAMES = [f"user-{number}" for number in range(1_000)]
SHAPES = {
    "every prefix length": (range(8, 33), range(16, 129)),
    "five prefix lengths": ((16, 20, 22, 24, 32), (32, 40, 48, 56, 64)),
}


def main() -> None:
    """Print microseconds a lookup, milliseconds to parse, microseconds of the hop; the best of five rounds."""
    chance = random.Random(1)
    subjects = {
        "name": NAMES,
        "IPv4": [str(IPv4Address(chance.getrandbits(32))) for _ in range(1_000)],
        "IPv6": [str(IPv6Address(chance.getrandbits(128))) for _ in range(1_000)],
    }
    for shape, (v4_lengths, v6_lengths) in SHAPES.items():
        document = _document(chance, v4_lengths, v6_lengths)
        started = time.perf_counter()
        listed = AccessList.parse(document)
        parse_ms = (time.perf_counter() - started) * 1e3
        lookups = ", ".join(
            f"{kind} {_best_us(listed.verdict, asked):.1f} us" for kind, asked in subjects.items()
        )
        print(f"{len(listed)} entries, {shape}: parse {parse_ms:.0f} ms; {lookups}")
    direct_us, awaited_us = _denial_us()
    print(f"a denial in memory: direct {direct_us:.0f} us, through AsyncLimiter {awaited_us:.0f} us")


def _document(
    chance: random.Random, v4_lengths: Sequence[int], v6_lengths: Sequence[int]
) -> dict[str, list[str]]:
    names = NAMES[: MAX_ENTRIES // 20]
    v4_count = MAX_ENTRIES // 2
    v4 = [
        str(IPv4Network((chance.getrandbits(32), chance.choice(v4_lengths)), strict=False))
        for _ in range(v4_count)
    ]
    v6 = [
        str(IPv6Network((chance.getrandbits(128), chance.choice(v6_lengths)), strict=False))
        for _ in range(MAX_ENTRIES - v4_count - len(names))
    ]
    return {"deny_subjects": names, "deny_networks": v4 + v6}


def _best_us(ask: Callable[[str], object], subjects: Sequence[str]) -> float:
    best_us = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for number in range(LOOKUPS):
            ask(subjects[number % len(subjects)])
        best_us = min(best_us, (time.perf_counter() - started) / LOOKUPS * 1e6)
    return best_us


def _denial_us() -> tuple[float, float]:
    """Return the time of a denial that costs no call, direct and awaited one after another."""
    clock = SystemClock()
    limiter = Limiter(MemoryStore(clock), clock)
    tier = make_tier("once", limit=1, window_ms=3_600_000)
    limiter.check("s", tier)

    async def awaited_us() -> float:
        async with AsyncLimiter(limiter) as awaited:
            started = time.perf_counter()
            for _ in range(CHECKS):
                await awaited.check("s", tier)
            return (time.perf_counter() - started) / CHECKS * 1e6

    return (
        _best_us(lambda subject: limiter.check(subject, tier), ["s"]),
        min(asyncio.run(awaited_us()) for _ in range(ROUNDS)),
    )
