"""The ports of a local setup: which one is whose, and who holds one that is taken."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from infra.local.emulator import HOST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.regions import Region

EMULATOR_OFFSET: Final = 10
HIGHEST_PORT: Final = 65_535
_LISTEN: Final = "0A"


class PortTaken(Exception):
    """A port cannot be had; the message is one line that says who holds it and how to choose others."""


class Ports(NamedTuple):
    """
    The ports of one local setup.

    Attributes:
        front: of the global endpoint.
        regions: by region code.
        emulator: of the AWS engine.
    """

    front: int
    regions: dict[str, int]
    emulator: int

    @classmethod
    def from_base(cls, base: int, regions: Sequence[Region]) -> Ports:
        """Return *base* for the global endpoint, the next ones for *regions* in order, *base* + 10 for the engine."""
        codes = {region.code: base + 1 + index for index, region in enumerate(regions)}
        return cls(base, codes, base + EMULATOR_OFFSET)

    def check(self) -> None:
        """
        Make sure that every port can be had.

        Raises:
            PortTaken: one cannot.
        """
        for port in (self.front, *self.regions.values(), self.emulator):
            if not 1 <= port <= HIGHEST_PORT:
                msg = f"port {port} is not a TCP port; choose others: make up PORT=9000"
                raise PortTaken(msg)
            error = _bind_error(port)
            if error == errno.EADDRINUSE:
                msg = f"port {port} is taken{_holder(port)}; choose others: make up PORT=9000"
                raise PortTaken(msg)
            if error:
                msg = f"port {port}: {os.strerror(error)}; choose others: make up PORT=9000"
                raise PortTaken(msg)


def _bind_error(port: int) -> int:
    with socket.socket() as probe:
        # As servers do: a port that only waits for old connections to die can be had.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error.errno or errno.EIO
    return 0


def _holder(port: int) -> str:
    """Return `` by pid 123 (python3 …)`` where Linux tells us, else nothing."""
    inodes = {
        f"socket:[{fields[9]}]"
        for table in ("tcp", "tcp6")
        for fields in _rows(Path("/proc/net") / table)
        if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port
    }
    if not inodes:
        return ""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(link.readlink()) in inodes for link in (process / "fd").iterdir()):
                command = (
                    (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
                )
                return f" by pid {process.name} ({command[:60]})"
        except OSError:
            continue  # another user's process, or one that has just ended
    return ""


def _rows(table: Path) -> list[list[str]]:
    try:
        return [line.split() for line in table.read_text("ascii").splitlines()[1:]]
    except OSError:
        return []  # not Linux
