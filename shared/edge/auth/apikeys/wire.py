"""JSON of ``/api/keys``: what its routes take and answer."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic refuses typing's before Python 3.12

from edge.auth.apikeys.keys import ApiKeys, Created, KeyPage
from edge.auth.apikeys.records import KeyMetadata, KeyRecord, Why
from edge.auth.plans import Plan
from edge.auth.roles import SCOPES, Role
from edge.problems import NotAllowed

DAY_SECONDS = 86_400


class CreateKeyRequest(BaseModel):
    """What ``POST /api/keys`` takes."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    name: Annotated[str, Field(description="For people: 1 to 100 characters.")]
    role: Literal["ADMIN", "USER", "GUEST"]
    plan: Plan
    scopes: Annotated[list[str] | None, Field(max_length=64, description="All of the role's if absent.")] = (
        None
    )
    expires_in_days: Annotated[int | None, Field(description="1 to 3650; never if absent.")] = None

    def create(self, keys: ApiKeys, *, granted_by: Collection[str]) -> Created:
        """
        Make the key.

        Args:
            keys: manages them.
            granted_by: scopes of who asks: nobody gives what he has not got.

        Raises:
            NotAllowed: the key would have a scope that its maker has not.
            edge.problems.InvalidValues: a value is out of its range.
            edge.problems.DependencyUnavailable: the store cannot be had.
        """
        wanted = SCOPES[self.role] if self.scopes is None else set(self.scopes) & SCOPES[self.role]
        if not wanted <= set(granted_by):
            raise NotAllowed
        return keys.create(
            name=self.name,
            role=self.role,
            plan=self.plan,
            scopes=self.scopes,
            expires_in_days=self.expires_in_days,
        )


class RotateKeyRequest(BaseModel):
    """What ``POST /api/keys/{id}/rotate`` takes."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    overlap_seconds: Annotated[
        int, Field(description="How long the old secret goes on, 0 to 2592000; a day if absent.")
    ] = DAY_SECONDS

    def rotate(self, keys: ApiKeys, key_id: str, *, granted_by: Collection[str]) -> Created:
        """
        Give the key a new secret.

        Args:
            keys: manages them.
            key_id: of the key.
            granted_by: scopes of who asks: whoever gets a key's secret gets its scopes.

        Raises:
            NotAllowed: the key has a scope that the asker has not.
            edge.auth.apikeys.problems.UnknownKey: there is none of this id.
            edge.auth.apikeys.problems.KeyConflict: it is revoked or expired, or was rotated meanwhile.
            edge.problems.InvalidValues: the overlap is out of range.
            edge.problems.DependencyUnavailable: the store cannot be had.
        """
        if not keys.read(key_id).scopes <= set(granted_by):
            raise NotAllowed
        return keys.rotate(key_id, overlap_seconds=self.overlap_seconds)


def revoke_key(keys: ApiKeys, key_id: str, why: Why, *, granted_by: Collection[str]) -> None:
    """
    End a key for good.

    Args:
        keys: manages them.
        key_id: of the key.
        why: for the record.
        granted_by: scopes of who asks: nobody ends a key that can do more than he.

    Raises:
        NotAllowed: the key has a scope that the asker has not.
        edge.auth.apikeys.problems.UnknownKey: there is none of this id.
        edge.problems.DependencyUnavailable: the store cannot be had.
    """
    if not keys.read(key_id).scopes <= set(granted_by):
        raise NotAllowed
    keys.revoke(key_id, why)


class KeyAnswer(TypedDict):
    """A key, without its secret."""

    id: str
    name: str
    role: Role
    plan: Plan
    scopes: list[str]
    created_at: int
    expires_at: int | None
    revoked_at: int | None


class KeyDetailAnswer(KeyAnswer):
    """A key read by itself; *previous_until* is when the secret before the current one ends, or ended."""

    version: int
    previous_until: int | None
    last_used_at: int | None


class KeyCreatedAnswer(KeyDetailAnswer):
    """A key and its secret; it is told this once."""

    api_key: str


class KeyPageAnswer(TypedDict):
    """A page of keys, the newest first; with *cursor* the next one is asked for."""

    keys: list[KeyAnswer]
    cursor: str | None


def created_answer(created: Created) -> KeyCreatedAnswer:
    """Return the key with its secret."""
    return {**detail_answer(created.record), "api_key": created.api_key}


def detail_answer(record: KeyRecord) -> KeyDetailAnswer:
    """Return the key."""
    return {
        **_answer(record, record.revoked_at),
        "version": record.version,
        "previous_until": record.previous_until,
        "last_used_at": record.last_used_at,
    }


def page_answer(page: KeyPage) -> KeyPageAnswer:
    """Return the page."""
    return {"keys": [_answer(key.metadata, key.revoked_at) for key in page.keys], "cursor": page.cursor}


def _answer(key: KeyMetadata | KeyRecord, revoked_at: int | None) -> KeyAnswer:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "plan": key.plan,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": revoked_at,
    }
