"""What ships the lines of the other functions: collectors with their token, the queue, the log that is told of it."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from edge.aws.addresses import Resolver
from edge.aws.retries import jitter
from edge.aws.secrets import regional_secrets
from edge.aws.sqs import SqsQueue
from edge.aws.tls import SYSTEM_ROOTS, context
from edge.telemetry.shipping import Shipper
from edge.telemetry.shipping_batches import from_message
from edge.telemetry.shipping_http import HttpCollector
from edge.telemetry.shipping_ports import NotTaken, Tally, Unshipped
from edge.telemetry.shipping_records import records
from edge.telemetry.shipping_secrets import SecretToken
from edge.web.log import Log, describe_exception

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Self

    from edge.clock import Clock
    from edge.settings import Settings
    from edge.telemetry.shipping_batches import Kind
    from edge.telemetry.shipping_ports import Collector
    from edge.telemetry.shipping_records import LogEvent

CONNECT_MS: Final = 3_000

_FOLDER: Final = "log_shipper"


def open_shipping(
    settings: Settings, clock: Clock, *, sleep: Callable[[float], None] = time.sleep
) -> Shipping:
    """
    Return what ships lines to the collectors that are named and enabled; nothing is read or connected yet.

    Args:
        settings: collectors, queue, token.
        clock: of this container.
        sleep: takes seconds.

    Raises:
        edge.settings.SettingsError: there is a collector and ``UNSHIPPED_QUEUE_URL`` is not set.
    """
    urls: dict[Kind, str] = {}
    if settings.enable_remote_logging and settings.log_endpoint:
        urls["logs"] = settings.log_endpoint
    if settings.enable_remote_error_tracking and settings.error_tracking_endpoint:
        urls["errors"] = settings.error_tracking_endpoint
    log = Log(settings)
    if not urls:
        return Shipping(None, (), settings.function_name, log)
    token = None
    if settings.ship_token_secret is not None:
        client = regional_secrets(settings, clock, endpoint=settings.secrets_endpoint)
        token = SecretToken(client, settings.ship_token_secret, clock)
    collectors = {
        kind: HttpCollector(url, open_socket=Opener(url, clock).open, clock=clock, token=token)
        for kind, url in urls.items()
    }
    queue = SqsQueue(settings.require("unshipped_queue_url"), region=settings.region.aws_region)
    wanted: Mapping[Kind, Collector] = collectors
    shipper = Shipper(wanted, queue, clock, random=jitter, sleep=sleep)
    return Shipping(shipper, tuple(collectors.values()), settings.function_name, log)


class Shipping:
    """
    Ships from invocation to invocation.

    Args:
        shipper: sends; None where no collector is named.
        collectors: whose connections end with an invocation: the next may be an hour away.
        function_name: AWS's name of this function, whose own lines go nowhere.
        log: gets a line for each invocation.
    """

    def __init__(
        self, shipper: Shipper | None, collectors: Iterable[HttpCollector], function_name: str, log: Log
    ) -> None:
        self._shipper = shipper
        self._collectors = tuple(collectors)
        self._function_name = function_name
        self._log = log

    def begin(self, left_ms: Callable[[], int]) -> Run:
        """
        Begin an invocation; a context manager.

        Args:
            left_ms: returns the milliseconds until it is ended from outside.
        """
        return Run(self, left_ms)

    def is_own(self, log_group: str) -> bool:
        """
        Return whether *log_group* is this function's own.

        Each line of it would make an invocation, and each invocation lines, for ever.
        """
        from edge.composition.telemetry import short_name

        name = log_group.rpartition("/")[2]
        return name == self._function_name or short_name(name) == _FOLDER

    def ship(
        self,
        events: Iterable[LogEvent],
        tally: Tally,
        left_ms: Callable[[], int],
        *,
        log_group: str,
        log_stream: str,
    ) -> None:
        """Send *events*; see :meth:`Run.ship`."""
        if self._shipper is None or self.is_own(log_group):
            return
        found = list(records(events, log_group=log_group, log_stream=log_stream))
        self._shipper.ship(found, tally, left_ms)

    def ship_again(self, message: str, tally: Tally, left_ms: Callable[[], int]) -> None:
        """Send what *message* holds; see :meth:`Run.ship_again`."""
        batch = from_message(message)
        if self._shipper is None:
            tally.unwanted += batch.size
        else:
            self._shipper.ship_again(batch, tally, left_ms)

    def end(self, tally: Tally, defect: BaseException | None, *, returned: int) -> None:
        """Close what is open and write the line of the invocation."""
        for collector in self._collectors:
            collector.close()
        fields = {**tally.fields(), "returned": returned}
        if defect is not None and not isinstance(defect, Unshipped):
            fields["exception"] = describe_exception(defect)
        if defect is not None or tally.unkept:
            level = "error"
        elif tally.faults or tally.unwanted:
            level = "warn"
        else:
            level = "info"
        self._log.write(level, "lines shipped", fields)

    def tell_defect(self, defect: Exception) -> None:
        """Write down what kept a message from being done, if nobody foresaw it."""
        self._log.write("error", "message not shipped", {"exception": describe_exception(defect)})


class Run:
    """
    One invocation.

    Args:
        shipping: of the container.
        left_ms: returns the milliseconds until it is ended from outside.
    """

    def __init__(self, shipping: Shipping, left_ms: Callable[[], int]) -> None:
        self._shipping = shipping
        self._left_ms = left_ms
        self._tally = Tally()
        self._returned = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._shipping.end(self._tally, error, returned=self._returned)

    def ship(self, events: Iterable[LogEvent], *, log_group: str, log_stream: str) -> None:
        """
        Return when a collector or the queue has each of *events*.

        Args:
            events: of one log stream, in order.
            log_group: name of its log group.
            log_stream: its name.

        Raises:
            edge.telemetry.shipping.Unshipped: neither has; Lambda is to repeat the event.
        """
        self._shipping.ship(events, self._tally, self._left_ms, log_group=log_group, log_stream=log_stream)

    def ship_again(self, message: str) -> None:
        """
        Return when the queue may forget *message*.

        Args:
            message: its body.

        Raises:
            Exception: it may not, whatever the reason: it comes back.
        """
        try:
            self._shipping.ship_again(message, self._tally, self._left_ms)
        except NotTaken:
            self._returned += 1
            raise
        except Exception as defect:
            self._returned += 1
            self._shipping.tell_defect(defect)
            raise


class Opener:
    """
    Connects to the host of a URL; TLS is verified against the system's roots.

    Args:
        url: https, or http for this machine alone.
        clock: measures what is left.

    Raises:
        ValueError: *url* is anything else.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        place = urlsplit(url)
        self._host = place.hostname or ""
        self._secure = place.scheme == "https"
        if not self._secure and (
            place.scheme != "http" or self._host not in ("127.0.0.1", "localhost", "::1")
        ):
            raise ValueError("a collector is https")
        self._resolver = Resolver(self._host, place.port or (443 if self._secure else 80))
        self._clock = clock

    def open(self, deadline_ns: int) -> socket.socket:
        """
        Return a connected socket.

        Args:
            deadline_ns: in monotonic time.

        Raises:
            OSError: there is none by then, or nobody proved to be the host.
        """
        deadline_ns = min(deadline_ns, self._clock.monotonic_ns() + CONNECT_MS * 1_000_000)
        addresses = self._resolver.resolve(self._seconds_left(deadline_ns))
        failure: OSError = ConnectionError()
        for position, (family, address) in enumerate(addresses):
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                # A silent address gets its share of the time, not all of it.
                sock.settimeout(self._seconds_left(deadline_ns) / (len(addresses) - position))
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if not self._secure:
                    return sock
                sock.settimeout(self._seconds_left(deadline_ns))
                return context(SYSTEM_ROOTS).wrap_socket(sock, server_hostname=self._host)
            except OSError as error:  # ssl.SSLError is one
                sock.close()
                failure = error
        raise failure

    def _seconds_left(self, deadline_ns: int) -> float:
        left_ns = deadline_ns - self._clock.monotonic_ns()
        if left_ns <= 0:
            raise TimeoutError
        return left_ns / 1e9
