"""
An access list kept for a while, from wherever its document is kept; a source that fails costs no request.

Whatever happens to the source, the last good list stays, and its age says so. Before there is one, nobody is listed:
the limiter still holds, and a rate limit is not the place that authenticates.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

from edge.moments import Moment
from edge.problems import ServiceProblem
from edge.ratelimit.access import AccessList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.clock import Clock
    from edge.ratelimit.networks import Listed

RETRY_SECONDS: Final = 5
"""A source that failed is asked again after this long, or sooner where the list is to be fresher than that."""


class AccessSource(Protocol):
    """Where the document is."""

    def read(self) -> Mapping[str, object] | None:
        """
        Return the document of :class:`~edge.ratelimit.access.AccessList`, or None if there is none: empty lists.

        Raises:
            edge.problems.ServiceProblem: it cannot be had now. A source that reads a file may raise ``OSError``, one
                that decodes text ``ValueError``.
        """


class CachedAccessList:
    """
    The list of one container, read again when it is older than *fresh_seconds*; share one between threads.

    One thread reads while the others go on with the list that there is. Only before the first attempt is over do they
    wait for it, so that a new container does not let in whom the list denies. The thread that reads is held up for as
    long as the source takes: bound that by the source's timeout. With an event loop, call :meth:`refresh` in a
    thread more often than *fresh_seconds*: then :meth:`verdict` reads for itself only after a failure.

    Args:
        source: of the document.
        clock: measures age.
        fresh_seconds: how long a list is used without asking again, > 0.
    """

    def __init__(self, source: AccessSource, clock: Clock, *, fresh_seconds: int = 60) -> None:
        self._source = source
        self._clock = clock
        self._fresh_ms = fresh_seconds * 1_000
        self._retry_ms = min(fresh_seconds, RETRY_SECONDS) * 1_000
        self._list = AccessList.parse({})
        self._read_at: Moment | None = None
        self._tried_at: Moment | None = None
        self._wait_ms = 0
        self._failure: ServiceProblem | OSError | ValueError | None = None
        self._reading = Lock()

    @property
    def age_seconds(self) -> float | None:
        """Seconds since the source last gave a good document; None if it never did."""
        read_at = self._read_at
        return None if read_at is None else read_at.elapsed_ms(self._clock) / 1_000

    @property
    def failure(self) -> ServiceProblem | OSError | ValueError | None:
        """
        Why the last attempt gave no list, None if it gave one.

        That of a wrong document is an :class:`~edge.ratelimit.access.AccessListInvalid`, which names the entry.
        """
        return self._failure

    def verdict(self, subject: str) -> Listed | None:
        """Return what the current list says of *subject*, see :meth:`AccessList.verdict`."""
        return self.current().verdict(subject)

    def current(self) -> AccessList:
        """Return the current list, read anew if that is due and nobody else is at it."""
        if self._is_due() and self._reading.acquire(blocking=self._tried_at is None):
            try:
                # Whoever waited here finds it done.
                if self._is_due():
                    self._read()
            finally:
                self._reading.release()
        return self._list

    def refresh(self) -> AccessList:
        """Return the list, read anew whether that is due or not."""
        with self._reading:
            self._read()
        return self._list

    def _is_due(self) -> bool:
        tried_at = self._tried_at
        return tried_at is None or tried_at.elapsed_ms(self._clock) >= self._wait_ms

    def _read(self) -> None:
        """Ask the source; called under the lock."""
        wait_ms = self._retry_ms
        try:
            found = self._source.read()
            # Only None is "no document"; anything else that is empty is a broken one, and must not clear a deny list.
            document = {} if found is None else found
            # Parsing thousands of entries takes milliseconds, and a list seldom changes.
            if not self._list.states(document):
                self._list = AccessList.parse(document)
            self._failure = None
            self._read_at = Moment.now(self._clock)
            wait_ms = self._fresh_ms
        except (ServiceProblem, OSError, ValueError) as failure:
            # It is kept for whoever asks how the list is; its traceback would keep the frames of a request with it.
            self._failure = failure.with_traceback(None)
        finally:
            # A defect of the source, which is not caught, meets one request in a while and not every one.
            self._wait_ms, self._tried_at = wait_ms, Moment.now(self._clock)
