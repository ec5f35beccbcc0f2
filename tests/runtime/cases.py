"""What each function is asked under the emulator, and what comes of it: a new function adds a line."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.http_events import http_event
from tests.runtime.world import SIGNED, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SCHEDULED: Final[dict[str, Any]] = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2026-11-20T20:00:00Z",
    "region": "us-west-1",
    "resources": ["arn:aws:events:us-west-1:123456789012:rule/rule"],
    "detail": {},
}
"""As EventBridge sends it to a function on a schedule."""

NO_REQUESTS: Final[tuple[object, ...]] = (
    SCHEDULED,
    {},
    {"version": "2.0"},
    {"Records": []},
    [],
    [{}],
    None,
    "text",
    7,
)
"""What no gateway sends, and anybody who may invoke can."""


class Case(NamedTuple):
    """
    A function's ordinary work.

    Attributes:
        event: makes one event; each is used once.
        expected: members of the answer's document, ``...`` for any value; of a page, its media type.
        unique: members that no two environments may give alike.
    """

    event: Callable[[World], dict[str, Any]]
    expected: Mapping[str, object]
    unique: tuple[str, ...] = ()


def _ask(method: str, path: str, body: object = None) -> Callable[[World], dict[str, Any]]:
    return lambda world: http_event(method, path, body, headers=world.shown)


def _authorize(world: World) -> dict[str, Any]:
    return {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": "arn:aws:execute-api:us-west-1:123456789012:api/$default/GET/orders",
        "identitySource": [world.key],
        "headers": {"X-Api-Key": world.key},
        "requestContext": {"http": {"method": "GET", "path": "/orders"}},
    }


def _verify(world: World) -> dict[str, Any]:
    return http_event("POST", "/api/sign/verify", {**SIGNED, "headers": world.sign()}, headers=world.shown)


def _refresh(world: World) -> dict[str, Any]:
    return http_event("POST", "/api/auth/refresh", {"refresh_token": world.sign_in()["refresh_token"]})


def _validate(world: World) -> dict[str, Any]:
    return http_event("POST", "/api/auth/validate", {"token": world.sign_in()["access_token"]})


def _revoke(world: World) -> dict[str, Any]:
    shown = {"token": world.sign_in()["refresh_token"]}
    return http_event("POST", "/api/auth/revoke", shown, headers=world.shown)


def _lines(_world: World) -> dict[str, Any]:
    lines = {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "/aws/lambda/kaizen-edge-geo-route",
        "logStream": "2026/11/20/[7]0123456789abcdef",
        "subscriptionFilters": ["all"],
        "logEvents": [
            {"id": "1", "timestamp": 1_795_000_000_000, "message": '{"level":"info","message":"request"}'}
        ],
    }
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(lines).encode())).decode()}}


REQUESTS: Final[dict[str, Case]] = {
    "auth_jwks": Case(_ask("GET", "/.well-known/jwks.json"), {"keys": ...}),
    "auth_refresh": Case(_refresh, {"token_type": "Bearer"}, unique=("access_token", "refresh_token")),
    "auth_revoke": Case(_revoke, {}),
    "auth_token": Case(
        _ask("POST", "/api/auth/token", {}),
        {"token_type": "Bearer"},
        unique=("access_token", "refresh_token"),
    ),
    "auth_validate": Case(_validate, {"active": True}),
    "dashboard": Case(_ask("GET", "/monitoring-dashboard"), {"media_type": "text/html"}),
    "docs": Case(_ask("GET", "/docs"), {"media_type": "text/html"}),
    "geo_route": Case(_ask("POST", "/api/geo/route", {"country": "JP"}), {"region": ...}),
    "health": Case(_ask("GET", "/api/monitoring/ready"), {"status": "healthy"}),
    "keys": Case(_ask("GET", "/api/keys"), {"keys": ...}),
    "metrics": Case(_ask("GET", "/api/monitoring/summary"), {"regions": ...}),
    "optimize_response": Case(
        _ask("POST", "/api/optimize/response", {"body": "{ }"}), {"status": 200, "body": "{}"}
    ),
    "ratelimit_check": Case(
        _ask("POST", "/api/ratelimit/check", {"subject": "runtime"}), {"degraded": False, "allowed": True}
    ),
    "sign_request": Case(_ask("POST", "/api/sign/request", SIGNED), {"headers": ...}, unique=("headers",)),
    "sign_verify": Case(_verify, {"valid": True}),
}
"""Functions that the HTTP API calls."""

EVENTS: Final[dict[str, Case]] = {
    "authorizer": Case(_authorize, {"isAuthorized": True}),
    "health_probe": Case(lambda _: SCHEDULED, {"rounds": 0, "failed": 0}),
    "log_shipper": Case(_lines, {}),
    "metrics_fold": Case(lambda _: SCHEDULED, {}),
}
"""Functions that AWS calls itself."""

CASES: Final = {**REQUESTS, **EVENTS}
