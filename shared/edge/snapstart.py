"""
What a SnapStart snapshot must not carry into the environments that are cloned from it.

Lambda starts a function once per version, keeps a picture of its memory, and begins every environment with that picture,
up to weeks later (https://docs.aws.amazon.com/lambda/latest/dg/snapstart-uniqueness.html). Sockets are dead by then,
credentials are over, and whatever was drawn at random is the same in every clone. So connections and credentials are
dropped before the snapshot; after a restore, generators of random numbers are seeded anew and the connection to DynamoDB
is opened again, while nobody waits for an answer.

A hook that raises ends the environment, so these do not: a table that cannot be reached is met by the first request.

What is made while a function starts, and how it fares:

======================================  =================================================================================
connections to DynamoDB and Secrets     closed before; DynamoDB's opened again after
Manager
their credentials                       forgotten before and after. What was derived of them to sign with, for one day and
                                        region, goes with the next signature
clock skew learned from a refusal       kept; the next refusal corrects it
addresses of hosts                      kept for when the resolver fails; each connection resolves anew
TLS contexts                            kept: roots and settings; no session is resumed
``os.urandom``: names of requests and   drawn when they are needed, from the kernel; AWS sees to it that clones differ
sessions, nonces, jitter
``random``, the runtime's OpenSSL       seeded anew after; no function draws from the former, TLS does from the latter
``cryptography``'s own OpenSSL          cannot be seeded from here, and seeds itself at first use: no function imports it
                                        before its first request (``tests/unit/test_imports.py``)
environment's number in telemetry       drawn at the first flush, before the first answer; that of errors at the first error
keys of the house, API keys,            empty until a request needs them
revocations, region health, learned
cells, remembered answers
circuit breakers, published usage       aged by wall time too, which goes on between picture and restore
access list                             read at start and aged by monotonic time alone, which may stand still meanwhile: a
                                        clone may go by the list of the picture for up to 60 s
``uptime_seconds``, ``_created``        since the picture
first request                           counts as a cold start in every clone
======================================  =================================================================================

Who adds to what is made at start adds a line here. ``tests/runtime`` clones every function.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from edge.settings import ENVIRON

if TYPE_CHECKING:
    from edge.clock import Clock
    from edge.settings import Settings

SNAP_START: Final = "snap-start"
"""Value of ``AWS_LAMBDA_INITIALIZATION_TYPE`` while a function starts to be pictured."""

_SEED_BYTES: Final = 64


def register_hooks(settings: Settings, clock: Clock) -> None:
    """
    Have the runtime call :func:`before_snapshot` and :func:`after_restore`; without SnapStart, do nothing.

    Call it while the function starts: hooks that are registered later are not heard of.

    Args:
        settings: region and endpoint of the connection.
        clock: of this container.
    """
    if ENVIRON.get("AWS_LAMBDA_INITIALIZATION_TYPE") != SNAP_START:
        return
    from snapshot_restore_py import (
        register_after_restore,
        register_before_snapshot,
    )  # Lambda's runtime has it

    register_before_snapshot(before_snapshot)
    register_after_restore(after_restore, settings, clock)


def before_snapshot() -> None:
    """Close connections and drop credentials, of the clients that there are."""
    for name in ("edge.aws.regional", "edge.aws.secrets"):
        module = sys.modules.get(name)  # a function that never loaded it has no client
        if module is not None:
            module.forget_clients()


def after_restore(settings: Settings, clock: Clock) -> None:
    """
    Make this environment differ from its siblings, and connect it.

    Args:
        settings: region and endpoint of the connection.
        clock: of this container.
    """
    _seed_anew()
    before_snapshot()  # again: what a hook of somebody else's did in between does not count
    if "edge.aws.regional" in sys.modules:
        from edge.aws.regional import regional_client

        regional_client(settings, clock).connect()


def _seed_anew() -> None:
    """Seed what draws random numbers in this process, where it is loaded."""
    random = sys.modules.get("random")
    if random is not None:
        random.seed()
    ssl = sys.modules.get("ssl")
    if ssl is not None:
        # Reseeds OpenSSL's first generator, and with it those that it seeds, from here and from the kernel.
        ssl.RAND_add(os.urandom(_SEED_BYTES), float(_SEED_BYTES))
