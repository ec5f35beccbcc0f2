"""What tests of health share: a network whose tables can be lost one by one, and regions that answer anything."""

from __future__ import annotations

import contextlib
import http.client
import socketserver
import threading
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from infra.local.emulator import HOST
from tests import faults

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from tests.faults import Fault

SECRET_STORE: Final = "secretsmanager.GetSecretValue"

Play = "Callable[[socket.socket, bytes, threading.Event], bool]"


class Network:
    """
    Between functions and an engine, for many connections at once: what is said to be lost is met by a fault.

    Attributes:
        url: the functions' endpoint.
        seen: what was asked, whole requests.
    """

    def __init__(self, engine_url: str) -> None:
        place = urlsplit(engine_url)
        self._engine = (place.hostname or HOST, place.port or 80)
        self._lost: dict[str, Fault] = {}
        self.seen: list[bytes] = []
        self._server = Server(self._answer)
        self.url = self._server.url

    @contextlib.contextmanager
    def losing(self, *names: str, fault: Fault = faults.HANG) -> Iterator[None]:
        """Play *fault* for requests that hold one of *names*: of tables, or :data:`SECRET_STORE`; of all without one."""
        self._lost = dict.fromkeys(names or ("",), fault)
        try:
            yield
        finally:
            self._lost = {}

    def asked(self, since: int) -> list[str]:
        """Return the operations that were asked since so many requests."""
        heads = [request.partition(b"\r\n\r\n")[0].decode("latin-1").lower() for request in self.seen[since:]]
        return [
            head.partition("x-amz-target: ")[2].partition("\r\n")[0].partition(".")[2].lower() or "?"
            for head in heads
        ]

    def _answer(self, connection: socket.socket, request: bytes, stopped: threading.Event) -> bool:
        self.seen.append(request)
        for name, fault in self._lost.items():
            # in quotes: the name of one table can be part of another's
            if f'"{name}"'.encode() in request or (name in ("", SECRET_STORE) and name.encode() in request):
                return fault.play(connection, stopped)
        head, _, body = request.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
        engine = http.client.HTTPConnection(*self._engine, timeout=10)
        try:
            engine.request("POST", "/", body, fields)
            response = engine.getresponse()
            connection.sendall(faults.answer(response.read(), status=f"{response.status} {response.reason}"))
        finally:
            engine.close()
        return not stopped.is_set()

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()


class Server:
    """
    Answers each request on a thread of its connection; a context manager.

    Args:
        play: gets connection, request and when to stop; returns whether the connection stays open.

    Attributes:
        url: its endpoint.
        connections: how many it accepted.
    """

    def __init__(self, play: Callable[[socket.socket, bytes, threading.Event], bool]) -> None:
        self._stopped = threading.Event()
        self.connections = 0
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                outer.connections += 1
                with contextlib.suppress(OSError):
                    while (request := faults._read_request(self.request)) is not None:
                        if not play(self.request, request, outer._stopped):
                            return

        class Threads(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 64

            def shutdown_request(self, request: Any) -> None:
                self.close_request(request)  # no shutdown first: a reset shall be one

        self._server = Threads((HOST, 0), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"http://{HOST}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Answer nobody any longer."""
        self._stopped.set()
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()
