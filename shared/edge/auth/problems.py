"""
What a caller's credentials are refused with before anything is known of them; keys, tokens and families have their own.

::

    edge.problems.NotAuthenticated
    |-- AmbiguousCredentials   401  ambiguous_credentials
    |-- UnknownScheme          401  unknown_scheme
    |-- edge.auth.apikeys.problems.KeyRefused
    |-- edge.auth.tokens.problems.TokenRefused
    `-- edge.auth.sessions.problems.RefreshRefused
"""

from __future__ import annotations

from edge.problems import NotAuthenticated


class AmbiguousCredentials(NotAuthenticated):
    """More than one credential: whoever reads the first and whoever reads the last would see two callers."""

    slug, title, reason = "ambiguous-credentials", "Ambiguous credentials", "ambiguous_credentials"
    detail = "Send either one X-API-Key or one Authorization header, not both and neither twice."


class UnknownScheme(NotAuthenticated):
    """The Authorization header is of a scheme that is not taken here."""

    slug, title, reason = "unknown-scheme", "Unknown scheme", "unknown_scheme"
    detail = "The Authorization header takes the schemes Bearer and, where a key may call, ApiKey."
