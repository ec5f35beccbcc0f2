"""What is missing on a machine is said in one line, and only those rows are left out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import limiter_accuracy, limiter_peers, traces
from tests.bench.__main__ import benchmarks
from tests.bench.peers import running
from tests.bench.peers.catalogue import ROWS

if TYPE_CHECKING:
    import pytest


def test_both_benchmarks_are_found() -> None:
    assert {"limiter_peers", "limiter_accuracy"} <= set(benchmarks())


def test_without_the_environment_only_ours_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(running, "PEERS_PYTHON", Path("/nowhere/python"))

    rows = limiter_peers._measurable(has_redis=True)

    assert {row.adapter for row in rows} == {"edge_peer"}
    assert capsys.readouterr().out.strip() == (
        "no .venv-bench: the peers are left out (make .venv-bench/stamp)"
    )


def test_without_redis_the_other_rows_are_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.touch()
    monkeypatch.setattr(running, "PEERS_PYTHON", python)

    rows = limiter_peers._measurable(has_redis=False)

    assert rows == [row for row in ROWS if not row.needs_redis]
    assert capsys.readouterr().out.startswith("no redis-server: ")
    assert limiter_peers._measurable(has_redis=True) == list(ROWS)


def test_ours_never_exceeds_and_loses_at_most_what_it_promises_on_a_trace() -> None:
    shape = traces.SHAPE
    trace = traces.TRACES["cluster + flood"](shape._replace(windows=7), 1)
    decide = limiter_accuracy.open_ours()

    found = traces.score(trace, [decide(now_ms) for now_ms in trace], shape)

    assert found.most_ratio <= 1.0
    assert found.wrongly_allowed == 0.0
    assert found.admitted_ratio >= 0.97
