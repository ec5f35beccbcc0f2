"""
Where FastAPI and Mangum serve: :func:`create_app` makes the application of one function, :func:`make_handler` its
Lambda handler.

Importing this module is most of a cold start, so it imports FastAPI frugally (see the comments below; measured in
``tests/bench/cold_start.py``). Problems are mapped here and nowhere else: a route raises and never renders.
"""

from __future__ import annotations

import gc
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, cast

# Start-up makes many objects that live for ever, and no garbage: collecting meanwhile costs 20 ms for nothing.
_was_collecting = gc.isenabled()
gc.disable()

import pydantic

# FastAPI builds 40 models of the OpenAPI document when it is imported. Deferred, they are built when the document is
# first made, which no function does at run time (20 ms).
pydantic.BaseModel.model_config = {"defer_build": True}
try:
    from fastapi import Depends, FastAPI, Header, Path, Query, Request
    from fastapi.exceptions import RequestValidationError
    from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
    from fastapi.routing import APIRoute
finally:
    pydantic.BaseModel.model_config = {}

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from edge.clock import SystemClock
from edge.problems import (
    FieldError,
    InvalidValues,
    MalformedJson,
    MalformedRequest,
    Problem,
    Unexpected,
    UnknownRoute,
    WrongMediaType,
    WrongMethod,
)
from edge.snapstart import register_hooks
from edge.web.boundary import OUTCOME, RequestBoundary
from edge.web.cors import CorsPolicy
from edge.web.http_api import is_http_api_event, read_event, without_content
from edge.web.log import Log
from edge.web.straight import answer_straight, never_waits
from edge.web.strict_json import parse_json

# What has been made so far is left out of every later collection; only then is collecting cheap again.
gc.freeze()
if _was_collecting:
    gc.enable()

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from fastapi._compat import ModelField
    from starlette.types import ASGIApp, Receive, Scope, Send

    from edge.clock import Clock
    from edge.settings import Settings
    from edge.web.boundary import Telemetry

    LambdaHandler = Callable[[dict[str, Any], object], dict[str, Any]]

__all__ = [
    "Depends",
    "EdgeApp",
    "Header",
    "Path",
    "Query",
    "Request",
    "Response",
    "create_app",
    "json_answer",
    "make_handler",
]
# FastAPI's are passed on because a function must not import FastAPI or Starlette before this module.


class StrictRequest(Request):
    """A request whose JSON is parsed by :func:`edge.web.strict_json.parse_json`."""

    async def json(self) -> object:
        """Return the body's one JSON value."""
        return parse_json(await self.body())


class StrictRoute(APIRoute):
    """
    A route that reads JSON only, and says so.

    Its response models are for the OpenAPI document alone: our routes answer with a response, which FastAPI does not
    validate. Building their schemas waits until the document is made (2 ms of each route's cold start).
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **declared: Any) -> None:
        super().__init__(path, endpoint, **{**declared, "response_model": None, "responses": None})
        self._declared = declared
        self._run_lean = LeanRoute.of(self)
        self.member_names: frozenset[str] | None = None

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of this path: the short way where there is one."""
        if self._run_lean is None or scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
        else:
            await self._run_lean(scope, receive, send)

    def as_documented(self) -> APIRoute:
        """Return the route as it was declared, with its response models."""
        return APIRoute(self.path, self.endpoint, **self._declared)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """
        Return FastAPI's own handler behind our checks.

        Guards (:mod:`edge.callers`) come first: who may not call is not told what is wrong with the body.
        """
        handle = super().get_route_handler()
        reads_body = self.body_field is not None
        guards = [admit for one in self.dependant.dependencies if (admit := getattr(one.call, "admit", None))]

        async def strict_handle(request: Request) -> Response:
            for admit in guards:
                admit(request.scope)
            strict = StrictRequest(request.scope, request.receive)
            if reads_body:
                await _json_of(strict)
            return await handle(strict)

        return strict_handle


