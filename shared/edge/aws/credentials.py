"""
AWS credentials: a value that does not show itself, and the chain that finds one.

The chain is walked at first use and again when what it found has expired or was refused: after a SnapStart restore the
environment holds no keys but the address of a container endpoint, so nothing may be decided while a function starts.
Order, as in AWS's SDKs: environment, shared config files (only where the caller allows them), container endpoint.
Instance metadata is left out: nothing of ours runs on a bare EC2 instance.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from edge.aws.faults import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.clock import Clock

ADVISORY_WINDOW_MS = 15 * 60 * 1000
"""This long before expiry one caller renews while others go on with what they have (botocore's figure)."""

MANDATORY_WINDOW_MS = 10 * 60 * 1000
"""This long before expiry every caller waits for the renewal (botocore's figure)."""

HOLD_OFF_MS = 30 * 1000
"""After a renewal failed while the old credentials are still valid, nobody tries again for this long."""


class Credentials:
    """
    What signs a request.

    Compared by identity: the signer caches a key for the object, and a renewal makes a new one.

    Args:
        access_key_id: public part.
        secret_access_key: private part.
        session_token: of temporary credentials, else None.
        expires_at_ms: milliseconds since the Unix epoch, or None when they do not expire or nobody said when.

    Raises:
        ValueError: a part is empty or could not stand in a header.

    Example:
        >>> Credentials("AKIDEXAMPLE", "secret", "token")
        Credentials(access_key_id='AKID...', secret_access_key=<hidden>, session_token=<hidden>)
    """

    __slots__ = ("access_key_id", "expires_at_ms", "secret_access_key", "session_token")

    def __init__(
        self,
        access_key_id: str,
        secret_access_key: str,
        session_token: str | None = None,
        *,
        expires_at_ms: int | None = None,
    ) -> None:
        for part in (access_key_id, secret_access_key, session_token):
            if part is not None and (not part.isascii() or not part.isprintable() or " " in part or not part):
                raise ValueError("a part of the credentials is empty or not printable ASCII")
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key
        self.session_token = session_token
        self.expires_at_ms = expires_at_ms

    def __repr__(self) -> str:
        token = None if self.session_token is None else "<hidden>"
        return (
            f"Credentials(access_key_id='{self.access_key_id[:4]}...', "
            f"secret_access_key=<hidden>, session_token={token})"
        )

    def __reduce__(self) -> str:
        raise TypeError("credentials are not pickled")


class CredentialSource(Protocol):
    """Where a client gets its credentials from; used by several threads at once."""

    def current(self) -> Credentials:
        """
        Return valid credentials.

        Raises:
            Unavailable: there are none (``credentials``).
        """

    def forget(self, refused: Credentials | None = None) -> None:
        """
        Drop what is cached, so that the next use looks again.

        Args:
            refused: drop only these: another thread may have renewed them already. None, as after a restore from a
                snapshot, drops whatever there is.
        """


class FixedCredentials:
    """One value for ever; for tests and local engines."""

    __slots__ = ("_credentials",)

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def current(self) -> Credentials:
        """Return the value."""
        return self._credentials

    def forget(self, refused: Credentials | None = None) -> None:
        """Do nothing: there is nothing else to find."""


class CredentialChain:
    """
    Finds credentials where AWS puts them, and renews them before they expire.

    Args:
        environ: the process's variables, live (``edge.settings.ENVIRON``).
        clock: decides when to renew.
        shared_config: also look into ``~/.aws`` by way of botocore, for a developer's machine. On Lambda say False:
            it costs 100 ms to find out that there is nothing.
    """

    def __init__(self, environ: Mapping[str, str], *, clock: Clock, shared_config: bool) -> None:
        self._environ = environ
        self._clock = clock
        self._shared_config = shared_config
        self._lock = threading.Lock()
        self._cached: Credentials | None = None
        self._hold_off_until_ms = 0

    def current(self) -> Credentials:
        """
        Return valid credentials, from the cache where possible.

        Raises:
            Unavailable: no source has any, or theirs have expired and cannot be renewed (``credentials``).
        """
        cached = self._cached
        if cached is not None:
            if cached.expires_at_ms is None:
                return cached
            left_ms = cached.expires_at_ms - self._clock.now_ms()
            if left_ms > ADVISORY_WINDOW_MS:
                return cached
            if left_ms > MANDATORY_WINDOW_MS:
                return self._renew_alone(cached)
        with self._lock:
            if self._cached is not cached and self._cached is not None:
                return self._cached  # another thread found them while this one waited
            return self._renew(self._cached)

    def forget(self, refused: Credentials | None = None) -> None:
        """Drop what is cached, or only *refused*; the next use walks the chain."""
        with self._lock:
            if refused is None or self._cached is refused:
                self._cached = None
                self._hold_off_until_ms = 0

    def _renew_alone(self, cached: Credentials) -> Credentials:
        """Renew unless another thread is at it."""
        if not self._lock.acquire(blocking=False):
            return cached
        try:
            return self._renew(self._cached)
        finally:
            self._lock.release()

    def _renew(self, old: Credentials | None) -> Credentials:
        """Walk the chain; *old* serve on while they are valid. The lock is held."""
        now_ms = self._clock.now_ms()
        still_valid = old is not None and old.expires_at_ms is not None and old.expires_at_ms > now_ms
        if old is not None and still_valid and now_ms < self._hold_off_until_ms:
            return old
        try:
            found = self._walk()
        except Unavailable:
            if old is None or not still_valid:
                raise
            self._hold_off_until_ms = now_ms + HOLD_OFF_MS
            return old
        if found.expires_at_ms is not None and found.expires_at_ms - now_ms <= ADVISORY_WINDOW_MS:
            # The source hands out the same ones until shortly before they expire: do not ask on every call.
            self._hold_off_until_ms = now_ms + HOLD_OFF_MS
        self._cached = found
        return found

    def _walk(self) -> Credentials:
        found = from_environment(self._environ)
        if found is None and self._shared_config:
            from edge.aws.shared_config import (
                from_shared_config,
            )  # loads botocore: on a developer's machine only

            found = from_shared_config()
        if found is None:
            from edge.aws.container_credentials import from_container  # SnapStart only; 2 ms that others save

            found = from_container(self._environ, clock=self._clock)
        if found is None or (found.expires_at_ms is not None and found.expires_at_ms <= self._clock.now_ms()):
            raise Unavailable("credentials", outcome_unknown=False)
        return found


def from_environment(environ: Mapping[str, str]) -> Credentials | None:
    """
    Return the credentials in ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY`` and ``AWS_SESSION_TOKEN``, or None.

    Raises:
        Unavailable: one of the first two is missing or a value is malformed (``credentials``): half a pair is a
            mistake that must not fall through to somebody else's keys.
    """
    key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if not key and not secret:
        return None
    try:
        return Credentials(key or "", secret or "", environ.get("AWS_SESSION_TOKEN") or None)
    except ValueError:
        raise Unavailable("credentials", outcome_unknown=False) from None
