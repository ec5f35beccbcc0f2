"""
One region's HTTP API: request -> route -> event -> function -> response, and a line in the access log.

What it answers when things go wrong, as HTTP APIs do:

* no route 404, undecodable path 400, event over Lambda's 6 MB 413;
* an authorizer's 401, 403 and 500 (``authorizers.py``), before the function hears of the request;
* the function raises, exits, times out or returns a wrong shape: 500;
* the integration takes longer than 30 s, or Lambda throttles: 503.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from infra.local.answers import MAX_PAYLOAD_BYTES, to_response
from infra.local.authorizers import Authorizers
from infra.local.events import Arrival, UndecodablePath, build_event, decode_path
from infra.local.functions import Throttled
from infra.local.messages import (
    BAD_REQUEST,
    INTERNAL_SERVER_ERROR,
    NOT_FOUND,
    SERVICE_UNAVAILABLE,
    TOO_LARGE,
    HttpRequest,
    HttpResponse,
)
from infra.local.routes import RouteTable
from infra.local.sandbox import InvocationError
from infra.template_document import LOCAL_ACCOUNT_ID

if TYPE_CHECKING:
    from infra.local.functions import LocalFunctions
    from infra.template import Stack

INTEGRATION_TIMEOUT_SECONDS: Final = 30.0
"""The longest that an HTTP API waits for an integration, queueing included (API Gateway quotas)."""


class Gateway:
    """
    Answers requests of one region.

    Args:
        stack: routes come from here.
        functions: what they lead to.
        api_id: shown in events.
        aws_region: shown in the events of authorizers.
    """

    def __init__(
        self, stack: Stack, functions: LocalFunctions, *, api_id: str, aws_region: str = "us-east-1"
    ) -> None:
        self._routes = RouteTable(stack.routes)
        self._functions = functions
        self._authorizers = Authorizers(functions, aws_region=aws_region)
        self._api_id = api_id

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request; never raises for what a client or a function does."""
        began = time.perf_counter_ns()
        arrival = Arrival(
            api_id=self._api_id,
            account_id=LOCAL_ACCOUNT_ID,
            request_id=base64.b64encode(os.urandom(11), b"-_").decode("ascii"),
            trace_id=os.urandom(12).hex(),
            now_ms=time.time_ns() // 1_000_000,
        )
        route_key, answer = await self._answer(request, arrival)
        identity = (b"apigw-requestid", arrival.request_id.encode("ascii"))
        response = replace(answer, headers=(*answer.headers, identity))
        line = {
            "requestId": arrival.request_id,
            "time": arrival.now_ms,
            "ip": request.client_host,
            "method": request.method,
            "target": request.target.decode("latin-1"),
            "routeKey": route_key,
            "status": response.status,
            "responseBytes": len(response.body),
            "latencyMs": round((time.perf_counter_ns() - began) / 1e6, 3),
        }
        sys.stdout.write(json.dumps(line) + "\n")
        return response

    async def _answer(self, request: HttpRequest, arrival: Arrival) -> tuple[str, HttpResponse]:
        try:
            path = decode_path(request.target)
        except UndecodablePath:
            return "", BAD_REQUEST
        selected = self._routes.select(request.method, path)
        if selected is None:
            return "", NOT_FOUND
        event = build_event(request, selected, path, arrival)
        if selected.route.authorizer is not None:
            refusal = await self._authorizers.admit(selected.route.authorizer, event)
            if refusal is not None:
                return selected.route.key, refusal
        if len(request.body) > MAX_PAYLOAD_BYTES:
            return selected.route.key, TOO_LARGE
        function = self._functions[selected.route.function]
        try:
            payload = await asyncio.wait_for(function.invoke(event), INTEGRATION_TIMEOUT_SECONDS)
        except (TimeoutError, Throttled):
            return selected.route.key, SERVICE_UNAVAILABLE
        except InvocationError:
            return selected.route.key, INTERNAL_SERVER_ERROR
        return selected.route.key, to_response(payload)
