"""What outlives a SnapStart snapshot, and what must not."""

from __future__ import annotations

import random
import ssl
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

import edge.aws.regional
import edge.aws.secrets
from edge import snapstart
from edge.app import create_app, make_handler
from edge.clock import ManualClock
from edge.composition.telemetry import counted
from edge.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

CLOCK = ManualClock(now_ms=2_000_000_000_000)
SETTINGS = Settings.from_env({"AWS_REGION": "eu-west-3"})


class Runtime(ModuleType):
    """Lambda's module for hooks, which remembers them."""

    def __init__(self) -> None:
        super().__init__("snapshot_restore_py")
        self.before: list[Callable[[], object]] = []
        self.after: list[Callable[[], object]] = []

    def register_before_snapshot(self, hook: Callable[..., object], *arguments: Any) -> None:
        self.before.append(lambda: hook(*arguments))

    def register_after_restore(self, hook: Callable[..., object], *arguments: Any) -> None:
        self.after.append(lambda: hook(*arguments))


class Client:
    """A client that notes what is asked of it."""

    def __init__(self, name: str, journal: list[str], *, can_connect: bool = True) -> None:
        self._name = name
        self._journal = journal
        self._can_connect = can_connect

    def forget(self) -> None:
        self._journal.append(f"{self._name} forgets")

    def connect(self) -> bool:
        self._journal.append(f"{self._name} connects")
        return self._can_connect


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Runtime:
    runtime = Runtime()
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", runtime)
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    return runtime


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the clients of this process are asked: a table here, one elsewhere, and secrets."""
    journal: list[str] = []
    here, there = ("eu-west-3", None), ("us-east-1", None)
    tables = {here: Client("here", journal), there: Client("there", journal)}
    monkeypatch.setattr(edge.aws.regional, "_clients", tables)
    monkeypatch.setattr(edge.aws.secrets, "_clients", {here: Client("secrets", journal)})
    return journal


@pytest.mark.parametrize("kind", [None, "on-demand", "provisioned-concurrency"])
def test_without_snapstart_nothing_is_imported_or_registered(
    monkeypatch: pytest.MonkeyPatch, runtime: Runtime, kind: str | None
) -> None:
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", None)  # an import of it would raise
    if kind is None:
        monkeypatch.delenv("AWS_LAMBDA_INITIALIZATION_TYPE")
    else:
        monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", kind)

    snapstart.register_hooks(SETTINGS, CLOCK)

    assert (runtime.before, runtime.after) == ([], [])


def test_before_the_picture_every_client_drops_connections_and_credentials(
    runtime: Runtime, journal: list[str]
) -> None:
    snapstart.register_hooks(SETTINGS, CLOCK)

    (before,) = runtime.before
    before()

    assert sorted(journal) == ["here forgets", "secrets forgets", "there forgets"]


def test_after_a_restore_all_is_forgotten_and_this_region_connected(
    runtime: Runtime, journal: list[str]
) -> None:
    snapstart.register_hooks(SETTINGS, CLOCK)

    (after,) = runtime.after
    after()

    assert sorted(journal[:-1]) == ["here forgets", "secrets forgets", "there forgets"]
    assert journal[-1] == "here connects"


def test_table_that_is_gone_does_not_end_the_environment(
    monkeypatch: pytest.MonkeyPatch, journal: list[str]
) -> None:
    gone = {("eu-west-3", None): Client("gone", journal, can_connect=False)}
    monkeypatch.setattr(edge.aws.regional, "_clients", gone)

    snapstart.after_restore(SETTINGS, CLOCK)

    assert journal[-1] == "gone connects"


def test_function_without_clients_gets_none(monkeypatch: pytest.MonkeyPatch, journal: list[str]) -> None:
    for name in ("edge.aws.regional", "edge.aws.secrets", "random", "ssl"):
        monkeypatch.delitem(sys.modules, name)

    snapstart.before_snapshot()
    snapstart.after_restore(SETTINGS, CLOCK)

    assert journal == []
    assert not {"edge.aws.regional", "edge.aws.secrets", "random", "ssl"} & sys.modules.keys()


def test_clones_draw_different_random_numbers(journal: list[str]) -> None:
    pictured = random.getstate()
    drawn = []
    try:
        for _ in range(2):
            random.setstate(pictured)
            snapstart.after_restore(SETTINGS, CLOCK)
            drawn.append(random.random())
    finally:
        random.setstate(pictured)

    assert drawn[0] != drawn[1]
    assert journal


def test_openssl_of_the_runtime_is_seeded_anew(monkeypatch: pytest.MonkeyPatch, journal: list[str]) -> None:
    seeds: list[tuple[bytes, float]] = []
    monkeypatch.setattr(ssl, "RAND_add", lambda seed, entropy: seeds.append((seed, entropy)))

    snapstart.after_restore(SETTINGS, CLOCK)
    snapstart.after_restore(SETTINGS, CLOCK)

    assert [(len(seed), entropy) for seed, entropy in seeds] == [(64, 64.0)] * 2
    assert seeds[0] != seeds[1]
    assert journal


def test_functions_of_requests_register(runtime: Runtime) -> None:
    make_handler(create_app(SETTINGS, clock=CLOCK))

    assert (len(runtime.before), len(runtime.after)) == (1, 1)


def test_functions_of_events_register_counted_or_not(runtime: Runtime) -> None:
    def handler(_event: dict[str, Any], _context: object) -> None:
        """Do nothing."""

    assert counted(handler, SETTINGS, CLOCK) is handler
    assert (len(runtime.before), len(runtime.after)) == (1, 1)
