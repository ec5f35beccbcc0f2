"""Lambda authorizer of HTTP APIs (payload format 2.0, simple responses): guards somebody else's API with our callers."""

from __future__ import annotations

from typing import Any

from edge.auth.authorizer import Authorizer
from edge.clock import SystemClock
from edge.composition.keys import open_house_keys, open_key_verifier
from edge.composition.telemetry import counted
from edge.composition.tokens import open_token_validator
from edge.settings import Settings

settings = Settings.from_env()
clock = SystemClock()
authorizer = Authorizer(
    keys=open_key_verifier(settings, clock),
    tokens=open_token_validator(settings, clock, keys=open_house_keys(settings, clock)),
)


def authorize(event: dict[str, Any], _context: object) -> dict[str, object]:
    """Allow or deny; an error, when nobody can tell, makes API Gateway answer 500 and cache nothing."""
    return authorizer.decide(event)


handler = counted(authorize, settings, clock)
