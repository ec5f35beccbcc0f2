"""The token that collectors know us by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from edge.problems import ServiceProblem

if TYPE_CHECKING:
    from edge.aws.secrets import SecretsManager
    from edge.clock import Clock

TOKEN_FRESH_SECONDS: Final = 300
TOKEN_RETRY_SECONDS: Final = 30
"""How soon a token that was not believed, or could not be read, is read again."""

_TOKEN: Final = re.compile(r"[!-~]{1,4096}")


class SecretToken:
    """
    What collectors know us by: the text of a secret, read again now and then and when it is not believed.

    Args:
        client: of this region's Secrets Manager.
        secret_id: name of the secret.
        clock: measures how old the knowledge is.
    """

    def __init__(self, client: SecretsManager, secret_id: str, clock: Clock) -> None:
        self._client = client
        self._secret_id = secret_id
        self._clock = clock
        self._text: str | None = None
        self._read_at_ns: int | None = None
        self._tried_at_ns: int | None = None

    def text(self) -> str | None:
        """Return the token, an old one while no newer can be read, None if none ever could."""
        if self._is_older_than(self._read_at_ns, TOKEN_FRESH_SECONDS):
            self._read()
        return self._text

    def refused(self) -> bool:
        """Read it again, and return whether it is another one."""
        before = self._text
        self._read()
        return self._text != before

    def _read(self) -> None:
        if not self._is_older_than(self._tried_at_ns, TOKEN_RETRY_SECONDS):
            return
        self._tried_at_ns = self._clock.monotonic_ns()
        try:
            text = self._client.get_secret_value(self._secret_id).strip()
        except ServiceProblem:
            return  # what is known stays; tried again soon
        if _TOKEN.fullmatch(text):  # nothing that would end a header
            self._text, self._read_at_ns = text, self._clock.monotonic_ns()

    def _is_older_than(self, at_ns: int | None, seconds: int) -> bool:
        return at_ns is None or self._clock.monotonic_ns() - at_ns >= seconds * 1_000_000_000
