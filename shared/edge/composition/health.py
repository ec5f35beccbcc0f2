"""What a region knows of itself and of the others, and who may read all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from edge.composition.routing import open_region_watch
from edge.deadline import within
from edge.health.checks import Check, Survey, state_of
from edge.health.dynamo import PROBE_BUDGET_MS, TableProbe
from edge.health.health_json import draft_answer
from edge.health.negotiation import HEALTH_JSON, prefers_health_json
from edge.health.readiness import readiness
from edge.health.secrets import FRESH_SECRET_MS, SECRET_BUDGET_MS, open_secret_probe
from edge.health.wire import Vitals, health_detail, health_report, health_status
from edge.moments import Moment
from edge.problems import ServiceProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Scope

    from edge.callers import Callers
    from edge.clock import Clock
    from edge.health.region_watch import RegionWatch
    from edge.health.wire import HealthReport
    from edge.settings import Settings

ANSWER_MS: Final = 520
"""
What the full answer may wait for. 800 ms are promised: what the boundary counts by may wait 150 for its own table, and a
loaded container needs some for itself.
"""

LATE_MS: Final = 100
"""How much longer than its own budget a dependency is waited for."""

SCOPE: Final = "monitoring:read"

Reader = Literal["anybody", "allowed", "not_allowed", "unidentified"]


class Told(NamedTuple):
    """
    The full health answer.

    Attributes:
        status: of HTTP.
        headers: of this answer.
        document: the body.
        outcome: for the log, words of closed sets.
    """

    status: int
    headers: dict[str, str]
    document: Mapping[str, Any]
    outcome: dict[str, str]


class Monitor:
    """
    Watches one region from within one container.

    Args:
        settings: region and version.
        clock: of this container.
        checks: of the region's dependencies, the one that it cannot serve without first.
        watch: of all regions.
        callers: tells who may read the detail.
    """

    def __init__(
        self, settings: Settings, clock: Clock, *, checks: list[Check], watch: RegionWatch, callers: Callers
    ) -> None:
        self._region = settings.region.code
        self._version = settings.version
        self._clock = clock
        self._checks = checks
        self._watch = watch
        self._callers = callers
        self._started = Moment.now(clock)
        self._unidentified = 0

    def ready(self) -> HealthReport:
        """Return whether this region should be sent clients; it waits for half a second at most."""
        said = readiness(self._checks[0], self._watch, region=self._region)
        return health_report(said, region=self._region, now_ms=self._clock.now_ms())

    def tell(self, asgi_scope: Scope) -> Told:
        """
        Return all that the caller may read, within :data:`ANSWER_MS` whatever hangs.

        The dependencies are asked while the caller is identified and the regions are looked at.

        Args:
            asgi_scope: of the request; its caller is left in it for the log.

        Raises:
            edge.problems.RequestProblem: the caller's credentials are wrong, or he is over his plan.
        """
        survey = Survey(self._checks, self._clock, most_ms=ANSWER_MS)
        try:
            with within(ANSWER_MS, self._clock):
                reader = self._reader(asgi_scope)
                known = self._watch.look()
        finally:
            # Also where he is refused: Lambda freezes what an answer leaves behind, and a question that is frozen ends
            # as one that nobody answered. The next caller would be told that the region is sick.
            findings = survey.findings()
        state = state_of(findings)
        report = health_report(state, region=self._region, now_ms=self._clock.now_ms())
        status, headers = health_status(report)
        accept = b",".join(value for name, value in asgi_scope["headers"] if name == b"accept")
        document: Mapping[str, Any]
        if prefers_health_json(accept.decode("latin-1")):
            headers["Content-Type"] = HEALTH_JSON
            version, told = (self._version, findings) if reader == "allowed" else (None, None)
            document = draft_answer(state, region=self._region, version=version, findings=told)
        elif reader == "allowed":
            vitals = self._vitals(asgi_scope.get("aws.context"))
            unreadable = self._watch.unreadable
            document = health_detail(
                report, findings, known, vitals, unreadable=unreadable, clock=self._clock
            )
        else:
            document = report
        failed = ",".join(finding.name for finding in findings if finding.fault is not None)
        outcome = {"health": state, "failed_checks": failed, "reader": reader}
        return Told(status, {**headers, "Vary": "Accept"}, document, outcome)

    def _vitals(self, context: object) -> Vitals:
        """Return how this container does; Lambda's context knows the limit of its memory."""
        limit_mb = getattr(context, "memory_limit_in_mb", None)
        return Vitals(
            version=self._version,
            uptime_seconds=self._started.elapsed_ms(self._clock) // 1000,
            resident_bytes=resident_bytes(),
            limit_bytes=None if limit_mb is None else int(limit_mb) * 1024 * 1024,
            errors={
                "failed_checks": sum(check.failures for check in self._checks),
                "unidentified_callers": self._unidentified,
            },
        )

    def _reader(self, asgi_scope: Scope) -> Reader:
        """
        Return who reads.

        Whoever shows nothing is not counted against any limit: load balancers ask from few addresses, and often. Whoever
        shows something is a caller as elsewhere, refused and counted. But when nobody can tell who he is, he gets what
        anybody gets: that is when the answer is needed most.
        """
        from edge.callers import ANYBODY, KEY_OR_TOKEN
        from edge.web.boundary import CALLER

        if not any(name in KEY_OR_TOKEN for name, _ in asgi_scope["headers"]):
            return "anybody"
        try:
            admitted = asgi_scope[CALLER] = self._callers.admit(asgi_scope, ANYBODY, KEY_OR_TOKEN)
        except ServiceProblem:
            self._unidentified += 1
            return "unidentified"
        return "allowed" if SCOPE in admitted.caller.scopes else "not_allowed"


