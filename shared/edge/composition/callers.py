"""Who calls, and what his calls count against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.composition.keys import open_house_keys, open_key_verifier
from edge.composition.limits import OWN
from edge.composition.tokens import open_token_validator
from edge.ratelimit.decisions import Charge
from edge.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.auth.house_keys import HouseKeys
    from edge.auth.validation import TokenValidator, Validated
    from edge.callers import Callers
    from edge.clock import Clock
    from edge.composition.limits import Limits
    from edge.ratelimit.decisions import Verdict
    from edge.settings import Settings


def open_callers(
    settings: Settings,
    clock: Clock,
    *,
    limits: Limits,
    keys: HouseKeys | None = None,
    validator: TokenValidator | None = None,
) -> Callers:
    """
    Return what tells who calls.

    Args:
        settings: tables, secret, issuer and audience.
        clock: of this container.
        limits: that calls are counted by.
        keys: of the house, where the function has them already.
        validator: of tokens, the same.

    Raises:
        edge.settings.SettingsError: a table or the secret is not set, or the anonymous tier is none.
    """
    from edge.callers import Callers

    for name in ("auth_secret", "sessions_table"):
        settings.require(name)
    return Callers(
        keys=open_key_verifier(settings, clock),
        tokens=validator
        or TokensWhenShown(
            lambda: open_token_validator(settings, clock, keys=keys or open_house_keys(settings, clock))
        ),
        quotas=LimiterQuotas(limits, anonymous_tier=settings.anonymous_tier),
    )


class TokensWhenShown:
    """
    A token validator that is opened when the first token is shown: most functions are called by key, and need not load
    what reads tokens while they start (measured: tests/bench/cold_start.py).

    Args:
        open_validator: makes it.
    """

    def __init__(self, open_validator: Callable[[], TokenValidator]) -> None:
        self._open_validator = open_validator
        self._validator: TokenValidator | None = None

    def validate(self, token: str) -> Validated:
        """Return what *token* says, as :meth:`edge.auth.validation.TokenValidator.validate`."""
        if self._validator is None:
            self._validator = self._open_validator()
        return self._validator.validate(token)


class LimiterQuotas:
    """
    Counts calls by the limiter: a client's in all regions together, an address's in this one.

    Args:
        limits: among the tiers ``plan:<name>`` for each plan.
        anonymous_tier: name of the one that addresses are limited to.

    Raises:
        edge.settings.SettingsError: there is no such tier.
    """

    def __init__(self, limits: Limits, *, anonymous_tier: str) -> None:
        if anonymous_tier not in limits.tiers:
            raise SettingsError(["ANONYMOUS_TIER must be the name of a tier"])
        self._scopes, self._tiers = limits
        self._anonymous = limits.tiers[anonymous_tier]

    def charge_client(self, client_id: str, plan: str) -> Verdict | None:
        """Charge a call to a client's plan; None if the plan has no limit."""
        tier = self._tiers[f"plan:{plan}"]
        if tier.unlimited:
            return None
        return self._scopes.charge("global", f"{OWN}client:{client_id}", [Charge(tier, 1)])

    def charge_address(self, network: str) -> Verdict:
        """Charge a call to an address."""
        return self._scopes.charge("region", f"{OWN}address:{network}", [Charge(self._anonymous, 1)])
