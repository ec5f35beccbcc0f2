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
