"""
The real templates, as ``make build`` leaves them, in four emulated regions: up, changed, broken, back, gone.

The tests tell one story in order: each takes the regions as the one before left them. Four regions with their functions
are too slow to make for each.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from edge.regions import CANARY_REGION, DEPLOYED
from infra.deploy.aws import Aws
from infra.deploy.emulated import Emulator
from infra.deploy.prove import deployed_paths
from infra.deploy.smoke import Check, send_check
from infra.template import load_stack
from tests.infra.document import GLOBAL_TEMPLATE

if TYPE_CHECKING:
    import pytest

    from tests.deploy.conftest import Deployer

CANARY = CANARY_REGION.aws_region
CODES = {region.code for region in DEPLOYED}
OTHERS = CODES - {CANARY_REGION.code}
LIVE = Check("GET", "/api/monitoring/live", 200)


def live_codes(deployer: Deployer, function: str) -> dict[str, str]:
    return {region.code: deployer.live_code(function, region.aws_region) for region in DEPLOYED}


def status(deployer: Deployer, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert deployer.run("status", "--json").code == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_dry_run_before_anything_is_there_makes_nothing(
    deployer: Deployer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deployer.deploy("--dry-run").code == 0

    assert "nothing was changed" in capsys.readouterr().out
    s3: Any = deployer.client("s3", CANARY)
    cloudformation: Any = deployer.client("cloudformation", CANARY)
    assert s3.list_buckets()["Buckets"] == []
    assert cloudformation.list_stacks()["StackSummaries"] == []


def test_one_region_alone_is_refused_while_the_global_stack_is_missing(
    deployer: Deployer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deployer.deploy("--region", "cdg1").code == 1

    said = capsys.readouterr().err
    assert said.startswith("error: The stack kaizen-edge-global is not there")
    assert said.count("\n") == 1


def test_bad_first_version_leaves_no_region_behind(deployer: Deployer) -> None:
    outcome = deployer.deploy(build=deployer.changed("HealthFunction", "\nraise RuntimeError\n"))

    assert outcome.code == 1
    assert outcome.results() == {CANARY_REGION.code: "removed"} | dict.fromkeys(OTHERS, "untouched")
    for region in DEPLOYED:
        cloudformation: Any = deployer.client("cloudformation", region.aws_region)
        listed = cloudformation.list_stacks()["StackSummaries"]
        left = {s["StackName"] for s in listed if s["StackStatus"] != "DELETE_COMPLETE"}
        assert "kaizen-edge" not in left


def test_four_regions_come_up_the_canary_region_first(
    deployer: Deployer, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = deployer.deploy()

    assert outcome.code == 0
    assert outcome.results() == dict.fromkeys(CODES, "deployed")
    assert outcome.results("endpoints") == dict.fromkeys(CODES, "deployed")
    ends = {o["where"]: o["began"] + o["seconds"] for o in outcome.report["outcomes"] if o["what"] == "stack"}
    begins = {o["where"]: o["began"] for o in outcome.report["outcomes"] if o["what"] == "stack"}
    assert all(begins[code] >= ends[CANARY_REGION.code] for code in OTHERS)
    found = status(deployer, capsys)
    assert found["drift"] == [] and found["unfinished"] == []


def test_every_region_answers_under_its_name_and_knows_the_others(deployer: Deployer) -> None:
    aws = Aws(endpoint_url=deployer.url)
    emulator = Emulator(aws, deployer.url)
    urls: dict[str, str] = {}
    for region in DEPLOYED:
        outputs = {o["OutputKey"]: o["OutputValue"] for o in deployer.stack(region.aws_region)["Outputs"]}
        urls[region.code] = outputs["ApiUrl"]
        api = deployer.api(region.aws_region)
        response = send_check(LIVE, emulator.address(api), timeout_seconds=60.0)
        assert LIVE.problem_of(response, region.code) is None
        written = load_stack(deployer.built / "template.yaml", aws_region=region.aws_region).routes
        assert deployed_paths(aws, region.aws_region, api) == sorted({route.path for route in written})
    expected = ",".join(f"{region.code}={urls[region.code]}" for region in DEPLOYED)
    for region in DEPLOYED:
        client: Any = deployer.client("lambda", region.aws_region)
        found = client.get_function_configuration(FunctionName="kaizen-edge-geo-route", Qualifier="live")
        assert found["Environment"]["Variables"]["ENDPOINTS"] == expected


def test_global_tables_are_in_every_region(deployer: Deployer) -> None:
    once = load_stack(GLOBAL_TEMPLATE, aws_region="us-east-1", stack_name="kaizen-edge-global")
    assert once.tables
    for region in DEPLOYED:
        client: Any = deployer.client("dynamodb", region.aws_region)
        assert {table.name for table in once.tables} <= set(client.list_tables()["TableNames"])


def test_the_same_again_changes_nothing(deployer: Deployer) -> None:
    before = {code: deployer.stack(r.aws_region).get("LastUpdatedTime") for code, r in by_code().items()}

    outcome = deployer.deploy()

    assert outcome.code == 0
    assert outcome.results() == dict.fromkeys(CODES, "unchanged")
    assert outcome.results("endpoints") == {}
    after = {code: deployer.stack(r.aws_region).get("LastUpdatedTime") for code, r in by_code().items()}
    assert after == before


def test_table_is_not_replaced_without_being_asked_for_twice(
    deployer: Deployer, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {code: deployer.stack(r.aws_region).get("LastUpdatedTime") for code, r in by_code().items()}

    outcome = deployer.deploy(build=deployer.renamed_table("Nonces"))

    assert outcome == (1, {})
    said = capsys.readouterr().err
    assert said.startswith("error: State would be replaced or removed (sfo1: Nonces;")
    assert said.count("\n") == 1
    after = {code: deployer.stack(r.aws_region).get("LastUpdatedTime") for code, r in by_code().items()}
    assert after == before


def test_bad_version_is_taken_back_in_the_canary_region_and_no_other_sees_it(deployer: Deployer) -> None:
    before = live_codes(deployer, "health")
    times = {code: deployer.stack(r.aws_region).get("LastUpdatedTime") for code, r in by_code().items()}

    outcome = deployer.deploy(build=deployer.changed("HealthFunction", "\nraise RuntimeError\n"))

    assert outcome.code == 1
    assert outcome.results() == {CANARY_REGION.code: "restored"} | dict.fromkeys(OTHERS, "untouched")
    (failed,) = (o for o in outcome.report["outcomes"] if o["result"] == "restored")
    assert "/api/monitoring/live: status 5" in failed["cause"]
    assert not failed["notes"] or not any("after it was taken back" in note for note in failed["notes"])
    assert live_codes(deployer, "health") == before
    for code in OTHERS:
        assert deployer.stack(by_code()[code].aws_region).get("LastUpdatedTime") == times[code]


def test_changed_function_reaches_every_region_and_a_rollback_takes_it_back(deployer: Deployer) -> None:
    geo, live = live_codes(deployer, "geo-route"), live_codes(deployer, "health")

    assert deployer.deploy(build=deployer.changed("GeoRouteFunction", "\n# another\n")).code == 0

    changed = live_codes(deployer, "geo-route")
    assert all(changed[code] != geo[code] for code in CODES)
    assert live_codes(deployer, "health") == live

    outcome = deployer.run("rollback")

    assert outcome.code == 0
    assert outcome.results("rollback") == dict.fromkeys(CODES, "deployed")
    assert live_codes(deployer, "geo-route") == geo


def test_one_region_alone_drifts_and_status_says_so(
    deployer: Deployer, capsys: pytest.CaptureFixture[str]
) -> None:
    build = deployer.changed("GeoRouteFunction", "\n# a third\n")

    assert deployer.deploy("--region", "cdg1", build=build).code == 0

    (line,) = status(deployer, capsys)["drift"]
    assert line.startswith("releases differ: ") and "in cdg1" in line


def test_destroyed_leaves_what_holds_state_and_nothing_else(
    deployer: Deployer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deployer.run("destroy").code == 0

    kept = capsys.readouterr().out.rpartition("kept: ")[2].strip().split(", ")
    assert kept.count("kaizen-edge-rate-windows") == len(DEPLOYED)
    assert {"kaizen-edge-global-sessions", "kaizen-edge-global-keys"} <= set(kept)
    s3: Any = deployer.client("s3", CANARY)
    assert s3.list_buckets()["Buckets"] == []
    for region in DEPLOYED:
        cloudformation: Any = deployer.client("cloudformation", region.aws_region)
        statuses = {s["StackStatus"] for s in cloudformation.list_stacks()["StackSummaries"]}
        assert statuses <= {"DELETE_COMPLETE"}
        dynamodb: Any = deployer.client("dynamodb", region.aws_region)
        assert "kaizen-edge-rate-windows" in dynamodb.list_tables()["TableNames"]


def by_code() -> dict[str, Any]:
    return {region.code: region for region in DEPLOYED}
