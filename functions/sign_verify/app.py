"""``POST /api/sign/verify``: is this request signed right, for this region, and here for the first time?"""

from __future__ import annotations

from edge.app import Depends, Request, Response, create_app, json_answer, make_handler
from edge.clock import SystemClock
from edge.composition.callers import open_callers
from edge.composition.keys import open_house_keys
from edge.composition.limits import open_limits
from edge.composition.signing import open_nonces, open_signers, open_signing_keys
from edge.settings import Settings
from edge.signing.verify import claim_nonce
from edge.signing.wire import VerifyAnswer, VerifyRequest, gateway_request_id, verify_answer

settings = Settings.from_env()
clock = SystemClock()
limits = open_limits(settings, clock)
house_keys = open_house_keys(settings, clock)
callers = open_callers(settings, clock, limits=limits, keys=house_keys)
signing_keys = open_signing_keys(house_keys)
signers = open_signers(settings, clock, limits)
nonces = open_nonces(settings, clock)
app = create_app(settings, budget_ms=1_500)  # a verdict or a 503 in that time, whatever hangs


@app.post(
    "/api/sign/verify", response_model=VerifyAnswer, dependencies=[Depends(callers.needs("sign:verify"))]
)
async def verify(request: VerifyRequest, http: Request) -> Response:
    """The verdict. A request that is let in uses up its nonce; one that is refused, for whatever reason, uses none."""
    now_seconds = clock.now_ms() // 1000
    verified = request.check(signing_keys, settings.region, now_seconds=now_seconds)
    signers.admit(verified.api_key_id)
    claim_nonce(verified, nonces, now_seconds=now_seconds, request_id=gateway_request_id(http.scope))
    return json_answer(verify_answer(verified))


handler = make_handler(app)
