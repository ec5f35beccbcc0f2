"""Requests signed by hand, so that a test can break one thing and have the MAC fit what it broke."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.problems import DependencyUnavailable, Problem
from edge.regions import CDG1
from edge.signing.keys import SigningKeys
from edge.signing.problems import SignatureRefused
from edge.signing.verify import Verified, check_signature, verify

if TYPE_CHECKING:
    from edge.regions import Region
    from edge.signing.fields import Headers
    from edge.signing.nonces import NonceClaim, NonceStore

NOW: Final = 2_000_000_000
KEYS: Final = SigningKeys.parse([{"version": 1, "secret": "A" * 43}])
KEY: Final = KEYS.key_of("k3yOfACaller", CDG1)
METHOD: Final = "POST"
URL: Final = "https://api.example/orders/7?dry=1"
BODY: Final = b'{"hello": "world"}'
NONCE: Final = "nonce-0123456789_A"
COMPONENTS: Final = '("@method" "@authority" "@path" "@query" "content-digest")'

VALUES: Final = {
    "created": str(NOW),
    "expires": str(NOW + 60),
    "nonce": f'"{NONCE}"',
    "keyid": '"k3yOfACaller.1"',
    "alg": '"hmac-sha256"',
    "tag": '"edge-sign/v1:eu-west-3"',
}


class Letter(NamedTuple):
    """A request on its way."""

    headers: Headers
    method: str = METHOD
    url: str = URL
    body: bytes = BODY


def parameters(**changed: str | None) -> str:
    """Return the parameters with some changed, added, or, where None, left out."""
    values: dict[str, str | None] = {**VALUES, **changed}
    return "".join(f";{name}={value}" for name, value in values.items() if value is not None)


def digest(body: bytes = BODY, algorithm: str = "sha-256") -> str:
    raw = hashlib.new(algorithm.replace("-", ""), body).digest()
    return f"{algorithm}=:{base64.b64encode(raw).decode()}:"


def lines(
    *, method: str = METHOD, authority: str = "api.example", path: str = "/orders/7", query: str = "?dry=1"
) -> dict[str, str]:
    return {'"@method"': method, '"@authority"': authority, '"@path"': path, '"@query"': query}


def mac_of(base: str, secret: bytes = KEY.secret) -> str:
    return base64.b64encode(hmac.new(secret, base.encode(), "sha256").digest()).decode()


def written(
    *,
    params: str | None = None,
    components: str = COMPONENTS,
    content_digest: str | None = None,
    covered: dict[str, str] | None = None,
    label: str = "edge",
    secret: bytes = KEY.secret,
    added: dict[str, str] | None = None,
    **changed: str | None,
) -> dict[str, str]:
    """
    Return the headers of a request whose MAC is right for what they say.

    Args:
        params: the parameters as they stand; or as :func:`parameters` makes them of *changed*.
        components: the inner list as it stands.
        content_digest: the field.
        covered: value of each component but the digest, as the sender takes them.
        label: of the signature.
        secret: of the key.
        added: more headers.
        changed: see :func:`parameters`.
    """
    stated = digest() if content_digest is None else content_digest
    says = components + (parameters(**changed) if params is None else params)
    values = (lines() if covered is None else covered) | {'"content-digest"': stated}
    listed = [identifier for identifier in components.strip("()").split(" ") if identifier in values]
    base = "\n".join(
        [*(f"{name}: {values[name]}" for name in listed), f'"@signature-params": {says}'],
    )
    return {
        "Content-Digest": stated,
        "Signature-Input": f"{label}={says}",
        "Signature": f"{label}=:{mac_of(base, secret)}:",
        **(added or {}),
    }


def checked(letter: Letter, *, now: int = NOW, region: Region = CDG1) -> Verified:
    """Check a request without claiming its nonce."""
    return check_signature(**letter._asdict(), keys=KEYS, region=region, now_seconds=now)


def received(
    letter: Letter, nonces: NonceStore, *, now: int = NOW, region: Region = CDG1, request_id: str = "r"
) -> Verified:
    """Verify a request."""
    return verify(
        **letter._asdict(),
        keys=KEYS,
        region=region,
        now_seconds=now,
        nonces=nonces,
        request_id=request_id,
    )


def outcome(letter: Letter, *, now: int = NOW, region: Region = CDG1) -> str:
    """Return ``accepted``, or why not: the violation, or else the reason."""
    try:
        checked(letter, now=now, region=region)
    except SignatureRefused as refused:
        if refused.violation is None:
            return refused.reason
        return refused.violation if refused.reason == "profile_violation" else "violation of nothing"
    except Problem as problem:
        return problem.reason
    return "accepted"


def is_quick(letter: Letter, *, milliseconds: float = 5.0) -> None:
    """Check that refusing *letter* takes less than so much of the processor, at the best of five tries."""
    took = []
    for _ in range(5):
        started = time.process_time_ns()
        outcome(letter)
        took.append(time.process_time_ns() - started)
    assert min(took) < milliseconds * 1e6


class Lost(DependencyUnavailable):
    """The store did not answer."""

    def __init__(self) -> None:
        super().__init__(7)

    def log_fields(self) -> dict[str, object]:
        return {"fault": "timed_out"}


class CountingStore:
    """Passes claims on and counts them; loses requests or answers when told."""

    def __init__(self, store: NonceStore) -> None:
        self._store = store
        self.claims: list[NonceClaim] = []
        self.lost_request = False
        self.lost_answer = False

    def claim(self, claim: NonceClaim, *, now_seconds: int) -> str:
        self.claims.append(claim)
        if self.lost_request:
            raise Lost
        holder = self._store.claim(claim, now_seconds=now_seconds)
        if self.lost_answer:
            raise Lost
        return holder
