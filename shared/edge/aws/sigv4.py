"""
AWS Signature Version 4 for the one request shape of AWS's JSON protocols: ``POST /`` with a fixed set of headers.

Source: "Signature Version 4 signing process", https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html.
With the shape fixed, canonicalisation is a template: nothing to sort, trim or escape. What does not change within a
second (the date) or a day (the signing key) is computed once. The general algorithm is in
:mod:`edge.aws.sigv4_general`; a test holds the two, and botocore's, byte-equal.

Sans-I/O: time and credentials come in by argument.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

try:  # the C functions themselves: hashlib and hmac cost 1 ms at start to arrive at the same two
    from _hashlib import hmac_digest
    from _hashlib import openssl_sha256 as sha256
except ImportError:  # a Python without OpenSSL
    from hashlib import sha256
    from hmac import digest as hmac_digest  # type: ignore[assignment]

if TYPE_CHECKING:
    from edge.aws.credentials import Credentials

ALGORITHM = b"AWS4-HMAC-SHA256"


def amz_date(now_seconds: int) -> bytes:
    """
    Return the time as SigV4 writes it.

    Args:
        now_seconds: since the Unix epoch.

    Example:
        >>> amz_date(1_440_938_160)
        b'20150830T123600Z'
    """
    return b"%04d%02d%02dT%02d%02d%02dZ" % time.gmtime(now_seconds)[:6]


def signing_key(secret: bytes, day: bytes, region: bytes, service: bytes) -> bytes:
    """Return the key for one day (``YYYYMMDD``), region and service: four chained HMACs."""
    key = b"AWS4" + secret
    for part in (day, region, service, b"aws4_request"):
        key = hmac_digest(key, part, "sha256")
    return key


class _Second:
    """What stays the same while the clock shows one second and the credentials stay."""

    __slots__ = (
        "canonical_date",  # from the start to x-amz-target's value
        "credentials",
        "day",
        "key",
        "now_seconds",
        "signed",  # from after the target's value to the body's hash
        "to_sign",  # of the string to sign, all but the last hash
        "wire_date",  # from after the target's value to the signature
        "wire_token",  # from after the signature to content-length's value
    )

    def __init__(self, now_seconds: int, credentials: Credentials, day: bytes, key: bytes) -> None:
        self.now_seconds = now_seconds
        self.credentials = credentials
        self.day = day
        self.key = key
        self.canonical_date = self.signed = self.to_sign = self.wire_date = self.wire_token = b""


class PostSigner:
    """
    Signs and writes out ``POST /`` requests to one service in one region.

    Safe under threads: its state is one object, made whole and then put in place.

    Args:
        service: AWS's signing name, such as ``dynamodb``.
        region: AWS's region name.
        host: value of the ``host`` header, with the port where it is not the scheme's own.
        content_type: such as ``application/x-amz-json-1.0``.
    """

    __slots__ = ("_head", "_host", "_region", "_second", "_service", "_type")

    def __init__(self, *, service: str, region: str, host: str, content_type: str) -> None:
        self._service = service.encode("ascii")
        self._region = region.encode("ascii")
        self._host = host.encode("ascii")
        self._type = content_type.encode("ascii")
        # No accept-encoding other than identity: x-amz-crc32 is then over the bytes that we parse.
        self._head = (
            b"POST / HTTP/1.1\r\nhost: %b\r\ncontent-type: %b\r\naccept-encoding: identity\r\n"
            b"user-agent: kaizen-edge\r\nx-amz-target: "
        ) % (self._host, self._type)
        self._second: _Second | None = None

    def request(self, target: bytes, body: bytes, credentials: Credentials, now_seconds: int) -> bytes:
        """
        Return the whole signed HTTP/1.1 request.

        Args:
            target: value of ``x-amz-target``, such as ``DynamoDB_20120810.GetItem``.
            body: the JSON document.
            credentials: to sign with; a session token is signed and sent.
            now_seconds: since the Unix epoch, corrected for skew if that is known.
        """
        second = self._second
        if second is None or second.now_seconds != now_seconds or second.credentials is not credentials:
            second = self._second = self._prepare(credentials, now_seconds, second)
        canonical = b"%b%b%b%b" % (
            second.canonical_date,
            target,
            second.signed,
            sha256(body).hexdigest().encode("ascii"),
        )
        to_sign = second.to_sign + sha256(canonical).hexdigest().encode("ascii")
        signature = hmac_digest(second.key, to_sign, "sha256").hex().encode("ascii")
        return b"%b%b%b%b%b%d\r\n\r\n%b" % (
            self._head,
            target,
            second.wire_date,
            signature,
            second.wire_token,
            len(body),
            body,
        )

    def _prepare(self, credentials: Credentials, now_seconds: int, last: _Second | None) -> _Second:
        date = amz_date(now_seconds)
        day = date[:8]
        if last is not None and last.day == day and last.credentials is credentials:
            key = last.key
        else:
            key = signing_key(credentials.secret_access_key.encode("utf-8"), day, self._region, self._service)
        scope = b"%b/%b/%b/aws4_request" % (day, self._region, self._service)
        names = b"content-type;host;x-amz-date;x-amz-target"
        canonical_token = wire_token = b""
        if credentials.session_token is not None:
            token = credentials.session_token.encode("ascii")
            names = b"content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
            canonical_token = b"x-amz-security-token:%b\n" % token
            wire_token = b"\r\nx-amz-security-token: " + token
        second = _Second(now_seconds, credentials, day, key)
        second.canonical_date = b"POST\n/\n\ncontent-type:%b\nhost:%b\nx-amz-date:%b\n%bx-amz-target:" % (
            self._type,
            self._host,
            date,
            canonical_token,
        )
        second.signed = b"\n\n%b\n" % names
        second.to_sign = b"%b\n%b\n%b\n" % (ALGORITHM, date, scope)
        second.wire_date = (
            b"\r\nx-amz-date: %b\r\nauthorization: %b Credential=%b/%b, SignedHeaders=%b, Signature="
        ) % (date, ALGORITHM, credentials.access_key_id.encode("ascii"), scope, names)
        second.wire_token = wire_token + b"\r\ncontent-length: "
        return second
