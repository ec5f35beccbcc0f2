"""
Credentials from a container endpoint: what Lambda offers after a SnapStart restore, and ECS and EKS always.

Contract: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html. The address comes from the
environment and the answer is a secret, so plain HTTP is spoken only to this machine and to AWS's link-local addresses.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from edge.aws.connection import BrokenExchange, Connection
from edge.aws.credentials import Credentials
from edge.aws.endpoint import Endpoint
from edge.aws.faults import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.clock import Clock

RELATIVE_URI_HOST = "169.254.170.2"
HTTP_HOSTS = frozenset({"localhost", RELATIVE_URI_HOST, "169.254.170.23", "fd00:ec2::23", "::1"})
"""Hosts besides 127.0.0.0/8 that plain HTTP may reach: ECS, EKS, EKS over IPv6, loopback."""

TIMEOUT_MS = 1_000
MAX_ANSWER_BYTES = 64 * 1024


def from_container(environ: Mapping[str, str], *, clock: Clock) -> Credentials | None:
    """
    Fetch credentials from the endpoint that *environ* names; None when it names none.

    Args:
        environ: the process's variables. A token file is read anew each time, as it rotates.
        clock: for the timeout of 1 s.

    Raises:
        Unavailable: the endpoint is not allowed, did not answer, or answered nonsense (``credentials``).
    """
    relative, full = (
        environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    )
    if not relative and not full:
        return None
    url = f"http://{RELATIVE_URI_HOST}{relative}" if relative else full or ""
    try:
        return _parse(_fetch(url, _authorization(environ), clock))
    except (BrokenExchange, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unavailable("credentials", outcome_unknown=False) from None


def _authorization(environ: Mapping[str, str]) -> str | None:
    """Return the token for the Authorization header; a file wins over the variable."""
    path = environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    token = (
        Path(path).read_text("ascii").strip() if path else environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    )
    if token and not (token.isascii() and token.isprintable()):
        raise ValueError("the authorization token could not stand in a header")
    return token or None


def _fetch(url: str, authorization: str | None, clock: Clock) -> bytes:
    origin, path = _split(url)
    endpoint = Endpoint.parse(origin)
    if not endpoint.secure and not _is_allowed(endpoint.host):
        raise ValueError("plain HTTP to this host is refused")
    request = f"GET {path} HTTP/1.1\r\nhost: {endpoint.authority}\r\naccept: application/json\r\n"
    if authorization is not None:
        request += f"authorization: {authorization}\r\n"
    deadline_ns = clock.monotonic_ns() + TIMEOUT_MS * 1_000_000
    # A private endpoint over TLS has a public or private CA, not one of the five Amazon roots: the system's bundle.
    connection = Connection(endpoint, clock=clock, ca_bundle="system", max_body_bytes=MAX_ANSWER_BYTES)
    try:
        connection.open(deadline_ns)
        answer = connection.exchange(f"{request}connection: close\r\n\r\n".encode("ascii"), deadline_ns)
    finally:
        connection.close()
    if answer.status != 200:
        raise ValueError("the endpoint refused")
    return answer.body


def _split(url: str) -> tuple[str, str]:
    """Split a URL into its origin and the rest, which must be able to stand in a request line."""
    scheme, mark, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    if not mark or not url.isascii() or not url.isprintable() or " " in url or "#" in url:
        raise ValueError("not a URL")
    return f"{scheme}://{authority}", f"{slash or '/'}{path}"


def _is_allowed(host: str) -> bool:
    """Tell whether plain HTTP to *host* stays on this machine or with AWS. An address, so that no DNS answer decides."""
    octets = host.split(".")
    loopback = len(octets) == 4 and octets[0] == "127" and all(part.isdecimal() for part in octets)
    return loopback or host in HTTP_HOSTS


def _parse(body: bytes) -> Credentials:
    document = json.loads(body)
    expires_at_ms = None
    if document.get("Expiration"):
        moment = datetime.fromisoformat(document["Expiration"])
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        expires_at_ms = int(moment.timestamp() * 1000)
    return Credentials(
        document["AccessKeyId"],
        document["SecretAccessKey"],
        document.get("Token") or None,
        expires_at_ms=expires_at_ms,
    )
