"""
Reads several regions at once, and waits for none of them longer than a reader waits.

A region that does not answer in time is not known; that is told, and is not zero. Its thread goes on until its own budget
ends and finds nobody listening.
"""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from edge.problems import ServiceProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edge.clock import Clock

DEADLINE_MS: Final = 1_500
"""The page asks every five seconds; an answer that takes longer than this serves nobody."""

Key = TypeVar("Key")
Found = TypeVar("Found")


def gather(
    reads: Mapping[Key, Callable[[], Found]], clock: Clock, *, deadline_ms: int = DEADLINE_MS
) -> dict[Key, Found | None]:
    """
    Return what each of *reads* returns; None for one that raised a ServiceProblem or did not return in time.

    Args:
        reads: by what they read; run at the same time, each in a thread of its own.
        clock: measures the deadline.
        deadline_ms: for all together, > 0.

    Raises:
        Exception: what one of them raised that is no ServiceProblem: a defect of ours.
    """
    answers: SimpleQueue[_Answer[Key, Found]] = SimpleQueue()
    for key, read in reads.items():
        Thread(target=_read, args=(key, read, answers), name=f"reads {key}", daemon=True).start()
    found: dict[Key, Found | None] = dict.fromkeys(reads)
    ends_ns = clock.monotonic_ns() + deadline_ms * 1_000_000
    for _ in reads:
        left_seconds = (ends_ns - clock.monotonic_ns()) / 1e9
        try:
            answer = answers.get(timeout=max(0.0, left_seconds))
        except Empty:
            break
        if answer.defect is not None:
            raise answer.defect
        found[answer.key] = answer.found
    return found


class _Answer(Generic[Key, Found]):
    """What one thread found: something, nothing, or a defect."""

    __slots__ = ("defect", "found", "key")

    def __init__(self, key: Key, found: Found | None, defect: Exception | None) -> None:
        self.key = key
        self.found = found
        self.defect = defect


def _read(key: Key, read: Callable[[], Found], answers: SimpleQueue[_Answer[Key, Found]]) -> None:
    try:
        answers.put(_Answer(key, read(), None))
    except ServiceProblem:  # also a table that is not there: a region that is not deployed yet
        answers.put(_Answer(key, None, None))
    except Exception as error:
        answers.put(_Answer(key, None, error))
