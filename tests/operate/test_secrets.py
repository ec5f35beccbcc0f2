"""``secrets``: first keys, rotation, races, leaks."""

from __future__ import annotations

import json
import threading
import time
from argparse import Namespace
from typing import TYPE_CHECKING, Any

import pytest

from edge.clock import SystemClock
from edge.regions import DEPLOYED, IAD1
from infra.auth_secret import check_auth_secret
from infra.operate import secret_commands
from infra.operate.failures import Failure
from infra.operate.place import Names, Place
from infra.operate.secret_versions import SecretVersions
from tests.functions import load_function
from tests.http_events import http_event, invoke
from tests.operate.conftest import Later

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.operate.secret_versions import Current
    from tests.operate.conftest import Operator

    SecretOf = Callable[..., Any]


def material(document: Any) -> set[str]:
    """All that must never be shown."""
    private = {
        value for entry in document["token_keys"] for name, value in entry["key"].items() if name in "dk"
    }
    return private | {
        entry["secret"] for name in ("refresh_keys", "signing_master") for entry in document[name]
    }


@pytest.mark.parametrize("argv", [("show",), ("rotate",), ("remove-key", "x"), ("promote-refresh-key",)])
def test_without_a_secret_every_command_says_so(fresh: Operator, argv: tuple[str, ...]) -> None:
    assert fresh.refused("secrets", *argv) == "no_secret"


def test_secret_without_a_value_says_so(fresh: Operator) -> None:
    place = place_of(fresh)
    place.secrets_manager().create_secret(Name=f"{fresh.global_stack}-auth")

    assert fresh.refused("secrets", "show") == "no_secret"
    assert fresh.json("secrets", "create")["token_keys"][0]["signs"] is True


def test_first_version_is_made_once_in_every_region(fresh: Operator, secret_of: SecretOf) -> None:
    made = fresh.json("secrets", "create", "--algorithm", "EdDSA")

    assert [(key["algorithm"], key["signs"]) for key in made["token_keys"]] == [("EdDSA", True)]
    assert made["refresh_keys"] == [{"version": 1, "signs": True}]
    documents = [secret_of(fresh, region.aws_region) for region in DEPLOYED]
    assert all(document == documents[0] for document in documents)
    check_auth_secret(json.dumps(documents[0]))
    assert fresh.refused("secrets", "create") == "secret_exists"
    assert secret_of(fresh) == documents[0]


def test_no_command_shows_what_a_key_is_made_of(fresh: Operator, secret_of: SecretOf) -> None:
    said = ""
    for argv in (
        ("create", "--algorithm", "HS256"),
        ("rotate", "--algorithm", "ES256", "--refresh-keys"),
        ("show",),
        ("show", "--json"),
        ("remove-key", "none"),
    ):
        outcome = fresh.run("secrets", *argv)
        said += outcome.out + outcome.err

    hidden = material(secret_of(fresh))
    assert len(hidden) == 5
    assert not [one for one in hidden if one in said]
    assert secret_of(fresh)["token_keys"][0]["kid"] in said


def test_rotation_puts_the_new_key_first_and_keeps_the_old_while_its_tokens_live(
    fresh: Operator, secret_of: SecretOf
) -> None:
    old = fresh.json("secrets", "create")["token_keys"][0]["kid"]

    rotated = fresh.json("secrets", "rotate", "--algorithm", "EdDSA")

    new, kept = rotated["token_keys"]
    assert (new["algorithm"], new["signs"], kept["kid"], kept["signs"]) == ("EdDSA", True, old, False)
    assert 0 <= new["age_seconds"] < 60
    later = fresh.json("secrets", "rotate", clock=Later(3 * 86_400))
    # The first was succeeded three days ago: its tokens are over. The second signed until now.
    assert [key["kid"] for key in later["token_keys"]][1:] == [new["kid"]]
    assert later["token_keys"][0]["algorithm"] == "EdDSA"
    assert all(secret_of(fresh, region.aws_region) == secret_of(fresh) for region in DEPLOYED)


