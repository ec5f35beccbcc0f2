"""
A DynamoDB that answers UpdateItem at once: what a benchmark then measures is the caller.

It keeps one counter per key and understands just the two shapes that the measured stacks send: the fixed-window
``ADD n :cost`` of the baselines and the boundary snapshots of our limiter. A query finds the one API key that benchmarks
call with, a read finds nothing. It checks neither signature nor condition.
Its own process, so that none of its work is on the caller's account. Ends when its standard input closes.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import zlib
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge.auth.apikeys.items import key_items
from edge.auth.apikeys.records import KeyMetadata, SecretVersion
from edge.auth.apikeys.text import generate
from edge.auth.roles import SCOPES

if TYPE_CHECKING:
    from collections.abc import Iterator

_COUNTER = re.compile(r"\bt(\d[0-9a-z]{2})=if_not_exists")
_BOUNDARY = re.compile(r"\b(p\d[0-9a-z]{2}[0-9a-z]+)=if_not_exists")

_FAR = 1 << 40
"""A horizon beyond every bucket: the stub keeps none."""


KEYS_TABLE = "keys"

_KEY = generate("live", lambda count: bytes(range(count)))
API_KEY = _KEY.text
"""Of an administrator on the plan without a limit; the same in every process, and good for this stub alone."""

KEY_ITEMS = key_items(
    KeyMetadata(_KEY.id, "bench", "ADMIN", "enterprise", SCOPES["ADMIN"], 1_795_000_000, None),
    SecretVersion(1, _KEY.secret_hash, 1_795_000_000, None),
)[:2]

FUNCTION_VARIABLES = {
    "RATE_WINDOWS_TABLE": "windows",
    "RATE_USAGE_TABLE": "usage",
    "SESSIONS_TABLE": "sessions",
    "KEYS_TABLE": KEYS_TABLE,
    "NONCES_TABLE": "nonces",
    "REGION_HEALTH_TABLE": "region-health",
    "TELEMETRY_TABLE": "telemetry",
    "AUTH_SECRET": "auth",
    "EDGE_STAGE": "production",
}
"""What a function is told beside the stub's URL."""


class Counters:
    """Totals and boundaries per key."""

    def __init__(self) -> None:
        self._totals: defaultdict[str, int] = defaultdict(int)
        self._boundaries: defaultdict[str, dict[str, int]] = defaultdict(dict)

    def update(self, request: bytes) -> bytes:
        """Return the answer to one UpdateItem, ``ReturnValues`` ALL_NEW."""
        asked = json.loads(request)
        if "KeyConditionExpression" in asked:
            return json.dumps({"Items": KEY_ITEMS}, separators=(",", ":")).encode()
        if asked.get("UpdateExpression") is None or asked["TableName"] == KEYS_TABLE:
            return b"{}"
        values = asked["ExpressionAttributeValues"]
        key = asked["Key"]["pk"]["S"]
        before = self._totals[key]
        attributes = {"pk": {"S": key}, "x": values[":x"]}
        if ":cost" in values:
            self._totals[key] = before + int(values[":cost"]["N"])
            attributes["n"] = {"N": str(self._totals[key])}
        else:
            update = asked["UpdateExpression"]
            (code,) = _COUNTER.findall(update)
            limit = values[f":l{code}"]
            self._totals[key] = before + int(values[f":c{code}"]["N"])
            boundaries = self._boundaries[key]
            for name in _BOUNDARY.findall(update):
                boundaries.setdefault(name, before)
            attributes |= {name: {"N": str(total)} for name, total in boundaries.items()}
            attributes |= {f"t{code}": {"N": str(self._totals[key])}, f"l{code}": limit}
            attributes[f"d{code}"] = {"N": str(self._totals[key] - int(limit["N"]))}
            attributes[f"h{code}"] = {"N": str(_FAR)}
        return json.dumps({"Attributes": attributes}, separators=(",", ":")).encode()


async def _serve_connection(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counters: Counters
) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            answer = counters.update(await reader.readexactly(int(length.group(1)) if length else 0))
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n"
                b"x-amzn-RequestId: STUB\r\nx-amz-crc32: %d\r\nConnection: keep-alive\r\n\r\n%b"
                % (len(answer), zlib.crc32(answer), answer)
            )
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _serve() -> None:
    counters = Counters()
    server = await asyncio.start_server(lambda r, w: _serve_connection(r, w, counters), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


@contextmanager
def stub_dynamodb() -> Iterator[str]:
    """Run the stub in a process of its own and yield its URL."""
    process = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the stub has no standard output")
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
