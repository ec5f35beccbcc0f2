"""
What makes a signature good for one use: its nonce is claimed, once, in its region's store.

How long a claim must be remembered
    A verifier accepts a signature while its clock shows less than ``expires``, however far ahead ``created`` was. So
    the claim is kept until ``expires``, and :data:`MARGIN_SECONDS` longer: for verifiers whose clocks are behind that of
    whoever forgets (DynamoDB's TTL, another container), and for the time between a look at the clock and the claim. It
    is counted from what the signature says. Counted from the claim, 300 s would end before a signature does that was
    made 300 s ahead: it lives for 600.

Why nothing is cached in front of the store
    A cache that forgets early lets one replay through for each entry that it evicts; one that does not is a store.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from edge.signing.primitives import base64url, sha256

MARGIN_SECONDS: Final = 60
"""Two clocks of a region may differ by it, with the time a claim takes added."""


class NonceClaim(NamedTuple):
    """
    Somebody wants a nonce for himself.

    Attributes:
        key_id: of the signing key; every key has its own nonces.
        nonce: the signature's.
        holder: who wants it; nobody else has the same text.
        keep_until: epoch seconds before which the claim must not be forgotten, as :func:`keep_until` says.
    """

    key_id: str
    nonce: str
    holder: str
    keep_until: int


class NonceStore(Protocol):
    """Remembers who claimed a nonce first."""

    def claim(self, claim: NonceClaim, *, now_seconds: int) -> str:
        """
        Give the nonce to ``claim.holder`` unless somebody has it, in one atomic step.

        Args:
            claim: what is wanted.
            now_seconds: epoch seconds; a claim to be kept until then, or earlier, counts as forgotten.

        Returns:
            Who has it now: ``claim.holder``, also when an earlier try of this claim got it and the answer was lost; or
            another.

        Raises:
            edge.problems.DependencyUnavailable: the store cannot be had; the nonce may or may not be claimed.
        """


def keep_until(expires: int) -> int:
    """Return until when the claim of a signature that expires at *expires* is kept, in epoch seconds."""
    return expires + MARGIN_SECONDS


def nonce_name(key_id: str, nonce: str) -> str:
    """
    Return the name of a nonce in a store: 45 characters, whatever the key's id is like.

    Example:
        >>> nonce_name("k3yOfACaller.1", "0123456789abcdef")
        'N#DdKvn0MXzxMPhEBp-lgxwD76bOq9ii6jgVrYwq054eg'
    """
    return "N#" + base64url(sha256(f"{key_id}\0{nonce}".encode("ascii")).digest())
