"""
One HTTP/1.1 connection over a raw socket.

``http.client`` costs 13 ms at import and most of 100 us a call, the larger part for reading fields with the e-mail
parser. What is here is what a request to one service needs: every step keeps to one deadline, however slowly bytes
drip in; a connection that the other side closed while it lay idle is noticed before anything is sent; and a failure
says whether the request had gone out.
"""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from edge.aws.addresses import Resolver
from edge.aws.http1 import MAX_HEAD_BYTES, Chunks, Garbled, Head, parse_head

if TYPE_CHECKING:
    from edge.aws.endpoint import Endpoint
    from edge.clock import Clock

MAX_INTERIM_ANSWERS = 4
"""The most 1xx answers before the real one; we never ask for any."""

RECEIVE_BYTES = 16 * 1024

Breakage: TypeAlias = Literal["timed_out", "connection", "garbled"]


class BrokenExchange(Exception):
    """
    A request got no usable answer; the connection is closed.

    Args:
        fault: as in :class:`edge.aws.faults.Unavailable`.
        sent: the whole request had been handed to the kernel. Before that the service cannot have acted on it: it
            waits for ``content-length`` bytes and checks the signature over them.
    """

    def __init__(self, fault: Breakage, *, sent: bool) -> None:
        super().__init__(fault)
        self.fault: Breakage = fault
        self.sent = sent


class HttpAnswer(NamedTuple):
    """Status, fields by name in lower case, body."""

    status: int
    fields: dict[bytes, bytes]
    body: bytes


