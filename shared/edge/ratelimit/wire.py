"""The rate limiter's JSON: what ``POST /api/ratelimit/check`` takes and answers."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic refuses typing's before Python 3.12

from edge.problems import FieldError, InvalidValues
from edge.ratelimit.admission import Admission, Reason, Ruled, Ruling
from edge.ratelimit.decisions import Charge, SubjectCharge
from edge.ratelimit.scopes import Scope, Scopes
from edge.ratelimit.subjects import BadSubject, check_subject
from edge.ratelimit.tiers import MOST_UNITS, Tier

MAX_CHECKS: Final = 5


def _subject(text: str) -> str:
    try:
        return check_subject(text)
    except BadSubject as bad:
        raise PydanticCustomError(bad.reason, "not a subject") from None


Subject = Annotated[
    str, AfterValidator(_subject), Field(description="Who is limited: 1 to 256 bytes of UTF-8.")
]
TierName = Annotated[str, Field(max_length=64, description="Which limit applies.")]
Cost = Annotated[int, Field(ge=1, description="Units to charge, at most the tier's limit.")]
Limit = Annotated[
    int,
    Field(ge=1, le=MOST_UNITS, description="Units in place of the tier's own; needs scope ratelimit:admin."),
]


class ChargeRequest(BaseModel):
    """One of several charges that are made together or not at all."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    subject: Subject = ""
    tier: TierName
    cost: Cost = 1
    limit: Limit = 0


