"""What caches are told, and to whom nothing is ever called public."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.optimize.policy import CREDENTIALS, POLICIES, Strategy, decide_policy, merge_vary

STRATEGIES: tuple[Strategy, ...] = ("aggressive", "moderate", "conservative", "none")
PUBLIC: tuple[Strategy, ...] = ("aggressive", "moderate")


def test_strategies_say_what_the_study_found() -> None:
    said = {name: (policy.cache_control, policy.cdn_cache_control) for name, policy in POLICIES.items()}
    assert said == {
        "aggressive": (
            "public, max-age=300, s-maxage=3600, stale-while-revalidate=600, stale-if-error=86400",
            "public, max-age=3600, stale-while-revalidate=600, stale-if-error=86400",
        ),
        "moderate": (
            "public, max-age=60, s-maxage=300, stale-while-revalidate=60, stale-if-error=600",
            "public, max-age=300, stale-while-revalidate=60, stale-if-error=600",
        ),
        "conservative": ("private, no-cache", "no-store"),
        "none": ("no-store", "no-store"),
    }
    assert [POLICIES[name].is_tagged for name in STRATEGIES] == [True, True, True, False]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_plain_answer_gets_what_was_asked(strategy: Strategy) -> None:
    plain = [("content-type", "text/html"), ("cache-control", "max-age=5, must-revalidate")]
    assert decide_policy(strategy, [("accept", "*/*")], plain) == (POLICIES[strategy], "as_asked")


@pytest.mark.parametrize("strategy", PUBLIC)
@pytest.mark.parametrize("name", sorted(CREDENTIALS))
def test_answer_to_credentials_is_private(strategy: Strategy, name: str) -> None:
    assert decide_policy(strategy, [(name, "")], []) == (POLICIES["conservative"], "request_has_credentials")


@pytest.mark.parametrize("strategy", ["aggressive", "moderate", "conservative"])
def test_answer_that_sets_a_cookie_is_not_stored(strategy: Strategy) -> None:
    decided = decide_policy(strategy, [("cookie", "a=1")], [("set-cookie", "a=2")])
    assert decided == (POLICIES["none"], "response_sets_cookie")


@pytest.mark.parametrize(
    ("cache_control", "policy", "reason"),
    [
        ("private", "conservative", "response_is_private"),
        ("max-age=60, PRIVATE", "conservative", "response_is_private"),
        ('private="x-user, x-plan"', "conservative", "response_is_private"),
        ("no-cache", "conservative", "response_revalidates"),
        ("public,no-store", "none", "response_forbids_storing"),
        ("No-Store", "none", "response_forbids_storing"),
        ('x="unterminated, private', "conservative", "response_is_private"),
    ],
)
def test_answer_is_never_made_more_public_than_it_says(
    cache_control: str, policy: Strategy, reason: str
) -> None:
    assert decide_policy("aggressive", [], [("cache-control", cache_control)]) == (POLICIES[policy], reason)


@given(
    st.sampled_from(STRATEGIES),
    st.lists(
        st.tuples(st.sampled_from([*sorted(CREDENTIALS), "accept", "x-other"]), st.just("x")), max_size=4
    ),
    st.lists(
        st.sampled_from(
            [("set-cookie", "a=1"), ("cache-control", "private"), ("cache-control", "no-store"), ("age", "5")]
        ),
        max_size=3,
    ),
)
def test_public_is_said_only_without_any_reason_against(
    strategy: Strategy, request_lines: list[tuple[str, str]], response_lines: list[tuple[str, str]]
) -> None:
    policy, reason = decide_policy(strategy, request_lines, response_lines)
    against = any(name in CREDENTIALS for name, _ in request_lines) or any(
        name != "age" for name, _ in response_lines
    )
    is_public = "public" in policy.cache_control or "public" in policy.cdn_cache_control
    assert is_public == (strategy in PUBLIC and not against)
    assert (reason == "as_asked") == (policy is POLICIES[strategy]) or policy is POLICIES["none"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], "Accept-Encoding"),
        ([""], "Accept-Encoding"),
        (["Origin"], "Origin, Accept-Encoding"),
        (["Origin", "Accept-Language, Origin"], "Origin, Accept-Language, Accept-Encoding"),
        (["ACCEPT-ENCODING , Origin"], "ACCEPT-ENCODING, Origin"),
        (["*"], "*"),
        (["Origin, *, Accept"], "*"),
        ([",, Origin ,"], "Origin, Accept-Encoding"),
    ],
)
def test_vary_is_merged(values: list[str], expected: str) -> None:
    assert merge_vary(values, "Accept-Encoding") == expected


@pytest.mark.parametrize(
    ("cache_control", "targeted", "expected", "reason"),
    [
        (None, None, POLICIES["conservative"], "as_asked"),
        (None, "max-age=9", POLICIES["conservative"], "as_asked"),
        ("public, max-age=9", None, ("public, max-age=9", "public, max-age=9", True), "as_told"),
        ("public, max-age=9", "max-age=99", ("public, max-age=9", "max-age=99", True), "as_told"),
        ("private, max-age=4", None, ("private, max-age=4", "no-store", True), "as_told"),
        ("private, max-age=4", "max-age=99", ("private, max-age=4", "no-store", True), "as_told"),
        ("no-cache", None, ("no-cache", "no-cache", True), "as_told"),
        ("max-age=4, no-store", None, POLICIES["none"], "response_forbids_storing"),
    ],
)
def test_without_a_strategy_the_answer_keeps_what_it_says(
    cache_control: str | None, targeted: str | None, expected: tuple[str, str, bool], reason: str
) -> None:
    lines = [("cache-control", cache_control), ("cdn-cache-control", targeted)]
    response = [(name, value) for name, value in lines if value is not None]
    assert decide_policy(None, [], response) == (expected, reason)
    cookie = [*response, ("set-cookie", "a=1")]
    if cache_control is not None and "no-store" not in cache_control:
        assert decide_policy(None, [], cookie) == (POLICIES["none"], "response_sets_cookie")


@pytest.mark.parametrize("name", sorted(CREDENTIALS))
def test_without_a_strategy_credentials_leave_only_what_is_private(name: str) -> None:
    private = [("cache-control", "Private, max-age=4")]
    assert decide_policy(None, [(name, "")], private) == (("Private, max-age=4", "no-store", True), "as_told")
    for told in ("public, max-age=9", "max-age=9", 'private="x-user", max-age=9'):
        decided = decide_policy(None, [(name, "")], [("cache-control", told)])
        assert decided == (POLICIES["conservative"], "request_has_credentials")
