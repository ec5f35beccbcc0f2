"""
What a refresh is refused with.

::

    edge.problems.RequestProblem
    |-- NotAuthenticated
    |   `-- RefreshRefused       401  invalid_refresh_token, unknown_family, family_revoked, refresh_expired,
    |                                 refresh_limit_reached, token_reuse_detected
    edge.problems.ServiceProblem
    `-- DependencyUnavailable
        `-- HomeUnavailable      503  home_unavailable      + retry_after_seconds

After each refusal the client has to sign in again. A text that is no token at all and one with a wrong MAC have the
same reason: whoever guesses shall not learn how near he came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from edge.problems import DependencyUnavailable, NotAuthenticated

if TYPE_CHECKING:
    from edge.regions import Region

RefusalReason = Literal[
    "invalid_refresh_token",
    "unknown_family",
    "family_revoked",
    "refresh_expired",
    "refresh_limit_reached",
    "token_reuse_detected",
]

_DETAILS: Final[dict[RefusalReason, str]] = {
    "invalid_refresh_token": "This is no refresh token of ours.",
    "unknown_family": "The session that this refresh token belongs to is not known any more.",
    "family_revoked": "The session that this refresh token belongs to was ended.",
    "refresh_expired": "The session that this refresh token belongs to has reached its end.",
    "refresh_limit_reached": "The session was refreshed as often as it can be.",
    "token_reuse_detected": "This refresh token was used before, so its session was ended.",
}


class RefreshRefused(NotAuthenticated):
    """
    The refresh token does not get a successor, and trying again does not help.

    Args:
        reason: why.
    """

    slug, title = "refresh-refused", "Refresh refused"

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__()
        self.reason: RefusalReason = reason
        self.detail = _DETAILS[reason]


class HomeUnavailable(DependencyUnavailable):
    """
    The home region of the session cannot be had, so nothing can be refreshed; access tokens stay valid everywhere.

    The refresh may have happened: the same request, with the same ``Idempotency-Key``, is safe to repeat.

    Args:
        home: the region.
        cause: what its store raised.
    """

    slug, title, reason = "home-unavailable", "Home region unavailable", "home_unavailable"
    detail = "The home region of this session does not answer. Send the same request again later."

    def __init__(self, home: Region, cause: DependencyUnavailable) -> None:
        super().__init__(cause.retry_after_seconds)
        self._log_fields = {**cause.log_fields(), "home": home.code}

    def log_fields(self) -> dict[str, object]:
        """Tell the log which region, and what its store said."""
        return self._log_fields
