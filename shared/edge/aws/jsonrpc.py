"""
One call of an AWS JSON service: signed, retried, and honest about what may have happened.

The rule that the rest follows from: a call that must not happen twice is repeated only when the attempt before surely
did nothing. That is so when the service said so (throttled, credentials refused) or when it never had the whole
request. After a 5xx, a timeout, a reset or a garbled answer nobody knows, and such a call ends there.
"""

from __future__ import annotations

from json import JSONEncoder
from typing import TYPE_CHECKING

from edge.aws.answers import ErrorAnswer, answer_seconds, read_answer
from edge.aws.connection import BrokenExchange
from edge.aws.endpoint import Endpoint
from edge.aws.faults import Unavailable, refusal
from edge.aws.http1 import Garbled
from edge.aws.pool import Pool
from edge.aws.retries import MIN_ATTEMPT_MS, Budget, Retries
from edge.aws.sigv4 import PostSigner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from edge.aws.answers import Document
    from edge.aws.connection import HttpAnswer
    from edge.aws.credentials import CredentialSource
    from edge.aws.faults import Fault
    from edge.clock import Clock

    class Transport(Protocol):
        """What a call needs of :class:`edge.aws.pool.Pool`."""

        def connect(self) -> bool:
            """Open a connection ahead of use; return whether that worked."""

        def exchange(self, request: bytes, deadline_ns: int) -> HttpAnswer:
            """Send a request and return its answer, or raise BrokenExchange."""

        def close(self) -> None:
            """Close idle connections."""


MAX_SKEW_SECONDS = 240
"""SigV4 takes 300 s of difference; what differs by more than this is corrected by the service's own clock."""

_encoder = JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)


def encode(request: Mapping[str, object] | bytes) -> bytes:
    """
    Return *request* as JSON; bytes are taken as encoded already.

    Example:
        >>> encode({"TableName": "t"})
        b'{"TableName":"t"}'
    """
    return request if isinstance(request, bytes) else _encoder.encode(request).encode("ascii")


class _Failure:
    """An attempt without a result; *ambiguous*: it may have been applied. (A named tuple takes 80 us to define.)"""

    __slots__ = ("ambiguous", "fault")

    def __init__(self, fault: Fault, *, ambiguous: bool) -> None:
        self.fault: Fault = fault
        self.ambiguous = ambiguous


_FAILURES: dict[str, _Failure] = {
    "throttled": _Failure("throttled", ambiguous=False),
    "conflict": _Failure("conflict", ambiguous=False),
    "credentials": _Failure("credentials", ambiguous=False),
    "server_fault": _Failure("server_fault", ambiguous=True),
    "in_progress": _Failure("throttled", ambiguous=True),
}
"""What kinds of error answers amount to."""


