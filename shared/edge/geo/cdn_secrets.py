"""
Whether a request came through the CDN: it adds a header whose value only it and this account's secret know.

The location headers are believed on that proof alone. While the secret cannot be read, what was read before goes on; before
anything was read, nothing came through the CDN, and the client's own word decides.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

from edge.geo.locations import came_through_cdn
from edge.moments import Moment
from edge.problems import ServiceProblem

if TYPE_CHECKING:
    from edge.aws.secrets import SecretsManager
    from edge.clock import Clock

PROOF_HEADER: Final = "x-edge-cdn"

FRESH_SECONDS: Final = 300
RETRY_SECONDS: Final = 30
"""How soon the secret is read again after a failure, or for a proof that does not match; forgers cannot make it sooner."""

PREVIOUS_SECONDS: Final = 1_800
"""How long the value before the present one is taken: a change takes minutes to reach every place of the CDN."""

READ_BUDGET_MS: Final = 300


class CdnProof:
    """
    Knows the CDN's secret; share one between threads.

    Args:
        client: of this region's Secrets Manager.
        secret_id: name of the secret.
        clock: measures how old the knowledge is.
    """

    def __init__(self, client: SecretsManager, secret_id: str, clock: Clock) -> None:
        self._client = client
        self._secret_id = secret_id
        self._clock = clock
        self._lock = Lock()
        self._value = ""
        self._previous = ""
        self._changed_at: Moment | None = None
        self._read_at: Moment | None = None
        self._tried_at: Moment | None = None

    def holds(self, presented: str | None) -> bool:
        """
        Return whether *presented* is what the CDN adds.

        Args:
            presented: the value of :data:`PROOF_HEADER`, as received; nothing is read where there is none.
        """
        if not presented:
            return False
        if self._is_older_than(self._read_at, FRESH_SECONDS):
            self._read()
        if self._matches(presented):
            return True
        self._read()
        return self._matches(presented)

    def _matches(self, presented: str) -> bool:
        if came_through_cdn(presented, self._value):
            return True
        is_kept = not self._is_older_than(self._changed_at, PREVIOUS_SECONDS)
        return came_through_cdn(presented, self._previous) and is_kept

    def _read(self) -> None:
        """Read the secret, unless somebody just has or is about to."""
        if not self._is_older_than(self._tried_at, RETRY_SECONDS) or not self._lock.acquire(blocking=False):
            return
        try:
            self._tried_at = Moment.now(self._clock)
            value = self._client.get_secret_value(self._secret_id, budget_ms=READ_BUDGET_MS)
            now = Moment.now(self._clock)
            if value != self._value:
                self._previous, self._value, self._changed_at = self._value, value, now
            self._read_at = now
        except ServiceProblem:
            pass  # what is known stays; tried again soon
        finally:
            self._lock.release()

    def _is_older_than(self, moment: Moment | None, seconds: int) -> bool:
        return moment is None or moment.elapsed_ms(self._clock) >= seconds * 1_000
