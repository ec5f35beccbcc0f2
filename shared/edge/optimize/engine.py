"""
One answer, optimised: cache fields, entity tag, 304, 412, minified JSON, the best content coding that the client takes.

A pure function of what it is given. It answers a GET; it does not serve ranges, and it does not touch what is coded or
partial already, nor what says ``no-transform``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from edge.optimize.codecs import encoder
from edge.optimize.conditions import judge, lists
from edge.optimize.fields import checked_lines, directives, field
from edge.optimize.kept import OF_BYTES, OF_REPRESENTATION, kept
from edge.optimize.media_types import read_media_type
from edge.optimize.minify import minified
from edge.optimize.negotiation import CODINGS, read_accept_encoding
from edge.optimize.policy import POLICIES, decide_policy, merge_vary
from edge.optimize.problems import ResultTooLarge
from edge.optimize.validators import entity_tag, opaque_tag
from edge.problems import BodyTooLarge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from edge.optimize.codecs import Encode
    from edge.optimize.fields import Lines
    from edge.optimize.negotiation import Accepted, Coding, Encoding
    from edge.optimize.policy import CachePolicy, CacheReason, Strategy

    EncoderOf = Callable[[Coding], Encode | None]

MOST_BODY_BYTES: Final = 5_000_000
LEAST_CODED_BYTES: Final = 1_024
"""Smaller bodies fit into a packet or two with or without coding."""
MOST_MINIFIED_BYTES: Final = 16_384
"""
Larger JSON is not minified before it is coded, unless the strategy is aggressive.

