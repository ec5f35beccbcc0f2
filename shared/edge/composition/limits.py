"""What a function limits by: the limiters and limits that settings name, and the access list of the region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from edge.clock import Clock
    from edge.ratelimit.admission import Admission
    from edge.ratelimit.scopes import Scopes
    from edge.ratelimit.tiers import Tier
    from edge.settings import Settings

OWN: Final = "\x1f"
"""
Begins the subjects that we count our own callers by. No subject that comes over the wire has a control character, so
nobody can look at another's plan, spend it or reset it by asking about a subject of that name.
"""


class Limits(NamedTuple):
    """
    What a function limits by.

    Attributes:
        scopes: the limiters.
        tiers: the limits, by name.
    """

    scopes: Scopes
    tiers: dict[str, Tier]


def open_limits(settings: Settings, clock: Clock) -> Limits:
    """
    Return the limiters and the limits that settings name.

    Raises:
        edge.settings.SettingsError: a table is not set.
    """
    from edge.ratelimit.dynamo import open_scopes
    from edge.ratelimit.tiers import configured_tiers

    tiers = configured_tiers(settings.rate_tiers)
    return Limits(open_scopes(settings, clock, tiers), tiers)


def open_admission(settings: Settings, clock: Clock, limits: Limits) -> Admission:
    """
    Return what rules on checks, this region's access list already read.

    Raises:
        edge.settings.SettingsError: ``RATE_WINDOWS_TABLE`` is not set.
    """
    from edge.ratelimit.access_dynamo import open_access_list
    from edge.ratelimit.admission import Admission

    return Admission(limits.scopes, open_access_list(settings, clock), clock)
