"""What holds for every auth route: methods, media types, malformed input; and that credentials come before the body."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.functional.auth_setup import House, open_house, reason

if TYPE_CHECKING:
    from collections.abc import Iterator

ORIGIN = "https://app.example.com"


class Route(NamedTuple):
    function: str
    method: str
    path: str
    allow: str
    body: dict[str, object] | None
    needs_caller: bool


ROUTES = [
    Route("auth_token", "POST", "/api/auth/token", "POST", None, needs_caller=True),
    Route("auth_validate", "POST", "/api/auth/validate", "GET, HEAD, POST", {}, needs_caller=False),
    Route("auth_refresh", "POST", "/api/auth/refresh", "POST", {"refresh_token": "x"}, needs_caller=False),
    Route("auth_revoke", "POST", "/api/auth/revoke", "POST", {"token": "x"}, needs_caller=True),
    Route(
        "keys",
        "POST",
        "/api/keys",
        "GET, HEAD, POST",
        {"name": "n", "role": "GUEST", "plan": "free"},
        needs_caller=True,
    ),
    Route("keys", "GET", "/api/keys", "GET, HEAD, POST", None, needs_caller=True),
    Route("keys", "GET", "/api/keys/0123456789ab", "DELETE, GET, HEAD", None, needs_caller=True),
    Route("keys", "DELETE", "/api/keys/0123456789ab", "DELETE, GET, HEAD", None, needs_caller=True),
    Route("keys", "POST", "/api/keys/0123456789ab/rotate", "POST", {}, needs_caller=True),
    Route("auth_jwks", "GET", "/.well-known/jwks.json", "GET, HEAD", None, needs_caller=False),
]
WITH_BODY = [route for route in ROUTES if route.body is not None]
GUARDED = [route for route in ROUTES if route.needs_caller]


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.fixture(scope="module")
def house(ministack_environment: dict[str, str], admin_key: str) -> Iterator[House]:
    yield from open_house({**ministack_environment, "ALLOWED_ORIGINS": ORIGIN}, admin_key)


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_other_methods_are_405_and_told_which_are_not(house: House, route: Route) -> None:
    for method in {"GET", "PUT", "PATCH", "DELETE", "POST", "TRACE", "BREW"} - set(route.allow.split(", ")):
        said = house.call(route.function, method, route.path, key=house.admin_key)
        assert (said.status, reason(said)) == (405, "wrong_method")
        assert said.headers["allow"] == route.allow


@pytest.mark.parametrize("route", WITH_BODY, ids=name)
@pytest.mark.parametrize(
    ("raw_body", "media_type", "status", "why"),
    [
        (b"{", None, 400, "malformed_json"),
        (b"", None, 400, "malformed_json"),
        (b'{"a":1,"a":2}', None, 400, "malformed_json"),
        (b'{"a":NaN}', None, 400, "malformed_json"),
        (b'{"a":"\xff"}', None, 400, "malformed_json"),
        (b'{"a":' * 10_000, None, 400, "malformed_json"),
        (b'{"a":' + b"9" * 5_000 + b"}", None, 400, "malformed_json"),
        (b"{}", "text/plain", 415, "wrong_media_type"),
        (b"a=b", "application/x-www-form-urlencoded", 415, "wrong_media_type"),
        (b" " * 65_537, None, 413, "body_too_large"),
        (b"null", None, 422, "invalid_values"),
        (b"[]", None, 422, "invalid_values"),
        (b'"x"', None, 422, "invalid_values"),
    ],
)
def test_body_that_is_none_is_refused(
    house: House, route: Route, raw_body: bytes, media_type: str | None, status: int, why: str
) -> None:
    headers = {"content-type": media_type} if media_type else {}

    said = house.call(
        route.function, route.method, route.path, raw_body=raw_body, headers=headers, key=house.admin_key
    )

    assert (said.status, reason(said)) == (status, why)


@pytest.mark.parametrize("route", WITH_BODY, ids=name)
def test_unknown_member_is_refused_and_its_name_not_told(house: House, route: Route) -> None:
    said = house.call(
        route.function,
        route.method,
        route.path,
        {**(route.body or {}), "nobody-knows": 1},
        key=house.admin_key,
    )

    assert (said.status, said.json()["errors"]) == (422, [{"pointer": "", "reason": "unknown_member"}])
    assert b"nobody-knows" not in said.body


@pytest.mark.parametrize("route", WITH_BODY, ids=name)
def test_types_are_strict(house: House, route: Route) -> None:
    for member in route.body or {}:
        for value in (1, True, None, ["x"], {"x": 1}, 1.5):
            body = {**(route.body or {}), member: value}
            said = house.call(route.function, route.method, route.path, body, key=house.admin_key)
            assert (said.status, said.json()["errors"][0]["pointer"]) == (422, f"/{member}")


@pytest.mark.parametrize("route", GUARDED, ids=name)
@pytest.mark.parametrize(
    ("raw_body", "media_type"), [(b"{", None), (b"{}", "text/plain"), (b'{"x":1}', None), (b"[]", None)]
)
def test_credentials_come_before_the_body(
    house: House, route: Route, raw_body: bytes, media_type: str | None
) -> None:
    headers = {"content-type": media_type} if media_type else {}
    request = (route.function, route.method, route.path)

    nobody = house.call(*request, raw_body=raw_body, headers=headers)
    wrong = house.call(*request, raw_body=raw_body, headers=headers, key="ek_dev_wrong")

    assert (nobody.status, reason(nobody)) == (401, "not_authenticated")
    assert (wrong.status, reason(wrong)) == (401, "malformed_key")
    assert nobody.headers["www-authenticate"] == wrong.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("route", WITH_BODY, ids=name)
def test_wrong_key_is_refused_even_where_none_is_needed(house: House, route: Route) -> None:
    said = house.call(route.function, route.method, route.path, raw_body=b"{", key="nonsense")

    assert (said.status, reason(said)) == (401, "malformed_key")


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_browser_asks_ahead_without_credentials(house: House, route: Route) -> None:
    headers = {"origin": ORIGIN, "access-control-request-method": route.method}

    said = house.call(route.function, "OPTIONS", route.path, headers=headers)
    other = house.call(
        route.function, "OPTIONS", route.path, headers={**headers, "origin": "https://evil.example"}
    )

    assert (said.status, said.headers["access-control-allow-origin"]) == (204, ORIGIN)
    assert {"authorization", "x-api-key", "content-type", "idempotency-key"} <= set(
        said.headers["access-control-allow-headers"].split(", ")
    )
    assert route.method in said.headers["access-control-allow-methods"].split(", ")
    assert other.status == 403
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("route", GUARDED, ids=name)
def test_page_can_read_that_it_is_not_signed_in(house: House, route: Route) -> None:
    said = house.call(route.function, route.method, route.path, headers={"origin": ORIGIN})

    assert (said.status, said.headers["access-control-allow-origin"]) == (401, ORIGIN)


@pytest.mark.parametrize(
    ("function", "path"),
    [
        ("auth_jwks", "/.well-known/jwks.json"),
        ("keys", "/api/keys"),
        ("auth_validate", "/api/auth/validate"),
    ],
)
def test_head_is_get_without_the_content_and_with_the_guard(house: House, function: str, path: str) -> None:
    full = house.call(function, "GET", path, key=house.admin_key)
    head = house.call(function, "HEAD", path, key=house.admin_key)

    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == full.headers["content-length"]
    if function != "auth_jwks":
        assert house.call(function, "HEAD", path).status == 401


def test_unknown_path_is_404(house: House) -> None:
    for function, path in (
        ("auth_token", "/api/auth/token/"),
        ("keys", "/api/keys/"),
        ("keys", "/api/keys/a/b"),
    ):
        said = house.call(function, "POST", path, key=house.admin_key)
        assert (said.status, reason(said)) == (404, "unknown_route")
