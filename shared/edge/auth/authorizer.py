"""
API Gateway's question whether a request to somebody else's HTTP API may pass, and our answer.

The event is of payload format 2.0, the answer the simple one: ``isAuthorized`` and a ``context`` that the API's
integration gets as ``$context.authorizer.<name>``. What may be cached: API Gateway keeps an answer for the values of the
authorizer's identity sources, so these must name the header that we read, ``$request.header.Authorization`` or
``$request.header.x-api-key``, one authorizer for each; a revocation is then seen when the cached answer is over.

A wrong credential is a plain no: API Gateway makes 403 of it. When nobody can tell, the error is raised, and API
Gateway answers 500 and caches nothing. Calls are not counted here: the API that is guarded has limits of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from edge.auth.problems import AmbiguousCredentials, UnknownScheme
from edge.auth.roles import scope_text
from edge.problems import NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge.auth.apikeys.records import KeyRecord
    from edge.auth.validation import Validated


class KnowsKeys(Protocol):
    """:class:`edge.auth.apikeys.authenticate.KeyVerifier`."""

    def authenticate(self, text: str) -> KeyRecord:
        """Return the key's record, or raise a NotAuthenticated or a ServiceProblem."""


class KnowsTokens(Protocol):
    """:class:`edge.auth.validation.TokenValidator`."""

    def validate(self, token: str) -> Validated:
        """Return what the token says, or raise a NotAuthenticated or a ServiceProblem."""


class Authorizer:
    """
    Answers for one container.

    Args:
        keys: knows API keys.
        tokens: knows access tokens.
    """

    def __init__(self, *, keys: KnowsKeys, tokens: KnowsTokens) -> None:
        self._keys = keys
        self._tokens = tokens

    def decide(self, event: Mapping[str, object]) -> dict[str, object]:
        """
        Return the answer to *event*.

        Args:
            event: of payload format 2.0.

        Returns:
            ``isAuthorized`` and ``context``: ``subject``, ``client_id``, ``role``, ``scope``, ``plan``, ``kind``; of a
            refusal only its ``reason``.

        Raises:
            edge.problems.ServiceProblem: nobody can tell.
        """
        headers = event.get("headers")
        shown = [
            (name.lower(), value)
            for name, value in (headers.items() if isinstance(headers, dict) else ())
            if name.lower() in ("authorization", "x-api-key")
        ]
        try:
            return {"isAuthorized": True, "context": self._identity(shown)}
        except NotAuthenticated as refused:
            return {"isAuthorized": False, "context": {"reason": refused.reason}}

    def _identity(self, shown: Sequence[tuple[str, str]]) -> dict[str, str]:
        if not shown:
            raise NotAuthenticated
        if len(shown) > 1:
            raise AmbiguousCredentials
        ((name, value),) = shown
        if name == "x-api-key":
            record = self._keys.authenticate(value)
            return {
                "kind": "key",
                "subject": record.id,
                "client_id": record.id,
                "role": record.role,
                "scope": scope_text(record.scopes),
                "plan": record.plan,
            }
        scheme, _, text = value.partition(" ")
        if scheme.lower() != "bearer":
            raise UnknownScheme
        token = self._tokens.validate(text).token
        return {
            "kind": "token",
            "subject": token.subject,
            "client_id": token.client_id,
            "role": token.role,
            "scope": scope_text(token.scopes),
            "plan": token.plan or "",
        }
