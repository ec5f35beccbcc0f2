from __future__ import annotations

import json
from typing import TYPE_CHECKING

from infra.deploy.report import Outcome, Report, write_report

if TYPE_CHECKING:
    from pathlib import Path

OUTCOMES = (
    Outcome("sfo1", "restored", "GET /live: status 500", ("no keys yet",), 1.0, 61.25),
    Outcome("iad1", "untouched"),
)
REPORT = Report(
    "deploy",
    "production",
    "0.2.0",
    "abc",
    "2026-11-20T19:00:00Z",
    "2026-11-20T19:05:00Z",
    OUTCOMES,
    ["a note"],
)


def test_report_tells_what_happened_where_and_why(tmp_path: Path) -> None:
    path = write_report(REPORT, tmp_path)

    assert path.name == "report-20261120T190000Z.md"
    text = path.read_text("utf-8")
    assert text.startswith("# deploy of production: failed\n")
    assert "| sfo1 | stack | restored | 61.2 s | failed and is what it was before |" in text
    assert "- sfo1: GET /live: status 500" in text and "- sfo1: no keys yet" in text and "- a note" in text
    document = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert document["good"] is False
    assert [outcome["result"] for outcome in document["outcomes"]] == ["restored", "untouched"]


def test_two_reports_of_one_second_are_both_kept(tmp_path: Path) -> None:
    assert write_report(REPORT, tmp_path) != write_report(REPORT, tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_report_is_good_when_every_region_has_the_version() -> None:
    good = REPORT._replace(outcomes=(Outcome("sfo1", "deployed"), Outcome("iad1", "unchanged")))
    assert good.good and not REPORT.good
    assert good.markdown().startswith("# deploy of production: done\n")
