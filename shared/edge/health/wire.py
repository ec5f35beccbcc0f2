"""
The health endpoints' JSON.

What anybody may read is a word, a place and a time; what ``monitoring:read`` adds comes after it. ``status`` is the first
member: Route 53 looks for it in the first 5,120 bytes. The draft's form is in :mod:`edge.health.health_json`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic refuses typing's before Python 3.12

from edge.health.drains import MAX_DRAIN_SECONDS, Drain, DrainReason, Drains
from edge.health.region_watch import Source
from edge.health.verdicts import Basis, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.clock import Clock
    from edge.health.checks import Finding
    from edge.health.region_watch import Known
    from edge.health.verdicts import Verdict

RETRY_AFTER_SECONDS: Final = 5
"""As long as an answer is shared: sooner, it would be the same."""


class HealthReport(TypedDict):
    """What anybody may read; ``draining`` is a word of ``ready`` alone."""

    status: Literal["healthy", "degraded", "unhealthy", "draining"]
    region: str
    timestamp: int


class CheckAnswer(TypedDict):
    """A dependency: *fault* is null while it answers; *since* is epoch seconds, as far as this container knows."""

    status: Literal["healthy", "unhealthy"]
    critical: bool
    fault: str | None
    latency_ms: int
    age_ms: int
    consecutive_failures: int
    since: int


class DrainAnswer(TypedDict):
    """A drain that is in force; *since* and *until* are epoch seconds."""

    reason: DrainReason
    since: int
    until: int
    by: str


class VerdictAnswer(TypedDict):
    """A region as the others see it; *down* of *voices* hold it to be down, and *quorum* of them make it so."""

    status: Status
    voices: int
    down: int
    quorum: int
    since: int | None
    latency_ms: int | None
    drain: DrainAnswer | None


class RegionsAnswer(TypedDict):
    """What is held of all regions, why it is believed or not, where it comes from and how old it is."""

    mode: Literal["normal", "fail-open"]
    basis: Basis
    source: Source
    age_ms: int | None
    unreadable: int
    seen: dict[str, VerdictAnswer]


class MemoryAnswer(TypedDict):
    """Of this container; null where the platform does not tell."""

    resident_bytes: int | None
    limit_bytes: int | None


class HealthDetail(HealthReport):
    """What ``monitoring:read`` may read; *errors* counts since this container started."""

    version: str
    uptime_seconds: int
    memory: MemoryAnswer
    checks: dict[str, CheckAnswer]
    errors: dict[str, int]
    regions: RegionsAnswer


class Vitals(NamedTuple):
    """
    How this container does.

    Attributes:
        version: of the deployment.
        uptime_seconds: since it started.
        resident_bytes: of memory in use; None if unknown.
        limit_bytes: of memory; None if unknown.
        errors: counts since it started, by names of a closed set.
    """

    version: str
    uptime_seconds: int
    resident_bytes: int | None
    limit_bytes: int | None
    errors: dict[str, int]


def health_report(
    status: Literal["healthy", "degraded", "unhealthy", "draining"], *, region: str, now_ms: int
) -> HealthReport:
    """
    Return what anybody may read.

    Args:
        status: of the region.
        region: its code.
        now_ms: epoch milliseconds.
    """
    return HealthReport(status=status, region=region, timestamp=now_ms // 1000)


def health_detail(
    report: HealthReport,
    findings: Sequence[Finding],
    known: Known,
    vitals: Vitals,
    *,
    unreadable: int,
    clock: Clock,
) -> HealthDetail:
    """
    Return what ``monitoring:read`` may read.

    Args:
        report: what anybody may.
        findings: of the region's dependencies.
        known: of all regions.
        vitals: of this container.
        unreadable: items about regions that could not be read.
        clock: for the age of findings.
    """
    judgement = known.judgement
    return HealthDetail(
        **report,
        version=vitals.version,
        uptime_seconds=vitals.uptime_seconds,
        memory=MemoryAnswer(resident_bytes=vitals.resident_bytes, limit_bytes=vitals.limit_bytes),
        checks={finding.name: _check_answer(finding, clock) for finding in findings},
        errors=vitals.errors,
        regions=RegionsAnswer(
            mode="normal" if judgement.statuses_believed else "fail-open",
            basis=judgement.basis,
            source=known.source,
            age_ms=known.age_ms,
            unreadable=unreadable,
            seen={code: _verdict_answer(verdict) for code, verdict in judgement.verdicts.items()},
        ),
    )


def _check_answer(finding: Finding, clock: Clock) -> CheckAnswer:
    return CheckAnswer(
        status="healthy" if finding.fault is None else "unhealthy",
        critical=finding.is_critical,
        fault=finding.fault,
        latency_ms=finding.latency_ms,
        age_ms=finding.asked.elapsed_ms(clock),
        consecutive_failures=finding.consecutive_failures,
        since=finding.since,
    )


def _verdict_answer(verdict: Verdict) -> VerdictAnswer:
    drain = verdict.drain
    return VerdictAnswer(
        status=verdict.status,
        voices=verdict.voices,
        down=verdict.down,
        quorum=verdict.quorum,
        since=verdict.since,
        latency_ms=verdict.latency_ms,
        drain=None
        if drain is None
        else DrainAnswer(reason=drain.reason, since=drain.at, until=drain.until, by=drain.by),
    )


def health_status(report: HealthReport) -> tuple[int, dict[str, str]]:
    """Return the HTTP status of *report* and the headers that go with it."""
    if report["status"] in ("unhealthy", "draining"):
        return 503, {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return 200, {}


class DrainRequest(BaseModel):
    """Why a region is taken out, and for how long."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    reason: DrainReason
    duration_seconds: Annotated[int, Field(ge=1, le=MAX_DRAIN_SECONDS, description="It ends by itself.")]

    def start(self, drains: Drains, region: str, *, by: str) -> Drain:
        """Take *region* out; see :meth:`edge.health.drains.Drains.start`."""
        return drains.start(region, reason=self.reason, duration_seconds=self.duration_seconds, by=by)


class DrainStarted(TypedDict):
    """A region that is out of service until a time, epoch seconds."""

    region: str
    until: int


def drain_started(drain: Drain) -> DrainStarted:
    """Return *drain* as it goes over the wire."""
    return DrainStarted(region=drain.region, until=drain.until)
