"""
The secret with the keys of the house: made once for a stage, rotated by operators, read by functions.

Its form is that of :mod:`edge.auth.house_keys`. Nothing here prints it.
"""

from __future__ import annotations

import json
from os import urandom
from typing import TYPE_CHECKING, Final

from edge.auth.house_keys import HouseKeys
from edge.auth.tokens.generate import new_document, new_entry
from edge.clock import SystemClock
from edge.signing.keys import SigningKeys
from edge.versioned_secrets import new_versioned

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

    from edge.auth.tokens.jwk import Algorithm

DEFAULT_ALGORITHM: Final[Algorithm] = "ES256"
"""Public keys are read at the JWKS route, so that other services can check tokens without a key that could sign."""


def new_auth_secret(*, issuer: str, now_seconds: int, algorithm: Algorithm = DEFAULT_ALGORITHM) -> str:
    """
    Return the text of a new secret.

    Args:
        issuer: what tokens will say as ``iss``; equals the setting ``TOKEN_ISSUER``.
        now_seconds: epoch seconds.
        algorithm: of the token key.
    """
    document = json.loads(
        new_document([new_entry(algorithm, issuer=issuer, created_at=now_seconds, random=urandom)])
    )
    document["refresh_keys"] = [new_versioned(1)]
    return completed(json.dumps(document))


def completed(text: str) -> str:
    """
    Return *text* with the member that secrets of earlier releases have not: ``signing_master``.

    Args:
        text: a JSON object; it comes back as it is if nothing is missing.
    """
    document = json.loads(text)
    if "signing_master" in document:
        return text
    return json.dumps({**document, "signing_master": [new_versioned(1)]})


def check_auth_secret(text: str) -> None:
    """
    Read *text* as a function would. A secret may have no ``signing_master`` yet, but no bad one.

    Raises:
        edge.problems.ServiceProblem: a function would refuse it.
    """

    class Fixed:
        def read(self) -> str:
            return text

    keys = HouseKeys(Fixed(), SystemClock())
    keys.refresh_keys()
    if "signing_master" in json.loads(text):
        keys.member("signing_master", SigningKeys.parse).current()


def put_auth_secret(client: SecretsManagerClient, name: str, text: str) -> None:
    """
    Make *text* the current version of the secret *name*, and the secret if it is not there.

    Args:
        client: a boto3 Secrets Manager client of the region.
        name: of the secret.
        text: is checked first.

    Raises:
        edge.problems.ServiceProblem: a function would refuse it; nothing was written.
    """
    check_auth_secret(text)
    try:
        client.put_secret_value(SecretId=name, SecretString=text)
    except client.exceptions.ResourceNotFoundException:
        client.create_secret(Name=name, SecretString=text)
