"""
Idle connections to one endpoint, last used first.

Lambda runs one request at a time, so there is one connection nearly always; threads and the local gateway take more.
Last in, first out lets the surplus of a busy moment age and go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.aws.addresses import Resolver
from edge.aws.connection import BrokenExchange, Connection

if TYPE_CHECKING:
    from edge.aws.connection import HttpAnswer
    from edge.aws.endpoint import Endpoint
    from edge.clock import Clock

MAX_IDLE = 4
"""More idle connections than this are closed when they come back."""

IDLE_LIMIT_MS = 60_000
"""
A connection that lay idle longer is not used again (the figure of AWS's Java SDK). One that the service closed is seen
on the socket; this is for the one that vanished without a word while the container was frozen.
"""


class Pool:
    """
    Sends requests over connections that it keeps.

    Safe under threads without a lock: appending to and popping from a list are atomic, and a connection belongs to
    the one that popped it.

    Args:
        endpoint: where to.
        clock: for deadlines and idle times.
        ca_bundle: what TLS trusts, see :func:`edge.aws.tls.context`.
        max_body_bytes: the largest answer that is read.
        connect_ms: how long connecting may take, handshake included.
    """

    __slots__ = ("_ca_bundle", "_clock", "_connect_ns", "_endpoint", "_idle", "_max_body_bytes", "_resolver")

    def __init__(
        self, endpoint: Endpoint, *, clock: Clock, ca_bundle: str, max_body_bytes: int, connect_ms: int
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._ca_bundle = ca_bundle
        self._max_body_bytes = max_body_bytes
        self._connect_ns = connect_ms * 1_000_000
        self._resolver = Resolver(endpoint.host, endpoint.port)
        self._idle: list[Connection] = []

    def connect(self) -> bool:
        """Open a connection ahead of use; return whether that worked."""
        try:
            self._put(self._open(self._clock.monotonic_ns() + self._connect_ns))
        except BrokenExchange:
            return False
        return True

    def exchange(self, request: bytes, deadline_ns: int) -> HttpAnswer:
        """
        Send *request* over an idle connection that still stands, or a new one.

        Raises:
            BrokenExchange: as :meth:`edge.aws.connection.Connection.exchange`.
        """
        connection = self._take() or self._open(deadline_ns)
        answer = None
        try:
            answer = connection.exchange(request, deadline_ns)
        finally:
            if answer is None:  # also for what is no error of the exchange, such as KeyboardInterrupt
                connection.close()
        if connection.is_open:
            self._put(connection)
        return answer

    def close(self) -> None:
        """Close the idle connections; the next use opens a new one."""
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:  # another thread was quicker
                return

    def _open(self, deadline_ns: int) -> Connection:
        connection = Connection(
            self._endpoint,
            clock=self._clock,
            ca_bundle=self._ca_bundle,
            max_body_bytes=self._max_body_bytes,
            resolver=self._resolver,
        )
        connection.open(min(deadline_ns, self._clock.monotonic_ns() + self._connect_ns))
        return connection

    def _take(self) -> Connection | None:
        now_ms = self._clock.now_ms()  # wall time: monotonic time stands still while a container is frozen
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if 0 <= now_ms - connection.idle_since_ms <= IDLE_LIMIT_MS and connection.is_usable():
                return connection
            connection.close()

    def _put(self, connection: Connection) -> None:
        connection.idle_since_ms = self._clock.now_ms()
        if len(self._idle) < MAX_IDLE:
            self._idle.append(connection)
        else:
            connection.close()
