"""
Lambda authorizers of HTTP APIs, payload format 2.0 with simple responses, as API Gateway asks them and keeps answers.

Developer guide, "Control access to HTTP APIs with AWS Lambda authorizers":

* an identity source that is missing or empty: 401, and nobody is asked;
* ``isAuthorized`` false: 403;
* the authorizer fails, takes over 10 s, or answers another shape: 500, and nothing is kept;
* else the function gets the answer's ``context`` as ``requestContext.authorizer.lambda``, null if there is none.

An answer, yes or no, is kept for the values of the identity sources, whatever the route: until its time is over, the
authorizer does not hear of that credential again.
"""

from __future__ import annotations

import asyncio
import copy
import time
from typing import TYPE_CHECKING, Final

from infra.local.events import build_authorizer_event
from infra.local.messages import INTERNAL_SERVER_ERROR, gateway_message
from infra.local.sandbox import InvocationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.authorizers import Authorizer
    from infra.local.functions import LocalFunctions
    from infra.local.messages import HttpResponse

AUTHORIZER_TIMEOUT_SECONDS: Final = 10.0
"""The longest that an HTTP API waits for an authorizer (API Gateway quotas)."""

MAX_KEPT: Final = 1024
"""Answers that are kept; the oldest makes room. On AWS there is a bound that is not documented."""

UNAUTHORIZED: Final = gateway_message(401, "Unauthorized")
FORBIDDEN: Final = gateway_message(403, "Forbidden")


class Authorizers:
    """
    The authorizers of one API and the answers that it keeps.

    Args:
        functions: among them those that decide.
        aws_region: shown in events.
        monotonic: seconds on a clock that never goes back.
    """

    def __init__(
        self, functions: LocalFunctions, *, aws_region: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._functions = functions
        self._aws_region = aws_region
        self._monotonic = monotonic
        self._kept: dict[tuple[Authorizer, tuple[str, ...]], tuple[float, dict[str, object]]] = {}

    async def admit(self, authorizer: Authorizer, event: dict[str, object]) -> HttpResponse | None:
        """
        Return None if the request may pass, its *event* now telling what the authorizer said; else the answer.

        Args:
            authorizer: of the route.
            event: of the integration.
        """
        identity = _identity(authorizer, event)
        if identity is None:
            return UNAUTHORIZED
        said = self._remembered(authorizer, identity)
        if said is None:
            try:
                said = await self._ask(authorizer, event, identity)
            except (TimeoutError, InvocationError):
                return INTERNAL_SERVER_ERROR
            if said is None:
                return INTERNAL_SERVER_ERROR
            self._keep(authorizer, identity, said)
        if not said["isAuthorized"]:
            return FORBIDDEN
        context = event["requestContext"]
        assert isinstance(context, dict)  # noqa: S101 - build_event made it
        context["authorizer"] = {"lambda": copy.deepcopy(said.get("context"))}  # the function may change it
        return None

    async def _ask(
        self, authorizer: Authorizer, event: dict[str, object], identity: tuple[str, ...]
    ) -> dict[str, object] | None:
        """Return what the authorizer says, None if that is not the shape of a simple response."""
        asked = build_authorizer_event(event, identity, aws_region=self._aws_region)
        function = self._functions[authorizer.function]
        said = await asyncio.wait_for(function.invoke(asked), AUTHORIZER_TIMEOUT_SECONDS)
        if not isinstance(said, dict) or not isinstance(said.get("isAuthorized"), bool):
            return None
        return said if isinstance(said.get("context"), (dict, type(None))) else None

    def _remembered(self, authorizer: Authorizer, identity: tuple[str, ...]) -> dict[str, object] | None:
        until, said = self._kept.get((authorizer, identity), (0.0, None))
        return said if self._monotonic() < until else None

    def _keep(self, authorizer: Authorizer, identity: tuple[str, ...], said: dict[str, object]) -> None:
        if not authorizer.ttl_seconds:
            return
        key = (authorizer, identity)
        self._kept.pop(key, None)  # to the end: dicts keep the order of insertion
        if len(self._kept) >= MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (self._monotonic() + authorizer.ttl_seconds, copy.deepcopy(said))


def _identity(authorizer: Authorizer, event: dict[str, object]) -> tuple[str, ...] | None:
    """Return the values of all identity sources, None if one is missing or empty."""
    places = {"header": event["headers"], "querystring": event.get("queryStringParameters")}
    values: list[str] = []
    for source in authorizer.identity_sources:
        kind, _, name = source.partition(".")
        place = places[kind]
        value = place.get(name) if isinstance(place, dict) else None
        if not value:
            return None
        values.append(value)
    return tuple(values)
