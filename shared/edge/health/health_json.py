"""
The health answer as ``application/health+json`` (draft-inadarei-api-health-check-06, October 2021): pass, warn or fail.

The draft has expired and is still the only format that tools share. As it wants, warn is a 2xx and fail a 5xx, a check's
name is ``component:measurement``, and ``output`` is there for what did not pass alone. Where it leaves a choice: the
service's id is the region's code, a measurement is how long the dependency took to answer.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Literal, NotRequired, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.health.checks import Finding, State

Word = Literal["pass", "warn", "fail"]

WORDS: Final[dict[State, Word]] = {"healthy": "pass", "degraded": "warn", "unhealthy": "fail"}


class DraftCheck(TypedDict):
    """One measurement of one dependency."""

    componentType: Literal["datastore", "component"]
    observedValue: int
    observedUnit: Literal["ms"]
    status: Word
    time: str
    output: NotRequired[str]


class DraftAnswer(TypedDict):
    """The document; *releaseId* and *checks* for ``monitoring:read`` alone."""

    status: Word
    serviceId: str
    releaseId: NotRequired[str]
    checks: NotRequired[dict[str, list[DraftCheck]]]


def draft_answer(
    state: State, *, region: str, version: str | None, findings: Sequence[Finding] | None
) -> DraftAnswer:
    """
    Return the document.

    Args:
        state: of the region.
        region: its code.
        version: of the deployment; None for what anybody may read.
        findings: of its dependencies; None the same.
    """
    answer = DraftAnswer(status=WORDS[state], serviceId=region)
    if version is not None:
        answer["releaseId"] = version
    if findings is not None:
        answer["checks"] = {f"{finding.name}:responseTime": [_draft_check(finding)] for finding in findings}
    return answer


def _draft_check(finding: Finding) -> DraftCheck:
    check = DraftCheck(
        componentType="component" if finding.name == "secrets" else "datastore",
        observedValue=finding.latency_ms,
        observedUnit="ms",
        status="pass" if finding.fault is None else "fail" if finding.is_critical else "warn",
        time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(finding.asked.wall_ms // 1000)),
    )
    if finding.fault is not None:
        check["output"] = finding.fault
    return check
