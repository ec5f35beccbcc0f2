from __future__ import annotations

import pytest

from edge.regions import DEPLOYED, GLOBAL_STACK_REGION
from infra.template import load_stack
from tests.infra.document import GLOBAL_TEMPLATE, functions, global_template

DEPLOYED_REGIONS = [region.aws_region for region in DEPLOYED]
TABLES = {
    name: found for name, found in global_template()["Resources"].items() if "GlobalTable" in found["Type"]
}
each_table = pytest.mark.parametrize("name", TABLES)


@each_table
def test_every_deployed_region_has_a_replica_that_can_be_restored(name: str) -> None:
    replicas = TABLES[name]["Properties"]["Replicas"]

    assert [replica["Region"] for replica in replicas] == DEPLOYED_REGIONS
    assert replicas[0]["Region"] == GLOBAL_STACK_REGION.aws_region, (
        "the stack's own region must be among them"
    )
    for replica in replicas:
        assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@each_table
def test_table_is_encrypted_forgets_and_is_found_by_name(name: str) -> None:
    properties = TABLES[name]["Properties"]

    assert properties["SSESpecification"] == {"SSEEnabled": True}
    expiry = "x" if name == "RateUsage" else "ttl"
    assert properties["TimeToLiveSpecification"] == {"AttributeName": expiry, "Enabled": True}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert TABLES[name]["DeletionPolicy"] == TABLES[name]["UpdateReplacePolicy"]


def test_what_cannot_be_made_again_survives_the_stack() -> None:
    kept = {
        name for name, found in global_template()["Resources"].items() if found["DeletionPolicy"] == "Retain"
    }
    assert kept == {"Sessions", "Keys", "AuthSecret"}


def test_secret_is_replicated_to_every_other_region_and_has_no_value_in_the_template() -> None:
    secret = global_template()["Resources"]["AuthSecret"]["Properties"]

    assert [replica["Region"] for replica in secret["ReplicaRegions"]] == DEPLOYED_REGIONS[1:]
    assert not {"SecretString", "GenerateSecretString"} & set(secret)


def test_regional_stack_names_what_the_global_stack_makes() -> None:
    made = {
        table.name for table in load_stack(GLOBAL_TEMPLATE, aws_region="us-east-1", stack_name="g").tables
    }
    made |= {"g-auth"}
    named = {
        str(value["Fn::Sub"]).replace("${GlobalStack}", "g")
        for function in functions().values()
        for value in function["Environment"]["Variables"].values()
        if isinstance(value, dict) and "Fn::Sub" in value
    }
    assert named == made
