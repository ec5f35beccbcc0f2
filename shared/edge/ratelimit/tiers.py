"""What subjects are limited to: named windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

from edge.ratelimit.window import Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.settings import RateTier

SHORT_WINDOW_MS: Final = 10_000
SHORT_WINDOW_BUCKETS: Final = 20
WINDOW_BUCKETS: Final = 60
LONG_WINDOW_MS: Final = 3_600_000 * 12
LONG_WINDOW_BUCKETS: Final = 24

MOST_UNITS: Final = 2**53 - 1

DAY_MS: Final = 86_400_000


class Tier(NamedTuple):
    """
    A named limit.

    Attributes:
        name: of ``a-z 0-9 - : .``; it is told in headers.
        window: the limit.
        code: names the tier's counter in a record. It follows from the name and the window's shape, because boundaries
            of another shape mean nothing in this one; the limit itself may change without losing the counter.
        unlimited: nothing is counted; the window is as wide as numbers in JSON are exact.
        soft_limit: units from which on a caller is told that he is near; None for none.
        shadow: decides and counts, and denies nobody: how a new limit is tried out.
    """

    name: str
    window: Window
    code: str
    unlimited: bool = False
    soft_limit: int | None = None
    shadow: bool = False

    def limited_to(self, limit: int) -> Tier:
        """
        Return the tier with *limit* units for one check; it is the same counter, so what was used stays used.

        Raises:
            ValueError: limit < 1.
        """
        if limit < 1:
            raise ValueError("a limit is at least 1")
        return self._replace(window=self.window._replace(limit=limit))

    def across_regions(self) -> Tier:
        """Return the tier with a counter of its own for checks that count all regions together."""
        return self._replace(code=_code(f"{self.name}/{self.window.window_ms}/{self.window.buckets}/global"))


def make_tier(name: str, *, limit: int, window_ms: int, buckets: int | None = None) -> Tier:
    """
    Return a tier of *limit* units in any *window_ms* milliseconds.

    Args:
        name: of ``a-z 0-9 - : .``.
        limit: units, >= 1.
        window_ms: milliseconds.
        buckets: capacity returns at most one bucket late. By default 20 in windows under ten seconds, 24 in those of
            half a day and more, else 60, or the next fewer that divide the window; as many as milliseconds make the
            limit exact, at the price of a second call for containers that do not know the subject.

    Raises:
        ValueError: the shape is impossible.

    Example:
        >>> make_tier("hourly", limit=100, window_ms=3_600_000).window.bucket_ms
        60000
    """
    if buckets is None:
        buckets = _buckets_of(window_ms)
    if limit < 1 or buckets < 1 or window_ms < buckets or window_ms % buckets:
        raise ValueError("a window needs a limit >= 1 and a length that its buckets divide")
    return Tier(name, Window(limit, window_ms, buckets), _code(f"{name}/{window_ms}/{buckets}"))


def _buckets_of(window_ms: int) -> int:
    if window_ms < SHORT_WINDOW_MS:
        most = SHORT_WINDOW_BUCKETS
    elif window_ms < LONG_WINDOW_MS:
        most = WINDOW_BUCKETS
    else:
        most = LONG_WINDOW_BUCKETS
    return next(buckets for buckets in range(most, 0, -1) if window_ms % buckets == 0)


def make_unlimited(name: str) -> Tier:
    """Return a tier that admits everything and costs no call."""
    return make_tier(name, limit=MOST_UNITS, window_ms=1_000, buckets=1)._replace(unlimited=True)


def _code(shape: str) -> str:
    """Return three characters, the first a digit: between a letter and a number, no reserved word has them."""
    first, rest = divmod(crc32(shape.encode()) % 12_960, 1_296)
    return f"{first}{_DIGITS[rest // 36]}{_DIGITS[rest % 36]}"


_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def tiers_by_name(*tiers: Tier) -> dict[str, Tier]:
    """
    Return *tiers* by name.

    Raises:
        ValueError: two have one name, or names whose codes are equal by chance (rename one).
    """
    codes = {tier.code for tier in tiers} | {tier.across_regions().code for tier in tiers}
    if len({tier.name for tier in tiers}) < len(tiers) or len(codes) < 2 * len(tiers):
        raise ValueError("two tiers have the same name or code; rename one")
    return {tier.name: tier for tier in tiers}


TIERS: Final[dict[str, Tier]] = tiers_by_name(
    make_tier("default", limit=100, window_ms=60_000),
    make_tier("strict", limit=10, window_ms=60_000),
    make_tier("relaxed", limit=1_000, window_ms=60_000),
    make_tier("burst", limit=50, window_ms=1_000),
    make_tier("plan:free", limit=100, window_ms=DAY_MS),
    make_tier("plan:pro", limit=1_000, window_ms=DAY_MS),
    make_tier("plan:team", limit=10_000, window_ms=DAY_MS),
    make_unlimited("plan:enterprise"),
)
"""The tiers and plans that the product's owner named."""


def configured_tiers(settings: Mapping[str, RateTier]) -> dict[str, Tier]:
    """
    Return the built-in tiers, replaced and completed by those of *settings*.

    Args:
        settings: by name, as :attr:`edge.settings.Settings.rate_tiers` has them.

    Raises:
        ValueError: two names collide; rename one.
    """
    own = {
        name: make_tier(
            name,
            limit=setting.units,
            window_ms=setting.seconds * 1000,
            buckets=setting.seconds * 1000 if setting.is_exact else None,
        )._replace(soft_limit=setting.soft_units, shadow=setting.is_shadow)
        for name, setting in settings.items()
    }
    return tiers_by_name(*(TIERS | own).values())
