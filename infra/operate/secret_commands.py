"""``secrets``: the keys of the house. What is shown are names, ages and states; no command shows what a key is made of."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final, cast

from edge.auth.tokens.generate import new_entry, rotated, without_key
from edge.auth.tokens.key_source import FRESH_SECONDS
from edge.auth.tokens.keyring import KeyRing
from edge.regions import DEPLOYED, GLOBAL_STACK_REGION
from edge.versioned_secrets import MAX_SECRETS, new_versioned
from infra.auth_secret import DEFAULT_ALGORITHM, completed, new_auth_secret, put_auth_secret
from infra.operate.answers import Answer, fields, moment, span, table
from infra.operate.failures import Failure
from infra.operate.place import refresh_entries
from infra.operate.secret_versions import Current, SecretVersions

if TYPE_CHECKING:
    from argparse import Namespace

    from edge.auth.tokens.jwk import Algorithm
    from edge.versioned_secrets import VersionedSecret
    from infra.operate.place import Place

EVERYWHERE_SECONDS: Final = 2 * FRESH_SECONDS
"""After so long every container that can reach the secret has read it."""

LOCAL_KEPT: Final = "auth-secret.json"
"""What the next ``make up`` writes: it is to be what is current now."""


def create(place: Place, arguments: Namespace) -> Answer:
    """Make the first version."""
    if not create_first(place, algorithm=arguments.algorithm):
        raise Failure("secret_exists", "The secret has a value already; `secrets rotate` makes new keys.")
    return show(place, arguments)


def create_first(place: Place, *, algorithm: Algorithm | None) -> bool:
    """Make the first version unless there is one; return whether it was made."""
    versions = _versions(place)
    if place.is_local:
        versions.make()
    before = versions.current()
    if before.text is not None:
        return False
    text = new_auth_secret(
        issuer=place.names.issuer, now_seconds=place.now_seconds(), algorithm=algorithm or DEFAULT_ALGORITHM
    )
    _replace(place, versions, before, text)
    return True


def rotate(place: Place, arguments: Namespace) -> Answer:
    """Put a new token key first, and with ``--refresh-keys`` a new refresh key second."""
    versions = _versions(place)
    before, text = _current(versions)
    now = place.now_seconds()
    signing = KeyRing.parse(text).keys[0]
    entry = new_entry(
        arguments.algorithm or signing.alg, issuer=signing.issuer, created_at=now, random=os.urandom
    )
    text = rotated(text, entry, now_seconds=now, keep_keys=1, max_age_seconds=0)
    if arguments.refresh_keys:
        entries = refresh_entries(text)
        if len(entries) >= MAX_SECRETS:
            raise Failure(
                "too_many_refresh_keys",
                f"There are {MAX_SECRETS} refresh keys; take out spent ones with `secrets remove-refresh-key`.",
            )
        # Second, so that whoever has yet to read it is not shown a token that it signed.
        entries.insert(1, new_versioned(max(old["version"] for old in entries) + 1))
        text = _with_refresh(text, entries)
    _replace(place, versions, before, completed(text))
    return show(place, arguments)


def promote_refresh_key(place: Place, arguments: Namespace) -> Answer:
    """Let the newest refresh key sign, once every container has it."""
    versions = _versions(place)
    before, text = _current(versions)
    entries = refresh_entries(text)
    newest = max(entries, key=lambda entry: entry["version"])
    if newest is entries[0]:
        raise Failure(
            "nothing_to_promote",
            "The newest refresh key signs already; `secrets rotate --refresh-keys` makes one.",
        )
    age = place.now_seconds() - (before.changed_at or 0)
    if age < EVERYWHERE_SECONDS:
        raise Failure(
            "too_early",
            f"The secret changed {age} s ago; after {EVERYWHERE_SECONDS} s every container has read it.",
        )
    rest = [entry for entry in entries if entry is not newest]
    _replace(place, versions, before, _with_refresh(text, [newest, *rest]))
    return show(place, arguments)


def remove_key(place: Place, arguments: Namespace) -> Answer:
    """Take a token key out, and all of its tokens with it."""
    versions = _versions(place)
    before, text = _current(versions)
    kids = [key.kid for key in KeyRing.parse(text).keys]
    if kids == [arguments.kid]:
        raise Failure("only_key", "This is the only token key; run `secrets rotate` first.")
    try:
        text = without_key(text, arguments.kid)
    except KeyError:
        raise Failure("no_such_key", "There is no token key of this name; see `secrets show`.") from None
    _replace(place, versions, before, text)
    return show(place, arguments)


def remove_refresh_key(place: Place, arguments: Namespace) -> Answer:
    """Take a refresh key out, and all sessions with it that began under it."""
    versions = _versions(place)
    before, text = _current(versions)
    entries = refresh_entries(text)
    kept = [entry for entry in entries if entry["version"] != arguments.version]
    if len(kept) == len(entries):
        raise Failure("no_such_key", "There is no refresh key of this version; see `secrets show`.")
    if not kept:
        raise Failure("only_key", "This is the only refresh key; run `secrets rotate --refresh-keys` first.")
    _replace(place, versions, before, _with_refresh(text, kept))
    return show(place, arguments)


def show(place: Place, arguments: Namespace) -> Answer:  # noqa: ARG001 - as every command
    """Tell what keys there are."""
    current, text = _current(_versions(place))
    now = place.now_seconds()
    created = [cast("int", entry.get("created_at", 0)) for entry in json.loads(text)["token_keys"]]
    token_keys = [
        {
            "kid": key.kid,
            "algorithm": key.alg,
            "issuer": key.issuer,
            "created_at": created_at,
            "age_seconds": now - created_at,
            "signs": position == 0,
        }
        for position, (key, created_at) in enumerate(zip(KeyRing.parse(text).keys, created, strict=True))
    ]
    refresh_keys = [
        {"version": entry["version"], "signs": position == 0}
        for position, entry in enumerate(refresh_entries(text))
    ]
    document = {
        "name": place.names.secret,
        "region": GLOBAL_STACK_REGION.code,
        "version_id": current.version_id,
        "changed_at": current.changed_at,
        "token_keys": token_keys,
        "refresh_keys": refresh_keys,
    }
    head = fields(
        [
            ("secret", place.names.secret),
            ("version", current.version_id),
            ("changed", moment(current.changed_at)),
        ]
    )
    tokens = table(
        ("TOKEN KEY", "ALGORITHM", "CREATED", "AGE", "SIGNS"),
        [
            (key.kid, key.alg, moment(created_at), span(now - created_at), position == 0)
            for position, (key, created_at) in enumerate(zip(KeyRing.parse(text).keys, created, strict=True))
        ],
    )
    refresh = table(
        ("REFRESH KEY", "SIGNS"), [(str(entry["version"]), entry["signs"]) for entry in refresh_keys]
    )
    return Answer(document, f"{head}\n\n{tokens}\n\n{refresh}")


def _versions(place: Place) -> SecretVersions:
    return SecretVersions(place.secrets_manager(), place.names.secret)


def _current(versions: SecretVersions) -> tuple[Current, str]:
    current = versions.current()
    if current.text is None:
        raise Failure("no_secret", "The secret has no value yet: run `secrets create`.")
    return current, current.text


def _replace(place: Place, versions: SecretVersions, before: Current, text: str) -> None:
    versions.replace(before, text)
    if place.local_dir is None:
        return
    # The emulator does not replicate, and the next start writes what was kept.
    for region in DEPLOYED:
        if region != GLOBAL_STACK_REGION:
            put_auth_secret(place.secrets_manager(region), place.names.secret, text)
    kept = place.local_dir / LOCAL_KEPT
    if kept.exists():
        beside = kept.with_suffix(f".{os.getpid()}.tmp")
        beside.touch(0o600)
        beside.write_text(text + "\n", "utf-8")
        beside.replace(kept)


def _with_refresh(text: str, entries: list[VersionedSecret]) -> str:
    return json.dumps({**json.loads(text), "refresh_keys": entries}, separators=(",", ":"))
