"""
Every problem that the API can answer, read from the error tree: type, status, reasons, and the document of each.

What is written out is made by the code that answers (:func:`edge.web.problem_document.render_problem`), so an example
cannot drift from an answer.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple, get_args

from edge.auth.apikeys.problems import CONFLICTS, KeyConflict, KeyRefused, UnknownKey
from edge.auth.apikeys.problems import REFUSALS as KEY_REFUSALS
from edge.auth.problems import AmbiguousCredentials, UnknownScheme
from edge.auth.sessions.problems import HomeUnavailable, RefreshRefused
from edge.auth.sessions.problems import RefusalReason as RefreshReason
from edge.auth.tokens.problems import REFUSALS as TOKEN_REFUSALS
from edge.auth.tokens.problems import KeysUnavailable, TokenRefused
from edge.geo.problems import LocationUnknown
from edge.health.problems import LastRegions, RegionUnknown
from edge.optimize.problems import (
    HeaderReason,
    NothingAcceptable,
    PreconditionFailed,
    ResultTooLarge,
    UnusableHeaders,
)
from edge.optimize.wire import MOST_ANSWERED_BYTES
from edge.problems import (
    BodyTooLarge,
    DependencyUnavailable,
    FieldError,
    InvalidValues,
    MalformedJson,
    MalformedRequest,
    NotAllowed,
    NotAuthenticated,
    OriginNotAllowed,
    Problem,
    Unexpected,
    UnknownRoute,
    WrongMediaType,
    WrongMethod,
)
from edge.ratelimit.decisions import Decision, Verdict
from edge.ratelimit.problems import TooManyRequests
from edge.ratelimit.tiers import TIERS
from edge.regions import BY_CODE
from edge.settings import DEFAULT_MAX_BODY_BYTES
from edge.signing.problems import (
    NonceStoreUnavailable,
    RegionMismatch,
    Replayed,
    SignatureRefused,
    SigningKeysMissing,
    Violation,
)
from edge.signing.problems import RefusalReason as SignatureReason
from edge.telemetry.region_totals import TotalsUnavailable
from edge.web.problem_document import render_problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.openapi.schemas import Json, Schema

INSTANCE: Final = "JKJaXmPLvHcESHA="
_DOWN: Final = DependencyUnavailable(1)


class Occurrence(NamedTuple):
    """
    A problem with one reason, as it is answered.

    Attributes:
        name: of its example in the document: ``key-refused.unknown_key``.
        problem: it.
    """

    name: str
    problem: Problem

    @property
    def body(self) -> Json:
        """The problem document."""
        found: Json = json.loads(render_problem(self.problem, instance=INSTANCE)[1])
        return found


def _denied() -> Verdict:
    """Return a denial by the Free plan."""
    now_ms = 1_795_184_337_000
    decision = Decision(
        allowed=False,
        subject="",
        tier=TIERS["plan:free"],
        remaining=0,
        reset_at_ms=now_ms + 3_600_000,
        retry_after_ms=3_600_000,
        degraded=False,
        decided_at_ms=now_ms,
    )
    return Verdict(allowed=False, decisions=(decision,))


def _occurrences() -> list[Problem]:
    return [
        MalformedRequest(),
        MalformedJson(),
        NotAuthenticated(),
        AmbiguousCredentials(),
        UnknownScheme(),
        *(KeyRefused(reason) for reason in KEY_REFUSALS),
        *(TokenRefused(reason) for reason in TOKEN_REFUSALS),
        *(RefreshRefused(reason) for reason in get_args(RefreshReason)),
        *(
            SignatureRefused(reason, "no_signature" if reason == "profile_violation" else None)
            for reason in get_args(SignatureReason)
        ),
        NotAllowed(),
        OriginNotAllowed(),
        UnknownRoute(),
        UnknownKey(),
        RegionUnknown(),
        WrongMethod("GET, HEAD"),
        NothingAcceptable(),
        *(KeyConflict(reason) for reason in CONFLICTS),
        Replayed(),
        LastRegions(),
        PreconditionFailed(),
        BodyTooLarge(DEFAULT_MAX_BODY_BYTES),
        ResultTooLarge(MOST_ANSWERED_BYTES),
        WrongMediaType(),
        RegionMismatch(BY_CODE["iad1"]),
        InvalidValues([FieldError(pointer="/cost", reason="greater_than_equal")]),
        LocationUnknown(),
        *(UnusableHeaders(reason, "response_headers") for reason in get_args(HeaderReason)),
        TooManyRequests(_denied()),
        Unexpected(),
        DependencyUnavailable(1),
        KeysUnavailable(1),
        HomeUnavailable(BY_CODE["iad1"], _DOWN),
        NonceStoreUnavailable(_DOWN),
        SigningKeysMissing(),
        TotalsUnavailable(),
    ]


OCCURRENCES: Final = tuple(Occurrence(f"{one.slug}.{one.reason}", one) for one in _occurrences())
"""Every leaf of the tree with every reason that it can have."""


def occurrences_of(kinds: Iterable[type[Problem]]) -> list[Occurrence]:
    """Return what problems of exactly these classes look like, in the order of the tree."""
    wanted = set(kinds)
    return [one for one in OCCURRENCES if type(one.problem) in wanted]


def problem_schema() -> Schema:
    """Return the schema of the problem document (RFC 9457)."""
    whole: Schema = {"type": "integer", "minimum": 1}
    return {
        "type": "object",
        "description": "What went wrong (RFC 9457). `reason` is the word to branch on: a closed set, told with each answer.",
        "additionalProperties": False,
        "required": ["type", "title", "status", "detail", "instance", "reason"],
        "properties": {
            "type": {
                "type": "string",
                "format": "uri-reference",
                "enum": [*sorted({f"/problems/{one.problem.slug}" for one in OCCURRENCES})],
                "description": "What kind of problem it is; an identifier, explained on the reference page.",
            },
            "title": {"type": "string", "description": "The kind in words, equal for each occurrence."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The answer's own."},
            "detail": {"type": "string", "description": "One fixed sentence for each reason; never input."},
            "instance": {"type": "string", "description": "The request id, as in X-Request-Id."},
            "reason": {"type": "string", "enum": [*sorted({one.problem.reason for one in OCCURRENCES})]},
            "retry_after_seconds": {**whole, "description": "When it is worth another try; as Retry-After."},
            "errors": {
                "type": "array",
                "maxItems": 20,
                "description": "Where values are wrong and why; never the values.",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["pointer", "reason"],
                    "properties": {
                        "pointer": {
                            "type": "string",
                            "description": "JSON Pointer (RFC 6901) into the body.",
                        },
                        "reason": {"type": "string"},
                    },
                },
            },
            "limit_bytes": {**whole, "description": "The most that is taken, or answered."},
            "violated_policies": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Names of the limits that the request is over.",
            },
            "part": {
                "type": "string",
                "enum": ["content_type", "request_headers", "response_headers"],
                "description": "Which of the given headers cannot be used.",
            },
            "violation": {
                "type": "string",
                "enum": [*sorted(get_args(Violation))],
                "description": "How the signature profile is broken.",
            },
            "home_region": {
                "type": "string",
                "enum": [*sorted(BY_CODE)],
                "description": "Code of the region that the request was signed for.",
            },
        },
    }
