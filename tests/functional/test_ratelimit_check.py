"""``POST /api/ratelimit/check``, from the gateway's event to the engine and back."""

from __future__ import annotations

import json
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from edge.aws.faults import Unavailable
from edge.aws.jsonrpc import JsonService
from edge.ratelimit.home import home_of
from edge.regions import DEPLOYED
from infra.template import create_tables, load_stack
from tests import engines
from tests.functional.conftest import TEMPLATE
from tests.functions import load_function
from tests.http_events import Answer, http_event, invoke

if TYPE_CHECKING:
    from types import ModuleType

PATH = "/api/ratelimit/check"
RESET = "/api/ratelimit/reset"


@pytest.fixture(scope="module")
def function(ministack_environment: dict[str, str]) -> ModuleType:
    return load_function("ratelimit_check", ministack_environment)


@pytest.fixture(autouse=True)
def _called_by(admin_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request of this module comes with an administrator's key, unless it says otherwise."""
    monkeypatch.setattr(sys.modules[__name__], "KEY", admin_key)


KEY = ""


@pytest.fixture
def subject() -> str:
    return str(uuid.uuid4())


def check(function: ModuleType, body: object = None, *, path: str = PATH, **members: Any) -> Answer:
    headers = {"content-type": "application/json", "x-api-key": KEY, **members.pop("headers", {})}
    return invoke(function.handler, http_event("POST", path, body, headers=headers, **members))


def test_admitted_check_is_200_with_every_field_and_header(function: ModuleType, subject: str) -> None:
    answer = check(function, {"subject": subject})

    document = answer.json()
    reset_at = document.pop("reset_at")
    assert answer.status == 200
    assert document == {
        "allowed": True,
        "reason": "within_limit",
        "enforced": True,
        "subject": subject,
        "tier": "default",
        "limit": 100,
        "window_seconds": 60,
        "remaining": 99,
        "soft_exceeded": False,
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
    assert 58_000 <= document["retry_after_ms"] <= 62_000
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


def unreachable(*_: object, **__: object) -> NoReturn:
    raise Unavailable("connection", outcome_unknown=False)


def test_table_that_is_gone_degrades_by_policy(
    ministack_environment: dict[str, str], subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = load_function("ratelimit_check", {**ministack_environment, "EXPECTED_CONTAINERS": "5"})
    assert not check(function, {"subject": "warm"}).json()["degraded"], "who calls is known from here on"
    monkeypatch.setattr(JsonService, "call", unreachable)

    open_tier = check(function, {"subject": subject}).json()
    closed_tier = check(function, {"subject": subject, "tier": "strict"})
    both = check(function, {"subject": subject, "checks": [{"tier": "default"}, {"tier": "strict"}]}).json()
    two = {"checks": [{"subject": f"{subject}-{n}", "tier": "default"} for n in range(2)]}

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
    assert check(function, {"subject": subject, "tier": "plan:free", "scope": "global"}).json()["degraded"]
    assert [one["remaining"] for one in check(function, two).json()["checks"]] == [19, 19]


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
        ({"checks": [{"tier": "burst"}], "cost": 1}, "/checks", "excludes_tier_cost_and_limit"),
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


# --- several subjects, shadow, soft and dynamic limits, lists, reset ---------------------------------------------------


def two_subjects(one: str, other: str, *, cost: int = 4) -> dict[str, object]:
    return {
        "checks": [
            {"subject": one, "tier": "strict", "cost": cost},
            {"subject": other, "tier": "default", "cost": 4},
        ]
    }


def test_several_subjects_are_charged_together_or_not_at_all(function: ModuleType, subject: str) -> None:
    one, other = f"{subject}-1", f"{subject}-2"

    answers = [check(function, two_subjects(one, other)) for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [charge["remaining"] for charge in answers[1].json()["checks"]] == [2, 92]
    assert (answers[2].json()["subject"], answers[2].json()["violated"]) == (None, ["strict"])
    assert check(function, {"subject": other, "peek": True}).json()["remaining"] == 92, "not charged alone"
    assert check(function, two_subjects(one, other, cost=2)).status == 200, "what is left stays usable"


def test_subject_of_the_check_is_that_of_charges_without_one(function: ModuleType, subject: str) -> None:
    body = {"subject": subject, "checks": [{"tier": "strict"}, {"tier": "strict", "subject": f"{subject}-2"}]}

    assert [one["subject"] for one in check(function, body).json()["checks"]] == [subject, f"{subject}-2"]
    assert check(function, {**body, "scope": "global"}).json()["errors"] == [
        {"pointer": "/scope", "reason": "one_subject_only"}
    ]
    assert check(function, {"checks": [{"tier": "strict"}]}).json()["errors"] == [
        {"pointer": "/checks/0/subject", "reason": "missing"}
    ]


def test_shadow_check_tells_and_denies_nobody(function: ModuleType, subject: str) -> None:
    body = {"subject": subject, "tier": "strict", "cost": 6, "shadow": True}

    answers = [check(function, body) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 200]
    assert [(one["allowed"], one["reason"], one["enforced"]) for one in (a.json() for a in answers)] == [
        (True, "within_limit", False),
        (True, "over_limit", False),
    ]
    assert not [name for name in answers[1].headers if "ratelimit" in name or name == "retry-after"]
    assert check(function, {"subject": subject, "tier": "strict", "cost": 4}).status == 200, "not charged"


def test_shadow_tier_is_tried_out_beside_enforced_ones(
    ministack_environment: dict[str, str], subject: str
) -> None:
    function = load_function(
        "ratelimit_check", {**ministack_environment, "RATE_TIERS": "login=2/300;shadow,export=10/60;soft=8"}
    )
    body = {"subject": subject, "checks": [{"tier": "login"}, {"tier": "strict"}]}

    answers = [check(function, body).json() for _ in range(4)]

    assert [answer["allowed"] for answer in answers] == [True] * 4
    assert [answer["checks"][0]["reason"] for answer in answers] == ["within_limit"] * 2 + ["over_limit"] * 2
    assert [answer["checks"][1]["remaining"] for answer in answers] == [9, 8, 7, 6], "charged all the same"
    assert answers[3]["violated"] == []
    assert '"login"' not in check(function, body).headers["ratelimit-policy"]
    used = [check(function, {"subject": subject, "tier": "export", "cost": cost}).json() for cost in (7, 1)]
    assert [answer["soft_exceeded"] for answer in used] == [False, True]


def test_limit_of_one_check_needs_the_scope_and_keeps_the_counter(
    function: ModuleType, subject: str, user_key: str
) -> None:
    body = {"subject": subject, "tier": "strict", "limit": 25, "cost": 20}

    assert check(function, body, headers={"x-api-key": user_key}).status == 403
    assert check(function, body).json()["remaining"] == 5
    assert check(function, {"subject": subject, "tier": "strict"}).status == 429, "the tier's own limit is 10"
    assert check(function, {**body, "cost": 26}).json()["errors"][0]["reason"] == "greater_than_limit"
    assert check(function, {**body, "limit": 0}).json()["errors"][0]["reason"] == "greater_than_equal"
    assert check(function, {"subject": subject, "tier": "plan:enterprise", "limit": 3}).json()["errors"] == [
        {"pointer": "/limit", "reason": "unlimited_tier"}
    ]


def test_reset_forgets_one_tier_of_one_subject(function: ModuleType, subject: str, user_key: str) -> None:
    for scope in ("region", "global"):
        check(function, {"subject": subject, "tier": "strict", "cost": 10, "scope": scope})
    check(function, {"subject": subject, "cost": 10})
    body = {"subject": subject, "tier": "strict"}

    assert check(function, body, path=RESET, headers={"x-api-key": user_key}).status == 403
    reset = check(function, body, path=RESET)

    assert (reset.status, reset.body) == (204, b"")
    assert check(function, {**body, "peek": True}).json()["remaining"] == 10
    assert check(function, {**body, "peek": True, "scope": "global"}).json()["remaining"] == 0
    assert check(function, {"subject": subject, "peek": True}).json()["remaining"] == 90
    assert check(function, {**body, "scope": "global"}, path=RESET).status == 204
    assert check(function, {**body, "peek": True, "scope": "global"}).json()["remaining"] == 10
    assert check(function, {"subject": subject, "tier": "nope"}, path=RESET).status == 422


def test_long_limit_holds_in_all_regions_together_and_reset_frees_it_everywhere(
    ministack_environment: dict[str, str], subject: str
) -> None:
    """Published usage, over replicated tables: no trip to a home region."""
    regions = [
        load_function("ratelimit_check", {**ministack_environment, "AWS_REGION": region.aws_region})
        for region in DEPLOYED
    ]
    body = {"subject": subject, "tier": "plan:free", "scope": "global", "cost": 10}

    answers = []
    for number in range(16):
        answers.append(check(regions[number % 4], body).json())
        time.sleep(0.15)  # a region asks what others have used at most once a second

    assert sum(answer["allowed"] for answer in answers) in (10, 11), (
        "1.00 of the limit, or what was not told yet"
    )
    assert [answer["region"] for answer in answers[:4]] == [region.code for region in DEPLOYED], (
        "each by itself"
    )
    assert not any(answer["degraded"] for answer in answers)
    reset = {"subject": subject, "tier": "plan:free", "scope": "global"}
    assert check(regions[2], reset, path=RESET).status == 204
    # A container that has just denied asks again within five seconds; one that knows nothing asks at once.
    fresh = load_function("ratelimit_check", {**ministack_environment, "AWS_REGION": DEPLOYED[0].aws_region})
    assert check(fresh, body).json()["remaining"] == 90


def test_lists_decide_before_limits_and_say_so(
    ministack_environment: dict[str, str], ministack_url: str, subject: str
) -> None:
    document = {"allow_subjects": [f"{subject}-vip"], "deny_networks": ["198.51.100.0/24"]}
    client = engines.reference_client(ministack_url)
    item = {"pk": {"S": "!access"}, "document": {"S": json.dumps(document)}}
    table = ministack_environment["RATE_WINDOWS_TABLE"]
    client.put_item(TableName=table, Item=item)
    try:
        function = load_function("ratelimit_check", ministack_environment)
    finally:
        client.delete_item(TableName=table, Key={"pk": {"S": "!access"}})

    vip = check(function, {"subject": f"{subject}-vip", "tier": "strict", "cost": 10})
    again = check(function, {"subject": f"{subject}-vip", "tier": "strict", "cost": 10})
    denied = check(function, {"subject": "198.51.100.9"})
    both = check(
        function,
        {"checks": [{"subject": subject, "tier": "strict"}, {"subject": "198.51.100.9", "tier": "strict"}]},
    )

    assert [(a.status, a.json()["reason"], a.json()["remaining"]) for a in (vip, again)] == [
        (200, "allow_list", None)
    ] * 2
    assert (denied.status, denied.json()["reason"], denied.json()["retry_after_ms"]) == (
        429,
        "deny_list",
        None,
    )
    assert "retry-after" not in denied.headers
    assert [one["reason"] for one in both.json()["checks"]] == ["not_decided", "deny_list"]
    assert check(function, {"subject": subject, "tier": "strict", "peek": True}).json()["remaining"] == 10
    shadow = check(function, {"subject": "198.51.100.9", "shadow": True})
    assert (shadow.status, shadow.json()["reason"]) == (200, "deny_list")


def test_waits_are_spread_over_a_bucket_and_never_too_short(function: ModuleType, subject: str) -> None:
    check(function, {"subject": subject, "tier": "strict", "cost": 10})

    waits = [
        (answer["reset_at"], answer["retry_after_ms"] + time.time_ns() // 1_000_000)
        for answer in (check(function, {"subject": subject, "tier": "strict"}).json() for _ in range(20))
    ]

    freed_ms = {reset_at * 1_000 for reset_at, _ in waits}
    assert len(freed_ms) == 1
    ends = [end_ms - freed_ms.copy().pop() for _, end_ms in waits]
    assert len(set(ends)) > 10
    assert -10 <= min(ends) <= max(ends) <= 1_100
