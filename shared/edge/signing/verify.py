"""
Verify a signed request, once: raises, or says who signed it.

What is checked, the cheap before the dear, and nothing is written for who does not hold the key:

1. the form of what came, its profile and version (:mod:`~edge.signing.signature_input`, :mod:`~edge.signing.target`)
2. the region that the tag names: another one is told before anything is looked up
3. the key
4. the time
5. the MAC, of a base that we wrote ourselves, in constant time
6. the body's digest: behind the MAC, as 6 MB cost 3 ms that nobody shall spend for us without a key
7. the nonce, last: a request that is refused uses none up

:func:`check_signature` does 1 to 6 and no I/O, :func:`claim_nonce` does 7. Who limits the rate of a key does so in
between; everybody else calls :func:`verify`.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.problems import DependencyUnavailable
from edge.signing.content_digest import check_content_digest, read_content_digest
from edge.signing.dictionary import read_byte_sequences
from edge.signing.fields import read_fields
from edge.signing.nonces import NonceClaim, keep_until
from edge.signing.primitives import base64, base64url, compare_digest, hmac_sha256
from edge.signing.problems import (
    NonceStoreUnavailable,
    RegionMismatch,
    Replayed,
    SignatureRefused,
    violated,
)
from edge.signing.profile import MAX_AHEAD_SECONDS, MAX_SIGNATURE_CHARS
from edge.signing.signature_base import profile_base
from edge.signing.signature_input import read_signature_input
from edge.signing.target import BadTarget, Target, read_authority, read_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.regions import Region
    from edge.signing.fields import Headers
    from edge.signing.keys import KeyLookup
    from edge.signing.nonces import NonceStore
    from edge.signing.signature_input import SignatureInput

_MAC: Final = re.compile(r":[A-Za-z0-9+/]{43}=:")
_HOLDER_BYTES: Final = 12
_MAX_REQUEST_ID_CHARS: Final = 128


class Verified(NamedTuple):
    """
    A signature that is right.

    Attributes:
        key_id: of the key that signed.
        api_key_id: whose it is; whether that API key is still good has not been looked at.
        nonce: the signature's.
        created: epoch seconds.
        expires: epoch seconds.
        region: that it is for.
    """

    key_id: str
    api_key_id: str
    nonce: str
    created: int
    expires: int
    region: Region


def verify(
    *,
    method: str,
    url: str,
    headers: Headers,
    body: bytes,
    keys: KeyLookup,
    region: Region,
    now_seconds: int,
    nonces: NonceStore,
    request_id: str,
    random: Callable[[int], bytes] = os.urandom,
) -> Verified:
    """
    Return who signed this request, if it is signed right and comes for the first time.

    Args:
        method: as it was sent.
        url: as it was sent, absolute and not decoded (HTTP APIs of API Gateway decode the path: take it from
            elsewhere).
        headers: all of its header fields; others than ours are only looked at for what no header may have.
        body: as it was sent, ``b""`` for none.
        keys: finds the key.
        region: where this is.
        now_seconds: now, epoch seconds.
        nonces: of this region.
        request_id: of whatever asks; is kept with the nonce for whoever looks into a replay.
        random: returns so many random bytes.

    Raises:
        SignatureRefused: it is not signed right.
        RegionMismatch: it is signed for another region.
        Replayed: it was here before.
        NonceStoreUnavailable: whether it was cannot be found out.
    """
    verified = check_signature(
        method=method,
        url=url,
        headers=headers,
        body=body,
        keys=keys,
        region=region,
        now_seconds=now_seconds,
    )
    claim_nonce(verified, nonces, now_seconds=now_seconds, request_id=request_id, random=random)
    return verified


def check_signature(
    *,
    method: str,
    url: str,
    headers: Headers,
    body: bytes,
    keys: KeyLookup,
    region: Region,
    now_seconds: int,
) -> Verified:
    """
    Return who signed this request, whether or not it was here before; no I/O unless *keys* does any.

    Args:
        method: as for :func:`verify`, like all others.
        url: as there.
        headers: as there.
        body: as there.
        keys: as there.
        region: as there.
        now_seconds: as there.

    Raises:
        SignatureRefused: it is not signed right.
        RegionMismatch: it is signed for another region.
    """
    fields = read_fields(headers)
    says = read_signature_input(fields.signature_input)
    stated_mac = _stated_mac(fields.signature, says.label)
    stated_digest = read_content_digest(fields.content_digest)
    target = _target(method, url, fields.host)
    if says.region != region:
        raise RegionMismatch(says.region)
    key = keys.find(says.key_id, region)
    if key is None:
        raise SignatureRefused("unknown_key")
    _check_time(says, now_seconds)
    base = profile_base(target, fields.content_digest or "", says.signature_params)
    # Texts are compared: base64 with stray bits in its end would be a second spelling of one signature.
    if not compare_digest(f":{base64(hmac_sha256(key.secret, base))}:", stated_mac):
        raise SignatureRefused("signature_invalid")
    check_content_digest(stated_digest, body)
    return Verified(
        key_id=says.key_id,
        api_key_id=says.key_id.rpartition(".")[0],
        nonce=says.nonce,
        created=says.created,
        expires=says.expires,
        region=region,
    )


def claim_nonce(
    verified: Verified,
    nonces: NonceStore,
    *,
    now_seconds: int,
    request_id: str,
    random: Callable[[int], bytes] = os.urandom,
) -> None:
    """
    Use up the nonce of a signature that is right.

    Args:
        verified: from :func:`check_signature`.
        nonces: of this region.
        now_seconds: as given to :func:`check_signature`: by the same look at the clock a signature has not expired and its
            claim is not forgotten.
        request_id: as for :func:`verify`. A sender who could choose it gains nothing: it does not make two claims one.
        random: returns so many random bytes.

    Raises:
        Replayed: somebody has it.
        NonceStoreUnavailable: the store cannot be had.
    """
    holder = f"{request_id[:_MAX_REQUEST_ID_CHARS]}.{base64url(random(_HOLDER_BYTES))}"
    claim = NonceClaim(verified.key_id, verified.nonce, holder, keep_until(verified.expires))
    try:
        has_it = nonces.claim(claim, now_seconds=now_seconds)
    except DependencyUnavailable as unavailable:
        raise NonceStoreUnavailable(unavailable) from None
    if has_it != holder:
        raise Replayed


def _stated_mac(field: str | None, label: str) -> str:
    """Return the signature of *label* as ``:base64:``; a text, so that it has one spelling."""
    if field is None:
        raise violated("no_signature")
    if len(field) > MAX_SIGNATURE_CHARS:
        raise violated("signature_too_large")
    members = read_byte_sequences(field)
    if members is None:
        raise violated("malformed_signature")
    for member in members:
        if member.label == label:
            if _MAC.fullmatch(member.value) is None or member.parameters:
                raise violated("malformed_signature")
            return member.value
    raise violated("no_signature")


def _target(method: str, url: str, host: str | None) -> Target:
    try:
        target = read_target(method, url)
        authority = target.authority if host is None else read_authority(host, target.scheme)
    except BadTarget as bad:
        raise violated(bad.violation) from None
    if authority != target.authority:
        # Whoever routes by the one and whoever checks the other would see two requests.
        raise violated("host_mismatch")
    return target


def _check_time(says: SignatureInput, now_seconds: int) -> None:
    if says.created - now_seconds > MAX_AHEAD_SECONDS:
        raise SignatureRefused("not_yet_valid")
    if now_seconds >= says.expires:
        raise SignatureRefused("expired")
