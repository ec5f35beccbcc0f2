"""
The smoke test of a region: what a client sees of the endpoint that was deployed, over HTTP, without a key.

A table says what the public routes must answer. Every other route of the template is asked with GET, which changes nothing
anywhere: whatever it answers, it must be an answer of ours (our headers, no 5xx), so a function that does not even
import is found here and not by a caller.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from edge.web.security_headers import API_HEADERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from infra.deploy.pace import Pace

TIMEOUT_SECONDS: Final = 15.0
ATTEMPTS: Final = 4
"""A name that DNS does not know yet, a cold start that is slow: only what stays is a failure."""

PAUSE_SECONDS: Final = 2.0
AT_ONCE: Final = 4
PROBLEM: Final = "application/problem+json"
PROBLEM_MEMBERS: Final = frozenset({"type", "title", "status", "detail", "instance"})
UNKNOWN_PATH: Final = "/api/there-is-no-such-route"
SECURITY_HEADERS: Final = tuple(name.decode() for name, _ in API_HEADERS if name != b"cache-control")
"""What every answer carries; how long it may be cached is each route's own matter."""

_PATH_VARIABLE: Final = re.compile(r"\{[^}]*\}")


class Address(NamedTuple):
    """
    Where an endpoint is reached.

    Attributes:
        url: scheme, host and port that are connected to.
        host: of the Host header, where it is another one (an emulator's); else None.
        via: host that is connected to in place of the URL's, whose name TLS and HTTP still use; None for the URL's.
    """

    url: str
    host: str | None = None
    via: str | None = None


class Response(NamedTuple):
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """Return the body's JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Check(NamedTuple):
    """
    One request and what must come back.

    Attributes:
        method: of the request.
        path: of the request.
        status: that must come back; None for anything below 500.
        body: sent as JSON; None for no body.
        media_type: that must come back; None for any.
        members: of the JSON object that must come back.
    """

    method: str
    path: str
    status: int | None = None
    body: object = None
    media_type: str | None = None
    members: frozenset[str] = frozenset()

    def problem_of(self, response: Response, code: str) -> str | None:
        """Return what is wrong with the answer of region *code*; None if nothing is."""
        expected = "below 500" if self.status is None else str(self.status)
        wrong = response.status >= 500 if self.status is None else response.status != self.status
        if wrong:
            return f"status {response.status}, expected {expected}"
        if response.headers.get("x-edge-region") != code:
            said = response.headers.get("x-edge-region", "none")
            return f"x-edge-region is {said}, expected {code}"
        if missing := [name for name in SECURITY_HEADERS if name not in response.headers]:
            return f"without {', '.join(missing)}"
        media_type = response.headers.get("content-type", "").partition(";")[0]
        if self.media_type is not None and media_type != self.media_type:
            return f"media type {media_type or 'none'}, expected {self.media_type}"
        document = response.json() if self.members else {}
        lacking = self.members - set(document) if isinstance(document, dict) else self.members
        return f"without members {', '.join(sorted(lacking))}" if lacking else None


PUBLIC: Final = (
    Check("GET", "/api/monitoring/live", 200, media_type="application/json", members=frozenset({"status"})),
    Check("GET", "/api/monitoring/ready", 200, media_type="application/json", members=frozenset({"status"})),
    Check("GET", "/api/monitoring/health", 200, media_type="application/json", members=frozenset({"status"})),
    Check(
        "GET",
        "/.well-known/jwks.json",
        200,
        media_type="application/jwk-set+json",
        members=frozenset({"keys"}),
    ),
    Check("POST", "/api/geo/route", 200, {"country": "FR"}, "application/json"),
    Check("GET", UNKNOWN_PATH, 404, None, PROBLEM, PROBLEM_MEMBERS),
)
"""What needs no key. A route that the template has not, as in an older one, is not asked for."""

NO_KEYS_YET: Final = Check("GET", "/.well-known/jwks.json", 503, None, PROBLEM, PROBLEM_MEMBERS)
"""Before `make admin-key` there are no keys of the house, and the function says so."""


def checks_for(paths: Iterable[str], *, has_keys: bool) -> tuple[Check, ...]:
    """
    Return the checks of an API.

    Args:
        paths: of its routes, as in the template.
        has_keys: whether the secret with the keys of the house has a value.
    """
    routes = tuple(paths)
    public = tuple(
        NO_KEYS_YET if check.path == NO_KEYS_YET.path and not has_keys else check
        for check in PUBLIC
        if check.path in routes or (check.path == UNKNOWN_PATH and "$default" in routes)
    )
    asked = {check.path for check in public}
    others = tuple(
        Check("GET", _PATH_VARIABLE.sub("smoke-test", path))
        for path in routes
        if path not in asked and path != "$default"
    )
    return public + others


def run_checks(
    checks: Sequence[Check],
    address: Address,
    code: str,
    pace: Pace,
    send: Callable[[Check, Address], Response],
    *,
    at_once: int = AT_ONCE,
) -> list[str]:
    """
    Ask what has an exact answer, then the rest, and return what is wrong, a line each; empty if nothing is.

    Args:
        checks: what to ask.
        address: of the endpoint.
        code: of the region, which every answer must name.
        pace: of waiting.
        send: sends a request; :func:`send_check`.
        at_once: how many requests are under way.
    """
    failed = threading.Event()

    def tried(check: Check) -> str | None:
        problem: str | None = None
        for attempt in range(ATTEMPTS):
            if attempt:
                if (
                    failed.is_set()
                ):  # the region has failed by another check: what else is wrong is told at once
                    break
                pace.sleep(PAUSE_SECONDS if pace.poll_seconds >= 1.0 else pace.poll_seconds)
            try:
                problem = check.problem_of(send(check, address), code)
            except (OSError, http.client.HTTPException) as error:
                problem = f"no answer ({type(error).__name__})"
            if problem is None:
                return None
        failed.set()
        return f"{check.method} {check.path}: {problem}"

    with ThreadPoolExecutor(at_once, thread_name_prefix=f"smoke-{code}") as pool:
        for exact in (True, False):  # a region that fails what everybody asks is not asked the rest
            stage = [check for check in checks if (check.status is not None) is exact]
            if problems := [problem for problem in pool.map(tried, stage) if problem is not None]:
                return problems
    return []


def send_check(check: Check, address: Address, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Response:
    """Send one request on a connection of its own; redirects are not followed."""
    parts = urlsplit(address.url)
    headers = {"user-agent": "kaizen-edge-deploy", "accept": "application/json"}
    if address.host is not None:
        headers["host"] = address.host
    content = None
    if check.body is not None:
        content = json.dumps(check.body)
        headers["content-type"] = "application/json"
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = _Https(parts.netloc, address.via, timeout_seconds)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=timeout_seconds)
    try:
        connection.request(check.method, check.path, content, headers)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, found, answer.read())
    finally:
        connection.close()


class _Https(http.client.HTTPSConnection):
    """A connection that may lead to another host than the one it is for, which must have the right certificate."""

    def __init__(self, host: str, via: str | None, timeout_seconds: float) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(host, timeout=timeout_seconds, context=self._tls)
        self._via = via

    def connect(self) -> None:
        plain = socket.create_connection((self._via or self.host, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
