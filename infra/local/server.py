"""A small HTTP/1.1 server on one loopback port, with an end that finishes what it began."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from infra.local.connection import Connection

if TYPE_CHECKING:
    from infra.local.connection import Handler


class Server:
    """
    Listens on one loopback port and calls *handler* once per request.

    Args:
        handler: returns the response; if it raises, the client gets 500 and the loop's exception handler the error.
    """

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> int:
        """
        Bind and listen; return the port.

        Raises:
            OSError: the port is taken.
        """
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: Connection(self.handler, self.connections, loop), host, port, backlog=512
        )
        self._sweeper = loop.create_task(self._sweep())
        bound: int = self._listener.sockets[0].getsockname()[1]
        return bound

    async def stop(self, *, grace_seconds: float) -> None:
        """
        Stop listening, let requests in flight finish, then close every connection.

        Args:
            grace_seconds: the longest to wait for requests in flight.
        """
        if self._listener is not None:
            self._listener.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        tasks = [task for connection in list(self.connections) if (task := connection.drain()) is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=grace_seconds)
        for connection in list(self.connections):
            connection.close()

    async def _sweep(self) -> None:
        # One timer for all connections: arming one per request costs more than the request's parsing.
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(1.0)
            now = loop.time()
            for connection in list(self.connections):
                if now > connection.deadline:
                    connection.abort()
