"""
The closed sets that label values come from; whatever is not in its set is counted as ``other``.

A label is no place for what a client chose: each new value is a series that every scrape carries from then on. So values
are listed here, and a test holds the lists against the code that makes them: routes against the template, reasons against
the error tree.

No definition of a metric is here (:mod:`edge.telemetry.definitions`): a function that only counts does not load them.
"""

from __future__ import annotations

from typing import Final

from edge.regions import BY_CODE

OTHER: Final = "other"
"""Stands for every value that is not listed."""

UNMATCHED: Final = "unmatched"
"""The route of a request that matched none; the boundary's word."""

EVENT: Final = "event"
"""The route of what no HTTP request started: a schedule, a queue, an authorizer's question."""

ROUTES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "auth_jwks": {"/.well-known/jwks.json": ("GET",)},
    "auth_refresh": {"/api/auth/refresh": ("POST",)},
    "auth_revoke": {"/api/auth/revoke": ("POST",)},
    "auth_token": {"/api/auth/token": ("POST",)},
    "auth_validate": {"/api/auth/validate": ("GET", "POST")},
    "authorizer": {EVENT: (OTHER,)},
    "dashboard": {"/monitoring-dashboard": ("GET",), "/monitoring-dashboard/assets/{name}": ("GET",)},
    "docs": {"/docs": ("GET",), "/docs/assets/{name}": ("GET",), "/openapi.json": ("GET",)},
    "geo_route": {"/api/geo/route": ("POST",)},
    "health": {
        "/api/monitoring/drain/{region}": ("DELETE", "PUT"),
        "/api/monitoring/health": ("GET",),
        "/api/monitoring/live": ("GET",),
        "/api/monitoring/ready": ("GET",),
        UNMATCHED: (),
    },
    "health_probe": {EVENT: (OTHER,)},
    "keys": {
        "/api/keys": ("GET", "POST"),
        "/api/keys/{id}": ("DELETE", "GET"),
        "/api/keys/{id}/rotate": ("POST",),
    },
    "log_shipper": {EVENT: (OTHER,)},
    "metrics": {
        "/api/monitoring/errors": ("GET",),
        "/api/monitoring/metrics": ("GET",),
        "/api/monitoring/summary": ("GET",),
    },
    "metrics_fold": {EVENT: (OTHER,)},
    "optimize_response": {"/api/optimize/response": ("POST",)},
    "ratelimit_check": {"/api/ratelimit/check": ("POST",), "/api/ratelimit/reset": ("POST",)},
    "sign_request": {"/api/sign/request": ("POST",)},
    "sign_verify": {"/api/sign/verify": ("POST",)},
}
"""Every function by the name of its folder, with its routes and the methods that each takes."""

CACHEABLE_ROUTES: Final = frozenset(
    {
        "/monitoring-dashboard",
        "/monitoring-dashboard/assets/{name}",
        "/docs",
        "/docs/assets/{name}",
        "/openapi.json",
        "/api/monitoring/summary",
        "/api/monitoring/errors",
    }
)
"""Routes whose own answers have validators, so that a client that comes back may be told 304."""

