"""
One answer, optimised: cache fields, entity tag, 304, minified JSON, the best content coding that the client takes.

A pure function of what it is given. It answers a GET; it does not serve ranges, and it does not touch what is coded or
partial already, nor what says ``no-transform``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from edge.optimize.codecs import encoder
from edge.optimize.fields import checked_lines, directives, field
from edge.optimize.media_types import read_media_type
from edge.optimize.minify import minified
from edge.optimize.negotiation import CODINGS, read_accept_encoding
from edge.optimize.policy import POLICIES, decide_policy, is_cache_field, merge_vary
from edge.optimize.problems import ResultTooLarge
from edge.optimize.validators import entity_tag, modified_since, none_match, opaque_tag
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
]

READ_FIELDS: Final = frozenset(
    {
        "accept-encoding",
        "authorization",
        "cookie",
        "if-modified-since",
        "if-none-match",
        "proxy-authorization",
        "x-api-key",
    }
)
"""What is read of a request; the rest need not be given."""

_CONNECTION: Final = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""About one connection or one message, not about the answer; two lengths in one message split it."""
_REPLACED: Final = frozenset({"etag", "vary"})
_OF_BYTES: Final = frozenset({"accept-ranges", "content-digest", "content-md5", "digest", "repr-digest"})
"""True of the bytes that came, false of others."""
_OF_REPRESENTATION: Final = _OF_BYTES | {
    "content-encoding",
    "content-language",
    "content-range",
    "content-type",
    "last-modified",
}
"""What a 304 leaves out (RFC 9110, section 15.4.5); ``Last-Modified`` because there is a tag."""


