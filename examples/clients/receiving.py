"""
A service that takes signed requests only: an ASGI middleware that has each verified before the application sees it.

Who verifies is an argument. Somebody else's service asks a region (:class:`Asking`); a service of the house, which may
read the house's secret, has the library do it (:class:`InHouse`) and pays for no call but the nonce's.
"""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from edge.problems import Problem, ServiceProblem
from edge.signing.verify import verify

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    import httpx

    from edge.clock import Clock
    from edge.regions import Region
    from edge.signing.keys import KeyLookup
    from edge.signing.nonces import NonceStore

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SIGNER = "edge.signer"
"""Where in the scope the application finds who signed: the signature's ``keyid``."""

OK = 200
PASSED_ON = frozenset(
    f"/problems/{slug}" for slug in ("signature-refused", "replayed", "region-mismatch", "too-many-requests")
)
"""Verdicts about the request, for who signed. Anything else, such as our own key refused, is 503 to him."""


class Arrived(NamedTuple):
    """A request as it came: the target is not decoded, every header line is there."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes


class Refused(Exception):
    """
    The request is not let in.

    Args:
        status: of the answer.
        document: its problem document.
        retry_after: for the header of that name.
    """

    def __init__(self, status: int, document: dict[str, Any], retry_after: str | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.document = document
        self.retry_after = retry_after


class Verifier(Protocol):
    """Tells who signed."""

    async def __call__(self, arrived: Arrived) -> str:
        """Return the signature's key id, or raise Refused."""


class Asking:
    """
    Asks a region.

    Args:
        client: with the region as its ``base_url`` and a time limit.
        api_key: needs scope ``sign:verify``.
    """

    def __init__(self, client: httpx.AsyncClient, api_key: str) -> None:
        self._client = client
        self._key = api_key

    async def __call__(self, arrived: Arrived) -> str:
        """Return who signed *arrived*."""
        import httpx

        question = {**arrived._asdict(), "body_base64": base64.b64encode(arrived.body).decode("ascii")}
        del question["body"]
        try:
            answer = await self._client.post(
                "/api/sign/verify", json=question, headers={"X-API-Key": self._key}
            )
            document: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError):
            raise unavailable() from None
        if answer.status_code == OK:
            return str(document["key_id"])
        if document.get("type") not in PASSED_ON:
            raise unavailable()
        raise Refused(answer.status_code, document, answer.headers.get("retry-after"))


class InHouse:
    """
    Verifies here. Whether the API key behind a signature is still good is not looked up: see docs/signing.md.

    Args:
        keys: finds what a signature was made with.
        nonces: shared by all who verify for this region.
        region: where this is.
        clock: tells the time.
    """

    def __init__(self, *, keys: KeyLookup, nonces: NonceStore, region: Region, clock: Clock) -> None:
        self._keys = keys
        self._nonces = nonces
        self._region = region
        self._clock = clock

    async def __call__(self, arrived: Arrived) -> str:
        """Return who signed *arrived*; the store blocks, so a thread waits for it."""
        try:
            return await asyncio.to_thread(self._verify, arrived)
        except ServiceProblem:
            raise unavailable() from None
        except Problem as problem:
            document = {"type": f"/problems/{problem.slug}", "title": problem.title, "status": problem.status}
            document |= {"detail": problem.detail, "reason": problem.reason, **problem.extensions()}
            raise Refused(problem.status, document) from None

    def _verify(self, arrived: Arrived) -> str:
        return verify(
            **arrived._asdict(),
            keys=self._keys,
            region=self._region,
            now_seconds=self._clock.now_ms() // 1000,
            nonces=self._nonces,
            request_id="",
        ).key_id


class SignedOnly:
    """
    Lets signed requests through, once each.

    Args:
        app: what is behind it; its requests have :data:`SIGNER` in their scope.
        verifier: tells who signed.
        public_url: scheme and authority that clients sign, such as ``https://shop.example``: behind a proxy the scope
            shows the proxy's view, and what the ``Host`` field says is for the sender to choose.
        max_body_bytes: more is answered 413 before it is read to its end.
    """

    def __init__(
        self, app: Application, *, verifier: Verifier, public_url: str, max_body_bytes: int = 32 * 1024
    ) -> None:
        self._app = app
        self._verifier = verifier
        self._public_url = public_url
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a websocket cannot be signed, so it is not let in."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            body = await self._read(receive)
            arrived = Arrived(scope["method"], self._url(scope), _lines(scope), body)
            scope[SIGNER] = await self._verifier(arrived)
        except Refused as refused:
            await _answer(send, refused)
            return
        await self._app(scope, _replay(body, receive), send)

    async def _read(self, receive: Receive) -> bytes:
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, problem("incomplete", 400))
            body += message.get("body", b"")
            if len(body) > self._max_body_bytes:
                raise Refused(413, problem("body_too_large", 413))
            more = message.get("more_body", False)
        return body

    def _url(self, scope: Scope) -> str:
        raw_path = scope.get("raw_path")
        if raw_path is None:  # the decoded one is not what was signed
            raise unavailable()
        query = scope["query_string"]
        target = raw_path.partition(b"?")[0] + (b"?" + query if query else b"")
        return self._public_url + str(target.decode("latin-1"))


def problem(reason: str, status: int) -> dict[str, Any]:
    """Return the document of an error of ours (RFC 9457)."""
    return {"type": "about:blank", "status": status, "reason": reason}


def unavailable() -> Refused:
    """Return what is answered while nobody can tell: never the request through."""
    return Refused(503, problem("verifier_unavailable", 503), "1")


def _lines(scope: Scope) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]


def _replay(body: bytes, receive: Receive) -> Receive:
    messages: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> MutableMapping[str, Any]:
        return messages.pop() if messages else await receive()

    return replayed


async def _answer(send: Send, refused: Refused) -> None:
    headers = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    if refused.status == 401:
        headers.append((b"www-authenticate", b'Signature realm="edge-sign/v1"'))
    if refused.retry_after is not None:
        headers.append((b"retry-after", refused.retry_after.encode("latin-1")))
    body = json.dumps(refused.document).encode()
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
