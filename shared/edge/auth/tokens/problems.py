"""
Why a token or a key document is not taken.

::

    edge.problems.Problem
    |-- NotAuthenticated         401
    |   `-- TokenRefused                 the caller needs another token       + reason
    |-- DependencyUnavailable    503
    |   `-- KeysUnavailable              no keys, or none that are fresh enough
    `-- Unexpected               500
        `-- KeysRefused                  the secret's content is a defect     + fault, position

What differs is a member of a closed set. Nothing of a token or a key gets in here.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from edge.problems import DependencyUnavailable, NotAuthenticated, Unexpected

RefusalReason: TypeAlias = Literal[
    "oversize",
    "malformed",
    "bad_header",
    "wrong_type",
    "unknown_key",
    "wrong_algorithm",
    "bad_signature",
    "bad_payload",
    "bad_claims",
    "bad_times",
    "lifetime_too_long",
    "expired",
    "not_yet_valid",
    "wrong_issuer",
    "wrong_audience",
    "bad_role",
    "bad_scope",
    "revoked",
]
"""Why a token is refused, in the order in which the frame looks; ``revoked`` is said by who knows of revocations."""

REFUSALS: Final[dict[RefusalReason, str]] = {
    "oversize": "The access token is longer than any that this service issues.",
    "malformed": "The access token is not three segments of canonical base64url.",
    "bad_header": "The access token's header has other members than alg, kid and typ, or is not JSON.",
    "wrong_type": "The token is not an access token: typ is not at+jwt.",
    "unknown_key": "The access token names no key of this service.",
    "wrong_algorithm": "The access token's algorithm is not that of its key, or is not accepted here.",
    "bad_signature": "The access token's signature does not match.",
    "bad_payload": "The access token's payload is not one JSON object in UTF-8 without duplicate members.",
    "bad_claims": "A claim of the access token is missing, unknown, or not of its form.",
    "bad_times": "The access token's times are not whole seconds in a possible order.",
    "lifetime_too_long": "The access token lives longer than this service lets tokens live.",
    "expired": "The access token has expired.",
    "not_yet_valid": "The access token is not valid yet; compare the clocks.",
    "wrong_issuer": "The access token is of another issuer.",
    "wrong_audience": "The access token is for another audience.",
    "bad_role": "The access token's role is none that a token can have.",
    "bad_scope": "The access token's scope is malformed or exceeds its role.",
    "revoked": "The access token has been revoked.",
}
"""The fixed explanation of each reason."""


class TokenRefused(NotAuthenticated):
    """
    The access token is not taken (RFC 6750, section 3.1: ``invalid_token``).

    Args:
        reason: why; the first rule that was broken.

    Example:
        >>> TokenRefused("expired").headers()
        [(b'www-authenticate', b'Bearer error="invalid_token"')]
    """

    slug, title, status = "token-refused", "Access token refused", 401
    reason: RefusalReason

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__()
        self.reason = reason
        self.detail = REFUSALS[reason]

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Say what a client library waits for: get another token, do not try this one again."""
        return [(b"www-authenticate", b'Bearer error="invalid_token"')]

    def __str__(self) -> str:
        return self.reason


class KeysUnavailable(DependencyUnavailable):
    """
    The keys could not be fetched and what was known has reached its age limit.

    Args:
        retry_after_seconds: when the source is asked again, > 0.
    """

    slug, title, status, reason = "keys-unavailable", "Keys unavailable", 503, "keys_unavailable"
    detail = "The keys that access tokens are checked with cannot be fetched."


KeyFault: TypeAlias = Literal[
    "oversize",
    "not_json",
    "no_keys",
    "too_many_keys",
    "bad_entry",
    "bad_kid",
    "duplicate_kid",
    "bad_issuer",
    "bad_created_at",
    "unknown_algorithm",
    "algorithm_mismatch",
    "kid_mismatch",
    "wrong_key_type",
    "wrong_curve",
    "wrong_use",
    "unknown_member",
    "missing_member",
    "bad_encoding",
    "short_secret",
    "weak_modulus",
    "bad_exponent",
    "bad_point",
    "bad_private_part",
    "no_signing_key",
]
"""What is wrong with a key document."""


class KeysRefused(Unexpected):
    """
    The key document is not taken as a whole; a defect of whoever wrote the secret.

    Args:
        fault: what is wrong.
        position: index in ``token_keys``, or None where it is the document.

    Example:
        >>> str(KeysRefused("short_secret", position=1))
        'token_keys[1]: short_secret'
    """

    def __init__(self, fault: KeyFault, *, position: int | None = None) -> None:
        super().__init__()
        self.fault: KeyFault = fault
        self.position = position

    def log_fields(self) -> dict[str, object]:
        """Tell the log what is wrong and where."""
        return {"key_fault": self.fault, "key_position": self.position}

    def __str__(self) -> str:
        place = "document" if self.position is None else f"token_keys[{self.position}]"
        return f"{place}: {self.fault}"
