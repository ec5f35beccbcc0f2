"""
What an API key costs: refused by its text, let in from memory, let in by one read, and a flood of strangers.

All in one process. The store is the one in memory, so that "one read" is the verifier's own work and a dictionary; on
AWS a Query comes on top. A flood is well-formed keys of ids that nobody has, each another: what it leaves behind in
memory is told as well.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from typing import TYPE_CHECKING

from edge.auth.apikeys.authenticate import KeyVerifier
from edge.auth.apikeys.keys import ApiKeys
from edge.auth.apikeys.memory import MemoryKeyStore
from edge.auth.apikeys.problems import KeyRefused
from edge.auth.apikeys.text import generate, parse
from edge.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROUNDS = 5
CALLS = 10_000
KEYS = 1_000


def main() -> None:
    """Print microseconds a call, the best of five rounds, and bytes that are remembered of each key."""
    clock = SystemClock()
    store = MemoryKeyStore()
    keys = ApiKeys(store, clock, env="live", random=os.urandom)
    good = [
        keys.create(name="bench", role="USER", plan="pro", expires_in_days=30).api_key for _ in range(KEYS)
    ]
    typos = [text[:-1] + ("0" if text[-1] != "0" else "1") for text in good]
    strangers = [generate("live", os.urandom).text for _ in range(CALLS)]
    impostors = [generate("live", os.urandom, key_id=parse(text).id).text for text in good]
    megabyte = ["ek_live_" + "A" * 1_000_000]

    warm = KeyVerifier(store, clock, env="live", fresh_ms=3_600_000)
    cold = KeyVerifier(store, clock, env="live", fresh_ms=0)
    elsewhere = KeyVerifier(store, clock, env="test")
    for text in good:
        warm.authenticate(text)
    rows: list[tuple[str, Callable[[str], object], Sequence[str]]] = [
        ("parse, good", parse, good),
        ("refused: checksum", warm.authenticate, typos),
        ("refused: 1 MB of junk", warm.authenticate, megabyte),
        ("refused: environment", elsewhere.authenticate, good),
        ("let in, warm", warm.authenticate, good),
        ("let in, one read", cold.authenticate, good),
        ("refused: wrong secret, warm", warm.authenticate, impostors),
        ("refused: stranger, one read", cold.authenticate, strangers),
        ("make a text", lambda _: generate("live", os.urandom), [""]),
    ]
    print(f"{'':30}{'us':>8}")
    for name, act, texts in rows:
        print(f"{name:30}{_best_us(act, texts):8.1f}")
    print(f"\nbytes remembered of a key that was let in: {_bytes_each(store, clock, good):.0f}")
    print(
        f"bytes remembered of a flood of {CALLS} strangers: {_bytes_each(store, clock, strangers) * CALLS:.0f}"
    )


def _best_us(act: Callable[[str], object], texts: Sequence[str]) -> float:
    best_us = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for number in range(CALLS):
            _attempt(act, texts[number % len(texts)])
        best_us = min(best_us, (time.perf_counter() - started) / CALLS * 1e6)
    return best_us


def _bytes_each(store: MemoryKeyStore, clock: SystemClock, texts: Sequence[str]) -> float:
    verifier = KeyVerifier(store, clock, env="live")
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for text in texts:
        _attempt(verifier.authenticate, text)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(texts)


def _attempt(act: Callable[[str], object], text: str) -> None:
    try:
        act(text)
    except KeyRefused:
        return
