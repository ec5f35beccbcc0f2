"""What happened where, when and why: values for programs (JSON) and people (Markdown), one pair of files per run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Result = Literal["deployed", "unchanged", "restored", "removed", "broken", "untouched"]

TOLD: Final[dict[Result, str]] = {
    "deployed": "has the new version; smoke test passed",
    "unchanged": "had it already; smoke test passed",
    "restored": "failed and is what it was before",
    "removed": "failed, had no stack before and has none now",
    "broken": "failed and is not what it was: needs a person",
    "untouched": "not begun",
}
GOOD: Final = frozenset({"deployed", "unchanged"})


class Outcome(NamedTuple):
    """
    What became of one region, or of what exists once.

    Attributes:
        where: code of the region, or ``global``.
        result: of a closed set; :data:`TOLD`.
        cause: why it failed; empty if it did not.
        notes: what else an operator should know.
        began: seconds since the epoch; 0 if it has not.
        seconds: that it took.
        endpoint: URL of the region; empty if there is none.
        what: which pass of the rollout.
    """

    where: str
    result: Result
    cause: str = ""
    notes: tuple[str, ...] = ()
    began: float = 0.0
    seconds: float = 0.0
    endpoint: str = ""
    what: str = "stack"

    @property
    def good(self) -> bool:
        """Tell whether it has what was to be deployed."""
        return self.result in GOOD

    def line(self) -> str:
        """Return it for people."""
        cause = f": {self.cause}" if self.cause else ""
        return f"{self.where:<6}  {self.what:<9}  {self.result:<9}  {self.seconds:6.1f} s{cause}"


class Report(NamedTuple):
    """
    One run of a command.

    Attributes:
        command: deploy or rollback.
        stage: of the stacks.
        version: that was deployed, for people.
        release: that was deployed.
        began: ``2026-11-20T19:00:00Z``.
        ended: as *began*.
        outcomes: in the order in which they came.
        notes: what concerns no region alone.
    """

    command: str
    stage: str
    version: str
    release: str
    began: str
    ended: str
    outcomes: Sequence[Outcome]
    notes: Sequence[str] = ()

    @property
    def good(self) -> bool:
        """Tell whether everything has what was to be deployed."""
        return all(outcome.good for outcome in self.outcomes)

    def document(self) -> dict[str, object]:
        """Return what is written for programs."""
        return {
            "command": self.command,
            "stage": self.stage,
            "version": self.version,
            "release": self.release,
            "began": self.began,
            "ended": self.ended,
            "good": self.good,
            "outcomes": [outcome._asdict() | {"notes": list(outcome.notes)} for outcome in self.outcomes],
            "notes": list(self.notes),
        }

    def markdown(self) -> str:
        """Return what is written for people."""
        lines = [
            f"# {self.command} of {self.stage}: {'done' if self.good else 'failed'}",
            "",
            f"Version {self.version}, release {self.release}, {self.began} to {self.ended}.",
            "",
            "| Where | What | Result | Time | Meaning |",
            "|---|---|---|---|---|",
        ]
        for outcome in self.outcomes:
            cells = (
                outcome.where,
                outcome.what,
                outcome.result,
                f"{outcome.seconds:.1f} s",
                TOLD[outcome.result],
            )
            lines.append(f"| {' | '.join(cells)} |")
        causes = [f"- {outcome.where}: {outcome.cause}" for outcome in self.outcomes if outcome.cause]
        notes = [f"- {outcome.where}: {note}" for outcome in self.outcomes for note in outcome.notes]
        notes += [f"- {note}" for note in self.notes]
        for heading, found in (("Causes", causes), ("Notes", notes)):
            if found:
                lines += ["", f"## {heading}", "", *found]
        return "\n".join(lines) + "\n"


def write_report(report: Report, directory: Path) -> Path:
    """Write both files and return the path of the Markdown one."""
    directory.mkdir(parents=True, exist_ok=True)
    name = f"report-{report.began.replace(':', '').replace('-', '')}"
    path = directory / f"{name}.md"
    number = 1
    while path.exists():  # two runs in one second
        number += 1
        path = directory / f"{name}-{number}.md"
    path.with_suffix(".json").write_text(json.dumps(report.document(), indent=1) + "\n", "utf-8")
    path.write_text(report.markdown(), "utf-8")
    return path
