"""``python -m infra.geo`` on an emulator: installed, read by a container, taken away, exported, compared."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.retries import Budget
from edge.clock import ManualClock
from edge.geo.cells import Average, cell_of
from edge.geo.cells_dynamo import DynamoCellStore
from edge.geo.learning import REFRESH_MS, Learning
from edge.regions import GLOBAL_STACK_REGION
from infra.geo.cli import main
from infra.local.emulator import LOCAL_CREDENTIALS
from tests import engines
from tests.contract.geo.conftest import START_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
STACK = "geo-command"
TABLE = f"{STACK}-region-health"
BERLIN = (52.52, 13.41)
CSV = "place,latitude,longitude,region,ms\nBerlin,52.52,13.41,cdg1,61\nBerlin,52.52,13.41,iad1,95\n"


class Commands:
    """Runs commands in this process against ministack."""

    def __init__(
        self, options: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._options = options
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.clock = ManualClock(now_ms=START_MS)

    def run(self, *argv: str, stdin: str = "") -> tuple[int, str, str]:
        self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8"))
        self._capsys.readouterr()
        code = main([argv[0], *self._options, *argv[1:]], clock=self.clock)
        return (code, *self._capsys.readouterr())

    def json(self, *argv: str, stdin: str = "") -> Any:
        code, out, err = self.run(*argv, "--json", stdin=stdin)
        assert (code, err) == (0, "")
        return json.loads(out)


@pytest.fixture
def store(ministack_url: str) -> Iterator[DynamoCellStore]:
    """What a container of Virginia opens; its table is new."""
    reference = engines.reference_client(ministack_url, region=GLOBAL_STACK_REGION.aws_region)
    if TABLE in reference.list_tables()["TableNames"]:
        reference.delete_table(TableName=TABLE)
    reference.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    reference.close()
    pair = LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"], LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
    client = DynamoDB(
        region=GLOBAL_STACK_REGION.aws_region,
        credentials=FixedCredentials(Credentials(*pair)),
        endpoint=ministack_url,
        budget=Budget(connect_ms=5_000, attempt_ms=10_000, call_ms=10_000),
    )
    yield DynamoCellStore(client, TABLE, writer="iad1", call_budget_ms=10_000)
    client.forget()


@pytest.fixture
def geo(
    store: DynamoCellStore,
    ministack_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Commands:
    assert store is not None
    (tmp_path / "state.json").write_text(json.dumps({"emulator": ministack_url}))
    options = ["--local", "--local-dir", str(tmp_path), "--global-stack", STACK]
    return Commands(options, capsys, monkeypatch)


def test_a_table_is_installed_read_by_containers_succeeded_and_taken_away(
    geo: Commands, store: DynamoCellStore, tmp_path: Path
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(CSV)
    learning = Learning(store, geo.clock)

    done = geo.json("import", str(path))
    assert done == {"installed": True, "version": START_MS, "lines": 2, "cells": 1, "values": 2}
    learning.sync_if_due()
    assert learning.near(*BERLIN) == {
        "cdg1": Average(61.0, 40.0, START_MS),
        "iad1": Average(95.0, 40.0, START_MS),
    }
    geo.clock.set_back(3_600_000)  # another operator's clock
    done = geo.json("import", "-", stdin=CSV.replace("61", "62"))
    assert done["version"] == START_MS + 1, "the new one is not hidden under the old one"
    geo.clock.advance(3_600_000 + REFRESH_MS)
    learning.sync_if_due()
    found = learning.near(*BERLIN)
    assert found is not None and found["cdg1"].ms == 62.0
    assert "taken away" in geo.run("remove")[1]
    geo.clock.advance(REFRESH_MS)
    learning.sync_if_due()
    assert learning.near(*BERLIN) is None


def test_of_a_table_with_a_wrong_line_nothing_is_installed(geo: Commands, store: DynamoCellStore) -> None:
    code, out, err = geo.run("import", "-", stdin=CSV + "Berlin,52.52,13.41,nowhere,9\n")

    assert (code, out) == (1, "")
    assert err == "error: Nothing was done. line 4: region: none of iad1, sfo1, cdg1, hnd1, gru1, sin1.\n"
    assert store.newer_table(0) is None


def test_what_callers_agree_on_is_exported_in_order_and_can_be_installed(
    geo: Commands, store: DynamoCellStore
) -> None:
    for cell in (cell_of(*BERLIN), 100):
        for region, ms in (("hnd1", 260.0), ("iad1", 250.0)):
            slots = {f"{region}.{slot}": Average(ms + slot, 4.0, START_MS) for slot in range(3)}
            store.add(cell, slots, now_ms=START_MS)
    store.add(7, {"cdg1.0": Average(250.0, 50.0, START_MS)}, now_ms=START_MS)
    code, out, err = geo.run("export", "--format", "csv")

    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "latitude,longitude,region,ms,samples,callers",
        "-82.5,-37.5,iad1,251.0,12.0,3",
        "-82.5,-37.5,hnd1,261.0,12.0,3",
        "52.5,12.5,iad1,251.0,12.0,3",
        "52.5,12.5,hnd1,261.0,12.0,3",
    ]
    assert geo.run("export", "--format", "csv")[1] == out
    assert geo.json("export")["rows"][0] == {
        "latitude": -82.5, "longitude": -37.5, "region": "iad1", "ms": 251.0, "samples": 12.0, "callers": 3,
    }  # fmt: skip
    assert geo.json("import", "-", stdin=out)["values"] == 4


def test_nothing_learned_is_said(geo: Commands) -> None:
    assert geo.run("export")[1] == "Nothing was learned yet.\n"
    assert geo.json("export") == {"rows": [], "unreadable": 0}


def test_rows_are_written_to_a_file_and_nothing_is_installed(
    geo: Commands, store: DynamoCellStore, tmp_path: Path
) -> None:
    path = tmp_path / "rows.json"
    assert geo.json("import", "-", "--output", str(path), stdin=CSV)["installed"] is False

    assert json.loads(path.read_text()) == [
        {"cell": cell_of(*BERLIN), "region": "cdg1", "ms": 61.0, "samples": 40.0},
        {"cell": cell_of(*BERLIN), "region": "iad1", "ms": 95.0, "samples": 40.0},
    ]
    assert store.newer_table(0) is None
    assert "cannot be written" in geo.run("import", "-", "--output", str(tmp_path), stdin=CSV)[2]


def test_a_report_needs_no_aws_and_tells_what_is_lost(geo: Commands) -> None:
    lines = [
        "place,continent,latitude,longitude,iad1,sfo1,cdg1,hnd1",
        "Berlin,EU,52.52,13.41,95,150,21,240",
        "Elsewhere,EU,48.85,2.35,30,150,80,240",
        "Half,EU,48.85,2.35,30,150,,240",
    ]
    told = geo.json("report", "-", "--profile", "missing", stdin="\n".join(lines))

    assert told["summary"][1] == {
        "regions": "four deployed", "chooser": "model", "where": "all", "places": 2, "top1_percent": 50.0,
        "mean_ms": 25.0, "p50_ms": 50.0, "p95_ms": 50.0, "max_ms": 50.0,
    }  # fmt: skip
    assert told["worst"] == [
        {
            "regions": "four deployed",
            "place": "Elsewhere",
            "chosen": "cdg1",
            "best": "iad1",
            "regret_ms": 50.0,
        }
    ]
    assert geo.run("report", "-", stdin="country,cdg1\nDE,20\n")[2].startswith(
        "error: No place of this table"
    )


def test_a_table_that_is_not_there_is_said(geo: Commands) -> None:
    code, _, err = geo.run("export", "--global-stack", "elsewhere")

    assert code == 1
    assert "There is no such table here" in err or "no_table" in err


def test_as_a_process_it_needs_no_path_and_wrong_usage_is_two() -> None:
    done = [
        subprocess.run(
            [sys.executable, "-m", "infra.geo", *argv], cwd=ROOT, capture_output=True, text=True, timeout=60,
            check=False, env={"PATH": ""}, input="country,iad1,sfo1,cdg1,hnd1\nDE,95,150,20,240\n",
        )
        for argv in (["report", "-"], ["report"], ["--help"])
    ]  # fmt: skip

    assert [one.returncode for one in done] == [0, 2, 0]
    assert "four deployed  model" in done[0].stdout
