"""The secret of a key is in two answers and nowhere else: no object prints it, no exception, no item has it."""

from __future__ import annotations

import base64
import gc
import traceback

import pytest

from edge.auth.apikeys.authenticate import KeyVerifier
from edge.auth.apikeys.items import key_items, secret_item
from edge.auth.apikeys.problems import KeyRefused
from edge.auth.apikeys.text import parse
from edge.clock import ManualClock
from tests.unit.auth.apikeys.stores import START_MS, WatchedStore, make, manager

CLOCK = ManualClock(now_ms=START_MS)


def forms(text: str) -> list[str]:
    """Return what of a key must not be seen: its secret, with or without what is around it, and its hash."""
    secret = text[21:64]
    assert len(secret) == 43
    digest = parse(text).secret_hash
    return [
        secret,
        secret[:16],
        secret[-16:],
        base64.b64encode(secret.encode()).decode()[:20],
        secret.encode().hex(),
        digest.hex(),
        base64.b64encode(digest).decode(),
        repr(digest),
    ]


def test_no_object_prints_the_secret_or_its_hash() -> None:
    store = WatchedStore()
    keys = manager(store, CLOCK)
    verifier = KeyVerifier(store, CLOCK, env="test")
    made = make(keys)
    rotated = keys.rotate(made.record.id, overlap_seconds=60)
    verifier.authenticate(made.api_key)
    stored = store.read(made.record.id)
    assert stored is not None
    entry = verifier._cache.get(made.record.id)
    assert entry is not None
    page = keys.list(10)
    values: list[object] = [made, rotated, made.record, stored, entry, *stored.secrets, page, *page.keys]
    values += [keys, verifier, store, parse(made.api_key), keys.revoke(made.record.id, "leaked")]

    for text in (made.api_key, rotated.api_key):
        for value in values:
            printed = f"{value!r} {value}"
            assert not [form for form in forms(text) if form in printed], type(value)


@pytest.mark.parametrize("harm", ["typo", "environment", "secret", "revoked"])
def test_no_exception_carries_the_secret(harm: str) -> None:
    store = WatchedStore()
    keys = manager(store, CLOCK)
    made = make(keys)
    verifier = KeyVerifier(store, CLOCK, env="live" if harm == "environment" else "test")
    text = made.api_key
    if harm == "typo":
        text = text[:-1] + ("0" if text[-1] != "0" else "1")
    if harm == "secret":
        keys.rotate(made.record.id, overlap_seconds=0)
    if harm == "revoked":
        keys.revoke(made.record.id, "leaked")

    with pytest.raises(KeyRefused) as caught:
        verifier.authenticate(text)
    error = caught.value
    told = " ".join(
        [
            *(repr(error), str(error), error.reason, error.detail, error.title, error.slug),
            *(repr(error.args), repr(error.extensions()), repr(error.headers()), repr(error.log_fields())),
            repr(vars(error)),
            "".join(traceback.format_exception(error)),
        ]
    )
    assert error.__cause__ is None
    assert error.__context__ is None
    assert not [form for form in forms(made.api_key) if form in told]


def test_no_item_has_the_secret() -> None:
    store = WatchedStore()
    keys = manager(store, CLOCK)
    made = make(keys)
    rotated = keys.rotate(made.record.id, overlap_seconds=60)
    stored = store.read(made.record.id)
    assert stored is not None
    current, first = stored.secrets
    items = [*key_items(stored.metadata, first), secret_item(stored.metadata, current)]
    assert [item["sk"]["S"] for item in items][:2] == ["K", "S#000001"]

    for text in (made.api_key, rotated.api_key):
        secret, *_ = forms(text)
        for item in items:
            for name, value in item.items():
                held = "".join(value.values())
                decoded = base64.b64decode(held) if "B" in value else b""
                assert secret[:16] not in name + held
                assert secret[:16].encode() not in decoded


def test_nothing_that_stays_in_the_container_has_the_text() -> None:
    store = WatchedStore()
    keys = manager(store, CLOCK)
    verifier = KeyVerifier(store, CLOCK, env="test")
    made = make(keys)
    text = made.api_key
    assert verifier.authenticate(text) == made.record
    del made

    reached: set[int] = set()
    strings: list[str] = []
    waiting: list[object] = [verifier, store, keys]
    while waiting:
        value = waiting.pop()
        if (
            id(value) in reached
            or isinstance(value, type)
            or (type(value).__module__ == "builtins" and callable(value))
        ):
            continue
        reached.add(id(value))
        if isinstance(value, str):
            strings.append(value)
        elif isinstance(value, bytes):
            strings.append(value.decode("latin-1"))
        else:
            waiting += gc.get_referents(value)
    assert any(held == text[8:20] for held in strings), "the walk finds what is there: the id"
    assert not [held for held in strings if text[21:37] in held]
