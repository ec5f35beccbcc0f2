"""The key document is read from a Secrets Manager that speaks the protocol: ministack's, through our own client."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from edge.auth.tokens.generate import new_document, new_entry, rotated
from edge.auth.tokens.key_source import CachedKeyRing
from edge.auth.tokens.problems import KeysUnavailable
from edge.auth.tokens.secrets import SecretKeySource
from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.secrets import SecretMissing, SecretsManager
from edge.clock import ManualClock
from infra.local.emulator import LOCAL_CREDENTIALS

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 2_000_000_000
REGION = "eu-west-3"
FIRST = new_document(
    [new_entry("HS256", issuer="https://edge.example", created_at=NOW, random=os.urandom, kid="first")]
)


@pytest.fixture(scope="module")
def reference(ministack_url: str) -> Iterator[Any]:  # its stubs are not among our requirements
    found: Any = boto3.client(
        "secretsmanager",
        endpoint_url=ministack_url,
        region_name=REGION,
        aws_access_key_id=LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    yield found
    found.close()


@pytest.fixture
def client(ministack_url: str) -> Iterator[SecretsManager]:
    key, secret = LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"], LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
    found = SecretsManager(
        region=REGION, credentials=FixedCredentials(Credentials(key, secret)), endpoint=ministack_url
    )
    yield found
    found.forget()


def test_current_version_is_read_and_a_new_one_found(reference: Any, client: SecretsManager) -> None:
    reference.create_secret(Name="edge/rotating", SecretString=FIRST)
    clock = ManualClock(now_ms=NOW * 1000)
    keys = CachedKeyRing(SecretKeySource(client, "edge/rotating"), clock)
    assert keys.current().signing_key.kid == "first"

    second = new_entry(
        "ES256", issuer="https://edge.example", created_at=NOW, random=os.urandom, kid="second"
    )
    document = rotated(FIRST, second, now_seconds=NOW, keep_keys=2, max_age_seconds=10**9)
    reference.put_secret_value(SecretId="edge/rotating", SecretString=document)
    assert keys.current().signing_key.kid == "first"

    clock.advance(300_000)
    assert [key.kid for key in keys.current().keys] == ["second", "first"]


def test_text_arrives_as_it_was_put(reference: Any, client: SecretsManager) -> None:
    text = json.dumps({"é": '\u2028"\\ \U0001f600'}, ensure_ascii=False) + "x" * 60_000
    reference.create_secret(Name="edge/text", SecretString=text)

    assert client.get_secret_value("edge/text") == text


def test_secret_that_is_not_there(client: SecretsManager) -> None:
    with pytest.raises(SecretMissing):
        client.get_secret_value("edge/none")
    keys = CachedKeyRing(SecretKeySource(client, "edge/none"), ManualClock(now_ms=NOW * 1000))
    with pytest.raises(KeysUnavailable):
        keys.current()
    assert isinstance(keys.last_failure, SecretMissing)
