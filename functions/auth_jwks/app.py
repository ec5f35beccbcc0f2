"""``GET /.well-known/jwks.json``: the public keys that access tokens are checked with (RFC 7517)."""

from __future__ import annotations

from edge.app import Response, create_app, json_answer, make_handler
from edge.clock import SystemClock
from edge.composition.keys import open_house_keys
from edge.settings import Settings

settings = Settings.from_env()
keys = open_house_keys(settings, SystemClock())
app = create_app(settings)

# Whoever caches these reads them again when he meets a kid that he does not know: a new key may sign at once.
HEADERS = {"Content-Type": "application/jwk-set+json", "Cache-Control": "public, max-age=300"}


@app.get("/.well-known/jwks.json")
async def jwks() -> Response:
    """Every public key, the newest first; shared secrets (HS256) are not among them."""
    return json_answer(keys.ring.current().public_jwks(), headers=HEADERS)


handler = make_handler(app)
