"""``POST /api/ratelimit/check``, from the gateway's event to the engine and back."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from edge.ratelimit.home import home_of
from edge.regions import DEPLOYED
from infra.local.emulator import free_port
from infra.template import create_tables, load_stack
from tests import engines
from tests.functional.conftest import TEMPLATE
from tests.functions import load_function
from tests.http_events import Answer, http_event, invoke

if TYPE_CHECKING:
    from types import ModuleType

PATH = "/api/ratelimit/check"


@pytest.fixture(scope="module")
def function(ministack_environment: dict[str, str]) -> ModuleType:
    return load_function("ratelimit_check", ministack_environment)


@pytest.fixture
def subject() -> str:
    return str(uuid.uuid4())


def check(function: ModuleType, body: object = None, **members: Any) -> Answer:
    return invoke(function.handler, http_event("POST", PATH, body, **members))


def test_admitted_check_is_200_with_every_field_and_header(function: ModuleType, subject: str) -> None:
    answer = check(function, {"subject": subject})

    document = answer.json()
    reset_at = document.pop("reset_at")
    assert answer.status == 200
    assert document == {
        "allowed": True,
        "subject": subject,
        "tier": "default",
        "limit": 100,
        "window_seconds": 60,
        "remaining": 99,
        "retry_after_ms": 0,
        "region": "cdg1",
        "degraded": False,
    }
    assert answer.headers["x-ratelimit-limit"] == "100"
    assert answer.headers["x-ratelimit-remaining"] == "99"
    assert answer.headers["x-ratelimit-reset"] == str(reset_at)
    assert answer.headers["ratelimit-policy"] == '"default";q=100;w=60'
    assert answer.headers["ratelimit"] in ('"default";r=99;t=60', '"default";r=99;t=61')
    assert "retry-after" not in answer.headers


def test_denied_check_is_429_with_the_same_body_and_retry_after(function: ModuleType, subject: str) -> None:
    assert check(function, {"subject": subject, "tier": "strict", "cost": 10}).status == 200

    answer = check(function, {"subject": subject, "tier": "strict"})

    document = answer.json()
    assert answer.status == 429
    assert answer.headers["content-type"] == "application/json"
    assert (document["allowed"], document["remaining"]) == (False, 0)
    assert 58_000 <= document["retry_after_ms"] <= 61_000
    assert int(answer.headers["retry-after"]) * 1_000 >= document["retry_after_ms"]


@pytest.mark.parametrize(
    ("tier", "limit", "window_seconds"),
    [("default", 100, 60), ("strict", 10, 60), ("relaxed", 1000, 60), ("burst", 50, 1)],
)
def test_four_tiers(function: ModuleType, subject: str, tier: str, limit: int, window_seconds: int) -> None:
    answer = check(function, {"subject": subject, "tier": tier, "cost": limit, "scope": "region"})

    assert answer.json() | {"limit": limit, "window_seconds": window_seconds, "remaining": 0} == answer.json()
    assert answer.headers["ratelimit-policy"] == f'"{tier}";q={limit};w={window_seconds}'


def test_peek_charges_nothing(function: ModuleType, subject: str) -> None:
    peeks = [check(function, {"subject": subject, "peek": True, "cost": 3}) for _ in range(3)]

    assert [peek.json()["remaining"] for peek in peeks] == [100] * 3
    assert check(function, {"subject": subject, "tier": "strict", "peek": True}).status == 200


@pytest.mark.parametrize(
    "subject", ["ü-日本-🦉", "a b", "::1", "x" * 256, "ü" * 128, 'quote"', "~" + "0" * 64, "\u202e"]
)
def test_any_text_within_bounds_is_a_subject(function: ModuleType, subject: str) -> None:
    answer = check(function, {"subject": subject})

    assert answer.status == 200
    assert answer.json()["subject"] == subject


def test_long_subjects_do_not_share_a_record(function: ModuleType) -> None:
    prefix = "long-" * 30
    for name in (f"{prefix}{uuid.uuid4()}", f"{prefix}{uuid.uuid4()}"):
        assert check(function, {"subject": name, "tier": "strict"}).json()["remaining"] == 9


BAD_VALUES = [
    ({}, "/subject", "missing"),
    ({"subject": ""}, "/subject", "subject_empty"),
    ({"subject": "x" * 257}, "/subject", "subject_too_long"),
    ({"subject": "x" * 300}, "/subject", "subject_too_long"),
    ({"subject": "ü" * 129}, "/subject", "subject_too_long"),
    ({"subject": "a\nb"}, "/subject", "subject_control_character"),
    ({"subject": "a\x00"}, "/subject", "subject_control_character"),
    ({"subject": "\x7f"}, "/subject", "subject_control_character"),
    ({"subject": "\x85"}, "/subject", "subject_control_character"),
    ({"subject": 1}, "/subject", "string_type"),
    ({"subject": None}, "/subject", "string_type"),
    ({"subject": ["a"]}, "/subject", "string_type"),
    ({"subject": {"a": 1}}, "/subject", "string_type"),
    ({"subject": True}, "/subject", "string_type"),
    ({"subject": "s", "tier": "nope"}, "/tier", "unknown_tier"),
    ({"subject": "s", "tier": "x" * 65}, "/tier", "string_too_long"),
    ({"subject": "s", "tier": None}, "/tier", "string_type"),
    ({"subject": "s", "cost": 0}, "/cost", "greater_than_equal"),
    ({"subject": "s", "cost": -1}, "/cost", "greater_than_equal"),
    ({"subject": "s", "cost": 101}, "/cost", "greater_than_limit"),
    ({"subject": "s", "cost": 10**40}, "/cost", "greater_than_limit"),
    ({"subject": "s", "cost": 1e30}, "/cost", "int_type"),
    ({"subject": "s", "cost": 1.5}, "/cost", "int_type"),
    ({"subject": "s", "cost": "1"}, "/cost", "int_type"),
    ({"subject": "s", "cost": True}, "/cost", "int_type"),
    ({"subject": "s", "cost": None}, "/cost", "int_type"),
    ({"subject": "s", "cost": [1]}, "/cost", "int_type"),
    ({"subject": "s", "peek": 1}, "/peek", "bool_type"),
    ({"subject": "s", "peek": "true"}, "/peek", "bool_type"),
    ({"subject": "s", "scope": "planet"}, "/scope", "literal_error"),
    ({"subject": "s", "owl": 1}, "", "unknown_member"),
    ([], "", "not_an_object"),
    ("s", "", "not_an_object"),
    (7, "", "not_an_object"),
]


@pytest.mark.parametrize(("body", "pointer", "reason"), BAD_VALUES, ids=lambda value: json.dumps(value)[:40])
def test_wrong_value_is_named_and_nothing_is_echoed(
    function: ModuleType, body: object, pointer: str, reason: str
) -> None:
    answer = check(function, body)

    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"] == [{"pointer": pointer, "reason": reason}]
    assert answer.json()["detail"].startswith("Some values")


@pytest.mark.parametrize(
    "raw_body",
    [
        b"",
        b"{",
        b'{"subject":}',
        b'{"subject":"s","cost":NaN}',
        b'{"subject":"s","subject":"t"}',
        b'{"subject":"\xff"}',
        b'{"subject":"\\ud800"}',
        b'{"subject":"s","cost":' + b"9" * 5_000 + b"}",
        b'{"a":' * 10_000,
        b"null" * 2,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_not_json_is_400(function: ModuleType, raw_body: bytes) -> None:
    answer = check(function, raw_body=raw_body)

    assert (answer.status, answer.json()["reason"]) == (400, "malformed_json")


def test_null_is_no_check(function: ModuleType) -> None:
    assert check(function, raw_body=b"null").status == 422


def test_other_methods_and_types_are_refused(function: ModuleType) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = invoke(function.handler, http_event(method, PATH))
        assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert check(function, {"subject": "s"}, headers={"content-type": "text/plain"}).status == 415
    assert check(function, raw_body=b"x" * 70_000).status == 413


def test_table_that_is_gone_degrades_by_policy(ministack_environment: dict[str, str], subject: str) -> None:
    unreachable = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}", "EXPECTED_CONTAINERS": "5"}
    function = load_function("ratelimit_check", {**ministack_environment, **unreachable})

    open_tier = check(function, {"subject": subject}).json()
    closed_tier = check(function, {"subject": subject, "tier": "strict"})
    both = check(function, {"subject": subject, "checks": [{"tier": "default"}, {"tier": "strict"}]}).json()

    assert (open_tier["allowed"], open_tier["degraded"], open_tier["limit"], open_tier["remaining"]) == (
        True,
        True,
        100,
        19,
    )
    assert (closed_tier.status, closed_tier.json()["degraded"]) == (429, True)
    assert int(closed_tier.headers["retry-after"]) >= 1
    assert (both["allowed"], both["degraded"], both["violated"]) == (False, True, ["strict"])
    assert check(function, {"subject": subject, "scope": "global"}).json()["degraded"]


def test_table_that_does_not_exist_is_a_defect_of_ours(ministack_environment: dict[str, str]) -> None:
    function = load_function(
        "ratelimit_check", {**ministack_environment, "RATE_WINDOWS_TABLE": "no-such-table"}
    )

    answer = check(function, {"subject": "s"})

    assert answer.status == 500
    assert b"no-such-table" not in answer.body


def test_document_describes_the_answer(function: ModuleType) -> None:
    document = function.app.openapi()

    operation = document["paths"][PATH]["post"]
    schemas = document["components"]["schemas"]
    for status in ("200", "429"):
        schema = operation["responses"][status]["content"]["application/json"]["schema"]
        assert [option["$ref"].rsplit("/", 1)[1] for option in schema["anyOf"]] == [
            "CheckAnswer",
            "ChecksAnswer",
        ]
    assert set(schemas["CheckAnswer"]["required"]) == set(check(function, {"subject": "documented"}).json())
    assert schemas["CheckRequest"]["additionalProperties"] is False


THREE = [{"tier": "burst"}, {"tier": "strict", "cost": 5}, {"tier": "plan:free"}]


def test_several_charges_are_made_together(function: ModuleType, subject: str) -> None:
    answer = check(function, {"subject": subject, "checks": THREE})

    document = answer.json()
    assert answer.status == 200
    assert (document["allowed"], document["violated"], document["subject"]) == (True, [], subject)
    assert [(one["tier"], one["remaining"]) for one in document["checks"]] == [
        ("burst", 49),
        ("strict", 5),
        ("plan:free", 99),
    ]
    assert (
        answer.headers["ratelimit-policy"]
        == '"burst";q=50;w=1, "strict";q=10;w=60, "plan:free";q=100;w=86400'
    )
    assert answer.headers["x-ratelimit-remaining"] == "5"


def test_one_charge_that_does_not_fit_refuses_all_and_is_named(function: ModuleType, subject: str) -> None:
    for _ in range(2):
        assert check(function, {"subject": subject, "checks": THREE}).status == 200

    answer = check(function, {"subject": subject, "checks": THREE})

    document = answer.json()
    assert (answer.status, document["allowed"], document["violated"]) == (429, False, ["strict"])
    assert document["retry_after_ms"] == document["checks"][1]["retry_after_ms"] > 0
    assert (answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-remaining"]) == ("10", "0")
    assert check(function, {"subject": subject, "tier": "plan:free", "peek": True}).json()["remaining"] == 98
    assert check(function, {"subject": subject, "checks": THREE, "peek": True}).status == 429


@pytest.mark.parametrize(
    ("body", "pointer", "reason"),
    [
        ({"checks": []}, "/checks", "too_short"),
        ({"checks": [{"tier": "burst"}] * 6}, "/checks", "too_long"),
        ({"checks": [{"tier": "burst"}] * 2}, "/checks", "tier_twice"),
        ({"checks": [{"tier": "burst"}], "cost": 1}, "/checks", "excludes_tier_and_cost"),
        ({"checks": [{"tier": "burst"}, {"tier": "nope"}]}, "/checks/1/tier", "unknown_tier"),
        ({"checks": [{"tier": "strict", "cost": 11}]}, "/checks/0/cost", "greater_than_limit"),
        ({"checks": [{"tier": "strict", "cost": True}]}, "/checks/0/cost", "int_type"),
        ({"checks": [{"tier": "strict", "owl": 1}]}, "/checks/0", "unknown_member"),
        ({"checks": [{"cost": 1}]}, "/checks/0/tier", "missing"),
        ({"checks": [[]]}, "/checks/0", "not_an_object"),
        ({"checks": {}}, "/checks", "list_type"),
        ({"checks": None}, "/checks", "list_type"),
    ],
)
def test_wrong_charge_is_named(
    function: ModuleType, body: dict[str, object], pointer: str, reason: str
) -> None:
    answer = check(function, {"subject": "s", **body})

    assert answer.status == 422
    assert answer.json()["errors"] == [{"pointer": pointer, "reason": reason}]


def test_tiers_come_from_settings(ministack_environment: dict[str, str], subject: str) -> None:
    function = load_function(
        "ratelimit_check", {**ministack_environment, "RATE_TIERS": "strict=2/60,login=5/300,odd=7/61"}
    )

    assert check(function, {"subject": subject, "tier": "login"}).json()["window_seconds"] == 300
    assert check(function, {"subject": subject, "tier": "odd"}).json()["window_seconds"] == 61
    assert check(function, {"subject": subject, "tier": "strict", "cost": 3}).status == 422
    assert check(function, {"subject": subject, "tier": "strict", "cost": 2}).json()["remaining"] == 0
    assert check(function, {"subject": subject}).json()["limit"] == 100


def test_global_scope_counts_every_region_together(
    ministack_environment: dict[str, str], ministack_url: str, subject: str
) -> None:
    regions = []
    for region in DEPLOYED:
        client = engines.reference_client(ministack_url, region=region.aws_region)
        create_tables(load_stack(TEMPLATE, aws_region=region.aws_region), client)
        regions.append(
            load_function("ratelimit_check", {**ministack_environment, "AWS_REGION": region.aws_region})
        )
    body = {"subject": subject, "tier": "strict", "scope": "global"}

    answers = [check(regions[number % 4], body).json() for number in range(12)]

    assert [answer["allowed"] for answer in answers] == [True] * 10 + [False] * 2
    assert {answer["region"] for answer in answers} == {home_of(subject, DEPLOYED).code}
    assert not any(answer["degraded"] for answer in answers)
    assert check(regions[0], {"subject": subject, "tier": "strict"}).json()["remaining"] == 9


def test_log_says_what_was_decided_and_not_about_whom(
    function: ModuleType, subject: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check(function, {"subject": subject, "tier": "strict", "cost": 10})
    check(function, {"subject": subject, "tier": "strict"})

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["decision"] for line in lines] == ["allowed", "denied"]
    assert {line["tiers"] for line in lines} == {"strict"}
    assert {(line["decided_in"], line["degraded"]) for line in lines} == {("cdg1", False)}
    assert subject not in str(lines)


def test_plan_without_a_limit_says_so(function: ModuleType, subject: str) -> None:
    answer = check(function, {"subject": subject, "tier": "plan:enterprise", "cost": 10**12})

    document = answer.json()
    assert (answer.status, document["allowed"]) == (200, True)
    assert (document["limit"], document["remaining"], document["window_seconds"]) == (None, None, None)
    assert not [name for name in answer.headers if "ratelimit" in name]
    both = check(function, {"subject": subject, "checks": [{"tier": "plan:enterprise"}, {"tier": "strict"}]})
    assert both.headers["ratelimit-policy"] == '"strict";q=10;w=60'
