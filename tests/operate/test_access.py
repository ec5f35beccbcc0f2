"""``access`` and ``limits``: who is let in, whom limits forget."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from edge.regions import DEPLOYED
from infra.operate.access_commands import MAX_ITEM_BYTES
from tests.functions import load_function
from tests.http_events import http_event, invoke
from tests.operate.conftest import NEW

if TYPE_CHECKING:
    from pathlib import Path

    from tests.operate.conftest import Operator

LIST = {"deny_networks": ["203.0.113.0/24"], "allow_subjects": ["partner-7", "grüezi"]}


@pytest.fixture(autouse=True)
def _no_lists(operate: Operator) -> None:
    operate.json("access", "clear", "--all-regions")


def test_list_is_that_of_one_region(operate: Operator, tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text(json.dumps(LIST))

    put = operate.json("access", "put", "--file", str(path), "--region", "cdg1")

    assert (put["regions"], put["entries"]) == (["cdg1"], 3)
    assert operate.json("access", "get", "--region", "cdg1") == LIST
    assert operate.json("access", "get", "--region", "sfo1") == {}


def test_list_of_all_regions_comes_from_standard_input_and_goes_as_it_came(operate: Operator) -> None:
    said = operate.text("access", "put", "--all-regions", stdin=json.dumps(LIST))

    assert "3 entries" in said and "iad1, sfo1, cdg1, hnd1" in said
    assert operate.json("access", "get", "--all-regions") == {region.code: LIST for region in DEPLOYED}
    taken = operate.text("access", "get")
    operate.json("access", "put", "--region", "hnd1", stdin=taken)
    assert operate.json("access", "get", "--region", "hnd1") == LIST

    assert operate.json("access", "clear", "--region", "hnd1") == {"regions": ["hnd1"]}
    assert operate.json("access", "get", "--all-regions")["hnd1"] is None


@pytest.mark.parametrize(
    ("text", "reason", "told"),
    [
        ('{"deny_subjects": ["a",]', "not_json", "line 1, column 23"),
        ("[]", "access_list_invalid", "not_an_object"),
        ('{"deny": []}', "access_list_invalid", "unknown_member"),
        (
            '{"deny_networks": ["10.0.0.0/8", "10.0.0.1/8"]}',
            "access_list_invalid",
            "deny_networks[1]: host_bits",
        ),
        ('{"deny_subjects": [7]}', "access_list_invalid", "deny_subjects[0]: not_text"),
        ('{"deny_subjects": [], "deny_subjects": []}', "access_list_invalid", "twice"),
        ("[" * 100_000, "not_json", "too deep"),
        ("\udcff", "not_utf8", "byte 0"),
    ],
)
def test_list_that_is_none_is_refused_and_the_old_one_stays(
    operate: Operator, text: str, reason: str, told: str
) -> None:
    operate.json("access", "put", stdin=json.dumps(LIST))

    assert operate.refused("access", "put", stdin=text) == reason
    assert told in operate.run("access", "put", stdin=text).err
    assert operate.json("access", "get") == LIST


def test_list_that_no_item_can_hold_is_refused_with_both_sizes(operate: Operator) -> None:
    text = json.dumps({"deny_subjects": [f"{number:0>60}" for number in range(7_000)]})

    assert operate.refused("access", "put", stdin=text) == "access_list_too_large"
    error = operate.run("access", "put", stdin=text).err
    assert str(MAX_ITEM_BYTES) in error and "441" in error


def test_largest_list_is_taken(operate: Operator) -> None:
    subjects = [f"{number:0>60}" for number in range(6_500)]
    # 24 bytes of JSON around them, 63 for each with quotes and comma, the last has no comma; 17 of names and key.
    left = MAX_ITEM_BYTES - (17 + len('{"deny_subjects":[]}') + 63 * len(subjects) - 1)
    subjects[0] = subjects[0] + "x" * min(left, 100)

    put = operate.json("access", "put", stdin=json.dumps({"deny_subjects": subjects}))

    assert put["item_bytes"] == MAX_ITEM_BYTES - left + min(left, 100) <= MAX_ITEM_BYTES


def test_file_that_is_not_there_is_told(operate: Operator, tmp_path: Path) -> None:
    assert operate.refused("access", "put", "--file", str(tmp_path / "none")) == "unreadable_file"


def test_functions_keep_out_whom_the_list_denies(
    operate: Operator, function_environment: dict[str, str]
) -> None:
    key = operate.json(*NEW[:5], "USER", "--plan", "enterprise")["api_key"]
    operate.json("access", "put", "--region", "cdg1", stdin='{"deny_subjects": ["abuser"]}')
    check = load_function("ratelimit_check", function_environment)

    def reason_of(subject: str) -> object:
        event = http_event("POST", "/api/ratelimit/check", {"subject": subject}, headers={"x-api-key": key})
        return invoke(check.handler, event).json()["reason"]

    assert (reason_of("abuser"), reason_of("other")) == ("deny_list", "within_limit")


@pytest.mark.parametrize(
    ("scope", "tier"), [("region", "strict"), ("global", "strict"), ("global", "plan:free")]
)
def test_limit_is_forgotten(
    operate: Operator, function_environment: dict[str, str], scope: str, tier: str
) -> None:
    key = operate.admin()
    check = load_function("ratelimit_check", function_environment)
    body = {"subject": f"user-{scope}", "tier": tier, "scope": scope, "cost": 3}

    def remaining() -> object:
        event = http_event("POST", "/api/ratelimit/check", body, headers={"x-api-key": key})
        return invoke(check.handler, event).json()["remaining"]

    first, second = remaining(), remaining()
    reset = operate.json(
        "limits", "reset", f"user-{scope}", "--tier", tier, "--scope", scope, "--region", "cdg1"
    )

    assert reset == {"reset": True, "subject": f"user-{scope}", "tier": tier, "scope": scope}
    assert (second, remaining()) == (int(str(first)) - 3, first)


def test_limit_that_does_not_exist_is_refused(operate: Operator) -> None:
    assert operate.refused("limits", "reset", "u", "--tier", "nope") == "unknown_tier"
    assert operate.refused("limits", "reset", "u", "--tier", "plan:enterprise") == "unlimited"
    assert operate.refused("limits", "reset", "", "--tier", "strict") == "bad_subject"
    assert operate.refused("limits", "reset", "u", "--tier", "a", "--rate-tiers", "a=b") == "bad_tiers"
    assert operate.json("limits", "reset", "u", "--tier", "login", "--rate-tiers", "login=5/300")["reset"]