class JsonService:
    """
    Calls operations of one service in one region.

    Args:
        service: AWS's signing name, such as ``dynamodb``.
        target: prefix of ``x-amz-target``, such as ``DynamoDB_20120810``.
        region: AWS's region name.
        credentials: where to get them, at each call.
        endpoint: URL, or None for AWS's own.
        clock: wall time for signatures, monotonic time for deadlines.
        random: uniform in [0, 1), for jitter.
        sleep: takes seconds.
        budget: how long calls may take.
        ca_bundle: what TLS trusts, see :func:`edge.aws.tls.context`.
        max_answer_bytes: the largest answer that is read.
        json_version: of the protocol, as the service's model names it: DynamoDB 1.0, most others 1.1.
        transport: in place of the pool, for tests.
    """

    def __init__(
        self,
        *,
        service: str,
        target: str,
        region: str,
        credentials: CredentialSource,
        endpoint: str | None,
        clock: Clock,
        random: Callable[[], float],
        sleep: Callable[[float], None],
        budget: Budget,
        ca_bundle: str,
        max_answer_bytes: int,
        json_version: str = "1.0",
        transport: Transport | None = None,
    ) -> None:
        place = Endpoint.parse(endpoint or f"https://{service}.{region}.amazonaws.com")
        self._target = target.encode("ascii")
        self._credentials = credentials
        self._clock = clock
        self._random = random
        self._sleep = sleep
        self._budget = budget
        self._signer = PostSigner(
            service=service,
            region=region,
            host=place.authority,
            content_type=f"application/x-amz-json-{json_version}",
        )
        self._transport: Transport = transport or Pool(
            place,
            clock=clock,
            ca_bundle=ca_bundle,
            max_body_bytes=max_answer_bytes,
            connect_ms=budget.connect_ms,
        )
        self._skew_seconds = 0

    def connect(self) -> bool:
        """Open a connection ahead of use; return whether that worked."""
        return self._transport.connect()

    def forget(self) -> None:
        """Drop connections and cached credentials: neither outlives a snapshot."""
        self._transport.close()
        self._credentials.forget()

    def retries(self, budget_ms: int | None) -> Retries:
        """Begin a call of *budget_ms*, or of the service's own budget when None."""
        return Retries(self._budget, budget_ms, self._clock, self._random, self._sleep)

    def call(
        self,
        operation: bytes,
        body: bytes,
        *,
        writes: bool,
        repeatable: bool,
        retries: Retries,
        results: frozenset[str] = frozenset(),
    ) -> Document | ErrorAnswer:
        """
        Call an operation until it has a result or there is no more to try.

        Args:
            operation: such as ``GetItem``.
            body: the request as JSON.
            writes: it changes something, so its outcome can be unknown.
            repeatable: it may be applied twice without harm.
            retries: the call's progress through its budget.
            results: error codes that are results to the caller.

        Returns:
            The answer, or an error whose code is in *results*.

        Raises:
            Unavailable: no usable answer.
            Refused: the service will not do it.
        """
        target = b"%b.%b" % (self._target, operation)
        if retries.left_ms() < MIN_ATTEMPT_MS:
            raise Unavailable("no_time", outcome_unknown=False)
        outcome_unknown = renewed = False
        while True:
            end = self._attempt(target, body, retries.deadline_ns())
            if isinstance(end, dict):
                return end
            if isinstance(end, ErrorAnswer):
                if end.kind == "refused":
                    if end.code in results:
                        return end
                    raise refusal(end.code)
                if end.kind == "credentials" and not renewed:
                    renewed = True
                    continue
                end = _FAILURES[end.kind]
            outcome_unknown = outcome_unknown or (writes and end.ambiguous)
            if (
                (end.ambiguous and not repeatable)
                or end.fault == "credentials"
                or not retries.pause(throttled=end.fault in ("throttled", "conflict"))
            ):
                raise Unavailable(end.fault, outcome_unknown=outcome_unknown)

    def _attempt(self, target: bytes, body: bytes, deadline_ns: int) -> Document | ErrorAnswer | _Failure:
        try:
            credentials = self._credentials.current()
        except Unavailable as none:
            return _Failure(none.fault, ambiguous=False)
        now_seconds = self._clock.now_ms() // 1000 + self._skew_seconds
        request = self._signer.request(target, body, credentials, now_seconds)
        try:
            answer = self._transport.exchange(request, deadline_ns)
            end = read_answer(answer)
        except BrokenExchange as broken:
            return _Failure(broken.fault, ambiguous=broken.sent)
        except Garbled:
            return _Failure("garbled", ambiguous=True)
        if (
            isinstance(end, ErrorAnswer)
            and end.kind == "credentials"
            and not self._correct_skew(answer.fields)
        ):
            self._credentials.forget(credentials)
        return end

    def _correct_skew(self, fields: dict[bytes, bytes]) -> bool:
        """Take over the service's time when ours is why it refused the signature; return whether it was."""
        service_seconds = answer_seconds(fields)
        if service_seconds is None:
            return False
        own_seconds = self._clock.now_ms() // 1000
        if abs(service_seconds - own_seconds - self._skew_seconds) <= MAX_SKEW_SECONDS:
            return False
        self._skew_seconds = service_seconds - own_seconds
        return True