class LeanRoute:
    """
    Runs a route that has nothing but guards, one body and the request, as FastAPI would and without its machinery.

    FastAPI declares and documents every route, and validates the body here too. What is left out is what such a route
    does not need: exit stacks, dependency solving, a response to merge headers into (a third of the processor time of a
    rate check, ``tests/bench/cold_start.py``). ``tests/unit/web`` holds both ways to the same answers.

    Args:
        endpoint: an ``async def`` that returns a response.
        guards: name of the parameter that gets the caller, None for none, and what lets in.
        body: name and field of the one body parameter, or None.
        request_name: of the parameter that gets the request, or None.
    """

    __slots__ = ("_body", "_endpoint", "_guards", "_request_name")

    def __init__(
        self,
        endpoint: Callable[..., Coroutine[Any, Any, Response]],
        *,
        guards: list[tuple[str | None, Callable[[Scope], object]]],
        body: tuple[str, ModelField] | None,
        request_name: str | None,
    ) -> None:
        self._endpoint = endpoint
        self._guards = guards
        self._body = body
        self._request_name = request_name

    @classmethod
    def of(cls, route: StrictRoute) -> LeanRoute | None:
        """Return the short way of *route*, or None if it needs the long one."""
        dependant = route.dependant
        guards = [(one.name, getattr(one.call, "admit", None)) for one in dependant.dependencies]
        needs_more = (
            dependant.path_params
            or dependant.query_params
            or dependant.header_params
            or dependant.cookie_params
            or dependant.http_connection_param_name
            or dependant.response_param_name
            or dependant.background_tasks_param_name
            or dependant.security_scopes_param_name
            or len(dependant.body_params) > 1
            or route.status_code is not None
        )
        if needs_more or None in [admit for _, admit in guards] or not iscoroutinefunction(route.endpoint):
            return None
        field = route.body_field
        return cls(
            route.endpoint,
            guards=cast("list[tuple[str | None, Callable[[Scope], object]]]", guards),
            body=None if field is None else (dependant.body_params[0].name, field),
            request_name=dependant.request_param_name,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        values: dict[str, object] = {}
        for name, admit in self._guards:
            caller = admit(scope)
            if name is not None:
                values[name] = caller
        request = StrictRequest(scope, receive)
        if self._body is not None:
            name, field = self._body
            values[name] = _validated(field, await _json_of(request))
        if self._request_name is not None:
            values[self._request_name] = request
        response = await self._endpoint(**values)
        await response(scope, receive, send)


async def _json_of(request: StrictRequest) -> object:
    """Return the one JSON value of a request that must have one."""
    if not _is_json(request.headers.get("content-type")):
        raise WrongMediaType
    if not await request.body():
        raise MalformedJson
    return await request.json()


def _validated(field: ModelField, document: object) -> object:
    value, errors = field.validate(document, {}, loc=("body",))
    if errors:
        raise RequestValidationError(errors)
    return value


def _is_json(content_type: str | None) -> bool:
    """Return whether a body of *content_type* is to be read as JSON; unnamed content is tried."""
    if not content_type:
        return True
    essence = content_type.partition(";")[0].strip().lower()
    return essence == "application/json" or (essence.startswith("application/") and essence.endswith("+json"))


class EdgeApp(FastAPI):
    """
    FastAPI inside the request boundary, without Starlette's own error layers: the boundary renders every problem.

    ``add_middleware`` works as usual, inside the boundary. ``exception_handler`` has no effect: raise a problem.

    Args:
        settings: of the function.
        log: takes the line of each request.
        clock: measures durations.
        budget_ms: what the calls to AWS of one request may take together; None where each has its own.
        telemetry: counts requests; None where nobody does.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        log: Log,
        clock: Clock,
        budget_ms: int | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        super().__init__(
            title="Kaizen Edge",
            version=settings.version,
            openapi_url=None,  # one document for all functions is made at build time
            redirect_slashes=False,
            strict_content_type=False,  # StrictRoute decides
            telemetry={"tracing": False, "metrics": False, "logs": False},  # the boundary records
        )
        self.router.route_class = StrictRoute
        self._settings = settings
        self._log = log
        self._clock = clock
        self._budget_ms = budget_ms
        self._edge_telemetry = telemetry

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI 3.1 document of this function's routes, responses included."""
        from fastapi.openapi.utils import get_openapi  # in sys.modules already; only this method uses it

        routes = [route.as_documented() if isinstance(route, StrictRoute) else route for route in self.routes]
        return get_openapi(title=self.title, version=self.version, routes=routes)

    def build_middleware_stack(self) -> ASGIApp:
        """Return the boundary around the added middleware around the router."""
        app: ASGIApp = AsyncExitStackMiddleware(self.router)
        for cls, args, kwargs in reversed(self.user_middleware):
            app = cls(app, *args, **kwargs)
        return self.bounded(app)

    def never_waits(self) -> bool:
        """Return whether all runs without an event loop, as the house style asks for; middleware says it of itself."""
        if not all(getattr(added.cls, "never_waits", False) for added in self.user_middleware):
            return False
        waiting = [route.dependant for route in self.routes if isinstance(route, APIRoute)]
        if len(waiting) != len(self.routes):
            return False  # a mounted application, or a route of Starlette's: unknown
        while waiting:
            dependant = waiting.pop()
            if dependant.call is None or not never_waits(dependant.call):
                return False
            waiting += dependant.dependencies
        return True

    def register_hooks(self) -> None:
        """Have connections, credentials and random numbers renewed after a SnapStart restore."""
        register_hooks(self._settings, self._clock)

    def bounded(self, app: ASGIApp) -> ASGIApp:
        """Return *app* inside a boundary of this function's settings."""
        return RequestBoundary(
            app,
            settings=self._settings,
            cors=CorsPolicy(self._settings.allowed_origins),
            log=self._log,
            clock=self._clock,
            translate=to_problem,
            budget_ms=self._budget_ms,
            telemetry=self._edge_telemetry,
        )


def create_app(
    settings: Settings,
    *,
    log: Log | None = None,
    clock: Clock | None = None,
    budget_ms: int | None = None,
    telemetry: Telemetry | None = None,
) -> EdgeApp:
    """
    Return the application of one function: declare its routes on it.

    Args:
        settings: read from the environment by the function.
        log: where request lines go; standard output by default.
        clock: measures durations; the machine's by default.
        budget_ms: what the calls to AWS of one request may take together, for a function that promises an answer in
            time whatever breaks.
        telemetry: counts requests; by default what the settings name a table for.
    """
    clock = clock or SystemClock()
    if telemetry is None and settings.telemetry_table:
        from edge.composition.telemetry import open_telemetry

        telemetry = open_telemetry(settings, clock)
    return EdgeApp(settings, log=log or Log(settings), clock=clock, budget_ms=budget_ms, telemetry=telemetry)


class JsonAnswer(JSONResponse):
    """JSON, and what the request line in the log says of it."""

    outcome: Mapping[str, str | bool] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        if self.outcome is not None:
            scope[OUTCOME] = self.outcome
        await super().__call__(scope, receive, send)


def json_answer(
    document: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    outcome: Mapping[str, str | bool] | None = None,
) -> Response:
    """
    Return *document* as JSON.

    Routes answer with this rather than with a model, so that FastAPI does not validate and copy what we just made;
    the route's ``response_model`` documents the shape.

    Args:
        document: the body.
        status: HTTP status code.
        headers: fields of the answer's own.
        outcome: what the domain decided, for the request's line in the log: members of closed sets, never input.
    """
    answer = JsonAnswer(document, status, headers)
    answer.outcome = outcome
    return answer


def make_handler(app: EdgeApp) -> LambdaHandler:
    """
    Return the Lambda handler of *app*.

    Events of API Gateway HTTP APIs (payload format 2.0) run straight through where no route waits
    (:mod:`edge.web.straight`); everything else goes through Mangum, which is imported when it is first needed. A
    request that cannot be read as HTTP is answered 400; an event that is no HTTP request raises ``RuntimeError``.

    Call it last in ``app.py``: what exists by then lives as long as the container and is left out of every later
    garbage collection.
    """
    refuse = app.bounded(_refuse)
    is_straight = app.never_waits()
    looped: list[LambdaHandler] = []

    def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
        if not is_http_api_event(event):
            return run_looped(event, context)
        try:
            scope, body = read_event(event, context)
        except ValueError:
            scope, body = read_event(without_content(event), context)
            return answer_straight(refuse, scope, body)
        return answer_straight(app, scope, body) if is_straight else run_looped(event, context)

    def run_looped(event: dict[str, Any], context: object) -> dict[str, Any]:
        if not looped:
            from edge.web.looped import Looped  # deferred: most functions never need it

            looped.append(Looped(app))
        return looped[0](event, context)

    app.register_hooks()
    gc.freeze()
    return handler


async def _refuse(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise MalformedRequest


def to_problem(error: Exception, scope: Scope) -> Problem:
    """
    Return the problem that *error* is to the caller.

    Args:
        error: raised below the boundary.
        scope: of the request, for the methods that its path takes.
    """
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        names = _names_of(scope.get("route"))
        return InvalidValues([_field_error(found, names) for found in error.errors()])
    if isinstance(error, HTTPException):
        return _from_http_exception(error, scope)
    return Unexpected()


def _from_http_exception(error: HTTPException, scope: Scope) -> Problem:
    """Map the few that FastAPI and Starlette raise by themselves; our code raises problems."""
    if error.status_code == UnknownRoute.status:
        return UnknownRoute()
    if error.status_code == WrongMethod.status:
        return WrongMethod(", ".join(_allowed_methods(scope)))
    if error.status_code == MalformedJson.status:
        return MalformedJson()
    return Unexpected()


def _allowed_methods(scope: Scope) -> list[str]:
    """Return the methods of every route that has this path, not only of the first."""
    allowed: set[str] = set()
    for route in scope["app"].routes:
        match, _ = route.matches(scope)
        if match is not Match.NONE:
            allowed |= route.methods or set()
    if "GET" in allowed:
        allowed.add("HEAD")
    return sorted(allowed)


def _names_of(route: object) -> frozenset[str]:
    """Return the names of members that the route's body declares: any other name in a location came from outside."""
    if not isinstance(route, StrictRoute) or route.body_field is None:
        return frozenset()
    if route.member_names is None:
        names: set[str] = set()
        waiting: list[object] = [route.body_field._type_adapter.json_schema()]  # noqa: SLF001 - no other way to it
        while waiting:
            schema = waiting.pop()
            if isinstance(schema, dict):
                properties = schema.get("properties")
                names.update(properties if isinstance(properties, dict) else ())
                waiting += schema.values()
            elif isinstance(schema, list):
                waiting += schema
        route.member_names = frozenset(names)
    return route.member_names


def _field_error(found: Mapping[str, Any], names: frozenset[str]) -> FieldError:
    """Return where and why, without the value; the name of an unknown member, or of one in a map, is input too."""
    location: Sequence[str | int] = found["loc"]
    reason: str = found["type"]
    in_body = bool(location) and location[0] == "body"
    path = location[1:] if in_body else location
    if in_body:
        path = tuple(step if isinstance(step, int) or step in names else "*" for step in path)
    if reason == "extra_forbidden":
        path, reason = path[:-1], "unknown_member"
    elif reason == "model_attributes_type":
        reason = "not_an_object"
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return FieldError(pointer="".join(f"/{step}" for step in escaped), reason=reason)
