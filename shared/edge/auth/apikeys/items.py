"""
A key as items of a DynamoDB table, both ways; no I/O.

==============  ======================  ==========================================================================
partition       sort key                attributes
==============  ======================  ==========================================================================
``KEY#<id>``    ``K``                   ``n`` name, ``r`` role, ``p`` plan, ``sc`` scopes, ``cr`` created, ``ex`` expires
``KEY#<id>``    ``S#<number>``          ``h`` SHA-256, ``cr`` created, ``pe`` end of the version before it
``KEY#<id>``    ``X``                   ``why``, ``at``: the tombstone; who validates access tokens reads it as well
``KEY#<id>``    ``LU#<region>``         ``lu`` full minute of the last use in that region
``KEYS``        ``<created>#<id>``      as ``K``: the list of all keys
==============  ======================  ==========================================================================

All times are epoch seconds; ``ttl`` is when DynamoDB may delete an item, absent for never.

Between regions the last writer of an item wins, and a condition sees its own region only. So: ``K``, ``S#``, ``X`` are
inserted if absent and never updated; ``LU#`` has one writer, its region, and shares an item with nothing. ``X`` and ``K``
are never deleted but by their time to live. An ``S#`` is deleted once two higher numbers exist: it proves nothing then.
Rotations in two regions within the replication lag insert the same number; one of the two new secrets does not last.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from edge.auth.apikeys.records import KeyMetadata, SecretVersion, Tombstone, stored_key, tombstone_kept_until
from edge.auth.plans import PLANS
from edge.auth.roles import SCOPES, granted, scope_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge.auth.apikeys.records import Position, StoredKey
    from edge.auth.plans import Plan
    from edge.auth.roles import Role

    Found: TypeAlias = Mapping[str, Mapping[str, object]]
    Written: TypeAlias = dict[str, dict[str, str]]

LIST_PARTITION: Final = "KEYS"

_HASH_BYTES: Final = 32


def key_items(metadata: KeyMetadata, secret: SecretVersion) -> list[Written]:
    """Return what makes a new key: itself, its first secret, its entry in the list."""
    about: Written = {
        "n": _text(metadata.name),
        "r": _text(metadata.role),
        "p": _text(metadata.plan),
        "sc": _text(scope_text(metadata.scopes)),
        "cr": number(metadata.created_at),
        **_optional("ex", metadata.expires_at),
        **_optional("ttl", metadata.kept_until),
    }
    return [
        {**item_key(metadata.id, "K"), **about},
        secret_item(metadata, secret),
        {"pk": _text(LIST_PARTITION), "sk": _text(list_sort_key(metadata)), **about},
    ]


def secret_item(metadata: KeyMetadata, secret: SecretVersion) -> Written:
    """Return a version of a key's secret."""
    return {
        **item_key(metadata.id, secret_sort_key(secret.number)),
        "h": {"B": b2a_base64(secret.secret_hash, newline=False).decode("ascii")},
        "cr": number(secret.created_at),
        **_optional("pe", secret.previous_until),
        **_optional("ttl", metadata.kept_until),
    }


def tombstone_item(metadata: KeyMetadata, tombstone: Tombstone) -> Written:
    """Return the tombstone of a key."""
    return {
        **item_key(metadata.id, "X"),
        "why": _text(tombstone.why),
        "at": number(tombstone.at),
        **_optional("ttl", tombstone_kept_until(metadata, tombstone.at)),
    }


def item_key(key_id: str, sort_key: str) -> Written:
    """Return the primary key of an item of a key."""
    return {"pk": _text(f"KEY#{key_id}"), "sk": _text(sort_key)}


def secret_sort_key(version: int) -> str:
    """Return the sort key of a version."""
    return f"S#{version:06d}"


def list_sort_key(position: KeyMetadata | Position) -> str:
    """Return the sort key of a key in the list of all: seconds of ten digits sort as text until the year 2286."""
    return f"{position.created_at:010d}#{position.id}"


def number(value: int) -> dict[str, str]:
    """Return *value* as DynamoDB has it."""
    return {"N": str(value)}


def parse_items(key_id: str, items: Iterable[Found]) -> StoredKey | None:
    """
    Return the key that *items* of one partition make up; None without its metadata.

    Raises:
        LookupError: an attribute is missing, or a role or plan is none of ours.
        ValueError: a number or a hash is none.
        TypeError: an attribute is not of its type.
    """
    metadata: KeyMetadata | None = None
    tombstone: Tombstone | None = None
    secrets: list[SecretVersion] = []
    used_minutes: list[int] = []
    for item in items:
        sort_key = read_text(item, "sk")
        if sort_key == "K":
            metadata = parse_metadata(key_id, item)
        elif sort_key == "X":
            tombstone = Tombstone(read_text(item, "why"), read_number(item, "at"))
        elif sort_key.startswith("S#"):
            secrets.append(_parse_secret(int(sort_key[2:]), item))
        elif sort_key.startswith("LU#"):
            used_minutes.append(read_number(item, "lu"))
    return None if metadata is None else stored_key(metadata, secrets, tombstone, used_minutes)


def parse_metadata(key_id: str, item: Found) -> KeyMetadata:
    """
    Return what a key was made with, of its own item or of the list's.

    Raises:
        LookupError: as :func:`parse_items`; so do ``ValueError`` and ``TypeError``.
    """
    role, plan = cast("Role", read_text(item, "r")), cast("Plan", read_text(item, "p"))
    if role == "ANONYMOUS" or role not in SCOPES or plan not in PLANS:
        raise LookupError("a role or plan is none of ours")
    return KeyMetadata(
        id=key_id,
        name=read_text(item, "n"),
        role=role,
        plan=plan,
        # What a role may do can shrink with a release; a key's share shrinks with it.
        scopes=granted(role, read_text(item, "sc").split()),
        created_at=read_number(item, "cr"),
        expires_at=_read_optional(item, "ex"),
    )


def read_text(item: Found, name: str) -> str:
    """Return an attribute that is text."""
    value = item[name]["S"]
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def read_number(item: Found, name: str) -> int:
    """Return an attribute that is a whole number."""
    value = item[name]["N"]
    if not isinstance(value, str):
        raise TypeError("not a number as DynamoDB has them")
    return int(value)


def _parse_secret(version: int, item: Found) -> SecretVersion:
    coded = item["h"]["B"]
    if not isinstance(coded, str):
        raise TypeError("not base64")
    secret_hash = a2b_base64(coded, strict_mode=True)
    if len(secret_hash) != _HASH_BYTES:
        raise ValueError("not a SHA-256")
    return SecretVersion(version, secret_hash, read_number(item, "cr"), _read_optional(item, "pe"))


def _read_optional(item: Found, name: str) -> int | None:
    return read_number(item, name) if name in item else None


def _text(value: str) -> dict[str, str]:
    return {"S": value}


def _optional(name: str, value: int | None) -> Written:
    return {} if value is None else {name: number(value)}
