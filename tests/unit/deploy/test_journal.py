from __future__ import annotations

from typing import TYPE_CHECKING

from infra.deploy.journal import Before, Journal
from infra.deploy.packaging import Revision

if TYPE_CHECKING:
    from pathlib import Path

FIRST = Before(Revision("templates/1", {"Version": "1"}, "1", "r1"), {"stage": "production"})
SECOND = Before(Revision("templates/2", {"Version": "2"}, "2", "r2"), {})


def test_what_was_before_the_first_run_stays_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "deploy" / "production.json"
    Journal(path).begin("sfo1", FIRST, "2026-11-20T19:00:00Z")
    again = Journal(path)
    again.begin("sfo1", SECOND, "2026-11-20T20:00:00Z")

    assert Journal(path).before("sfo1") == FIRST
    again.end("sfo1")
    assert Journal(path).before("sfo1") is None


def test_a_stack_that_was_not_there_is_remembered_as_such(tmp_path: Path) -> None:
    path = tmp_path / "production.json"
    Journal(path).begin("cdg1", Before(None), "2026-11-20T19:00:00Z")

    assert Journal(path).before("cdg1") == Before(None)
    assert Journal(path).unfinished() == ("cdg1",)


def test_file_that_is_not_ours_is_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "production.json"
    for content in ("", "[]", '{"open": 3}'):
        path.write_text(content)
        assert Journal(path).unfinished() == ()
