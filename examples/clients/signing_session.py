"""
Signed requests from Python, with httpx or requests: the region signs, this attaches what it says.

The signing key never leaves the house, so each request costs one call to ``POST /api/sign/request``. Only the body's
digest is sent there. Copy this file; it needs whichever of the two libraries you have::

    client = httpx.Client(auth=HttpxSigning("http://127.0.0.1:8003", api_key))      # or AsyncClient
    session = requests.Session(); session.auth = RequestsSigning("http://127.0.0.1:8003", api_key)
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import httpx
import requests
from requests.auth import AuthBase

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

TIMEOUT_SECONDS = 10


class NotSigned(Exception):
    """
    The region did not sign.

    Args:
        status: of its answer: 401 and 403 are about the API key, 422 about the request, 429 and 503 pass.
        reason: as its problem document says.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class HttpxSigning(httpx.Auth):
    """
    Signs what a client of httpx sends, blocking or not. Leave ``follow_redirects`` off, as it is by default: what is
    redirected would carry the signature of another request, and be refused.

    Args:
        region_url: of the region that the receiver asks; a signature is good in no other.
        api_key: needs scope ``sign:request``.
        expires_in_seconds: 1 to 300.
    """

    def __init__(self, region_url: str, api_key: str, *, expires_in_seconds: int = 60) -> None:
        self._url = f"{region_url}/api/sign/request"
        self._key = api_key
        self._lifetime = expires_in_seconds

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Have the request signed, then send it."""
        request.read()
        answer = yield self._asked(request)
        request.headers.update(_signature(answer.status_code, answer.read()))
        yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Do the same without blocking."""
        await request.aread()
        answer = yield self._asked(request)
        request.headers.update(_signature(answer.status_code, await answer.aread()))
        yield request

    def _asked(self, request: httpx.Request) -> httpx.Request:
        question = _question(request.method, str(request.url), request.content, self._lifetime)
        return httpx.Request("POST", self._url, json=question, headers={"X-API-Key": self._key})


class RequestsSigning(AuthBase):
    """
    Signs what a session of requests sends. Bodies must be known whole: text or bytes, no generator and no file. Send with
    ``allow_redirects=False``: what is redirected would carry the signature of another request, and be refused.

    Args:
        region_url: of the region that the receiver asks; a signature is good in no other.
        api_key: needs scope ``sign:request``.
        expires_in_seconds: 1 to 300.
    """

    def __init__(self, region_url: str, api_key: str, *, expires_in_seconds: int = 60) -> None:
        self._url = f"{region_url}/api/sign/request"
        self._key = api_key
        self._lifetime = expires_in_seconds

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Have the request signed."""
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        if not isinstance(body, bytes):
            raise TypeError("a streamed body cannot be signed")
        question = _question(request.method or "GET", request.url or "", body, self._lifetime)
        answer = requests.post(
            self._url, json=question, headers={"X-API-Key": self._key}, timeout=TIMEOUT_SECONDS
        )
        request.headers.update(_signature(answer.status_code, answer.content))
        return request


def _question(method: str, url: str, body: bytes, expires_in_seconds: int) -> dict[str, Any]:
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")
    return {
        "method": method,
        "url": url.partition("#")[0],
        "content_digest": f"sha-256=:{digest}:",
        "expires_in_seconds": expires_in_seconds,
    }


def _signature(status: int, body: bytes) -> dict[str, str]:
    """Return the header fields to attach."""
    try:
        document = json.loads(body)
    except ValueError:
        document = {}
    if status != requests.codes.ok:
        raise NotSigned(status, str(document.get("reason", "no reason")))
    headers: dict[str, str] = document["headers"]
    return headers
