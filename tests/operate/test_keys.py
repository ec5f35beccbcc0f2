"""``keys`` and ``admin-key``."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from edge.auth.apikeys.text import parse
from edge.auth.roles import SCOPES
from tests.functions import load_function
from tests.http_events import http_event, invoke
from tests.operate.conftest import NEW, Later

if TYPE_CHECKING:
    from tests.operate.conftest import Operator


def test_new_key_is_shown_once_and_never_again(operate: Operator) -> None:
    made = operate.json(*NEW, "--scope", "geo:route", "--scope", "sign:verify", "--expires-in-days", "30")

    assert parse(made["api_key"]).id == made["id"] and made["api_key"].startswith("ek_dev_")
    assert made["scopes"] == ["geo:route", "sign:verify"]
    assert made["expires_at"] - made["created_at"] == 30 * 86_400
    secret = made["api_key"].rpartition("_")[2]
    for again in (("keys", "show", made["id"]), ("keys", "list"), ("keys", "revoke", made["id"])):
        for outcome in (operate.run(*again), operate.run(*again, "--json")):
            assert outcome.code == 0 and made["id"] in outcome.out
            assert secret not in outcome.out + outcome.err


def test_without_scopes_a_key_has_all_of_its_role(operate: Operator) -> None:
    assert set(operate.json(*NEW)["scopes"]) == SCOPES["USER"]


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ((*NEW, "--scope", "keys:admin"), "scopes: not_of_the_role"),
        ((*NEW, "--expires-in-days", "0"), "expires_in_days: out_of_range"),
        ((*NEW[:3], " ", *NEW[4:]), "name: not_usable"),
        (("keys", "list", "--limit", "101"), "limit: out_of_range"),
        (("keys", "list", "--cursor", "x"), "cursor: "),
        (("keys", "rotate", "000000000000", "--overlap-seconds", "-1"), "overlap_seconds: out_of_range"),
    ],
)
def test_value_that_is_not_taken_is_named(operate: Operator, argv: tuple[str, ...], told: str) -> None:
    assert operate.refused(*argv) == "invalid_values"
    assert told in operate.run(*argv).err


def test_text_for_people_is_aligned(operate: Operator) -> None:
    # Of one second, keys are in the order of their ids: these two are to be the newest.
    operate.json(*NEW[:3], "a rather longer name", *NEW[4:], clock=Later(100))
    operate.json(*NEW, clock=Later(200))

    heading, first, second = operate.text("keys", "list", "--limit", "2").splitlines()[:3]

    assert heading.split() == ["ID", "NAME", "ROLE", "PLAN", "CREATED", "EXPIRES", "STATE"]
    for name in ("ROLE", "PLAN", "STATE"):
        column = heading.index(name)
        assert all(line[column - 2 : column] == "  " and line[column] != " " for line in (first, second))
    assert (first.split()[1], second.split()[1]) == ("ci", "a")


def test_pages_tell_every_key_once(operate: Operator) -> None:
    made = {operate.json(*NEW)["id"] for _ in range(3)}
    first = operate.json("keys", "list", "--limit", "2")
    found = [key["id"] for key in first["keys"]]
    cursor = first["cursor"]
    while cursor is not None:
        page = operate.json("keys", "list", "--limit", "100", "--cursor", cursor)
        found += [key["id"] for key in page["keys"]]
        cursor = page["cursor"]

    assert len(found) == len(set(found)) and made <= set(found)
    assert f"more: --cursor {first['cursor']}" in operate.text("keys", "list", "--limit", "2")


def test_rotation_gives_another_secret_and_says_until_when_the_old_one_goes_on(operate: Operator) -> None:
    made = operate.json(*NEW)

    rotated = operate.json("keys", "rotate", made["id"], "--overlap-seconds", "3600")

    assert rotated["id"] == made["id"] and rotated["api_key"] != made["api_key"]
    assert rotated["version"] == 2
    assert 3_590 <= rotated["previous_until"] - time.time() <= 3_600


def test_key_can_be_named_by_its_text_from_standard_input(operate: Operator) -> None:
    made = operate.json(*NEW)

    assert operate.json("keys", "show", "-", stdin=made["api_key"] + "\n")["id"] == made["id"]
    assert operate.refused("keys", "show", "-", stdin=made["api_key"][:-1]) == "malformed_key"


@pytest.mark.parametrize("command", ["show", "rotate", "revoke"])
def test_unknown_key_is_refused(operate: Operator, command: str) -> None:
    assert operate.refused("keys", command, "000000000000") == "no_such_key"
    assert operate.refused("keys", command, "' OR 1=1") == "no_such_key"


def test_revoked_key_stays_so_and_cannot_be_rotated(operate: Operator) -> None:
    key_id = operate.json(*NEW)["id"]

    first = operate.json("keys", "revoke", key_id, "--why", "leaked")
    second = operate.json("keys", "revoke", key_id, "--why", "retired")

    assert first["revoked_at"] is not None and first == second
    assert re.search(r"^state +revoked$", operate.text("keys", "show", key_id), re.MULTILINE)
    assert operate.refused("keys", "rotate", key_id) == "revoked_already"


def test_functions_refuse_a_revoked_key_within_two_seconds(
    operate: Operator, function_environment: dict[str, str]
) -> None:
    made = operate.json(*NEW)
    validate = load_function("auth_validate", function_environment)
    event = http_event("GET", "/api/auth/validate", headers={"x-api-key": made["api_key"]})
    assert invoke(validate.handler, event).status == 200

    operate.json("keys", "revoke", made["id"])

    end = time.monotonic() + 2.1
    while (status := invoke(validate.handler, event).status) == 200 and time.monotonic() < end:
        time.sleep(0.1)
    assert status == 401


def test_first_administrator_gets_a_key_and_the_second_call_says_who_has_it(operate: Operator) -> None:
    operate.admin()  # revoked with the others: one that is over does not count
    for key in operate.json("keys", "list", "--limit", "100")["keys"]:
        if key["role"] == "ADMIN":
            operate.json("keys", "revoke", key["id"])
    # A lesser plan is no administrator for ever, so it does not count either.
    operate.json("keys", "create", "--name", "x", "--role", "ADMIN", "--plan", "pro")

    first = operate.json("admin-key")
    second = operate.json("admin-key")

    assert first["created"] is True and set(first["scopes"]) == SCOPES["ADMIN"]
    assert first["plan"] == "enterprise" and parse(first["api_key"]).id == first["id"]
    assert second == {"created": False, "secret_created": False, "id": first["id"]}
    assert first["id"] in operate.text("admin-key")
    assert operate.json("admin-key", "--another")["id"] != first["id"]


def test_stage_is_in_the_key(operate: Operator) -> None:
    assert operate.json(*NEW, "--stage", "production")["api_key"].startswith("ek_live_")
