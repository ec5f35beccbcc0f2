"""
What no code says of each operation: its name, its group, the problems of its domain, answers that have no model.

Paths, parameters, bodies, models and guards come from the functions themselves; ``document.py`` joins both, and refuses an
operation that is missing here as much as one that is here alone.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.auth.apikeys.problems import KeyConflict, UnknownKey
from edge.auth.problems import AmbiguousCredentials, UnknownScheme
from edge.auth.sessions.problems import HomeUnavailable, RefreshRefused
from edge.auth.tokens.problems import KeysUnavailable
from edge.callers import ANYBODY, KEY_OR_TOKEN, Need
from edge.geo.problems import LocationUnknown
from edge.health.problems import LastRegions, RegionUnknown
from edge.optimize.problems import NothingAcceptable, PreconditionFailed, ResultTooLarge, UnusableHeaders
from edge.problems import (
    DependencyUnavailable,
    InvalidValues,
    NotAllowed,
    NotAuthenticated,
    Problem,
    UnknownRoute,
)
from edge.signing.problems import (
    NonceStoreUnavailable,
    RegionMismatch,
    Replayed,
    SignatureRefused,
    SigningKeysMissing,
)
from edge.telemetry.region_totals import TotalsUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

TAGS: Final = {
    "Rate limits": "May this subject spend this much now? At most the limit in any window.",
    "Tokens": "An API key for access tokens; refresh, revoke, introspect, and the public keys.",
    "API keys": "Keys are made, listed, rotated and revoked. The secret is told once.",
    "Signatures": "Requests signed under the profile `edge-sign/v1` (RFC 9421), and verdicts on them.",
    "Geo routing": "The best healthy region for a client, the whole ranking, and why.",
    "Optimisation": "A plain answer in its smallest correct form.",
    "Health": "Can this region serve? For load balancers, for people, and for taking a region out.",
    "Monitoring": "What was counted, for scrapers and for the dashboard.",
    "Pages": "For people; nobody needs credentials to load them.",
}
"""Groups of operations, in the order in which they are shown."""


class Kind(NamedTuple):
    """
    One way in which an answer can be written.

    Attributes:
        media_type: of the answer, without parameters.
        schema: name of one of the models, of :mod:`infra.openapi.shapes`, or ``text`` and ``bytes``.
    """

    media_type: str
    schema: str


class Operation(NamedTuple):
    """
    What is told of an operation beside what its function says.

    Attributes:
        name: the operationId.
        tag: a key of :data:`TAGS`.
        summary: what it is for, a few words.
        problems: that it answers beside those of guards, bodies and parameters.
        need: of credentials, where the guard is no dependency of the route.
        answers: kinds by status, where the function declares no model.
        headers: names of fields of successful answers, beside those of every answer.
        is_versioned: whether answers that pass the optimiser have validators; not those that nobody may keep.
    """

    name: str
    tag: str
    summary: str
    problems: tuple[type[Problem], ...] = ()
    need: Need | None = None
    answers: Mapping[str, tuple[Kind, ...]] = MappingProxyType({})
    headers: tuple[str, ...] = ()
    is_versioned: bool = True


WHOEVER: Final = Need(ANYBODY, KEY_OR_TOKEN)
REPORT: Final = (Kind("application/json", "HealthReport"),)
HEALTH: Final = (
    Kind("application/json", "HealthDetail"),
    Kind("application/json", "HealthReport"),
    Kind("application/health+json", "HealthDraft"),
)
PAGE: Final = (Kind("text/html", "text"),)
ASSET: Final = (Kind("text/css", "text"), Kind("text/javascript", "text"), Kind("image/svg+xml", "text"))
SCRAPE: Final = (Kind("text/plain", "text"), Kind("application/openmetrics-text", "text"))
IDENTITY: Final = ("X-Auth-Subject", "X-Auth-Client", "X-Auth-Role", "X-Auth-Scope", "X-Auth-Kind")

_sessions = (HomeUnavailable, KeysUnavailable)
_regions = (RegionUnknown, LastRegions)
_metrics = (DependencyUnavailable, TotalsUnavailable)
_verdicts = (SignatureRefused, Replayed, RegionMismatch, NonceStoreUnavailable, SigningKeysMissing)

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("post", "/api/ratelimit/check"): Operation("checkRateLimit", "Rate limits", "Check a limit"),
    ("post", "/api/ratelimit/reset"): Operation("resetRateLimit", "Rate limits", "Forget a subject"),
    ("post", "/api/auth/token"): Operation("createToken", "Tokens", "Begin a session", (KeysUnavailable,)),
    ("post", "/api/auth/refresh"): Operation(
        "refreshToken", "Tokens", "Refresh a session", (RefreshRefused, *_sessions)
    ),
    ("post", "/api/auth/revoke"): Operation(
        "revokeToken",
        "Tokens",
        "Revoke a token",
        _sessions,
        answers={"200": (Kind("application/json", "Nothing"),)},
    ),
    ("post", "/api/auth/validate"): Operation(
        "introspectToken",
        "Tokens",
        "Introspect a token",
        (AmbiguousCredentials, UnknownScheme, KeysUnavailable),
    ),
    ("get", "/api/auth/validate"): Operation(
        "authorizeForward",
        "Tokens",
        "Forward authentication",
        (NotAuthenticated, NotAllowed, InvalidValues),
        answers={"200": ()},
        headers=IDENTITY,
    ),
    ("get", "/.well-known/jwks.json"): Operation(
        "readPublicKeys",
        "Tokens",
        "Public keys",
        (KeysUnavailable,),
        answers={"200": (Kind("application/jwk-set+json", "JwkSet"),)},
    ),
    ("post", "/api/keys"): Operation(
        "createKey", "API keys", "Make a key", (NotAllowed,), headers=("Location",)
    ),
    ("get", "/api/keys"): Operation("listKeys", "API keys", "List keys"),
    ("get", "/api/keys/{id}"): Operation("readKey", "API keys", "Read a key", (UnknownKey,)),
    ("delete", "/api/keys/{id}"): Operation(
        "revokeKey", "API keys", "Revoke a key", (UnknownKey, NotAllowed)
    ),
    ("post", "/api/keys/{id}/rotate"): Operation(
        "rotateKey", "API keys", "Rotate a key", (UnknownKey, KeyConflict, NotAllowed)
    ),
    ("post", "/api/sign/request"): Operation(
        "signRequest", "Signatures", "Sign a request", (SigningKeysMissing,)
    ),
    ("post", "/api/sign/verify"): Operation("verifyRequest", "Signatures", "Verify a request", _verdicts),
    ("post", "/api/geo/route"): Operation(
        "routeClient", "Geo routing", "Choose a region", (LocationUnknown,)
    ),
    ("post", "/api/optimize/response"): Operation(
        "optimizeResponse", "Optimisation", "Optimise an answer", (UnusableHeaders, ResultTooLarge)
    ),
    ("get", "/api/monitoring/live"): Operation("readLiveness", "Health", "Does the function run?"),
    ("get", "/api/monitoring/ready"): Operation(
        "readReadiness", "Health", "Should clients come here?", answers={"200": REPORT, "503": REPORT}
    ),
    ("get", "/api/monitoring/health"): Operation(
        "readHealth",
        "Health",
        "State of the region",
        need=WHOEVER,
        answers={"200": HEALTH, "503": HEALTH},
        headers=("Vary",),
    ),
    ("put", "/api/monitoring/drain/{region}"): Operation(
        "drainRegion", "Health", "Take a region out", _regions
    ),
    ("delete", "/api/monitoring/drain/{region}"): Operation(
        "endDrain", "Health", "Put a region back", (RegionUnknown,)
    ),
    ("get", "/api/monitoring/metrics"): Operation(
        "readMetrics",
        "Monitoring",
        "Metrics",
        (*_metrics, NothingAcceptable, PreconditionFailed),
        answers={"200": SCRAPE},
        headers=("Vary",),
        is_versioned=False,
    ),
    ("get", "/api/monitoring/summary"): Operation("readSummary", "Monitoring", "Numbers of the dashboard"),
    ("get", "/api/monitoring/errors"): Operation("readErrors", "Monitoring", "Error groups"),
    ("get", "/monitoring-dashboard"): Operation(
        "showDashboard", "Pages", "The dashboard", answers={"200": PAGE}
    ),
    ("get", "/monitoring-dashboard/assets/{name}"): Operation(
        "readDashboardAsset", "Pages", "A file of the dashboard", (UnknownRoute,), answers={"200": ASSET}
    ),
    ("get", "/openapi.json"): Operation(
        "readDocument",
        "Pages",
        "This API as OpenAPI 3.1",
        answers={"200": (Kind("application/json", "Document"),)},
    ),
    ("get", "/docs"): Operation("showReference", "Pages", "The reference", answers={"200": PAGE}),
    ("get", "/docs/assets/{name}"): Operation(
        "readReferenceAsset",
        "Pages",
        "A file of the reference",
        (UnknownRoute,),
        answers={"200": (ASSET[0], ASSET[2])},
    ),
}
"""Every operation by method and path."""
