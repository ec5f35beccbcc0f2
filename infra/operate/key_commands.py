"""``keys``: API keys and the first one of an administrator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from edge.auth.apikeys.keys import MAX_PAGE
from edge.auth.apikeys.wire import created_answer, detail_answer, page_answer
from infra.operate.answers import Answer, fields, moment, table
from infra.operate.inputs import read_key_id
from infra.operate.secret_commands import create_first

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from edge.auth.apikeys.keys import ApiKeys, Created
    from edge.auth.apikeys.records import KeyRecord, KeySummary
    from infra.operate.place import Place

ONCE: Final = "This key is shown once; nothing can show it again."


def create(place: Place, arguments: Namespace) -> Answer:
    """Make a key and tell its text."""
    return _told(
        place.api_keys().create(
            name=arguments.name,
            role=arguments.role,
            plan=arguments.plan,
            scopes=arguments.scope,
            expires_in_days=arguments.expires_in_days,
        )
    )


def list_page(place: Place, arguments: Namespace) -> Answer:
    """Tell a page of all keys, the newest first."""
    page = place.api_keys().list(arguments.limit, arguments.cursor)
    now = place.now_seconds()
    text = table(
        ("ID", "NAME", "ROLE", "PLAN", "CREATED", "EXPIRES", "STATE"),
        [
            (
                key.metadata.id,
                key.metadata.name,
                key.metadata.role,
                key.metadata.plan,
                moment(key.metadata.created_at),
                moment(key.metadata.expires_at),
                _state(key.metadata.expires_at, key.revoked_at, now),
            )
            for key in page.keys
        ],
    )
    if not page.keys:
        text = "There are no keys."
    elif page.cursor is not None:
        text += f"\nmore: --cursor {page.cursor}"
    return Answer(cast("dict[str, object]", page_answer(page)), text)


def show(place: Place, arguments: Namespace) -> Answer:
    """Tell all of a key but its secret."""
    return _of_record(place, place.api_keys().read(read_key_id(arguments.id)))


def rotate(place: Place, arguments: Namespace) -> Answer:
    """Give a key a new secret and tell it."""
    return _told(
        place.api_keys().rotate(read_key_id(arguments.id), overlap_seconds=arguments.overlap_seconds)
    )


def revoke(place: Place, arguments: Namespace) -> Answer:
    """End a key for good. Done before: the same answer, with the time of then."""
    return _of_record(place, place.api_keys().revoke(read_key_id(arguments.id), arguments.why))


def admin_key(place: Place, arguments: Namespace) -> Answer:
    """Make the house's keys if there are none, and an administrator's API key if there is none."""
    secret_made = create_first(place, algorithm=None)
    keys = place.api_keys()
    now = place.now_seconds()
    present = None if arguments.another else next(_administrators(keys, now), None)
    if present is not None:
        metadata = present.metadata
        return Answer(
            {"created": False, "secret_created": secret_made, "id": metadata.id},
            f"An administrator's key is there already: {metadata.id}, of {moment(metadata.created_at)}. "
            "Its text cannot be told again; --another makes one more.",
        )
    made = _told(keys.create(name=arguments.name, role="ADMIN", plan="enterprise"))
    return Answer({"created": True, "secret_created": secret_made, **made.document}, made.text)


def _administrators(keys: ApiKeys, now: int) -> Iterator[KeySummary]:
    cursor: str | None = None
    while True:
        page = keys.list(MAX_PAGE, cursor)
        for key in page.keys:
            is_admin = (key.metadata.role, key.metadata.plan) == ("ADMIN", "enterprise")
            if is_admin and _state(key.metadata.expires_at, key.revoked_at, now) == "active":
                yield key
        cursor = page.cursor
        if cursor is None:
            return


def _state(expires_at: int | None, revoked_at: int | None, now: int) -> str:
    if revoked_at is not None:
        return "revoked"
    return "expired" if expires_at is not None and expires_at <= now else "active"


def _told(made: Created) -> Answer:
    record = made.record
    text = fields(
        [
            ("id", record.id),
            ("name", record.name),
            ("role", record.role),
            ("plan", record.plan),
            ("scopes", sorted(record.scopes)),
            ("expires", moment(record.expires_at)),
            ("version", record.version),
            ("old secret until", moment(record.previous_until)),
            ("api key", made.api_key),
        ]
    )
    return Answer(cast("dict[str, object]", created_answer(made)), f"{text}\n{ONCE}")


def _of_record(place: Place, record: KeyRecord) -> Answer:
    text = fields(
        [
            ("id", record.id),
            ("name", record.name),
            ("state", _state(record.expires_at, record.revoked_at, place.now_seconds())),
            ("role", record.role),
            ("plan", record.plan),
            ("scopes", sorted(record.scopes)),
            ("created", moment(record.created_at)),
            ("expires", moment(record.expires_at)),
            ("revoked", moment(record.revoked_at)),
            ("last used", moment(record.last_used_at)),
            ("version", record.version),
            ("old secret until", moment(record.previous_until)),
        ]
    )
    return Answer(cast("dict[str, object]", detail_answer(record)), text)