UNGUARDED: Final = frozenset(
    {"auth_jwks", "dashboard", "docs", "health_probe", "log_shipper", "metrics_fold"}
)
"""Functions that ask nobody who he is."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
STATUSES: Final = ("2xx", "3xx", "4xx", "5xx")
REGIONS: Final = frozenset(BY_CODE)

GENERAL_REASONS: Final = (
    "malformed_request",
    "malformed_json",
    "not_authenticated",
    "not_allowed",
    "origin_not_allowed",
    "unknown_route",
    "wrong_method",
    "body_too_large",
    "wrong_media_type",
    "invalid_values",
    "unexpected",
    "dependency_unavailable",
)
"""Reasons of :mod:`edge.problems`: any function may answer them."""

DOMAIN_REASONS: Final = frozenset(
    {
        "totals_unavailable",
        # callers, API keys
        "ambiguous_credentials",
        "unknown_scheme",
        "malformed_key",
        "unknown_key",
        "key_expired",
        "key_revoked",
        "wrong_environment",
        "no_such_key",
        "rotated_meanwhile",
        "revoked_already",
        "expired_already",
        # access tokens
        "oversize",
        "malformed",
        "bad_header",
        "wrong_type",
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
        "keys_unavailable",
        # refresh families
        "invalid_refresh_token",
        "unknown_family",
        "family_revoked",
        "refresh_expired",
        "refresh_limit_reached",
        "token_reuse_detected",
        "home_unavailable",
        # limits, places, regions
        "unusable_subject",
        "subject_denied",
        "too_many_requests",
        "location_unknown",
        "region_unknown",
        "last_regions",
        # optimisation
        "bad_header_name",
        "bad_header_value",
        "too_many_headers",
        "headers_too_large",
        "result_too_large",
        "precondition_failed",
        "nothing_acceptable",
        # signatures
        "signature_invalid",
        "digest_mismatch",
        "signer_revoked",
        "signer_expired",
        "profile_violation",
        "replayed",
        "region_mismatch",
        "nonce_store_unavailable",
        "signing_keys_missing",
    }
)
"""Reasons of the domains' own problems."""

REASONS: Final = frozenset(GENERAL_REASONS) | DOMAIN_REASONS

DECISIONS: Final = (
    ("allowed", "within_limit"),
    ("allowed", "allow_list"),
    ("denied", "over_limit"),
    ("denied", "deny_list"),
)
"""What a limiter can decide, and why."""

AUTH_OUTCOMES: Final = (
    "key_accepted",
    "token_accepted",
    "anonymous",
    "not_authenticated",
    "key_refused",
    "token_refused",
    "not_allowed",
)
"""What a guard finds of a caller."""

AUTH_RESULTS: Final = {
    "auth_refresh": ("refreshed", "refresh_refused", "refresh_reused", "unavailable"),
    "auth_revoke": ("revoked", "nothing_to_revoke", "unavailable"),
    "auth_token": ("issued", "unavailable"),
    "auth_validate": ("active", "inactive", "unavailable"),
    "authorizer": ("unavailable",),
}
"""What these functions do when the caller was let in."""

SIGNATURE_OUTCOMES: Final = {
    "sign_request": ("signed", "unavailable"),
    "sign_verify": (
        "valid",
        "signature_invalid",
        "expired",
        "not_yet_valid",
        "digest_mismatch",
        "unknown_key",
        "signer_revoked",
        "signer_expired",
        "profile_violation",
        "replayed",
        "region_mismatch",
        "unavailable",
    ),
}

HEALTH_STATUSES: Final = ("healthy", "degraded", "unhealthy", "draining", "unknown")
"""What regions can hold of each other."""

GEO_METHODS: Final = ("haversine", "model", "measured", "default")
GEO_MODES: Final = ("normal", "fail-open")

REPLAYS: Final = {"sign_verify": "nonce", "auth_refresh": "refresh_token"}
"""What can be used a second time, and where that is noticed."""

DROPPED: Final = ("unusable", "ambiguous")
"""
Why samples are in no sum: the boundary handed over what cannot be counted; or whether they had been stored before could not be
found out any more, and counting them might have counted them twice.
"""

FLUSHES: Final = ("stored", "failed", "refused")
"""How an attempt to store a shard ended: a failed one costs nothing, the next one carries everything."""

OUTCOME_MEMBERS: Final[dict[str, tuple[str, ...]]] = {
    "auth_revoke": ("revoked",),
    "auth_validate": ("active",),
    "geo_route": ("decision", "routed_by", "mode"),
    "optimize_response": ("decision", "because"),
    "ratelimit_check": ("decision", "because", "degraded"),
}
"""What of a function's outcome is counted; the other members are for the log alone."""