def test_rotation_keeps_what_make_up_writes_at_its_next_start(fresh: Operator, secret_of: SecretOf) -> None:
    kept = fresh.local_dir / "auth-secret.json"
    kept.write_text("{}")
    fresh.json("secrets", "create")

    fresh.json("secrets", "rotate")

    assert json.loads(kept.read_text()) == secret_of(fresh)
    assert kept.stat().st_mode & 0o777 == 0o600


def test_rotation_gives_a_secret_of_an_earlier_release_its_signing_keys(
    fresh: Operator, secret_of: SecretOf
) -> None:
    fresh.run("secrets", "create")
    document = secret_of(fresh)
    made = document.pop("signing_master")
    place_of(fresh).secrets_manager().put_secret_value(
        SecretId=f"{fresh.global_stack}-auth", SecretString=json.dumps(document)
    )

    fresh.run("secrets", "rotate")
    completed = secret_of(fresh)["signing_master"]
    assert [entry["version"] for entry in completed] == [1]
    assert completed != made
    fresh.run("secrets", "rotate", "--refresh-keys")
    assert secret_of(fresh)["signing_master"] == completed, "what is there stays"


def test_new_refresh_key_signs_only_when_it_has_been_read_everywhere(fresh: Operator) -> None:
    fresh.json("secrets", "create")
    assert fresh.refused("secrets", "promote-refresh-key", clock=Later(601)) == "nothing_to_promote"

    added = fresh.json("secrets", "rotate", "--refresh-keys")
    assert added["refresh_keys"] == [{"version": 1, "signs": True}, {"version": 2, "signs": False}]
    assert fresh.refused("secrets", "promote-refresh-key") == "too_early"

    promoted = fresh.json("secrets", "promote-refresh-key", clock=Later(601))
    assert promoted["refresh_keys"] == [{"version": 2, "signs": True}, {"version": 1, "signs": False}]
    removed = fresh.json("secrets", "remove-refresh-key", "1")
    assert removed["refresh_keys"] == [{"version": 2, "signs": True}]
    assert fresh.refused("secrets", "remove-refresh-key", "2") == "only_key"
    assert fresh.refused("secrets", "remove-refresh-key", "7") == "no_such_key"


def test_leaked_key_is_taken_out_unless_it_is_the_only_one(fresh: Operator, secret_of: SecretOf) -> None:
    leaked = fresh.json("secrets", "create")["token_keys"][0]["kid"]
    assert fresh.refused("secrets", "remove-key", leaked) == "only_key"
    fresh.json("secrets", "rotate")

    left = fresh.json("secrets", "remove-key", leaked)

    assert leaked not in [key["kid"] for key in left["token_keys"]]
    assert leaked not in json.dumps(secret_of(fresh, "ap-northeast-1"))
    assert fresh.refused("secrets", "remove-key", leaked) == "no_such_key"


def test_secret_that_no_function_would_take_is_not_rotated(fresh: Operator) -> None:
    place = place_of(fresh)
    client = place.secrets_manager()
    client.create_secret(
        Name=f"{fresh.global_stack}-auth", SecretString='{"token_keys": [{"kid": "S3CRET"}]}'
    )

    assert fresh.refused("secrets", "rotate") == "keys_refused"
    outcome = fresh.run("secrets", "show")
    assert "token_keys[0]: bad_entry" in outcome.err and "S3CRET" not in outcome.err


def test_secret_without_refresh_keys_is_told_by_the_commands_that_need_them(fresh: Operator) -> None:
    fresh.json("secrets", "create")
    client, name = place_of(fresh).secrets_manager(), f"{fresh.global_stack}-auth"
    document = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    client.put_secret_value(SecretId=name, SecretString=json.dumps({"token_keys": document["token_keys"]}))

    for argv in (("tokens", "inspect", "x"), ("tokens", "revoke-subject", "u"), ("secrets", "show")):
        assert fresh.refused(*argv) == "keys_refused"
        assert "refresh_keys: not_a_list_of_1_to_16" in fresh.run(*argv).err


def place_of(operator: Operator) -> Place:
    names = Names("development", "none", operator.global_stack, "kaizen-edge", "kaizen-edge-api")
    return Place(IAD1, names, SystemClock(), profile=None, local_dir=operator.local_dir)


