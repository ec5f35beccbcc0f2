"""
Credentials of a developer's machine: profiles, SSO, assumed roles, whatever botocore understands.

Only local runs load this module; it loads botocore.
"""

from __future__ import annotations

import botocore.session
from botocore.exceptions import BotoCoreError

from edge.aws.credentials import Credentials
from edge.aws.faults import Unavailable


def from_shared_config() -> Credentials | None:
    """
    Return what botocore's own chain finds, or None.

    An expiry is not passed on: botocore renews inside its own object, and we ask it anew after a refusal.

    Raises:
        Unavailable: the configuration is broken or a login has run out (``credentials``).
    """
    try:
        found = botocore.session.Session().get_credentials()
        if found is None:
            return None
        frozen = found.get_frozen_credentials()
        return Credentials(frozen.access_key or "", frozen.secret_key or "", frozen.token)
    except (BotoCoreError, ValueError):
        raise Unavailable("credentials", outcome_unknown=False) from None