class Connection:
    """
    A connection that is used by one caller at a time.

    Args:
        endpoint: where to.
        clock: for deadlines.
        ca_bundle: what TLS trusts, see :func:`edge.aws.tls.context`.
        max_body_bytes: the largest answer that is read.
        resolver: shared between the connections to one endpoint, so that they share what they learned.
    """

    __slots__ = (
        "_ca_bundle",
        "_clock",
        "_endpoint",
        "_max_body_bytes",
        "_poll",
        "_resolver",
        "_socket",
        "idle_since_ms",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Clock,
        ca_bundle: str,
        max_body_bytes: int,
        resolver: Resolver | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._ca_bundle = ca_bundle
        self._max_body_bytes = max_body_bytes
        self._resolver = resolver or Resolver(endpoint.host, endpoint.port)
        self._socket: socket.socket | None = None
        self._poll = select.poll()
        self.idle_since_ms = 0

    def open(self, deadline_ns: int) -> None:
        """
        Connect, and shake hands where the endpoint is https.

        Args:
            deadline_ns: on the clock's monotonic time.

        Raises:
            BrokenExchange: it did not come about; nothing was sent.
        """
        try:
            plain = self._connect(deadline_ns)
        except TimeoutError:
            raise BrokenExchange("timed_out", sent=False) from None
        except OSError:
            raise BrokenExchange("connection", sent=False) from None
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = self._shake_hands(plain, deadline_ns) if self._endpoint.secure else plain
        except TimeoutError:
            plain.close()
            raise BrokenExchange("timed_out", sent=False) from None
        except OSError:  # ssl.SSLError is one
            plain.close()
            raise BrokenExchange("connection", sent=False) from None
        self._poll.register(self._socket, select.POLLIN)

    def is_usable(self) -> bool:
        """
        Tell whether an idle connection still stands.

        A socket that can be read while nothing was asked was closed, or holds what nobody asked for. TLS 1.3 is the
        exception: session tickets arrive after the handshake and are no data.
        """
        if self._socket is None:
            return False
        if not self._endpoint.secure:
            return not self._poll.poll(0)
        import ssl  # in sys.modules already: the connection is TLS

        try:
            self._socket.settimeout(0)
            self._socket.recv(1)
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        return False

    def exchange(self, request: bytes, deadline_ns: int) -> HttpAnswer:
        """
        Send one request and read its answer.

        Args:
            request: head and body.
            deadline_ns: on the clock's monotonic time, for both together.

        Raises:
            BrokenExchange: no usable answer; the connection is closed.
        """
        sock = self._socket
        if sock is None:
            raise BrokenExchange("connection", sent=False)
        sent = False
        try:
            self._send(sock, request, deadline_ns)
            sent = True
            answer, keep_alive = self._receive(sock, deadline_ns)
        except TimeoutError:
            self.close()
            raise BrokenExchange("timed_out", sent=sent) from None
        except OSError:
            self.close()
            raise BrokenExchange("connection", sent=sent) from None
        except Garbled:
            self.close()
            raise BrokenExchange("garbled", sent=sent) from None
        if not keep_alive:
            self.close()
        return answer

    @property
    def is_open(self) -> bool:
        """Whether there is a socket; :meth:`is_usable` asks it."""
        return self._socket is not None

    def close(self) -> None:
        """Close the socket if there is one."""
        sock, self._socket = self._socket, None
        if sock is not None:
            self._poll.unregister(sock)
            sock.close()

    def _seconds_left(self, deadline_ns: int) -> float:
        left_ns = deadline_ns - self._clock.monotonic_ns()
        if left_ns <= 0:
            raise TimeoutError
        return left_ns / 1e9

    def _connect(self, deadline_ns: int) -> socket.socket:
        """Try the addresses in turn; a silent one gets its share of the time, not all of it."""
        addresses = self._resolver.resolve(self._seconds_left(deadline_ns))
        failure: OSError = ConnectionError()
        for position, (family, sockaddr) in enumerate(addresses):
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.settimeout(self._seconds_left(deadline_ns) / (len(addresses) - position))
                sock.connect(sockaddr)
            except OSError as error:
                sock.close()
                failure = error
            else:
                return sock
        raise failure

    def _shake_hands(self, plain: socket.socket, deadline_ns: int) -> socket.socket:
        from edge.aws.tls import context  # loads ssl, which plain HTTP does without

        plain.settimeout(self._seconds_left(deadline_ns))
        return context(self._ca_bundle).wrap_socket(plain, server_hostname=self._endpoint.host)

    def _send(self, sock: socket.socket, request: bytes, deadline_ns: int) -> None:
        sock.settimeout(self._seconds_left(deadline_ns))
        sent_bytes = sock.send(request)
        while sent_bytes < len(request):
            sock.settimeout(self._seconds_left(deadline_ns))
            sent_bytes += sock.send(memoryview(request)[sent_bytes:])

    def _more(self, sock: socket.socket, deadline_ns: int) -> bytes:
        """Return the next bytes, at least one."""
        sock.settimeout(self._seconds_left(deadline_ns))
        piece = sock.recv(RECEIVE_BYTES)
        if not piece:
            raise ConnectionError
        return piece

    def _receive(self, sock: socket.socket, deadline_ns: int) -> tuple[HttpAnswer, bool]:
        buffer = self._more(sock, deadline_ns)
        for _ in range(MAX_INTERIM_ANSWERS + 1):
            head, buffer = self._receive_head(sock, buffer, deadline_ns)
            if head.status >= 200:
                body = self._receive_body(sock, head, buffer, deadline_ns)
                return HttpAnswer(head.status, head.fields, body), head.keep_alive
            if head.status == 101:
                raise Garbled  # nobody asked to switch protocols
        raise Garbled

    def _receive_head(self, sock: socket.socket, buffer: bytes, deadline_ns: int) -> tuple[Head, bytes]:
        """Return the next head and what came after it."""
        while (end := buffer.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES)) < 0:
            if len(buffer) >= MAX_HEAD_BYTES:
                raise Garbled
            buffer += self._more(sock, deadline_ns)
        return parse_head(buffer[:end]), buffer[end + 4 :]

    def _receive_body(self, sock: socket.socket, head: Head, start: bytes, deadline_ns: int) -> bytes:
        body_bytes = head.body_bytes
        if body_bytes is None:
            return self._receive_chunks(sock, start, deadline_ns)
        if body_bytes > self._max_body_bytes:
            raise Garbled
        if len(start) < body_bytes:
            pieces, received_bytes = [start], len(start)
            while received_bytes < body_bytes:
                piece = self._more(sock, deadline_ns)
                pieces.append(piece)
                received_bytes += len(piece)
            start = b"".join(pieces)
        if len(start) > body_bytes:
            raise Garbled  # an answer that nobody asked for follows
        return start

    def _receive_chunks(self, sock: socket.socket, start: bytes, deadline_ns: int) -> bytes:
        chunks = Chunks(self._max_body_bytes)
        chunks.feed(start)
        while not chunks.done:
            chunks.feed(self._more(sock, deadline_ns))
        if chunks.surplus:
            raise Garbled
        return chunks.body
