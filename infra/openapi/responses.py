"""Responses of an operation: what it answers when all goes well, and every problem by status with its reasons."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from edge.auth.apikeys.problems import KeyRefused
from edge.auth.problems import AmbiguousCredentials, UnknownScheme
from edge.auth.roles import SCOPES
from edge.auth.tokens.problems import KeysUnavailable, TokenRefused
from edge.callers import ANYBODY, KEY_OR_TOKEN
from edge.optimize.problems import NothingAcceptable, PreconditionFailed
from edge.problems import (
    BodyTooLarge,
    DependencyUnavailable,
    InvalidValues,
    MalformedJson,
    MalformedRequest,
    NotAllowed,
    NotAuthenticated,
    Problem,
    Unexpected,
    WrongMediaType,
)
from edge.ratelimit.problems import TooManyRequests
from edge.signing.problems import SignatureRefused
from infra.openapi.problems import Occurrence, occurrences_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.callers import Need
    from infra.openapi.operations import Kind
    from infra.openapi.schemas import Json, Schema

PROBLEM_JSON: Final = "application/problem+json"

HEADERS: Final[dict[str, tuple[str, str]]] = {
    "X-Request-Id": ("string", "Names this request in our logs; quote it."),
    "X-Edge-Region": ("string", "Code of the region that answered."),
    "Server-Timing": ("string", "`app;dur=` and how many ms the function took."),
    "X-Correlation-Id": ("string", "As the request had it, if it had a well-formed one."),
    "X-RateLimit-Limit": ("integer", "Calls in a window, of the limit that is tightest."),
    "X-RateLimit-Remaining": ("integer", "Calls that are left of it."),
    "X-RateLimit-Reset": ("integer", "When more are, in epoch seconds."),
    "RateLimit-Policy": ("string", 'Every limit: `"plan:free";q=100;w=86400` (IETF draft).'),
    "RateLimit": ("string", 'What is left of each: `"plan:free";r=37;t=120` (IETF draft).'),
    "Retry-After": ("integer", "Seconds until another try can succeed."),
    "WWW-Authenticate": ("string", "The scheme that is taken (RFC 9110, section 11.6.1)."),
    "Accept-Signature": ("string", "The signature that would be taken (RFC 9421, section 5.1)."),
    "ETag": ("string", "Names this version of the answer, for If-None-Match."),
    "Vary": ("string", "Request fields that the answer depends on."),
    "Cache-Control": ("string", "What caches may do with the answer; `no-store` where nothing else is said."),
    "Location": ("string", "Path of what was made."),
    "X-Auth-Subject": ("string", "Whom the credentials speak for."),
    "X-Auth-Client": ("string", "Id of the API key behind them."),
    "X-Auth-Role": ("string", "ADMIN, USER or GUEST."),
    "X-Auth-Scope": ("string", "Scopes, separated by spaces."),
    "X-Auth-Kind": ("string", "`key` or `token`."),
}
"""Type and meaning of every response header."""

EVERY: Final = ("X-Request-Id", "X-Edge-Region", "Server-Timing", "X-Correlation-Id", "Cache-Control")
LIMITED: Final = (
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "RateLimit-Policy",
    "RateLimit",
)
"""Of answers to callers whose plan has a limit."""

_OPTIONAL: Final = frozenset({"X-Correlation-Id", "Accept-Signature", *LIMITED})
_OWN: Final = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}


def header_components() -> dict[str, Json]:
    """Return the headers for ``components``."""
    return {
        name: {"description": text, "required": name not in _OPTIONAL, "schema": {"type": kind}}
        for name, (kind, text) in sorted(HEADERS.items())
    }


def guard_problems(need: Need | None) -> list[type[Problem]]:
    """Return what a guard refuses callers with."""
    if need is None:
        return []
    kinds: list[type[Problem]] = [KeyRefused, TooManyRequests, DependencyUnavailable]
    if need.shown_in == KEY_OR_TOKEN:
        kinds += [AmbiguousCredentials, UnknownScheme, TokenRefused, KeysUnavailable]
    if need.scope != ANYBODY:
        kinds.append(NotAllowed)
        if need.scope not in SCOPES["ANONYMOUS"]:
            kinds.append(NotAuthenticated)
    return kinds


def input_problems(*, has_body: bool, has_parameters: bool) -> list[type[Problem]]:
    """Return what any input can be refused with, and what can happen to any request."""
    kinds: list[type[Problem]] = [MalformedRequest, BodyTooLarge, Unexpected]
    if has_body:
        kinds += [MalformedJson, WrongMediaType, InvalidValues]
    if has_parameters:
        kinds.append(InvalidValues)
    return kinds


def problem_responses(kinds: Sequence[type[Problem]], *, is_limited: bool) -> dict[str, Schema]:
    """
    Return the responses for problems of these classes, by status.

    Args:
        kinds: leaves of the error tree.
        is_limited: whether callers are counted, so that answers tell what is left.
    """
    found: dict[int, list[Occurrence]] = {}
    for one in occurrences_of(kinds):
        found.setdefault(one.problem.status, []).append(one)
    return {
        str(status): _problem_response(status, ones, is_limited) for status, ones in sorted(found.items())
    }


def not_modified() -> tuple[str, Schema]:
    """Return status and response for a client that has the current version."""
    headers = header_references([*EVERY, "ETag", "Vary"])
    return "304", {"description": "The client has the current version.", "headers": headers}


CONDITIONAL: Final[tuple[type[Problem], ...]] = (NothingAcceptable, PreconditionFailed)
"""What clients' conditions on an answer's coding and version can end in."""


def success(status: str, kinds: Sequence[Kind], examples: dict[str, Json], names: Sequence[str]) -> Schema:
    """
    Return the response of an answer that is no problem.

    Args:
        status: its code.
        kinds: how it can be written; none for an answer without content.
        examples: of the JSON, by name.
        names: of its header fields.
    """
    content: dict[str, Json] = {}
    for media_type in dict.fromkeys(kind.media_type for kind in kinds):
        schemas = [_schema(kind.schema) for kind in kinds if kind.media_type == media_type]
        content[media_type] = {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": [*schemas]}}
    return complete({"description": "", **({"content": content} if content else {})}, status, examples, names)


def complete(response: Schema, status: str, examples: dict[str, Json], names: Sequence[str]) -> Schema:
    """Return *response* with its phrase, examples and headers."""
    content = response.get("content")
    completed: Schema = {
        "description": HTTPStatus(int(status)).phrase + ".",
        "headers": header_references([*EVERY, *_OWN.get(int(status), ()), *names]),
    }
    if isinstance(content, dict):
        first = next(iter(content))
        completed["content"] = {
            media_type: {
                **(given if isinstance(given, dict) else {}),
                **(
                    {"examples": {name: {"value": value} for name, value in examples.items()}}
                    if examples and media_type == first
                    else {}
                ),
            }
            for media_type, given in content.items()
        }
    return completed


def header_references(names: Sequence[str]) -> Json:
    """Return references to headers, in the order of :data:`HEADERS`."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS if name in names}


def _problem_response(status: int, ones: list[Occurrence], is_limited: bool) -> Schema:  # noqa: FBT001 - one caller
    names = [*EVERY, *_OWN.get(status, ()), *(LIMITED if is_limited else ())]
    if any(isinstance(one.problem, SignatureRefused) for one in ones):
        names.append("Accept-Signature")
    reasons = ", ".join(f"`{reason}`" for reason in dict.fromkeys(one.problem.reason for one in ones))
    return {
        "description": f"{HTTPStatus(status).phrase}: {reasons}.",
        "headers": header_references(names),
        "content": {
            PROBLEM_JSON: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {one.name: {"$ref": f"#/components/examples/{one.name}"} for one in ones},
            }
        },
    }


def _schema(name: str) -> Json:
    return {"type": "string"} if name == "text" else {"$ref": f"#/components/schemas/{name}"}
