"""What counts the requests of a function, and writes what it counted before an answer leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.snapstart import register_hooks
from edge.telemetry.emf import emf_members
from edge.telemetry.labels import EVENT, OTHER, ROUTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from edge.clock import Clock
    from edge.settings import Settings
    from edge.telemetry.error_ledger import ErrorLedger
    from edge.telemetry.telemetry import Telemetry
    from edge.web.boundary import Told

_SERVER_ERROR = 500


class FunctionTelemetry:
    """
    Counts for one function in one container, as the boundary asks for it.

    Args:
        metrics: counts, and writes its shard now and then.
        open_errors: makes what groups errors; called at the first one.
        clock: stamps what CloudWatch makes metrics of.
    """

    def __init__(self, metrics: Telemetry, open_errors: Callable[[], ErrorLedger], clock: Clock) -> None:
        self._metrics = metrics
        self._open_errors = open_errors
        self._errors: ErrorLedger | None = None
        self._clock = clock

    def tell(self, told: Told) -> Mapping[str, object]:
        """Count one request and write what is due; return the members that make metrics of its line in the log."""
        self._metrics.record(
            route=told.route,
            method=told.method,
            status=told.status,
            duration_ns=told.duration_ns,
            body_bytes=told.body_bytes,
            problem=told.problem,
            outcome=told.outcome,
            caller=told.caller,
            cold=told.cold,
        )
        if told.status >= _SERVER_ERROR and told.error is not None:
            self._note_error(told, told.error)
        self._metrics.flush_if_due()
        if self._errors is not None:
            self._errors.flush_if_due()
        return emf_members(
            status=told.status,
            degraded=told.outcome is not None and told.outcome.get("degraded") is True,
            now_ms=self._clock.now_ms(),
        )

    def _note_error(self, told: Told, error: Exception) -> None:
        from edge.telemetry.error_ledger import FailedRequest

        if self._errors is None:
            self._errors = self._open_errors()
        request = FailedRequest(told.request_id, told.route, told.status)
        self._errors.note(error, request)


def open_telemetry(settings: Settings, clock: Clock) -> FunctionTelemetry:
    """
    Return what counts the requests of this function; nothing is read or written yet.

    Args:
        settings: function, region and table.
        clock: of this container.

    Raises:
        edge.settings.SettingsError: ``TELEMETRY_TABLE`` is not set.
    """
    from edge.aws.regional import regional_client
    from edge.breaker import Breaker
    from edge.telemetry.flushing import Flusher
    from edge.telemetry.recorder import Recorder
    from edge.telemetry.shard_dynamo import DynamoShardStore
    from edge.telemetry.telemetry import Telemetry

    client = regional_client(settings, clock)
    table = settings.require("telemetry_table")
    function = short_name(settings.function_name)
    recorder = Recorder(function, clock)
    # A flush comes every ten seconds: with a usual breaker a table that hangs would hold up a request at each.
    breaker = Breaker(clock, failures_to_open=2, open_ms=60_000)
    flusher = Flusher(recorder, DynamoShardStore(client, table), clock, breaker=breaker)

    def open_errors() -> ErrorLedger:
        from edge.telemetry.error_dynamo import DynamoErrorStore
        from edge.telemetry.error_ledger import ErrorLedger

        return ErrorLedger(function, DynamoErrorStore(client, table, clock), clock, breaker=Breaker(clock))

    return FunctionTelemetry(Telemetry(recorder, flusher), open_errors, clock)


def short_name(function_name: str) -> str:
    """
    Return the name of a function's folder.

    Args:
        function_name: AWS's, ``<stack>-<folder with dashes>``, or the folder's.

    Example:
        >>> short_name("kaizen-edge-geo-route"), short_name("geo_route"), short_name("my-health-probe")
        ('geo_route', 'geo_route', 'health_probe')
        >>> short_name("somebody-elses")
        'other'
    """
    plain = f"_{function_name.replace('-', '_')}"
    return max((name for name in ROUTES if plain.endswith(f"_{name}")), key=len, default=OTHER)


def counted(
    handler: Callable[[dict[str, Any], Any], Any], settings: Settings, clock: Clock
) -> Callable[[dict[str, Any], Any], Any]:
    """
    Return *handler*, of events that are no HTTP requests, with its invocations counted and SnapStart's hooks in place.

    What it raises is counted as a 500 and goes on: Lambda is to see it.

    Args:
        handler: of a function.
        settings: of the function; without ``TELEMETRY_TABLE`` nothing is counted.
        clock: measures durations.
    """
    from edge.web.boundary import Told

    register_hooks(settings, clock)
    if settings.telemetry_table is None:
        return handler
    telemetry = open_telemetry(settings, clock)
    first = [True]

    def counting(event: dict[str, Any], context: Any) -> Any:
        cold, first[0] = first[0], False
        began_ns = clock.monotonic_ns()
        defect: Exception | None = None
        try:
            return handler(event, context)
        except Exception as error:
            defect = error
            raise
        finally:
            request_id = getattr(context, "aws_request_id", "")
            status = 200 if defect is None else _SERVER_ERROR
            duration_ns = clock.monotonic_ns() - began_ns
            telemetry.tell(
                Told(request_id, EVENT, OTHER, status, duration_ns, 0, None, defect, None, None, cold)
            )

    return counting