def open_monitor(settings: Settings, clock: Clock, *, callers: Callers) -> Monitor:
    """
    Return what watches this region; its connection is opened, and nothing is asked yet.

    Args:
        settings: tables and secret.
        clock: of this container.
        callers: tells who calls.

    Raises:
        edge.settings.SettingsError: ``RATE_WINDOWS_TABLE`` or ``AUTH_SECRET`` is not set.
    """
    return Monitor(
        settings,
        clock,
        checks=open_checks(settings, clock),
        watch=open_region_watch(settings, clock),
        callers=callers,
    )


def open_checks(settings: Settings, clock: Clock) -> list[Check]:
    """
    Return the region's dependencies, the one that it cannot serve without first.

    That is the table of rate windows alone: every guarded route writes to it, and it stands for DynamoDB in this region.
    Without the others a part of the answers is worse or missing, and the rest goes on: known keys for minutes, tokens with
    an older knowledge of revocations, routing from memory, keys of the house from memory. A region that left the ranking
    for one of them would take all of its routes along; and what breaks the replica of a global table can break all four.

    Raises:
        edge.settings.SettingsError: ``RATE_WINDOWS_TABLE`` or ``AUTH_SECRET`` is not set.
    """
    from edge.aws.regional import regional_client

    client = regional_client(settings, clock)

    def table(name: str, table_name: str, *, has_sort_key: bool, is_critical: bool = False) -> Check:
        probe = TableProbe(client, table_name, has_sort_key=has_sort_key)
        return Check(name, probe, clock, is_critical=is_critical, most_ms=PROBE_BUDGET_MS + LATE_MS)

    checks = [
        table("rate_windows", settings.require("rate_windows_table"), has_sort_key=False, is_critical=True)
    ]
    for name, table_name, has_sort_key in (
        ("keys", settings.keys_table, True),
        ("sessions", settings.sessions_table, True),
        ("nonces", settings.nonces_table, False),
        ("region_health", settings.region_health_table, True),
        ("telemetry", settings.telemetry_table, True),
    ):
        if table_name is not None:
            checks.append(table(name, table_name, has_sort_key=has_sort_key))
    secret = Check(
        "secrets",
        open_secret_probe(settings, clock),
        clock,
        is_critical=False,
        most_ms=SECRET_BUDGET_MS + LATE_MS,
        fresh_ms=FRESH_SECRET_MS,
    )
    return [*checks, secret]


def resident_bytes() -> int | None:
    """Return how much memory this process has in use, None where the system does not tell (Linux does)."""
    import resource
    from pathlib import Path

    try:
        pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    except OSError:
        return None
    return int(pages) * resource.getpagesize()