Coding takes the blanks out nearly as well: of 30 KB that are indented, minifying first saves 4 % of what is sent, and
doubles the processor time; of 1 KB it saves 6 %, for 15 us (``tests/bench/optimize.py``).
"""

OptimisedStatus = Literal[200, 304, 406, 412]
EncodingReason = Literal[
    "negotiated",
    "client_prefers_identity",
    "too_small",
    "no_gain",
    "not_text",
    "strategy_none",
    "no_transform",
    "already_encoded",
    "partial_content",
    "identity_refused",
    "too_large_for_identity",
    "not_acceptable",
    "precondition_failed",
]

READ_FIELDS: Final = frozenset(
    {
        "accept-encoding",
        "authorization",
        "cookie",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-unmodified-since",
        "proxy-authorization",
        "x-api-key",
    }
)
"""What is read of a request; the rest need not be given."""


class Optimised(NamedTuple):
    """
    The answer.

    Attributes:
        status: 200, or 304 for those who have it, or 406 where nothing is acceptable, or 412 where the request asks for
            another version than there is.
        headers: names in lower case.
        body: in *encoding*; empty unless *status* is 200.
        encoding: the content coding, or ``identity``; that of the response if it was coded already.
        original_bytes: of the body that came.
        optimized_bytes: of *body*.
        reason: why these cache fields.
        encoding_reason: why this coding.
    """

    status: OptimisedStatus
    headers: list[tuple[str, str]]
    body: bytes
    encoding: str
    original_bytes: int
    optimized_bytes: int
    reason: CacheReason
    encoding_reason: EncodingReason


def optimise(
    body: bytes,
    content_type: str | None,
    *,
    strategy: Strategy | None,
    request_headers: Iterable[tuple[str, str]],
    response_headers: Iterable[tuple[str, str]],
    now_ms: int,
    most_bytes: int | None = None,
    encoder_of: EncoderOf = encoder,
) -> Optimised:
    """
    Return the optimised answer to a GET whose plain answer is 200 with *body*.

    Args:
        body: at most :data:`MOST_BODY_BYTES`.
        content_type: of *body*; None leaves what *response_headers* say.
        strategy: see :data:`edge.optimize.policy.POLICIES`; ``none`` leaves the body alone, too. None keeps the cache
            fields that *response_headers* have, as far as they are safe.
        request_headers: those of :data:`READ_FIELDS`, or all.
        response_headers: of the plain answer; kept, but for what is replaced or would be false.
        now_ms: epoch milliseconds, to read dates with.
        most_bytes: the largest body that can be answered; a coding that is acceptable is taken for it, asked for or not.
        encoder_of: gives the encoder of a coding, or None.

    Raises:
        edge.problems.BodyTooLarge: *body* is over the limit.
        edge.optimize.problems.UnusableHeaders: a header could split the answer, or they are too long.
        edge.optimize.problems.ResultTooLarge: nothing acceptable is within *most_bytes*.
    """
    if len(body) > MOST_BODY_BYTES:
        raise BodyTooLarge(MOST_BODY_BYTES)
    request = checked_lines(request_headers, "request_headers")
    response = checked_lines(response_headers, "response_headers")
    if content_type is not None:
        typed = checked_lines([("content-type", content_type)], "content_type")
        response = [*typed, *(line for line in response if line[0] != "content-type")]
    policy, reason = decide_policy(strategy, request, response)
    return _Answer(body, request, response, policy, reason, now_ms, most_bytes).made(strategy, encoder_of)


class _Answer:
    """One answer in the making."""

    def __init__(
        self,
        body: bytes,
        request: Lines,
        response: Lines,
        policy: CachePolicy,
        reason: CacheReason,
        now_ms: int,
        most_bytes: int | None,
    ) -> None:
        self._original = self._coded_from = body
        self._request = request
        self._response = response
        self._policy = policy
        self._reason = reason
        self._now_ms = now_ms
        self._most_bytes = MOST_BODY_BYTES if most_bytes is None else most_bytes
        self._no_transform = "no-transform" in directives(field(response, "cache-control"))
        self._is_minified = False
        self._plain: bytes | None = None
        self._tagged: bytes | None = None
        self._opaque = ""

    def made(self, strategy: Strategy | None, encoder_of: EncoderOf) -> Optimised:
        accepted = read_accept_encoding(field(self._request, "accept-encoding"))
        fixed = self._fixed()
        if fixed is not None:
            return self._as_it_is(accepted, fixed)
        media = read_media_type(field(self._response, "content-type"))
        self._is_minified = strategy != "none" and media.is_json
        if strategy == "aggressive" or len(self._original) <= MOST_MINIFIED_BYTES:
            self._coded_from = self._identity()
        preferred = self._against_coding(strategy, is_text=media.is_text)
        offered = [coding for coding in CODINGS if accepted.weight(coding) > 0 and encoder_of(coding)]
        return self._negotiated(
            accepted.ranked(offered, prefer_identity=preferred is not None), preferred, encoder_of
        )

    def _identity(self) -> bytes:
        """Return the body that is sent in no coding."""
        if self._plain is None:
            self._plain = minified(self._original) if self._is_minified else self._original
        return self._plain

    def _fixed(self) -> EncodingReason | None:
        """Return why the bytes must stay as they are; None if they need not."""
        coded = field(self._response, "content-encoding")
        if coded is not None and coded.lower() not in ("", "identity"):
            return "already_encoded"
        if field(self._response, "content-range") is not None:
            return "partial_content"
        return "no_transform" if self._no_transform else None

    def _against_coding(self, strategy: Strategy | None, *, is_text: bool) -> EncodingReason | None:
        """Return why identity is preferred wherever it is acceptable; None if it is not."""
        if strategy == "none":
            return "strategy_none"
        if not is_text:
            return "not_text"
        return "too_small" if len(self._coded_from) < LEAST_CODED_BYTES else None

    def _as_it_is(self, accepted: Accepted, why: EncodingReason) -> Optimised:
        coded = field(self._response, "content-encoding") if why == "already_encoded" else None
        encoding = (coded or "identity").lower()
        if not all(
            accepted.weight(coding.strip(" \t")) > 0 for coding in encoding.split(",") if coding.strip(" \t")
        ):
            return self._without_representation(406, "not_acceptable")
        if why == "partial_content":  # the whole, which conditions and tags are about, is not known
            return self._sent(self._original, encoding, why, "")
        return self._judged(self._original, encoding, why, self._tag("identity", self._original))

    def _negotiated(
        self, ranked: Sequence[Encoding], preferred: EncodingReason | None, encoder_of: EncoderOf
    ) -> Optimised:
        if not ranked:
            return self._without_representation(406, "not_acceptable")
        why = preferred or ("client_prefers_identity" if ranked[0] == "identity" else "negotiated")
        source = self._coded_from
        for encoding in ranked:
            if encoding == "identity":
                if len(self._identity()) <= self._most_bytes:
                    return self._in_identity(why)
                why = "too_large_for_identity"
                continue
            if "identity" not in ranked and preferred is not None:
                why = "identity_refused"
            tag = self._tag(encoding, source)
            # Who has the tag of this coding has been sent it: no need to encode in order to say so.
            if tag and lists(self._request, tag):
                return self._judged(b"", encoding, why, tag)
            encode = encoder_of(encoding)
            coded = encode(source) if encode else source
            if len(coded) >= len(source) and "identity" in ranked and len(source) <= self._most_bytes:
                return self._in_identity("no_gain")
            if len(coded) <= self._most_bytes:
                return self._judged(coded, encoding, why, tag)
        raise ResultTooLarge(self._most_bytes)

    def _in_identity(self, why: EncodingReason) -> Optimised:
        plain = self._identity()
        return self._judged(plain, "identity", why, self._tag("identity", plain))

    def _tag(self, encoding: Encoding, body: bytes) -> str:
        """Return the tag of *body* in *encoding*; empty where the policy has none."""
        if not self._policy.is_tagged:
            return ""
        if body is not self._tagged:
            self._tagged, self._opaque = body, opaque_tag(body)
        return entity_tag(self._opaque, encoding)

    def _judged(self, body: bytes, encoding: str, why: EncodingReason, tag: str) -> Optimised:
        """Return what the conditions of the request leave of *body*."""
        verdict = judge(self._request, self._response, tag, now_ms=self._now_ms)
        if verdict == "failed":
            return self._without_representation(412, "precondition_failed")
        if verdict == "not_modified":
            headers = [*kept(self._response, OF_REPRESENTATION), *self._told(tag, self._policy)]
            return self._result(304, headers, b"", encoding, self._reason, why)
        return self._sent(body, encoding, why, tag)

    def _sent(self, body: bytes, encoding: str, why: EncodingReason, tag: str) -> Optimised:
        if len(body) > self._most_bytes:
            raise ResultTooLarge(self._most_bytes)
        dropped = {"content-encoding"} if why != "already_encoded" else set()
        if body != self._original:
            dropped |= OF_BYTES
        headers = kept(self._response, dropped)
        if encoding != "identity" and why != "already_encoded":
            headers.append(("content-encoding", encoding))
        headers += [*self._told(tag, self._policy), ("content-length", str(len(body)))]
        return self._result(200, headers, body, encoding, self._reason, why)

    def _without_representation(
        self, status: OptimisedStatus, why: Literal["not_acceptable", "precondition_failed"]
    ) -> Optimised:
        headers = [
            *kept(self._response, OF_REPRESENTATION),
            *self._told("", POLICIES["none"]),
            ("content-length", "0"),
        ]
        return self._result(status, headers, b"", "identity", why, why)

    def _result(
        self,
        status: OptimisedStatus,
        headers: Lines,
        body: bytes,
        encoding: str,
        reason: CacheReason,
        why: EncodingReason,
    ) -> Optimised:
        return Optimised(status, headers, body, encoding, len(self._original), len(body), reason, why)

    def _told(self, tag: str, policy: CachePolicy) -> Lines:
        """Return what we say to caches: the same with 200 and 304."""
        vary = merge_vary((value for name, value in self._response if name == "vary"), "Accept-Encoding")
        told = [
            ("cache-control", self._as_transformed(policy.cache_control)),
            ("cdn-cache-control", self._as_transformed(policy.cdn_cache_control)),
            ("vary", vary),
        ]
        return [("etag", tag), *told] if tag else told

    def _as_transformed(self, cache_control: str) -> str:
        """Return *cache_control*, with the wish not to be transformed if the response had it."""
        if not self._no_transform or "no-transform" in directives(cache_control):
            return cache_control
        return f"{cache_control}, no-transform"
