"""The rate limiter's JSON: what ``POST /api/ratelimit/check`` takes and answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic refuses typing's before Python 3.12

from edge.problems import FieldError, InvalidValues
from edge.ratelimit.limiter import Decision, Limiter
from edge.ratelimit.subjects import BadSubject, check_subject
from edge.ratelimit.tiers import Tier


def _subject(text: str) -> str:
    try:
        return check_subject(text)
    except BadSubject as bad:
        raise PydanticCustomError(bad.reason, "not a subject") from None


class CheckRequest(BaseModel):
    """One check, or with *peek* one look."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    subject: Annotated[
        str, AfterValidator(_subject), Field(description="Who is limited: 1 to 256 bytes of UTF-8.")
    ]
    tier: Annotated[str, Field(max_length=64, description="Which limit applies.")] = "default"
    cost: Annotated[int, Field(ge=1, description="Units to charge, at most the tier's limit.")] = 1
    peek: Annotated[bool, Field(description="Look only; charge nothing.")] = False
    scope: Annotated[Literal["region"], Field(description="Where the limit holds.")] = "region"

    def decide(self, limiter: Limiter, tiers: dict[str, Tier]) -> Decision:
        """
        Check or peek, as asked.

        Raises:
            InvalidValues: there is no such tier, or the cost can never fit in it.
            edge.problems.DependencyUnavailable: the store cannot be had.
        """
        tier = tiers.get(self.tier)
        if tier is None:
            raise InvalidValues([FieldError(pointer="/tier", reason="unknown_tier")])
        if self.cost > tier.window.limit:
            raise InvalidValues([FieldError(pointer="/cost", reason="greater_than_limit")])
        ask = limiter.peek if self.peek else limiter.check
        return ask(self.subject, tier, cost=self.cost)


class CheckAnswer(TypedDict):
    """The answer, with status 200 if allowed and 429 if not."""

    allowed: bool
    subject: str
    tier: str
    limit: int
    window_seconds: float
    remaining: int
    reset_at: int
    retry_after_ms: int
    region: str
    degraded: bool


def check_answer(decision: Decision, *, region: str) -> CheckAnswer:
    """
    Return *decision* as it goes over the wire.

    Args:
        decision: of one check.
        region: code of the region that made it.

    Returns:
        The document; ``reset_at`` is in epoch seconds, rounded up.
    """
    window = decision.tier.window
    return CheckAnswer(
        allowed=decision.allowed,
        subject=decision.subject,
        tier=decision.tier.name,
        limit=window.limit,
        window_seconds=window.window_ms // 1000 if window.window_ms % 1000 == 0 else window.window_ms / 1000,
        remaining=decision.remaining,
        reset_at=-(-decision.reset_at_ms // 1000),
        retry_after_ms=decision.retry_after_ms,
        region=region,
        degraded=decision.degraded,
    )


def check_status(decision: Decision) -> int:
    """Return the HTTP status that tells *decision*: RFC 6585 has 429 for too many requests."""
    return 200 if decision.allowed else 429
