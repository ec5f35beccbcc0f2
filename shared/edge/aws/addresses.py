"""
Name resolution that keeps to a deadline and survives a resolver that is gone.

``getaddrinfo`` takes no timeout and can hold a caller for tens of seconds, so it runs in a thread that may be left
behind. When it fails or is late, the addresses that worked last time serve on: AWS moves them slowly, and TLS proves
who answers there.
"""

from __future__ import annotations

import socket
import threading
from typing import TypeAlias

SockAddress: TypeAlias = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]


Address: TypeAlias = tuple[int, SockAddress]
"""Address family and socket address of one place to connect to."""


class Resolver:
    """
    Resolves one host.

    Args:
        host: a name, or an IPv4 or IPv6 address, which needs no resolving.
        port: TCP port.
    """

    __slots__ = ("_host", "_known", "_literal", "_pending", "_port")

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._known: list[Address] = []
        self._pending: threading.Thread | None = None
        self._literal = ":" in host or host.rpartition(".")[2].isdecimal()

    def resolve(self, timeout_seconds: float) -> list[Address]:
        """
        Return the host's addresses, best first; the last known ones when the resolver fails or is late.

        Args:
            timeout_seconds: how long to wait, >= 0.

        Raises:
            TimeoutError: no answer in time and none known.
            OSError: the name does not resolve and never did.
        """
        if self._literal:
            return self._look_up()
        failures: list[OSError] = []

        def run() -> None:
            try:
                self._known = self._look_up()
            except OSError as error:
                failures.append(error)
            except UnicodeError:  # a label that is empty or too long: no name that anybody could have
                failures.append(socket.gaierror(socket.EAI_NONAME))

        thread = self._pending
        if thread is None or not thread.is_alive():  # a resolver that hangs shall not gather threads
            thread = self._pending = threading.Thread(target=run, name="edge-resolver", daemon=True)
            thread.start()
        thread.join(timeout_seconds)
        if self._known:
            return self._known
        if failures:
            raise failures[0]
        raise TimeoutError

    def _look_up(self) -> list[Address]:
        flags = socket.AI_NUMERICHOST if self._literal else 0
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM, flags=flags)
        return [(family, sockaddr) for family, _, _, _, sockaddr in found]
