"""What ships for Prometheus is valid, its alerts do what their own tests say, and it scrapes each region by itself."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from edge.regions import DEPLOYED
from tests.dashboards.prometheus import MISSING, SHIPPED, promtool
from tests.debian import needs

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = SHIPPED / "prometheus"
TESTS: Final = ("alerts_test.yml", "alerts_days_test.yml")
needs_promtool = needs(MISSING)


def config() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    return document


@needs_promtool
def test_configuration_is_valid_once_there_is_a_key(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "kaizen-edge.key").write_text("ek_test")

    done = promtool("check", "config", tmp_path / "prometheus.yml")

    assert done.returncode == 0, done.stderr


@needs_promtool
@pytest.mark.parametrize("file", TESTS)
def test_alerts_do_what_their_tests_say(file: str) -> None:
    done = promtool("test", "rules", file)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_both_ways() -> None:
    tests = [test for file in TESTS for test in yaml.safe_load((FOLDER / file).read_text())["tests"]]
    fires: dict[str, set[bool]] = {}
    for test in tests:
        for each in test["alert_rule_test"]:
            fires.setdefault(each["alertname"], set()).add("exp_alerts" in each)
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]

    assert fires == {
        rule["alert"]: {True, False} for group in groups for rule in group["rules"] if "alert" in rule
    }


def test_every_deployed_region_is_scraped_by_a_name_of_its_own() -> None:
    (job,) = config()["scrape_configs"]

    regions = {each["labels"]["region"]: each["targets"] for each in job["static_configs"]}

    assert regions.keys() == {region.code for region in DEPLOYED}
    for code, (target,) in regions.items():
        assert target.startswith(f"{code}.")
    assert job["metrics_path"] == "/api/monitoring/metrics"
    assert job["authorization"] == {"type": "ApiKey", "credentials_file": "kaizen-edge.key"}
    assert job["scheme"] == "https"
