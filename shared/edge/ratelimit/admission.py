"""
What becomes of a check: lists before limits, limits that are only tried out, and the reason for each answer.

The order, for every charge:

1. The access list. A subject that it denies refuses the whole check; one that it allows is not counted.
2. The limits of the scope, all or nothing.
3. Shadow. A tier that is a shadow, or every tier of a check that asks for it, decides and is told, and denies nobody.
   A shadow that is full must not keep the enforced charges beside it from being made: they are then made without it.

It does no arithmetic of windows and knows no HTTP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

from edge.ratelimit.decisions import Decision, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.clock import Clock
    from edge.ratelimit.decisions import SubjectCharge
    from edge.ratelimit.home import Located
    from edge.ratelimit.networks import Listed
    from edge.ratelimit.scopes import Scope
    from edge.regions import Region

Reason = Literal["within_limit", "over_limit", "allow_list", "deny_list", "not_decided"]
"""``not_decided``: a list refused another subject of the same check before this one was asked about."""

Standing = Literal["allow", "deny", "passed_over"]


class Decides(Protocol):
    """The limiters behind an admission, :class:`edge.ratelimit.scopes.Scopes`."""

    own: Region

    def decide(self, scope: Scope, asked: Sequence[SubjectCharge], *, peek: bool) -> Located:
        """Charge all of *asked* or none; with *peek* only tell."""


class Lists(Protocol):
    """An access list, such as :class:`edge.ratelimit.cached_access.CachedAccessList`."""

    def verdict(self, subject: str) -> Listed | None:
        """Return what it says of *subject*, or None."""


class Ruled(NamedTuple):
    """
    What becomes of one charge.

    Attributes:
        decision: as the limiter made it; *allowed* is what to do about it.
        reason: why; of a shadow that is full ``over_limit``, although it is allowed.
        enforced: False of a shadow.
    """

    decision: Decision
    reason: Reason
    enforced: bool


class Ruling(NamedTuple):
    """
    What becomes of a check.

    Attributes:
        allowed: whether to go on; then everything that is enforced was charged.
        charges: one for each charge, in the order asked.
        region: whose counters decided.
    """

    allowed: bool
    charges: tuple[Ruled, ...]
    region: Region

    @property
    def violated(self) -> tuple[str, ...]:
        """Names of the enforced tiers that the check would exceed."""
        return tuple(
            [
                ruled.decision.tier.name
                for ruled in self.charges
                if ruled.enforced and ruled.reason == "over_limit"
            ]
        )

    @property
    def denied_by_list(self) -> bool:
        """Whether a list refuses it: then no waiting helps."""
        return any(ruled.reason == "deny_list" for ruled in self.charges)

    @property
    def told(self) -> Verdict:
        """What headers tell: the limits that were counted and are enforced."""
        decisions = [
            ruled.decision
            for ruled in self.charges
            if ruled.enforced and ruled.reason in ("within_limit", "over_limit")
        ]
        return Verdict(self.allowed, tuple(decisions))


class Admission:
    """
    Rules on checks; share one between threads.

    Args:
        limits: by scope.
        lists: asked before any limit; None for none.
        clock: of this container.
    """

    def __init__(self, limits: Decides, lists: Lists | None, clock: Clock) -> None:
        self._limits = limits
        self._lists = lists
        self._clock = clock

    def rule(self, asked: Sequence[SubjectCharge], *, scope: Scope, peek: bool, shadow: bool) -> Ruling:
        """
        Charge all of *asked* that is enforced, or nothing.

        Args:
            asked: at least one; the same subject and tier not twice.
            scope: where the limits hold; ``global`` takes one subject.
            peek: charge nothing, only tell.
            shadow: enforce nothing.

        Raises:
            ValueError: a cost can never fit.
            edge.problems.ServiceProblem: the stores cannot be had, and the limiters do not make up for it.
        """
        listed: list[Standing | None] = [
            None if self._lists is None else self._lists.verdict(one.subject) for one in asked
        ]
        if "deny" in listed and not shadow:
            listed = ["passed_over" if standing is None else standing for standing in listed]
        counted = [one for one, standing in zip(asked, listed, strict=True) if standing is None]
        decisions: list[Decision] = []
        region = self._limits.own
        if counted:
            verdict, region = self._limits.decide(scope, counted, peek=peek)
            decisions = list(verdict.decisions)
            if not (verdict.allowed or shadow):
                decisions = self._without_full_shadows(scope, counted, decisions, peek=peek)
        made = iter(decisions)
        charges = [
            _by_limit(next(made), shadow=shadow)
            if standing is None
            else _by_list(one, standing, self._clock.now_ms(), shadow=shadow)
            for one, standing in zip(asked, listed, strict=True)
        ]
        return Ruling(all(ruled.decision.allowed for ruled in charges), tuple(charges), region)

    def _without_full_shadows(
        self, scope: Scope, counted: Sequence[SubjectCharge], decisions: list[Decision], *, peek: bool
    ) -> list[Decision]:
        """Return *decisions*, those of enforced tiers made anew if nothing but shadows stood in their way."""
        enforced = [one for one in counted if not one.charge.tier.shadow]
        denied_by = [decision.tier for decision in decisions if not decision.allowed]
        if not enforced or not all(tier.shadow for tier in denied_by):
            return decisions
        again = iter(self._limits.decide(scope, enforced, peek=peek).verdict.decisions)
        return [decision if decision.tier.shadow else next(again) for decision in decisions]


def _by_limit(decision: Decision, *, shadow: bool) -> Ruled:
    enforced = not (shadow or decision.tier.shadow)
    reason: Reason = "within_limit" if decision.allowed else "over_limit"
    return Ruled(decision if enforced else decision._replace(allowed=True), reason, enforced)


def _by_list(asked: SubjectCharge, standing: Standing, now_ms: int, *, shadow: bool) -> Ruled:
    decision = Decision(
        allowed=standing == "allow" or shadow,
        subject=asked.subject,
        tier=asked.charge.tier,
        remaining=0,
        reset_at_ms=now_ms,
        retry_after_ms=0,
        degraded=False,
        decided_at_ms=now_ms,
    )
    return Ruled(decision, _LISTED[standing], enforced=not shadow)


_LISTED: Final[dict[Standing, Reason]] = {
    "allow": "allow_list",
    "deny": "deny_list",
    "passed_over": "not_decided",
}
