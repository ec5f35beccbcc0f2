"""Any window of whole seconds makes a tier, and codes never meet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.ratelimit.tiers import DAY_MS, TIERS, configured_tiers, make_tier, tiers_by_name
from edge.settings import RateTier


@given(st.integers(1, 999_999))
def test_every_window_of_whole_seconds_has_buckets_that_divide_it(seconds: int) -> None:
    window = make_tier("any", limit=1, window_ms=seconds * 1_000).window

    assert window.bucket_ms * window.buckets == window.window_ms
    # A thousand is divisible by 20 and by 50: no window is cut much coarser than the others.
    assert window.buckets >= (50 if 10 <= seconds < DAY_MS // 2_000 else 20)


@pytest.mark.parametrize(
    ("limit", "window_ms", "buckets"), [(0, 60_000, None), (1, 1_000, 7), (1, 10, 20), (1, 10, 0)]
)
def test_impossible_shape_is_refused(limit: int, window_ms: int, buckets: int | None) -> None:
    with pytest.raises(ValueError, match="window"):
        make_tier("bad", limit=limit, window_ms=window_ms, buckets=buckets)


def test_settings_add_and_replace_tiers() -> None:
    tiers = configured_tiers({"default": RateTier(200, 60), "login": RateTier(5, 300)})

    assert set(tiers) == {*TIERS, "login"}
    assert tiers["default"].window.limit == 200
    assert tiers["default"].code == TIERS["default"].code, "a changed limit keeps its counter"
    assert make_tier("default", limit=100, window_ms=120_000).code != TIERS["default"].code


def test_tiers_with_one_name_or_one_code_are_refused() -> None:
    one = make_tier("one", limit=1, window_ms=1_000)

    with pytest.raises(ValueError, match="rename"):
        tiers_by_name(one, one)
    with pytest.raises(ValueError, match="rename"):
        tiers_by_name(one, make_tier("two", limit=1, window_ms=1_000)._replace(code=one.code))


def test_settings_make_tiers_soft_exact_and_shadow() -> None:
    tiers = configured_tiers({"login": RateTier(5, 300, soft_units=4, is_shadow=True, is_exact=True)})

    assert (tiers["login"].soft_limit, tiers["login"].shadow) == (4, True)
    assert tiers["login"].window.bucket_ms == 1
    assert not any(tier.shadow or tier.soft_limit for tier in TIERS.values())


def test_limit_of_one_check_keeps_the_counter() -> None:
    tier = TIERS["strict"].limited_to(3)

    assert (tier.window.limit, tier.code, tier.name) == (3, TIERS["strict"].code, "strict")
    with pytest.raises(ValueError, match="at least 1"):
        TIERS["strict"].limited_to(0)
