"""``/api/keys``: the life of a key, and what nobody gets by managing keys that he has not got already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from edge.auth.roles import SCOPES
from tests.functional.auth_setup import House, claims_of, later, open_house, reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.auth.roles import Role
    from tests.http_events import Answer

PATH: Final = "/api/keys"
VALIDATE: Final = "/api/auth/validate"
DETAIL: Final = {
    "id",
    "name",
    "role",
    "plan",
    "scopes",
    "created_at",
    "expires_at",
    "revoked_at",
    "version",
    "previous_until",
    "last_used_at",
}


@pytest.fixture(scope="module")
def house(ministack_environment: dict[str, str], admin_key: str) -> Iterator[House]:
    yield from open_house(ministack_environment, admin_key)


def manage(house: House, method: str, path: str = "", body: object = None, **request: Any) -> Answer:
    if not request.keys() & {"key", "bearer"}:
        request["key"] = house.admin_key
    return house.call("keys", method, PATH + path, body, **request)


def create(house: House, **members: Any) -> dict[str, Any]:
    said = manage(house, "POST", "", {"name": "ci", "role": "USER", "plan": "free", **members})
    assert said.status == 201, said.body
    document: dict[str, Any] = said.json()
    return document


def works(house: House, key: str) -> bool:
    """Whether a container that has never seen *key* takes it."""
    return house.call(house.load("auth_validate"), "GET", VALIDATE, key=key).status == 200


def test_key_is_made_told_once_and_works_at_once(house: House) -> None:
    said = manage(
        house,
        "POST",
        "",
        {
            "name": "ci ü 🦉",
            "role": "USER",
            "plan": "pro",
            "scopes": ["geo:route", "auth:token"],
            "expires_in_days": 30,
        },
    )

    document = said.json()
    text, key_id, created_at = document.pop("api_key"), document.pop("id"), document.pop("created_at")
    assert said.status == 201
    assert said.headers["location"] == f"{PATH}/{key_id}"
    assert "no-store" in said.headers["cache-control"]
    assert text.startswith(f"ek_dev_{key_id}_")
    assert document == {
        "name": "ci ü 🦉",
        "role": "USER",
        "plan": "pro",
        "scopes": ["auth:token", "geo:route"],
        "expires_at": created_at + 30 * 86_400,
        "revoked_at": None,
        "version": 1,
        "previous_until": None,
        "last_used_at": None,
    }
    assert works(house, text)
    read = manage(house, "GET", f"/{key_id}")
    assert (read.status, read.json().keys()) == (200, DETAIL)
    assert text.encode() not in read.body
    assert text.rpartition("_")[2].encode() not in manage(house, "GET").body


def test_list_has_the_newest_first_and_pages(house: House) -> None:
    made = [create(house, name=f"page {number}")["id"] for number in range(3)]
    seen: list[str] = []
    query = "limit=10"
    while True:
        said = manage(house, "GET", query=query)
        document = said.json()
        assert said.status == 200
        assert document.keys() == {"keys", "cursor"}
        assert all(
            key.keys() == DETAIL - {"version", "previous_until", "last_used_at"} for key in document["keys"]
        )
        seen += [key["id"] for key in document["keys"]]
        if document["cursor"] is None or len(seen) > 60:
            break
        query = f"limit=10&cursor={document['cursor']}"
    assert len(set(seen)) == len(seen)
    assert set(made) <= set(seen)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/query/limit"),
        ("limit=101", "/query/limit"),
        ("limit=x", "/query/limit"),
        ("limit=1e2", "/query/limit"),
        ("limit=" + "9" * 5_000, "/query/limit"),
        ("cursor=x", "/cursor"),
        ("cursor=", "/cursor"),
        ("cursor=%00", "/cursor"),
        ("cursor=" + "A" * 64, "/cursor"),
        ("cursor=" + "x" * 257, "/query/cursor"),
    ],
    ids=lambda text: str(text)[:24],
)
def test_page_that_is_none(house: House, query: str, pointer: str) -> None:
    said = manage(house, "GET", query=query)

    assert (said.status, said.json()["errors"][0]["pointer"]) == (422, pointer)


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": " "}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"name": "a\u2028b"}, "/name"),
        ({"role": "ANONYMOUS"}, "/role"),
        ({"role": "ROOT"}, "/role"),
        ({"role": "admin"}, "/role"),
        ({"plan": "plan:free"}, "/plan"),
        ({"plan": "unlimited"}, "/plan"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["nope"]}, "/scopes"),
        ({"scopes": ["keys:admin"]}, "/scopes"),
        ({"scopes": ["geo:route", "keys:admin"]}, "/scopes"),
        ({"scopes": ["geo:route keys:admin"]}, "/scopes"),
        ({"scopes": ["*"]}, "/scopes"),
        ({"scopes": ["geo:route"] * 65}, "/scopes"),
        ({"scopes": "geo:route"}, "/scopes"),
        ({"expires_in_days": 0}, "/expires_in_days"),
        ({"expires_in_days": -1}, "/expires_in_days"),
        ({"expires_in_days": 3_651}, "/expires_in_days"),
        ({"expires_in_days": 10**30}, "/expires_in_days"),
        ({"expires_in_days": 1.0}, "/expires_in_days"),
        ({"expires_in_days": "1"}, "/expires_in_days"),
        ({"expires_in_days": True}, "/expires_in_days"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_key_that_cannot_be(house: House, members: dict[str, Any], pointer: str) -> None:
    said = manage(house, "POST", "", {"name": "n", "role": "USER", "plan": "free", **members})

    assert (said.status, said.json()["errors"][0]["pointer"]) == (422, pointer)


@pytest.mark.parametrize("missing", ["name", "role", "plan"])
def test_what_must_be_said(house: House, missing: str) -> None:
    body = {"name": "n", "role": "USER", "plan": "free"}
    del body[missing]

    assert manage(house, "POST", "", body).json()["errors"] == [
        {"pointer": f"/{missing}", "reason": "missing"}
    ]


@pytest.mark.parametrize("role", ["ADMIN", "USER", "GUEST"])
def test_scopes_are_the_role_s_where_none_are_named(house: House, role: Role) -> None:
    assert create(house, role=role)["scopes"] == sorted(SCOPES[role])


PETTY: Final = frozenset({"keys:admin", "geo:route", "auth:token"})


@pytest.mark.parametrize("by", ["key", "bearer"])
@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({"role": "ADMIN"}, 403),
        ({"role": "USER"}, 403),
        ({"role": "GUEST"}, 403),
        ({"role": "ADMIN", "scopes": ["ratelimit:admin"]}, 403),
        ({"role": "ADMIN", "scopes": ["keys:admin", "ratelimit:admin"]}, 403),
        ({"role": "USER", "scopes": ["sign:request"]}, 403),
        ({"role": "USER", "scopes": ["geo:route", "sign:request", "keys:admin"]}, 403),
        ({"role": "ANONYMOUS"}, 422),
        ({"role": "USER", "scopes": ["keys:admin"]}, 422),
        ({"role": "ADMIN", "scopes": ["keys:admin", "geo:route"]}, 201),
        ({"role": "GUEST", "scopes": ["geo:route"]}, 201),
    ],
    ids=str,
)
def test_nobody_gives_what_he_has_not_got(
    house: House, members: dict[str, Any], status: int, by: str
) -> None:
    petty = house.make_key("ADMIN", scopes=PETTY).text
    shown = petty if by == "key" else house.sign_in(petty)["access_token"]

    said = manage(house, "POST", "", {"name": "n", "plan": "free", **members}, **{by: shown})

    assert said.status == status


def test_nobody_ends_a_key_that_may_more(house: House) -> None:
    petty = house.make_key("ADMIN", scopes=PETTY)
    mighty = house.make_key("ADMIN")
    weaker = house.make_key("USER", scopes=frozenset({"geo:route"}))

    refused = manage(house, "DELETE", f"/{mighty.id}", key=petty.text)

    assert (refused.status, reason(refused)) == (403, "not_allowed")
    assert works(house, mighty.text)
    assert manage(house, "DELETE", f"/{weaker.id}", key=petty.text).status == 204


def test_nobody_takes_a_key_over_that_may_more(house: House) -> None:
    """Whoever rotates a key learns its secret."""
    petty = house.make_key("ADMIN", scopes=PETTY)
    mighty = house.make_key("ADMIN")
    weaker = house.make_key("USER", scopes=frozenset({"geo:route"}))

    refused = manage(house, "POST", f"/{mighty.id}/rotate", {"overlap_seconds": 0}, key=petty.text)
    assert (refused.status, reason(refused)) == (403, "not_allowed")
    assert works(house, mighty.text), "and nothing was done"
    assert manage(house, "GET", f"/{mighty.id}").json()["version"] == 1
    assert manage(house, "POST", f"/{weaker.id}/rotate", {}, key=petty.text).status == 200
    assert manage(house, "POST", f"/{petty.id}/rotate", {}, key=petty.text).status == 200


def test_rotation_with_an_overlap(house: House) -> None:
    made = create(house, plan="enterprise")

    said = manage(house, "POST", f"/{made['id']}/rotate", {"overlap_seconds": 600})

    document = said.json()
    assert said.status == 200
    assert document.keys() == DETAIL | {"api_key"}
    assert (document["id"], document["version"]) == (made["id"], 2)
    assert "no-store" in said.headers["cache-control"]
    assert works(house, made["api_key"])
    assert works(house, document["api_key"])
    with later(601):
        assert not works(house, made["api_key"])
        assert works(house, document["api_key"])


def test_rotation_without_one_ends_the_old_secret_now(house: House) -> None:
    made = create(house, plan="enterprise")

    said = manage(house, "POST", f"/{made['id']}/rotate", {"overlap_seconds": 0})

    assert not works(house, made["api_key"])
    assert works(house, said.json()["api_key"])


@pytest.mark.parametrize("overlap", [-1, 2_592_001, 1.5, "1", True, None, 10**30])
def test_overlap_out_of_range(house: House, overlap: object) -> None:
    made = create(house)

    said = manage(house, "POST", f"/{made['id']}/rotate", {"overlap_seconds": overlap})

    assert (said.status, said.json()["errors"][0]["pointer"]) == (422, "/overlap_seconds")
    assert works(house, made["api_key"])


def test_revoked_key_stays_revoked(house: House) -> None:
    made = create(house)

    answers = [manage(house, "DELETE", f"/{made['id']}", query="why=leaked") for _ in range(3)]

    assert [(said.status, said.body) for said in answers] == [(204, b"")] * 3
    assert not works(house, made["api_key"])
    assert manage(house, "GET", f"/{made['id']}").json()["revoked_at"] is not None
    rotated = manage(house, "POST", f"/{made['id']}/rotate", {})
    assert (rotated.status, reason(rotated)) == (409, "revoked_already")
    assert not works(house, made["api_key"])


def test_reason_is_of_a_closed_set(house: House) -> None:
    made = create(house)

    said = manage(house, "DELETE", f"/{made['id']}", query="why=because")

    assert said.status == 422
    assert works(house, made["api_key"])


def test_session_dies_with_its_key(house: House) -> None:
    made = create(house, plan="enterprise")
    session = house.sign_in(made["api_key"])
    renewed = house.call(
        "auth_refresh", "POST", "/api/auth/refresh", {"refresh_token": session["refresh_token"]}
    ).json()
    known = house.load("auth_validate")
    for token in (session["access_token"], renewed["access_token"]):
        assert house.call(known, "POST", VALIDATE, {"token": token}).json()["active"]
        assert claims_of(token)["client_id"] == made["id"]

    assert manage(house, "DELETE", f"/{made['id']}").status == 204

    with later(2.001):
        for token in (session["access_token"], renewed["access_token"]):
            said = house.call(known, "POST", VALIDATE, {"token": token}).json()
            assert said == {"active": False, "role": "ANONYMOUS", "reason": "revoked"}
            assert house.call(known, "GET", VALIDATE, bearer=token).status == 401
    refused = house.call(
        "auth_refresh", "POST", "/api/auth/refresh", {"refresh_token": renewed["refresh_token"]}
    )
    assert (refused.status, reason(refused)) == (401, "family_revoked")


def test_session_ends_when_its_key_expires(house: House) -> None:
    made = house.make_key("USER", expires_in=60)

    session = house.sign_in(made.text)

    assert session["expires_in"] <= 60
    assert session["refresh_expires_in"] <= 60
    with later(61):
        said = house.call("auth_validate", "POST", VALIDATE, {"token": session["access_token"]}).json()
        assert said["reason"] == "expired"
        renewed = house.call(
            "auth_refresh", "POST", "/api/auth/refresh", {"refresh_token": session["refresh_token"]}
        )
        assert (renewed.status, reason(renewed)) == (401, "refresh_expired")


def test_administrator_can_end_his_own_key(house: House) -> None:
    own = house.make_key("ADMIN")

    assert manage(house, "DELETE", f"/{own.id}", key=own.text).status == 204
    with later(2.001):
        said = manage(house, "GET", key=own.text)
    assert (said.status, reason(said)) == (401, "key_revoked")


@pytest.mark.parametrize(
    "key_id",
    [
        "000000000000",
        "x",
        "x" * 1_000,
        "..",
        "%2e%2e",
        "KEY#a",
        "a b",
        "ü" * 12,
        "\x00",
        "0123456789a\n",
        "null",
    ],
    ids=lambda text: repr(text[:14]),
)
def test_key_that_nobody_knows(house: House, key_id: str) -> None:
    for method, path, body in (("GET", "", None), ("DELETE", "", None), ("POST", "/rotate", {})):
        said = manage(house, method, f"/{key_id}{path}", body)
        assert (said.status, reason(said)) == (404, "no_such_key")
        assert key_id.encode() not in said.body or len(key_id) < 5


def test_key_of_one_id_never_proves_another(house: House) -> None:
    first, second = create(house), create(house)

    crossed = first["api_key"].replace(first["id"], second["id"])

    assert not works(house, crossed)