class CheckRequest(BaseModel):
    """One check of a subject against a tier, or with *checks* of several; with *peek* only a look."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    subject: Subject = ""
    tier: TierName = "default"
    cost: Cost = 1
    limit: Limit = 0
    checks: Annotated[
        list[ChargeRequest],
        Field(
            min_length=1,
            max_length=MAX_CHECKS,
            description="All or nothing; instead of tier, cost and limit. Each may name a subject of its own.",
        ),
    ] = []
    peek: Annotated[bool, Field(description="Look only; charge nothing.")] = False
    shadow: Annotated[bool, Field(description="Decide and count; deny nobody.")] = False
    scope: Annotated[
        Scope, Field(description="Where the limit holds: in this region, or in all together.")
    ] = "region"

    @property
    def sets_limits(self) -> bool:
        """Whether it brings limits of its own."""
        return bool(self.limit) or any(asked.limit for asked in self.checks)

    def rule(self, admission: Admission, tiers: dict[str, Tier]) -> Ruling:
        """
        Check or peek, as asked.

        Raises:
            InvalidValues: there is no such tier, a cost can never fit, or members exclude each other.
            edge.problems.Unexpected: the store refused; a defect of ours.
        """
        return admission.rule(self._asked(tiers), scope=self.scope, peek=self.peek, shadow=self.shadow)

    def _asked(self, tiers: dict[str, Tier]) -> list[SubjectCharge]:
        if not self.checks:
            return [_asked(tiers, self, self.subject, "")]
        if self.model_fields_set & {"tier", "cost", "limit"}:
            raise InvalidValues([FieldError(pointer="/checks", reason="excludes_tier_cost_and_limit")])
        asked = [
            _asked(tiers, one, one.subject or self.subject, f"/checks/{number}")
            for number, one in enumerate(self.checks)
        ]
        if len({(one.subject, one.charge.tier.name) for one in asked}) < len(asked):
            raise InvalidValues([FieldError(pointer="/checks", reason="tier_twice")])
        if self.scope == "global" and len({one.subject for one in asked}) > 1:
            # Subjects have different homes, and no transaction spans two regions.
            raise InvalidValues([FieldError(pointer="/scope", reason="one_subject_only")])
        return asked


def _asked(
    tiers: dict[str, Tier], request: CheckRequest | ChargeRequest, subject: str, pointer: str
) -> SubjectCharge:
    if not subject:
        raise InvalidValues([FieldError(pointer=f"{pointer}/subject", reason="missing")])
    tier = tiers.get(request.tier)
    if tier is None:
        raise InvalidValues([FieldError(pointer=f"{pointer}/tier", reason="unknown_tier")])
    if request.limit:
        if tier.unlimited:
            raise InvalidValues([FieldError(pointer=f"{pointer}/limit", reason="unlimited_tier")])
        tier = tier.limited_to(request.limit)
    if request.cost > tier.window.limit:
        raise InvalidValues([FieldError(pointer=f"{pointer}/cost", reason="greater_than_limit")])
    return SubjectCharge(subject, Charge(tier, request.cost))


class CheckAnswer(TypedDict):
    """
    The answer to one charge.

    Of an unlimited tier *limit*, *window_seconds* and *remaining* are null; where a list decided *remaining* is, and of
    a refusal by a list *retry_after_ms*: waiting does not help.
    """

    allowed: bool
    reason: Reason
    enforced: bool
    subject: str
    tier: str
    limit: int | None
    window_seconds: float | None
    remaining: int | None
    soft_exceeded: bool
    reset_at: int
    retry_after_ms: int | None
    region: str
    degraded: bool


class ChecksAnswer(TypedDict):
    """
    The answer to several charges.

    *violated* names the enforced tiers that would be exceeded; *subject* is the one that all of them charge, else null.
    """

    allowed: bool
    subject: str | None
    violated: list[str]
    retry_after_ms: int | None
    region: str
    degraded: bool
    checks: list[CheckAnswer]


def check_answer(request: CheckRequest, ruling: Ruling) -> CheckAnswer | ChecksAnswer:
    """
    Return *ruling* as it goes over the wire: as one answer if one charge was asked for, else with all of them.

    Args:
        request: what was asked.
        ruling: the answer.

    Returns:
        The document; times named ``_at`` are in epoch seconds, rounded up.
    """
    answers = [_one_answer(ruled, ruling.region.code) for ruled in ruling.charges]
    if not request.checks:
        return answers[0]
    waits = [answer["retry_after_ms"] for answer in answers if not answer["allowed"]]
    known_waits = [wait for wait in waits if wait is not None]
    return ChecksAnswer(
        allowed=ruling.allowed,
        subject=answers[0]["subject"] if len({answer["subject"] for answer in answers}) == 1 else None,
        violated=list(ruling.violated),
        retry_after_ms=None if ruling.denied_by_list else max(known_waits, default=0),
        region=ruling.region.code,
        degraded=any(answer["degraded"] for answer in answers),
        checks=answers,
    )


def _one_answer(ruled: Ruled, region: str) -> CheckAnswer:
    decision = ruled.decision
    tier, window = decision.tier, decision.tier.window
    is_counted = ruled.reason in ("within_limit", "over_limit")
    seconds = window.window_ms // 1000 if window.window_ms % 1000 == 0 else window.window_ms / 1000
    return CheckAnswer(
        allowed=decision.allowed,
        reason=ruled.reason,
        enforced=ruled.enforced,
        subject=decision.subject,
        tier=tier.name,
        limit=None if tier.unlimited else window.limit,
        window_seconds=None if tier.unlimited else seconds,
        remaining=decision.remaining if is_counted and not tier.unlimited else None,
        soft_exceeded=is_counted and _soft_exceeded(ruled),
        reset_at=-(-decision.reset_at_ms // 1000),
        retry_after_ms=decision.retry_after_ms if is_counted or decision.allowed else None,
        region=region,
        degraded=decision.degraded,
    )


def _soft_exceeded(ruled: Ruled) -> bool:
    tier, remaining = ruled.decision.tier, ruled.decision.remaining
    # In degraded mode what remains is this container's share, and says nothing of what was used.
    if tier.soft_limit is None or ruled.decision.degraded:
        return False
    return tier.window.limit - remaining >= tier.soft_limit


def check_status(ruling: Ruling) -> int:
    """Return the HTTP status that tells *ruling*: RFC 6585 has 429 for too many requests."""
    return 200 if ruling.allowed else 429


def check_outcome(ruling: Ruling) -> dict[str, str | bool]:
    """Return what the log says of *ruling*: names of tiers and regions, never the subject."""
    reasons = {ruled.reason for ruled in ruling.charges}
    return {
        "decision": "allowed" if ruling.allowed else "denied",
        "because": next(reason for reason in _WEIGHT if reason in reasons),
        "tiers": "+".join([ruled.decision.tier.name for ruled in ruling.charges]),
        "decided_in": ruling.region.code,
        "degraded": any(ruled.decision.degraded for ruled in ruling.charges),
    }


_WEIGHT: Final[tuple[Reason, ...]] = ("deny_list", "over_limit", "allow_list", "within_limit")
"""Which reason a check of several charges is logged with: that of the weightiest."""


class ResetRequest(BaseModel):
    """What ``POST /api/ratelimit/reset`` takes: whose use of which tier is forgotten, and where."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    subject: Subject
    tier: TierName = "default"
    scope: Annotated[Scope, Field(description="Which counter: this region's, or that of all together.")] = (
        "region"
    )

    def reset(self, scopes: Scopes, tiers: dict[str, Tier]) -> None:
        """
        Forget it.

        Raises:
            InvalidValues: there is no such tier.
            edge.problems.DependencyUnavailable: the store cannot be had; it may or may not be forgotten.
        """
        tier = tiers.get(self.tier)
        if tier is None:
            raise InvalidValues([FieldError(pointer="/tier", reason="unknown_tier")])
        scopes.reset(self.scope, self.subject, tier)
