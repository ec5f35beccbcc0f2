"""``.local/state.json``: where a running local setup can be reached, for tools, tests and people."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from pathlib import Path


class RegionState(TypedDict):
    """One region: its URL and the AWS region that it stands for."""

    url: str
    aws_region: str


# The functional form: "global" is a keyword.
State = TypedDict(
    "State",
    {
        "global": str,
        "regions": dict[str, RegionState],
        "admin_api_key": str | None,
        "emulator": str,
        "pids": dict[str, int],
    },
)


def write_state(path: Path, state: State) -> None:
    """Replace the file in one step: a reader sees the old one or the new one, never half."""
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    beside.touch(0o600)  # it has a key in it
    beside.write_text(json.dumps(state, indent=2) + "\n", "utf-8")
    beside.replace(path)


def remove_state(path: Path) -> None:
    """Remove the file if it is ours: another setup in this tree may have replaced it."""
    try:
        state: State = json.loads(path.read_text("utf-8"))
        ours = state["pids"]["launcher"] == os.getpid()
    except (OSError, ValueError, KeyError):
        return
    if ours:
        path.unlink(missing_ok=True)