class Optimised(NamedTuple):
    """
    The answer.

    Attributes:
        status: 200, or 304 for those who have it, or 406 where nothing is acceptable.
        headers: names in lower case.
        body: in *encoding*; empty unless *status* is 200.
        encoding: the content coding, or ``identity``; that of the response if it was coded already.
        original_bytes: of the body that came.
        optimized_bytes: of *body*.
        reason: why these cache fields.
        encoding_reason: why this coding.
    """

    status: Literal[200, 304, 406]
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
    strategy: Strategy,
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
        strategy: see :data:`edge.optimize.policy.POLICIES`; ``none`` leaves the body alone, too.
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
        self._original = self._plain = body
        self._request = request
        self._response = response
        self._policy = policy
        self._reason = reason
        self._now_ms = now_ms
        self._most_bytes = MOST_BODY_BYTES if most_bytes is None else most_bytes
        self._no_transform = "no-transform" in directives(field(response, "cache-control"))
        self._opaque = ""

    def made(self, strategy: Strategy, encoder_of: EncoderOf) -> Optimised:
        accepted = read_accept_encoding(field(self._request, "accept-encoding"))
        fixed = self._fixed()
        if fixed is not None:
            return self._as_it_is(accepted, fixed)
        media = read_media_type(field(self._response, "content-type"))
        if strategy != "none" and media.is_json:
            self._plain = minified(self._original)
        preferred = self._against_coding(strategy, is_text=media.is_text)
        offered = [coding for coding in CODINGS if accepted.weight(coding) > 0 and encoder_of(coding)]
        return self._negotiated(
            accepted.ranked(offered, prefer_identity=preferred is not None), preferred, encoder_of
        )

    def _fixed(self) -> EncodingReason | None:
        """Return why the bytes must stay as they are; None if they need not."""
        coded = field(self._response, "content-encoding")
        if coded is not None and coded.lower() not in ("", "identity"):
            return "already_encoded"
        if field(self._response, "content-range") is not None:
            return "partial_content"
        return "no_transform" if self._no_transform else None

    def _against_coding(self, strategy: Strategy, *, is_text: bool) -> EncodingReason | None:
        """Return why identity is preferred wherever it is acceptable; None if it is not."""
        if strategy == "none":
            return "strategy_none"
        if not is_text:
            return "not_text"
        return "too_small" if len(self._plain) < LEAST_CODED_BYTES else None

    def _as_it_is(self, accepted: Accepted, why: EncodingReason) -> Optimised:
        coded = field(self._response, "content-encoding") if why == "already_encoded" else None
        encoding = (coded or "identity").lower()
        if not all(
            accepted.weight(coding.strip(" \t")) > 0 for coding in encoding.split(",") if coding.strip(" \t")
        ):
            return self._not_acceptable()
        tag = "" if why == "partial_content" else self._tag("identity")
        return self._sent(self._plain, encoding, why, tag)

    def _negotiated(
        self, ranked: Sequence[Encoding], preferred: EncodingReason | None, encoder_of: EncoderOf
    ) -> Optimised:
        if not ranked:
            return self._not_acceptable()
        why = preferred or ("client_prefers_identity" if ranked[0] == "identity" else "negotiated")
        smallest = len(self._plain)
        for encoding in ranked:
            if encoding == "identity":
                if len(self._plain) <= self._most_bytes:
                    return self._sent(self._plain, "identity", why, self._tag("identity"))
                why = "too_large_for_identity"
                continue
            if "identity" not in ranked and preferred is not None:
                why = "identity_refused"
            tag = self._tag(encoding)
            # Who has the tag of this coding has been sent it: no need to encode in order to say so.
            if tag and self._names(tag):
                return self._not_modified(encoding, tag, why)
            encode = encoder_of(encoding)
            coded = encode(self._plain) if encode else self._plain
            if len(coded) >= smallest and "identity" in ranked and smallest <= self._most_bytes:
                return self._sent(self._plain, "identity", "no_gain", self._tag("identity"))
            if len(coded) <= self._most_bytes:
                return self._sent(coded, encoding, why, tag)
        raise ResultTooLarge(self._most_bytes)

    def _tag(self, encoding: Encoding) -> str:
        if not self._policy.is_tagged:
            return ""
        if not self._opaque:
            self._opaque = opaque_tag(self._plain)
        return entity_tag(self._opaque, encoding)

    def _names(self, tag: str) -> bool:
        """Return whether the client lists *tag* itself, rather than whatever there is."""
        tags = field(self._request, "if-none-match")
        return tags is not None and tags != "*" and not none_match(tags, tag)

    def _is_known(self, tag: str) -> bool:
        """Return whether the client has the representation with *tag* (section 13.2.2: a tag outdoes a date)."""
        if not tag:
            return False
        tags = field(self._request, "if-none-match")
        if tags is not None:
            return not none_match(tags, tag)
        since = field(self._request, "if-modified-since")
        if since is None:
            return False
        return not modified_since(since, field(self._response, "last-modified"), now_ms=self._now_ms)

    def _sent(self, body: bytes, encoding: str, why: EncodingReason, tag: str) -> Optimised:
        if self._is_known(tag):
            return self._not_modified(encoding, tag, why)
        if len(body) > self._most_bytes:
            raise ResultTooLarge(self._most_bytes)
        dropped = {"content-encoding"} if why != "already_encoded" else set()
        if body != self._original:
            dropped |= _OF_BYTES
        headers = self._kept(dropped)
        if encoding != "identity" and why != "already_encoded":
            headers.append(("content-encoding", encoding))
        headers += [*self._told(tag, self._policy), ("content-length", str(len(body)))]
        return self._result(200, headers, body, encoding, self._reason, why)

    def _not_modified(self, encoding: str, tag: str, why: EncodingReason) -> Optimised:
        headers = [*self._kept(_OF_REPRESENTATION), *self._told(tag, self._policy)]
        return self._result(304, headers, b"", encoding, self._reason, why)

    def _not_acceptable(self) -> Optimised:
        headers = [
            *self._kept(_OF_REPRESENTATION),
            *self._told("", POLICIES["none"]),
            ("content-length", "0"),
        ]
        return self._result(406, headers, b"", "identity", "not_acceptable", "not_acceptable")

    def _result(
        self,
        status: Literal[200, 304, 406],
        headers: Lines,
        body: bytes,
        encoding: str,
        reason: CacheReason,
        why: EncodingReason,
    ) -> Optimised:
        return Optimised(status, headers, body, encoding, len(self._original), len(body), reason, why)

    def _kept(self, dropped: Iterable[str]) -> Lines:
        away = _CONNECTION | _REPLACED | frozenset(dropped)
        return [line for line in self._response if line[0] not in away and not is_cache_field(line[0])]

    def _told(self, tag: str, policy: CachePolicy) -> Lines:
        """Return what we say to caches: the same with 200 and 304."""
        suffix = ", no-transform" if self._no_transform else ""
        vary = merge_vary((value for name, value in self._response if name == "vary"), "Accept-Encoding")
        told = [
            ("cache-control", policy.cache_control + suffix),
            ("cdn-cache-control", policy.cdn_cache_control + suffix),
            ("vary", vary),
        ]
        return [("etag", tag), *told] if tag else told
