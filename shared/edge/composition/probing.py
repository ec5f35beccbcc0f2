"""What looks at the other regions: connections to them, the table that it writes to, the log that it tells."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from edge.aws.connection import BrokenExchange
from edge.aws.endpoint import Endpoint
from edge.aws.pool import Pool
from edge.aws.tls import SYSTEM_ROOTS
from edge.health.probing import MAX_REPLY_BYTES, PROBE_MS, Prober, Reply, rounds
from edge.regions import DEPLOYED
from edge.web.log import Log, describe_exception

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edge.clock import Clock
    from edge.health.probing import Round
    from edge.settings import Settings

READ_MS: Final = 1_000
"""The observer's read of its own last report: it has ten seconds until the next round, and no request waits."""

READY: Final = "/api/monitoring/ready"


def open_prober(settings: Settings, clock: Clock) -> ProbeRuns:
    """
    Return what looks at the deployed regions whose endpoints are known, this one aside.

    Raises:
        edge.settings.SettingsError: ``REGION_HEALTH_TABLE`` is not set.
    """
    from edge.aws.regional import regional_client
    from edge.health.observer import Observer
    from edge.health.region_dynamo import DynamoRegionStore

    own = settings.region.code
    others = [region.code for region in DEPLOYED if region.code != own]
    table = settings.require("region_health_table")
    store = DynamoRegionStore(regional_client(settings, clock), table, read_budget_ms=READ_MS)
    targets = {
        code: HttpTarget(settings.endpoints[code], clock, observer=own)
        for code in others
        if code in settings.endpoints
    }
    prober = Prober(targets, Observer(store, region=own), clock) if targets else None
    unprobed = [code for code in others if code not in targets]
    return ProbeRuns(prober, clock, Log(settings), unprobed=unprobed)


class HttpTarget:
    """
    ``ready`` of another region, over connections that are kept from round to round.

    By our own small client: every step keeps to one deadline, however slowly bytes drip in, nothing is followed, and an
    answer that breaks HTTP or is too long is none. TLS is verified against the system's roots: a region's domain may have
    a certificate of anybody's.

    Args:
        url: base URL of the region.
        clock: of this container.
        observer: code of the region that asks, for the other's log.
    """

    def __init__(self, url: str, clock: Clock, *, observer: str) -> None:
        place = Endpoint.parse(url)
        self._pool = Pool(
            place,
            clock=clock,
            ca_bundle=SYSTEM_ROOTS,
            max_body_bytes=MAX_REPLY_BYTES,
            connect_ms=PROBE_MS,
        )
        fields = f"host: {place.authority}\r\naccept: application/json\r\nuser-agent: kaizen-edge-probe/{observer}\r\n"
        self._request = f"GET {READY} HTTP/1.1\r\n{fields}\r\n".encode("ascii")

    def ask(self, deadline_ns: int) -> Reply | None:
        """Return the answer, None if there is no usable one by *deadline_ns*."""
        try:
            return self._exchange(deadline_ns)
        except BrokenExchange as broken:
            if broken.fault != "connection":
                return None
        # A connection that was kept may be closed just when it is used again: GET can be sent once more (RFC 9112, 9.3.1).
        self._pool.close()
        try:
            return self._exchange(deadline_ns)
        except BrokenExchange:
            return None

    def close(self) -> None:
        """Close what is kept open."""
        self._pool.close()

    def _exchange(self, deadline_ns: int) -> Reply:
        answer = self._pool.exchange(self._request, deadline_ns)
        return Reply(answer.status, answer.body)


class ProbeRuns:
    """
    Runs the rounds of a minute, again and again.

    Args:
        prober: asks the others; None where there is nobody to ask.
        clock: of this container.
        log: gets a line for each run, for each change of opinion, and for what should not happen.
        unprobed: codes of the regions whose endpoints are not known; told once.
        sleep: takes seconds.
    """

    def __init__(
        self,
        prober: Prober | None,
        clock: Clock,
        log: Log,
        *,
        unprobed: Sequence[str],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._prober = prober
        self._clock = clock
        self._log = log
        self._untold = tuple(unprobed)
        self._sleep = sleep

    def run(self, left_ms: Callable[[], int]) -> Mapping[str, object]:
        """
        Run the rounds that there is time for, and return what the log is told of them.

        Args:
            left_ms: returns the milliseconds until the run is ended from outside.
        """
        if self._untold:
            self._log.write("warn", "regions without an endpoint are not probed", {"targets": self._untold})
            self._untold = ()
        done: list[Round] = []
        failed = 0
        if self._prober is not None:
            for round_ms in rounds(self._clock, self._sleep, left_ms):
                try:
                    done.append(self._prober.look(round_ms))
                except Exception as error:  # the edge: the other rounds are worth more than the reason of one
                    failed += 1
                    self._log.write("error", "round failed", {"exception": describe_exception(error)})
                else:
                    self._tell_changes(done[-1])
        summary = _summary(done, failed)
        self._log.write("info", "regions probed", summary)
        return summary

    def _tell_changes(self, seen: Round) -> None:
        if seen.report is None:
            return
        for code in seen.changed:
            is_up = seen.report.sights[code].is_up
            fields = {"target": code, "opinion": "up" if is_up else "down"}
            self._log.write("warn", "opinion of a region changed", fields)


def _summary(done: list[Round], failed: int) -> dict[str, object]:
    """Return what a run came to: of each region a letter for each round, ``o`` if it answered and ``x`` if not."""
    return {
        "rounds": len(done),
        "failed": failed,
        "unstored": sum(seen.report is None for seen in done),
        "blind": sum(seen.report is not None and seen.report.is_blind for seen in done),
        "seen": {
            code: "".join("o" if seen.outcomes[code].ok else "x" for seen in done)
            for code in (done[0].outcomes if done else ())
        },
    }
