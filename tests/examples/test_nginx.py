"""``examples/nginx`` in front of a site, asking a local region: who comes in, and what the site hears of them."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.examples.nginx import find_nginx, run_example
from tests.examples.upstreams import Asked, run_echo, run_fixed
from tests.local.running import ROOT, LocalSetup, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.skipif(find_nginx().binary is None, reason=f"nginx: {find_nginx().reason}")

IDENTITY = {"x-auth-subject", "x-auth-client", "x-auth-role", "x-auth-scope", "x-auth-kind"}
FREE_PLAN = 100
REVOKED_IN_SECONDS = 3.0


class Guarded(NamedTuple):
    """A site behind nginx, and the region that nginx asks."""

    site: str
    region: str
    admin_key: str


class Issued(NamedTuple):
    """A key and the session of a token that was issued to it."""

    key_id: str
    key: str
    token: str


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("edge")
    setup = LocalSetup(folder, template=ROOT / "template.yaml")
    try:
        state = setup.wait_ready()
        region = state["regions"]["cdg1"]["url"]
        key = state["admin_api_key"]
        assert key is not None
        with (
            run_echo() as upstream,
            run_example(folder / "nginx", edge=region.removeprefix("http://"), upstream=upstream) as site,
        ):
            yield Guarded(site, region, key)
    finally:
        assert setup.end() == 0


def post(url: str, path: str, body: object, **headers: str) -> Any:
    sent = {
        "content-type": "application/json",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    status, _, answer = fetch(url, path, method="POST", body=json.dumps(body).encode(), headers=sent)
    assert status in (200, 201), answer
    return json.loads(answer)


def issue(guarded: Guarded, *, role: str = "USER", plan: str = "pro") -> Issued:
    made = post(
        guarded.region, "/api/keys", {"name": "n", "role": role, "plan": plan}, x_api_key=guarded.admin_key
    )
    session = post(guarded.region, "/api/auth/token", {}, x_api_key=made["api_key"])
    return Issued(made["id"], made["api_key"], session["access_token"])


@pytest.fixture(scope="module")
def user(guarded: Guarded) -> Issued:
    return issue(guarded)


def seen_by_site(url: str, path: str = "/page", **request: Any) -> dict[str, list[str]]:
    status, _, body = fetch(url, path, **request)
    assert status == 200, body
    seen: dict[str, list[str]] = {}
    for name, value in json.loads(body)["headers"]:
        seen.setdefault(name, []).append(value)
    return seen


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_no_credentials_are_401_with_a_challenge(guarded: Guarded) -> None:
    status, headers, _ = fetch(guarded.site, "/page")
    assert (status, headers["www-authenticate"].partition(" ")[0]) == (401, "Bearer")


@pytest.mark.parametrize(
    "headers",
    [
        bearer("not.a.token"),
        {"authorization": "Basic dTpw"},
        {"x-api-key": "ek_dev_nobody"},
    ],
    ids=["token", "scheme", "key"],
)
def test_bad_credentials_are_401(headers: Mapping[str, str], guarded: Guarded) -> None:
    assert fetch(guarded.site, "/page", headers=headers)[0] == 401


def test_two_credentials_at_once_are_not_let_in(guarded: Guarded, user: Issued) -> None:
    status, _, _ = fetch(guarded.site, "/page", headers={**bearer(user.token), "x-api-key": user.key})
    assert status == 401


def test_token_lets_in_and_tells_the_site_who_calls(guarded: Guarded, user: Issued) -> None:
    seen = seen_by_site(guarded.site, headers=bearer(user.token))
    assert seen["x-auth-subject"] == seen["x-auth-client"] == [user.key_id]
    assert seen["x-auth-role"] == ["USER"]
    assert seen["x-auth-kind"] == ["token"]
    assert "ratelimit:check" in seen["x-auth-scope"][0].split()


def test_key_lets_in_and_tells_the_site_who_calls(guarded: Guarded, user: Issued) -> None:
    seen = seen_by_site(guarded.site, headers={"x-api-key": user.key})
    assert (seen["x-auth-subject"], seen["x-auth-kind"]) == ([user.key_id], ["key"])


def test_site_hears_no_secret(guarded: Guarded, user: Issued) -> None:
    for headers in (bearer(user.token), {"x-api-key": user.key}):
        assert not {"authorization", "x-api-key"} & seen_by_site(guarded.site, headers=headers).keys()


@pytest.mark.parametrize("name", sorted({*IDENTITY, "X_Auth_Role", "x-aUTH-rOLE"}))
def test_identity_forged_by_the_client_does_not_reach_the_site(
    name: str, guarded: Guarded, user: Issued
) -> None:
    honest = seen_by_site(guarded.site, headers=bearer(user.token))
    forged = seen_by_site(guarded.site, headers={**bearer(user.token), name: "ADMIN"})
    assert {key: value for key, value in forged.items() if "auth" in key} == {
        key: value for key, value in honest.items() if "auth" in key
    }


def test_open_location_asks_nobody_and_passes_no_forged_identity(guarded: Guarded) -> None:
    seen = seen_by_site(guarded.site, "/open/page", headers=dict.fromkeys(IDENTITY, "ADMIN"))
    assert not IDENTITY & seen.keys()


@pytest.mark.parametrize("path", ["/limits/page", "/admin/page", "/%61dmin/page", "//admin/../admin/page"])
def test_location_refuses_who_lacks_what_it_requires(path: str, guarded: Guarded, user: Issued) -> None:
    assert fetch(guarded.site, path, headers=bearer(user.token))[0] == 403
    assert fetch(guarded.site, path, headers={"x-api-key": guarded.admin_key})[0] == 200
    assert fetch(guarded.site, path)[0] == 401


def test_query_of_the_client_is_not_part_of_the_question(guarded: Guarded, user: Issued) -> None:
    path = "/admin/page?required_role=GUEST&required_scopes="
    assert fetch(guarded.site, path, headers=bearer(user.token))[0] == 403
    assert fetch(guarded.site, "/page?required_role=ADMIN", headers=bearer(user.token))[0] == 200


def test_question_cannot_be_asked_from_outside(guarded: Guarded, user: Issued) -> None:
    assert fetch(guarded.site, "/_edge_auth", headers=bearer(user.token))[0] == 404


def test_body_goes_to_the_site_and_not_with_the_question(guarded: Guarded, user: Issued) -> None:
    status, _, body = fetch(
        guarded.site, "/page?a=b", method="POST", body=b"order", headers=bearer(user.token)
    )
    told = json.loads(body)
    assert (status, told["method"], told["path"], told["body"]) == (200, "POST", "/page?a=b", "order")


def test_error_of_the_site_stays_its_own(guarded: Guarded, user: Issued) -> None:
    assert fetch(guarded.site, "/broken", headers=bearer(user.token))[0] == 500


def test_revoked_token_is_refused_in_three_seconds(guarded: Guarded) -> None:
    own = issue(guarded)
    assert fetch(guarded.site, "/page", headers=bearer(own.token))[0] == 200
    post(guarded.region, "/api/auth/revoke", {"token": own.token}, x_api_key=own.key)
    deadline = time.monotonic() + REVOKED_IN_SECONDS
    while (status := fetch(guarded.site, "/page", headers=bearer(own.token))[0]) == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert status == 401


def test_caller_over_the_plan_hears_429_and_when_to_come_back(guarded: Guarded) -> None:
    own = issue(guarded, plan="free")
    answers = [fetch(guarded.site, "/page", headers=bearer(own.token)) for _ in range(FREE_PLAN + 1)]
    assert {status for status, _, _ in answers} == {200, 429}
    status, headers, _ = answers[-1]
    assert status == 429
    assert int(headers["retry-after"]) > 1


@pytest.mark.parametrize(
    ("edge_status", "edge_headers", "status", "retry_after"),
    [
        (429, {"Retry-After": "7"}, 429, "7"),
        (503, {"Retry-After": "9"}, 503, "9"),
        (500, {}, 503, "1"),
        (404, {}, 503, "1"),
        (302, {"Location": "/"}, 503, "1"),
    ],
)
def test_no_verdict_lets_nobody_in(
    edge_status: int, edge_headers: dict[str, str], status: int, retry_after: str, tmp_path: Path
) -> None:
    with (
        run_echo() as upstream,
        run_fixed(edge_status, edge_headers) as edge,
        run_example(tmp_path / "nginx", edge=edge, upstream=upstream) as site,
    ):
        answer, headers, _ = fetch(site, "/page", headers=bearer("any"))
        assert (answer, headers["retry-after"]) == (status, retry_after)


def test_question_carries_the_credential_and_nothing_else_of_the_request(tmp_path: Path) -> None:
    asked: list[Asked] = []
    sent = {"x-api-key": "k", "cookie": "session=1", "x-auth-role": "ADMIN", "x-forwarded-for": "192.0.2.1"}
    with (
        run_echo() as upstream,
        run_fixed(200, {"X-Auth-Role": "USER"}, asked) as edge,
        run_example(tmp_path / "nginx", edge=edge, upstream=upstream) as site,
    ):
        seen = json.loads(fetch(site, "/limits/a?b=c", method="POST", body=b"order", headers=sent)[2])
    ((method, path, headers),) = asked
    assert (method, path) == (
        "GET",
        "/api/auth/validate?required_scopes=ratelimit:check%20ratelimit:admin",
    )
    assert headers == {"host": edge, "x-api-key": "k"}
    assert seen["body"] == "order"


def test_auth_service_that_is_down_lets_nobody_in(tmp_path: Path) -> None:
    with (
        socket.socket() as nobody
    ):  # bound and not listening: connections are refused, and no other takes the port
        nobody.bind(("127.0.0.1", 0))
        edge = f"127.0.0.1:{nobody.getsockname()[1]}"
        with (
            run_echo() as upstream,
            run_example(tmp_path / "nginx", edge=edge, upstream=upstream) as site,
        ):
            status, headers, _ = fetch(site, "/page", headers=bearer("any"))
            assert (status, headers["retry-after"]) == (503, "1")
