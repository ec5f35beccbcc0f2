"""
What a signed request is refused with.

::

    edge.problems.RequestProblem
    |-- NotAuthenticated
    |   `-- SignatureRefused        401  signature_invalid, expired, not_yet_valid, digest_mismatch, unknown_key,
    |                                    signer_revoked, signer_expired, profile_violation     + violation
    |-- Replayed                    409  replayed
    `-- RegionMismatch              421  region_mismatch       + home_region
    edge.problems.ServiceProblem
    `-- DependencyUnavailable
        |-- NonceStoreUnavailable   503  nonce_store_unavailable  + retry_after_seconds
        `-- SigningKeysMissing      503  signing_keys_missing     + retry_after_seconds

A wrong MAC has one reason whatever is wrong. A *violation* is about the form of what was sent, which its sender knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from edge.problems import DependencyUnavailable, NotAuthenticated, RequestProblem

if TYPE_CHECKING:
    from edge.regions import Region

RefusalReason = Literal[
    "signature_invalid",
    "expired",
    "not_yet_valid",
    "digest_mismatch",
    "unknown_key",
    "signer_revoked",
    "signer_expired",
    "profile_violation",
]

Violation = Literal[
    "bad_method",
    "bad_url",
    "bad_host",
    "bad_port",
    "bad_header",
    "too_many_headers",
    "host_mismatch",
    "no_signature_input",
    "signature_input_too_large",
    "malformed_signature_input",
    "no_signature_of_profile",
    "several_signatures_of_profile",
    "wrong_components",
    "malformed_parameters",
    "repeated_parameter",
    "unknown_parameter",
    "missing_parameter",
    "wrong_algorithm",
    "wrong_version",
    "unknown_region",
    "bad_created",
    "bad_expires",
    "bad_lifetime",
    "bad_nonce",
    "bad_key_id",
    "no_signature",
    "signature_too_large",
    "malformed_signature",
    "no_content_digest",
    "content_digest_too_large",
    "malformed_content_digest",
    "no_sha_256",
]
"""How a request breaks the profile ``edge-sign/v1``."""

_DETAILS: Final[dict[RefusalReason, str]] = {
    "signature_invalid": "The signature is not that of this request by this key.",
    "expired": "The signature has expired; sign again.",
    "not_yet_valid": "The signature was created too far in the future; set the signer's clock.",
    "digest_mismatch": "The body is not the one that was signed.",
    "unknown_key": "The signature's keyid names no signing key.",
    "signer_revoked": "The API key that signed was revoked.",
    "signer_expired": "The API key that signed has expired.",
    "profile_violation": "The request is not signed as the profile edge-sign/v1 wants it; violation says how.",
}

CHALLENGE: Final = b'Signature realm="edge-sign/v1"'
"""
Every 401 has a challenge (RFC 9110, section 15.5.2). Not ``Bearer``: a refused signature says nothing about the token of
who asked for the verdict, and a client that is told so would fetch another. The scheme is not registered.
"""

_SECRET_FRESH_SECONDS: Final = 300
"""After so long a function reads the secret again."""

ACCEPT_SIGNATURE: Final = (
    b'edge=("@method" "@authority" "@path" "@query" "content-digest");created;expires;alg="hmac-sha256"'
)


class SignatureRefused(NotAuthenticated):
    """
    The signature proves nothing.

    Args:
        reason: why.
        violation: how the profile is broken, for that reason.
    """

    slug, title = "signature-refused", "Signature refused"

    def __init__(self, reason: RefusalReason, violation: Violation | None = None) -> None:
        super().__init__()
        self.reason: RefusalReason = reason
        self.detail = _DETAILS[reason]
        self.violation = violation

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Say what would be accepted (RFC 9421, section 5.1), beside the challenge that every 401 has."""
        return [(b"www-authenticate", CHALLENGE), (b"accept-signature", ACCEPT_SIGNATURE)]

    def extensions(self) -> dict[str, object]:
        """Say how the profile is broken."""
        return {} if self.violation is None else {"violation": self.violation}

    def log_fields(self) -> dict[str, object]:
        """Tell the log the same."""
        return self.extensions()


def violated(violation: Violation) -> SignatureRefused:
    """Return the refusal of a request that breaks the profile by *violation*."""
    return SignatureRefused("profile_violation", violation)


class Replayed(RequestProblem):
    """The signature is right and was used before, or another one had its nonce."""

    slug, title, status, reason = "replayed", "Replayed", 409, "replayed"
    detail = "This nonce was used before; sign again with a new one."


class RegionMismatch(RequestProblem):
    """
    The request says that it was signed for another region; nothing of it was checked, nothing was kept.

    Args:
        home: the region that it was signed for.
    """

    slug, title, status, reason = "region-mismatch", "Region mismatch", 421, "region_mismatch"
    detail = "The request is signed for another region; send it to home_region or sign again for this one."

    def __init__(self, home: Region) -> None:
        super().__init__()
        self.home = home

    def extensions(self) -> dict[str, object]:
        """Name the region."""
        return {"home_region": self.home.code}

    def log_fields(self) -> dict[str, object]:
        """Tell the log the same."""
        return self.extensions()


class NonceStoreUnavailable(DependencyUnavailable):
    """
    Whether the signature was used before cannot be found out, so it is not accepted.

    Its nonce may be used up: the same signature can come back as replayed.

    Args:
        cause: what the store raised.
    """

    slug, title, reason = "nonce-store-unavailable", "Nonce store unavailable", "nonce_store_unavailable"
    detail = (
        "Whether this signature was used before cannot be found out now. Sign again later, with a new nonce."
    )

    def __init__(self, cause: DependencyUnavailable) -> None:
        super().__init__(cause.retry_after_seconds)
        self._log_fields = cause.log_fields()

    def log_fields(self) -> dict[str, object]:
        """Tell the log what the store said."""
        return self._log_fields


class SigningKeysMissing(DependencyUnavailable):
    """The house's secret has no usable member ``signing_master``: one of an earlier release has not."""

    slug, title, reason = "signing-keys-missing", "Signing keys missing", "signing_keys_missing"
    detail = "This service has no signing keys yet; whoever runs it has to make some."

    def __init__(self) -> None:
        super().__init__(_SECRET_FRESH_SECONDS)
