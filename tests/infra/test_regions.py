from __future__ import annotations

import tomllib

from edge.regions import CANARY_REGION, DEPLOYED
from tests.infra.document import ROOT

SAMCONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
DEPLOYMENTS = {
    name: found["deploy"]["parameters"]
    for name, found in SAMCONFIG.items()
    if isinstance(found, dict) and "deploy" in found
}


def test_each_deployed_region_has_a_config_environment() -> None:
    assert {name: found["region"] for name, found in DEPLOYMENTS.items()} == {
        region.code: region.aws_region for region in DEPLOYED
    }


def test_canary_region_is_named_first() -> None:
    assert next(iter(DEPLOYMENTS)) == CANARY_REGION.code


def test_regions_differ_in_their_name_alone() -> None:
    def rest(name: str) -> object:
        return {key: value for key, value in DEPLOYMENTS[name].items() if key not in {"region", "tags"}}

    assert all(rest(name) == rest(CANARY_REGION.code) for name in DEPLOYMENTS)
    assert all(f"region={name}" in found["tags"] for name, found in DEPLOYMENTS.items())
