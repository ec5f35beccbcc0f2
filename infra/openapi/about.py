"""What is true of every operation, in words, and the ways to show credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from infra.openapi.schemas import Json

ABOUT: Final = """\
JSON in, JSON out, UTF-8. Names are `snake_case`. Times are epoch seconds (`*_at`), or milliseconds where the name ends in \
`_ms`. A member that is not known is refused, so that a typing error is not a default.

**Callers.** An API key in `X-API-Key`, or as `Authorization: ApiKey <key>` for clients that can set no other header; or an \
access token as `Authorization: Bearer <token>`. One of them, once. Whoever shows nothing is ANONYMOUS and limited by \
address; whoever shows something wrong is refused.

**Errors** are problem documents (RFC 9457), `application/problem+json`. Branch on `reason`: a closed set, listed with each \
answer. `instance` is the request id. On top of what each operation lists, a path that does not exist is 404 \
`unknown_route`, a method that it does not take 405 `wrong_method` with `Allow`, and a preflight from an origin that is \
not on the list 403 `origin_not_allowed`. API Gateway throttles ahead of us: its own 429 and 503 say `{"message": …}`.

**Every answer** has `X-Request-Id` and `X-Edge-Region`. An `X-Correlation-Id` of 1 to 128 of `A-Z a-z 0-9 . _ : = + / -` \
is sent back and logged. `HEAD` goes wherever `GET` does. Answers to callers with a limit tell it in `X-RateLimit-*`, \
`RateLimit-Policy` and `RateLimit`."""

SECURITY_SCHEMES: Final[dict[str, Json]] = {
    "ApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "`ek_<environment>_<id>_<secret>`, as `POST /api/keys` told it.",
    },
    "ApiKeyAuthorization": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "The same key as `ApiKey <key>`, for clients that can set no other header.",
    },
    "AccessToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "`Bearer <token>`, as `POST /api/auth/token` gives it; good for 24 hours.",
    },
}
