"""
What was deployed to a region and proved good, newest last, in the region's bucket: any machine can go back.

An entry is written after the smoke test, never before. Going back marks what is left behind, so that going back twice goes
further back and never to the version that was fled from.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from infra.deploy.packaging import Revision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.deploy.bucket import Bucket

KEPT: Final = 50


class Entry(NamedTuple):
    """
    One deployment.

    Attributes:
        revision: what was deployed.
        tags: of the stack.
        at: when, ``2026-11-20T19:00:00Z``.
        how: ``deploy`` or ``rollback``.
        left: it was rolled back from.
    """

    revision: Revision
    tags: Mapping[str, str]
    at: str
    how: str
    left: bool = False

    def document(self) -> dict[str, object]:
        """Return what is stored."""
        return {
            "template_key": self.revision.template_key,
            "parameters": dict(self.revision.parameters),
            "version": self.revision.version,
            "release": self.revision.release,
            "tags": dict(self.tags),
            "at": self.at,
            "how": self.how,
            "left": self.left,
        }


class History:
    """
    The deployments of one stack in one region.

    Args:
        bucket: of the region.
        stack: its name.
    """

    def __init__(self, bucket: Bucket, stack: str) -> None:
        self._bucket = bucket
        self._key = f"history/{stack}.json"

    def entries(self) -> list[Entry]:
        """Return all that is kept, the newest last; none if the file is not of this program."""
        content = self._bucket.read(self._key)
        if content is None:
            return []
        try:
            return [
                Entry(
                    Revision(found["template_key"], found["parameters"], found["version"], found["release"]),
                    found["tags"],
                    found["at"],
                    found["how"],
                    found["left"],
                )
                for found in json.loads(content)["deployments"]
            ]
        except (ValueError, KeyError, TypeError):
            return []

    def add(self, entry: Entry) -> None:
        """Append a deployment that has proved good; one of the same release takes the place of the last."""
        entries = self.entries()
        if entries and entries[-1].revision.release == entry.revision.release:
            entries.pop()
        again = [
            e._replace(left=False) if e.revision.release == entry.revision.release else e for e in entries
        ]
        self._write([*again, entry])

    def previous(self) -> Entry | None:
        """Return what a rollback goes back to: the newest of another release that nobody has rolled back from."""
        entries = self.entries()
        if not entries:
            return None
        passed = {entry.revision.release for entry in entries if entry.left} | {entries[-1].revision.release}
        return next((entry for entry in reversed(entries) if entry.revision.release not in passed), None)

    def leave_last(self) -> None:
        """Mark the release that is deployed as rolled back from; deploying it again lifts the mark."""
        entries = self.entries()
        if entries:
            now = entries[-1].revision.release
            self._write([e._replace(left=e.left or e.revision.release == now) for e in entries])

    def _write(self, entries: list[Entry]) -> None:
        document = {"deployments": [entry.document() for entry in entries[-KEPT:]]}
        self._bucket.replace(self._key, (json.dumps(document, indent=1) + "\n").encode())
