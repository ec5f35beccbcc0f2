"""``/api/keys``: API keys are made, listed, rotated and revoked by those who may."""

from __future__ import annotations

from typing import Annotated

from edge.app import Depends, Path, Query, Response, create_app, json_answer, make_handler
from edge.auth.apikeys.records import Why
from edge.auth.apikeys.wire import (
    CreateKeyRequest,
    KeyCreatedAnswer,
    KeyDetailAnswer,
    KeyPageAnswer,
    RotateKeyRequest,
    created_answer,
    detail_answer,
    page_answer,
    revoke_key,
)
from edge.callers import Caller
from edge.clock import SystemClock
from edge.composition.callers import open_callers
from edge.composition.keys import open_api_keys
from edge.composition.limits import open_limits
from edge.settings import Settings

settings = Settings.from_env()
clock = SystemClock()
callers = open_callers(settings, clock, limits=open_limits(settings, clock))
api_keys = open_api_keys(settings, clock)
app = create_app(settings)

admins = callers.needs("keys:admin")
Admin = Annotated[Caller, Depends(admins)]
Id = Annotated[str, Path(alias="id")]


@app.post("/api/keys", response_model=KeyCreatedAnswer, status_code=201)
async def create(request: CreateKeyRequest, caller: Admin) -> Response:
    """Make a key. Its text is in this answer and nowhere else; nobody gives a scope that he has not got himself."""
    created = request.create(api_keys, granted_by=caller.scopes)
    location = {"Location": f"/api/keys/{created.record.id}"}
    return json_answer(created_answer(created), status=201, headers=location)


@app.get("/api/keys", response_model=KeyPageAnswer, dependencies=[Depends(admins)])
async def list_keys(
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=256)] = None,
) -> Response:
    """A page of the keys, the newest first, expired and revoked ones among them."""
    return json_answer(page_answer(api_keys.list(limit, cursor)))


@app.get("/api/keys/{id}", response_model=KeyDetailAnswer, dependencies=[Depends(admins)])
async def read(id_: Id) -> Response:
    """One key."""
    return json_answer(detail_answer(api_keys.read(id_)))


@app.delete("/api/keys/{id}", status_code=204)
async def revoke(id_: Id, caller: Admin, why: Why = "requested") -> Response:
    """End a key for good, and with it the tokens that were issued to it; again is as good as once."""
    revoke_key(api_keys, id_, why, granted_by=caller.scopes)
    return Response(status_code=204)


@app.post("/api/keys/{id}/rotate", response_model=KeyCreatedAnswer)
async def rotate(id_: Id, request: RotateKeyRequest, caller: Admin) -> Response:
    """Give a key a new secret, told here once; the old one goes on for the overlap."""
    return json_answer(created_answer(request.rotate(api_keys, id_, granted_by=caller.scopes)))


handler = make_handler(app)
