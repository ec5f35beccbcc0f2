from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.regions import CANARY_REGION, DEPLOYED
from infra.deploy.failures import DeployFailed
from infra.deploy.places import Names, pairs, read_settings, rollout_order

if TYPE_CHECKING:
    from pathlib import Path


def test_canary_region_leads_and_every_region_follows() -> None:
    order = rollout_order()
    assert order[0] == CANARY_REGION
    assert set(order) == set(DEPLOYED) and len(order) == len(DEPLOYED)


def test_chosen_regions_keep_that_order_and_are_named_once() -> None:
    assert [region.code for region in rollout_order(["cdg1", "sfo1", "cdg1"])] == ["sfo1", "cdg1"]
    assert [region.code for region in rollout_order(["cdg1"])] == ["cdg1"]


def test_production_has_the_plain_names_and_stages_do_not_meet() -> None:
    assert Names.of("production") == ("production", "kaizen-edge", "kaizen-edge-global")
    assert Names.of("staging") == ("staging", "kaizen-edge-staging", "kaizen-edge-staging-global")
    assert Names.of("staging", stack="mine").global_stack == "mine-global"


@pytest.mark.parametrize("name", ["1st", "a_b", "a b", "é", "a" * 129])
def test_name_that_cloudformation_refuses_is_refused_here(name: str) -> None:
    with pytest.raises(DeployFailed, match="letters, digits and hyphens"):
        Names.of("production", stack=name)


def test_bucket_is_of_the_account_and_the_region() -> None:
    names = Names.of("development")
    assert (
        names.bucket("123456789012", "ap-northeast-1")
        == ("kaizen-edge-development-artifacts-123456789012-ap-northeast-1"[:63])
    )
    with pytest.raises(DeployFailed, match="too long"):
        Names.of("production", stack="a" * 40).bucket("123456789012", "ap-northeast-1")


@pytest.mark.parametrize("region", DEPLOYED)
def test_every_region_has_settings_that_sam_reads_too(region: object) -> None:
    code: str = region.code  # type: ignore[attr-defined]
    settings = read_settings(code)
    assert settings.parameters["Stage"] == "production"
    assert settings.tags["region"] == code


def test_region_without_settings_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeployFailed, match="no \\[sfo1"):
        read_settings("sfo1", tmp_path / "samconfig.toml")


def test_values_may_have_an_equals_sign_and_names_must_be_there() -> None:
    assert pairs(["A=b=c", "D="]) == {"A": "b=c", "D": ""}
    for wrong in ("A", "=b"):
        with pytest.raises(DeployFailed, match="not NAME=VALUE"):
            pairs([wrong])
