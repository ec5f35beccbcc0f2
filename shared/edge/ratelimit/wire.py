"""The rate limiter's JSON: what ``POST /api/ratelimit/check`` takes and answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic refuses typing's before Python 3.12

from edge.problems import FieldError, InvalidValues
from edge.ratelimit.decisions import Charge, Decision, Verdict
from edge.ratelimit.home import Located
from edge.ratelimit.scopes import Scope, Scopes
from edge.ratelimit.subjects import BadSubject, check_subject
from edge.ratelimit.tiers import Tier

MAX_CHECKS = 5


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


class ChargeRequest(BaseModel):
    """One of several charges that are made together or not at all."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    tier: TierName
    cost: Cost = 1


class CheckRequest(BaseModel):
    """One check of a subject against a tier, or with *checks* against several; with *peek* only a look."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    subject: Subject
    tier: TierName = "default"
    cost: Cost = 1
    checks: Annotated[
        list[ChargeRequest],
        Field(min_length=1, max_length=MAX_CHECKS, description="All or nothing; instead of tier."),
    ] = []
    peek: Annotated[bool, Field(description="Look only; charge nothing.")] = False
    scope: Annotated[
        Scope, Field(description="Where the limit holds: in this region, or in all together.")
    ] = "region"

    def decide(self, scopes: Scopes, tiers: dict[str, Tier]) -> Located:
        """
        Check or peek, as asked.

        Raises:
            InvalidValues: there is no such tier, a cost can never fit, or the two forms are mixed.
            edge.problems.Unexpected: the store refused; a defect of ours.
        """
        return scopes.decide(self.scope, self.subject, self._charges(tiers), peek=self.peek)

    def _charges(self, tiers: dict[str, Tier]) -> list[Charge]:
        if not self.checks:
            return [_charge(tiers, self.tier, self.cost, "")]
        if self.model_fields_set & {"tier", "cost"}:
            raise InvalidValues([FieldError(pointer="/checks", reason="excludes_tier_and_cost")])
        charges = [
            _charge(tiers, asked.tier, asked.cost, f"/checks/{n}") for n, asked in enumerate(self.checks)
        ]
        if len({charge.tier.name for charge in charges}) < len(charges):
            raise InvalidValues([FieldError(pointer="/checks", reason="tier_twice")])
        return charges


def _charge(tiers: dict[str, Tier], name: str, cost: int, pointer: str) -> Charge:
    tier = tiers.get(name)
    if tier is None:
        raise InvalidValues([FieldError(pointer=f"{pointer}/tier", reason="unknown_tier")])
    if cost > tier.window.limit:
        raise InvalidValues([FieldError(pointer=f"{pointer}/cost", reason="greater_than_limit")])
    return Charge(tier, cost)


class CheckAnswer(TypedDict):
    """The answer to one charge; of an unlimited tier *limit*, *window_seconds* and *remaining* are null."""

    allowed: bool
    subject: str
    tier: str
    limit: int | None
    window_seconds: float | None
    remaining: int | None
    reset_at: int
    retry_after_ms: int
    region: str
    degraded: bool


class ChecksAnswer(TypedDict):
    """The answer to several charges; *violated* names the tiers that would be exceeded."""

    allowed: bool
    subject: str
    violated: list[str]
    retry_after_ms: int
    region: str
    degraded: bool
    checks: list[CheckAnswer]


def check_answer(request: CheckRequest, located: Located) -> CheckAnswer | ChecksAnswer:
    """
    Return *located* as it goes over the wire: as one answer if one charge was asked for, else with all of them.

    Args:
        request: what was asked.
        located: the answer, and the region that made it.

    Returns:
        The document; times named ``_at`` are in epoch seconds, rounded up.
    """
    verdict, region = located.verdict, located.region.code
    answers = [_one_answer(decision, region) for decision in verdict.decisions]
    if not request.checks:
        return answers[0]
    return ChecksAnswer(
        allowed=verdict.allowed,
        subject=request.subject,
        violated=list(verdict.violated),
        retry_after_ms=verdict.retry_after_ms,
        region=region,
        degraded=any(decision.degraded for decision in verdict.decisions),
        checks=answers,
    )


def _one_answer(decision: Decision, region: str) -> CheckAnswer:
    tier, window = decision.tier, decision.tier.window
    seconds = window.window_ms // 1000 if window.window_ms % 1000 == 0 else window.window_ms / 1000
    return CheckAnswer(
        allowed=decision.allowed,
        subject=decision.subject,
        tier=tier.name,
        limit=None if tier.unlimited else window.limit,
        window_seconds=None if tier.unlimited else seconds,
        remaining=None if tier.unlimited else decision.remaining,
        reset_at=-(-decision.reset_at_ms // 1000),
        retry_after_ms=decision.retry_after_ms,
        region=region,
        degraded=decision.degraded,
    )


def check_status(verdict: Verdict) -> int:
    """Return the HTTP status that tells *verdict*: RFC 6585 has 429 for too many requests."""
    return 200 if verdict.allowed else 429


def check_outcome(located: Located) -> dict[str, str | bool]:
    """Return what the log says of *located*: names of tiers and regions, never the subject."""
    decisions = located.verdict.decisions
    return {
        "decision": "allowed" if located.verdict.allowed else "denied",
        "tiers": "+".join([decision.tier.name for decision in decisions]),
        "decided_in": located.region.code,
        "degraded": any(decision.degraded for decision in decisions),
    }
