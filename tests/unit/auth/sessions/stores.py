"""Stores for tests: one that counts and fails as told, and the keys that every test uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from edge.auth.sessions.refresh_token import RefreshKeys
from edge.auth.sessions.store import Rotated
from edge.problems import DependencyUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.auth.sessions.store import (
        Family,
        Marks,
        Names,
        NotRotated,
        Rotation,
        SessionStore,
        Tombstone,
    )

Result = TypeVar("Result")

KEYS: Final = RefreshKeys.parse([{"version": 1, "secret": "A" * 43}])

START_MS: Final = 2_000_000_000_000
"""Ahead of the machine's clock: DynamoDB Local deletes items whose time to live is over, in the middle of a test."""

NOW: Final = START_MS // 1000


class Lost(DependencyUnavailable):
    """The store did not answer."""

    def __init__(self) -> None:
        super().__init__(7)


class ScriptedStore:
    """
    Passes calls on; notes them, and loses those that it is told to lose.

    Attributes:
        calls: names of the methods, in order.
        lost_requests: calls of these methods do not reach the store.
        lost_answers: calls of these methods do, and their answer is lost.
        after: called after a call of the method of that name reached the store.
        rotations: how many took place.
    """

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self.calls: list[str] = []
        self.lost_requests: set[str] = set()
        self.lost_answers: set[str] = set()
        self.after: dict[str, Callable[[], None]] = {}
        self.rotations = 0

    def begin(self, family: Family) -> Family | None:
        return self._pass("begin", lambda: self._store.begin(family))

    def rotate(self, rotation: Rotation) -> Rotated | NotRotated:
        outcome = self._pass("rotate", lambda: self._store.rotate(rotation))
        self.rotations += isinstance(outcome, Rotated)
        return outcome

    def end(self, family: str) -> None:
        self._pass("end", lambda: self._store.end(family))

    def bury(self, name: str, tombstone: Tombstone) -> None:
        self._pass("bury", lambda: self._store.bury(name, tombstone))

    def raise_not_before(self, subject: str, not_before: int, *, forget_at: int) -> None:
        self._pass(
            "raise_not_before",
            lambda: self._store.raise_not_before(subject, not_before, forget_at=forget_at),
        )

    def marks(self, names: Names) -> Marks:
        return self._pass("marks", lambda: self._store.marks(names))

    def heal(self) -> None:
        """Lose nothing from now on."""
        self.lost_requests.clear()
        self.lost_answers.clear()

    def _pass(self, method: str, call: Callable[[], Result]) -> Result:
        self.calls.append(method)
        if method in self.lost_requests:
            raise Lost
        result = call()
        if method in self.after:
            self.after.pop(method)()
        if method in self.lost_answers:
            raise Lost
        return result