def test_of_two_rotations_at_the_same_time_one_is_refused(
    fresh: Operator, secret_of: SecretOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fresh.json("secrets", "create")["token_keys"][0]["kid"]
    both_have_read = threading.Barrier(2, timeout=10)
    replace = SecretVersions.replace

    def together(self: SecretVersions, before: Current, text: str) -> str:
        both_have_read.wait()
        return replace(self, before, text)

    monkeypatch.setattr(SecretVersions, "replace", together)
    ends: list[str] = []

    places = [place_of(fresh), place_of(fresh)]
    for place in places:
        for region in DEPLOYED:
            place.secrets_manager(region)  # boto3 makes one client at a time

    def rotate(place: Place) -> None:
        try:
            secret_commands.rotate(place, Namespace(algorithm="EdDSA", refresh_keys=False))
            ends.append("done")
        except Failure as failure:
            ends.append(failure.reason)

    threads = [threading.Thread(target=rotate, args=(place,)) for place in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(ends) == ["changed_meanwhile", "done"]
    kids = [entry["kid"] for entry in secret_of(fresh)["token_keys"]]
    assert len(kids) == 2 and kids[1] == first


def test_rotation_that_is_overtaken_changes_nothing_and_leaves_no_label(
    fresh: Operator, secret_of: SecretOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh.json("secrets", "create")
    replace = SecretVersions.replace
    theirs: list[Any] = []

    def overtaken(self: SecretVersions, before: Current, text: str) -> str:
        if not theirs:
            theirs.append(None)
            secret_commands.rotate(place_of(fresh), Namespace(algorithm="EdDSA", refresh_keys=False))
            theirs[0] = secret_of(fresh)
        return replace(self, before, text)

    monkeypatch.setattr(SecretVersions, "replace", overtaken)

    outcome = fresh.run("secrets", "rotate", "--json")

    assert (outcome.code, outcome.out) == (1, "")
    assert json.loads(outcome.err)["error"]["reason"] == "changed_meanwhile"
    assert all(secret_of(fresh, region.aws_region) == theirs[0] for region in DEPLOYED)
    described = place_of(fresh).secrets_manager().describe_secret(SecretId=f"{fresh.global_stack}-auth")
    labels = sorted(label for labels in described["VersionIdsToStages"].values() for label in labels)
    assert labels == ["AWSCURRENT", "AWSPREVIOUS"]


def test_overtaken_creation_is_refused(
    fresh: Operator, secret_of: SecretOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = SecretVersions.replace
    theirs: list[Any] = []

    def overtaken(self: SecretVersions, before: Current, text: str) -> str:
        if not theirs:
            theirs.append(None)
            assert secret_commands.create_first(place_of(fresh), algorithm=None)
            theirs[0] = secret_of(fresh)
        return replace(self, before, text)

    monkeypatch.setattr(SecretVersions, "replace", overtaken)

    outcome = fresh.run("secrets", "create")

    assert outcome.code == 1 and "Somebody else changed the secret" in outcome.err
    assert secret_of(fresh) == theirs[0]


def test_functions_take_old_tokens_after_a_rotation_and_sign_with_the_new_key(
    operate: Operator, function_environment: dict[str, str]
) -> None:
    key = operate.admin()
    before = load_function("auth_token", function_environment)
    asked = http_event("POST", "/api/auth/token", headers={"x-api-key": key})
    old = invoke(before.handler, asked).json()["access_token"]

    signing = operate.json("secrets", "rotate")["token_keys"][0]["kid"]

    after = load_function("auth_token", function_environment)
    validate = load_function("auth_validate", function_environment)
    new = invoke(after.handler, asked).json()["access_token"]
    for token in (old, new):
        answer = invoke(validate.handler, http_event("POST", "/api/auth/validate", {"token": token})).json()
        assert answer["active"] is True
    assert operate.json("tokens", "inspect", new)["header"]["kid"] == signing
    assert operate.json("tokens", "inspect", old)["header"]["kid"] != signing

    began = time.time()
    operate.json("secrets", "remove-key", operate.json("tokens", "inspect", old)["header"]["kid"])
    assert operate.json("tokens", "inspect", old)["reason"] == "unknown_key"
    assert operate.json("tokens", "inspect", new)["accepted"] is True
    assert time.time() - began < 5
