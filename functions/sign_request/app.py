"""``POST /api/sign/request``: a caller has a request of his signed, under his own key and for this region."""

from __future__ import annotations

from typing import Annotated

from edge.app import Depends, Response, create_app, json_answer, make_handler
from edge.callers import Caller
from edge.clock import SystemClock
from edge.composition.callers import open_callers
from edge.composition.keys import open_house_keys
from edge.composition.limits import open_limits
from edge.composition.signing import open_signing_keys
from edge.settings import Settings
from edge.signing.wire import SignAnswer, SignRequest, sign_answer

settings = Settings.from_env()
clock = SystemClock()
house_keys = open_house_keys(settings, clock)
callers = open_callers(settings, clock, limits=open_limits(settings, clock), keys=house_keys)
signing_keys = open_signing_keys(house_keys)
app = create_app(settings)

Signer = Annotated[Caller, Depends(callers.needs("sign:request"))]


@app.post("/api/sign/request", response_model=SignAnswer)
async def sign(request: SignRequest, caller: Signer) -> Response:
    """The header fields to attach to a request, good for one use in this region until they expire."""
    now_seconds = clock.now_ms() // 1000
    signed = request.sign(
        signing_keys.current(), settings.region, client_id=caller.client_id, now_seconds=now_seconds
    )
    return json_answer(sign_answer(signed))


handler = make_handler(app)
