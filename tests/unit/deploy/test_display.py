from __future__ import annotations

import io

from rich.console import Console
from rich.live import Live

from infra.deploy.display import Lines, LiveTable


def test_lines_tell_steps_with_their_time_and_of_resources_the_failures() -> None:
    written: list[str] = []
    times = iter((0.0, 1.5, 2.5))
    lines = Lines(written.append, lambda: next(times))

    lines.step("sfo1", "planning")
    lines.resource("sfo1", "HealthFunction", "UPDATE_COMPLETE", "")
    lines.resource("sfo1", "HealthFunction", "UPDATE_FAILED", "the role may not")
    lines.note("a note")

    assert written == [
        "    1.5 s  sfo1    planning",
        "    2.5 s  sfo1    UPDATE_FAILED HealthFunction: the role may not",
        "a note",
    ]


def test_live_table_has_a_row_per_region_and_keeps_failures_and_notes_above() -> None:
    screen = io.StringIO()
    seconds = [0.0]
    console = Console(file=screen, force_terminal=True, width=120, color_system=None)
    with Live(console=console, auto_refresh=False) as live:
        table = LiveTable(live, lambda: seconds[0])
        table.note("[not markup] a note")
        table.step("sfo1", "updating")
        table.step("iad1", "waiting")
        seconds[0] = 12.0
        table.resource("sfo1", "KeysFunction", "UPDATE_COMPLETE", "")
        table.resource("sfo1", "HealthFunction", "UPDATE_FAILED", "the role may not")
        live.refresh()

    shown = screen.getvalue()
    assert "[not markup] a note" in shown
    assert "sfo1  UPDATE_FAILED HealthFunction: the role may not" in shown
    last = shown.rpartition("region")[2]
    row = next(line for line in last.splitlines() if line.lstrip().startswith("sfo1"))
    assert (
        row.split()[:3] == ["sfo1", "updating", "1"]
        and "HealthFunction update failed" in row
        and "12 s" in row
    )
    assert any(line.lstrip().startswith("iad1") and "waiting" in line for line in last.splitlines())
