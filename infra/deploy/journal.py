"""
What a rollout has begun and not ended, on this machine: ``.local/deploy/<stage>.json``.

A run that died leaves for each region what the region was before. The next run goes back to that, and not to the
half-tested state it finds, if its own smoke test fails.
"""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Final, NamedTuple

from infra.deploy.packaging import Revision

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ABSENT: Final = "absent"


class Before(NamedTuple):
    """
    What a stack was before it was touched.

    Attributes:
        revision: template and parameters; None if there was no stack.
        tags: of the stack.
    """

    revision: Revision | None
    tags: Mapping[str, str] = {}


class Journal:
    """
    The file of one stage; every change is on disk when the method returns.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._open: dict[str, dict[str, object]] = {}
        try:
            found = json.loads(path.read_text("utf-8"))["open"]
            self._open = found if isinstance(found, dict) else {}
        except (OSError, ValueError, KeyError, TypeError):
            pass  # none yet, or not ours: what is there is learned from CloudFormation

    def unfinished(self) -> tuple[str, ...]:
        """Return where an earlier run has begun and not ended."""
        return tuple(sorted(self._open))

    def before(self, where: str) -> Before | None:
        """Return what *where* was before an unfinished run; None if none is unfinished there."""
        found = self._open.get(where)
        if found is None:
            return None
        revision = found.get("before")
        if not isinstance(revision, dict):
            return Before(None)
        return Before(
            Revision(
                revision["template_key"], revision["parameters"], revision["version"], revision["release"]
            ),
            revision["tags"],
        )

    def begin(self, where: str, before: Before, at: str) -> None:
        """Note that *where* is about to change; what an unfinished run noted stays."""
        with self._lock:
            if where in self._open:
                return
            revision = before.revision
            self._open[where] = {
                "since": at,
                "step": "begun",
                "before": ABSENT
                if revision is None
                else {
                    "template_key": revision.template_key,
                    "parameters": dict(revision.parameters),
                    "version": revision.version,
                    "release": revision.release,
                    "tags": dict(before.tags),
                },
            }
            self._write()

    def step(self, where: str, name: str) -> None:
        """Note how far *where* is."""
        with self._lock:
            if where in self._open:
                self._open[where]["step"] = name
                self._write()

    def end(self, where: str) -> None:
        """Note that *where* is whole again: it was deployed and tested, or is what it was."""
        with self._lock:
            if self._open.pop(where, None) is not None:
                self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(f".{os.getpid()}.tmp")
        beside.write_text(json.dumps({"open": self._open}, indent=1) + "\n", "utf-8")
        beside.replace(self._path)
