"""
AWS Signature Version 4 for any request, in headers or in the query.

Source: "Signature Version 4 signing process", https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html, and
the rules that AWS's own test suite (awslabs/aws-c-auth) holds: paths normalised or not, headers of the same name joined
in order, runs of spaces folded. The hot path does not load this module; it is what :mod:`edge.aws.sigv4` is
compared with, and it signs what is not ``POST /``.

Sans-I/O. SigV4A (ECDSA, for requests that any region may take) is left out: nothing of ours sends one, and its keys
need big-number arithmetic that costs more than it is worth here.
"""

from __future__ import annotations

from hashlib import sha256
from hmac import digest as hmac_digest
from typing import TYPE_CHECKING, NamedTuple

from edge.aws.sigv4 import ALGORITHM, amz_date, signing_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.aws.credentials import Credentials

Headers = list[tuple[str, str]]

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ENCODED = tuple(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in range(256))


class Scope(NamedTuple):
    """
    What a signature is valid for.

    Attributes:
        region: AWS's region name.
        service: AWS's signing name.
        now_seconds: since the Unix epoch.
    """

    region: str
    service: str
    now_seconds: int

    def text(self) -> str:
        """Return the credential scope, ``YYYYMMDD/region/service/aws4_request``."""
        return f"{amz_date(self.now_seconds)[:8].decode()}/{self.region}/{self.service}/aws4_request"


class Signed(NamedTuple):
    """
    A signature and how it came about.

    Attributes:
        canonical: the canonical request.
        to_sign: the string to sign.
        signature: in hex.
        headers: what to send as headers (header signing adds its own; query signing adds none).
        query: what to send as query, names and values not encoded.
    """

    canonical: str
    to_sign: str
    signature: str
    headers: Headers
    query: Headers


def sign_headers(
    method: str,
    path: str,
    query: Sequence[tuple[str, str]],
    headers: Sequence[tuple[str, str]],
    body: bytes,
    credentials: Credentials,
    scope: Scope,
    *,
    normalize: bool,
    sign_body: bool,
    sign_token: bool,
) -> Signed:
    """
    Sign a request by an ``Authorization`` header.

    Args:
        method: HTTP method.
        path: not percent-encoded; it is encoded once.
        query: names and values, not percent-encoded.
        headers: all that shall be signed; ``Host`` must be there. Values may span lines.
        body: the payload.
        credentials: to sign with.
        scope: region, service, time.
        normalize: resolve ``.``, ``..`` and repeated slashes in the path (every service but S3).
        sign_body: send the body's hash as ``X-Amz-Content-Sha256`` too.
        sign_token: False adds the session token after signing, as a few services want.
    """
    date = amz_date(scope.now_seconds).decode()
    body_hash = sha256(body).hexdigest()
    sent = [*headers, ("X-Amz-Date", date)]
    if sign_body:
        sent.append(("X-Amz-Content-Sha256", body_hash))
    token = credentials.session_token
    if token is not None and sign_token:
        sent.append(("X-Amz-Security-Token", token))
    canonical, names = _canonical(method, path, query, sent, body_hash, normalize=normalize)
    to_sign, signature = _sign(canonical, credentials, scope, date)
    if token is not None and not sign_token:
        sent.append(("X-Amz-Security-Token", token))
    sent.append(
        (
            "Authorization",
            (
                f"{ALGORITHM.decode()} Credential={credentials.access_key_id}/{scope.text()}, "
                f"SignedHeaders={names}, Signature={signature}"
            ),
        )
    )
    return Signed(canonical, to_sign, signature, sent, list(query))


def sign_query(
    method: str,
    path: str,
    query: Sequence[tuple[str, str]],
    headers: Sequence[tuple[str, str]],
    body: bytes,
    credentials: Credentials,
    scope: Scope,
    *,
    expires_seconds: int,
    normalize: bool,
    sign_token: bool,
) -> Signed:
    """
    Presign a request by query parameters; arguments as in :func:`sign_headers`.

    Args:
        method: HTTP method.
        path: not percent-encoded.
        query: names and values, not percent-encoded.
        headers: all that shall be signed.
        body: the payload.
        credentials: to sign with.
        scope: region, service, time.
        expires_seconds: how long the URL is valid, 1 to 604,800.
        normalize: resolve the path's dots and slashes.
        sign_token: False adds the session token after signing.
    """
    date = amz_date(scope.now_seconds).decode()
    body_hash = sha256(body).hexdigest()
    names = ";".join(sorted({name.lower() for name, _ in headers}))
    sent = [
        *query,
        ("X-Amz-Algorithm", ALGORITHM.decode()),
        ("X-Amz-Credential", f"{credentials.access_key_id}/{scope.text()}"),
        ("X-Amz-Date", date),
        ("X-Amz-SignedHeaders", names),
        ("X-Amz-Expires", str(expires_seconds)),
    ]
    token = credentials.session_token
    if token is not None and sign_token:
        sent.append(("X-Amz-Security-Token", token))
    canonical, _ = _canonical(method, path, sent, headers, body_hash, normalize=normalize)
    to_sign, signature = _sign(canonical, credentials, scope, date)
    if token is not None and not sign_token:
        sent.append(("X-Amz-Security-Token", token))
    sent.append(("X-Amz-Signature", signature))
    return Signed(canonical, to_sign, signature, list(headers), sent)


def percent_encode(text: str, *, keep_slash: bool) -> str:
    """
    Encode all but RFC 3986's unreserved characters, as UTF-8.

    Example:
        >>> percent_encode("a b/ሴ", keep_slash=True)
        'a%20b/%E1%88%B4'
    """
    encoded = "".join([_ENCODED[byte] for byte in text.encode("utf-8")])
    return encoded.replace("%2F", "/") if keep_slash else encoded


def _canonical(
    method: str,
    path: str,
    query: Sequence[tuple[str, str]],
    headers: Sequence[tuple[str, str]],
    body_hash: str,
    *,
    normalize: bool,
) -> tuple[str, str]:
    """Return the canonical request and the names that it signs."""
    joined: dict[str, list[str]] = {}
    for name, value in headers:
        joined.setdefault(name.lower(), []).append(" ".join(value.split()))
    names = ";".join(sorted(joined))
    pairs = sorted(
        (percent_encode(name, keep_slash=False), percent_encode(value, keep_slash=False))
        for name, value in query
    )
    lines = [
        method,
        percent_encode(_normalized(path) if normalize else path, keep_slash=True),
        "&".join([f"{name}={value}" for name, value in pairs]),
        *[f"{name}:{','.join(joined[name])}" for name in sorted(joined)],
        "",
        names,
        body_hash,
    ]
    return "\n".join(lines), names


def _normalized(path: str) -> str:
    """Resolve dots and empty segments (RFC 3986, section 5.2.4); a trailing slash stays."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    slash = "/" if kept and path.endswith(("/", "/.", "/..")) else ""
    return "/" + "/".join(kept) + slash


def _sign(canonical: str, credentials: Credentials, scope: Scope, date: str) -> tuple[str, str]:
    """Return the string to sign and its signature."""
    digest = sha256(canonical.encode("utf-8")).hexdigest()
    to_sign = f"{ALGORITHM.decode()}\n{date}\n{scope.text()}\n{digest}"
    key = signing_key(
        credentials.secret_access_key.encode("utf-8"),
        date[:8].encode("ascii"),
        scope.region.encode("ascii"),
        scope.service.encode("ascii"),
    )
    return to_sign, hmac_digest(key, to_sign.encode("utf-8"), "sha256").hex()
