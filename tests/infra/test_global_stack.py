from __future__ import annotations

from typing import Any

import pytest

from edge.geo.locations import COUNTRY_HEADER, LATITUDE_HEADER, LONGITUDE_HEADER
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
        name
        for name, found in global_template()["Resources"].items()
        if found.get("DeletionPolicy") == "Retain"
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


def resources_of(kind: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = global_template()["Resources"]
    return {name: resource for name, resource in found.items() if resource["Type"] == kind}


def test_without_a_domain_there_is_data_and_nothing_else() -> None:
    always = {name for name, found in global_template()["Resources"].items() if "Condition" not in found}
    assert always == {*TABLES, "AuthSecret", "Dashboard"}
    assert global_template()["Parameters"]["DomainName"]["Default"] == ""


def test_every_region_has_a_name_and_a_latency_record_that_its_own_health_decides() -> None:
    for region in DEPLOYED:
        prefix = region.code.capitalize()
        found = global_template()["Resources"]
        check = found[f"{prefix}Check"]["Properties"]["HealthCheckConfig"]
        record = found[f"{prefix}Origin"]["Properties"]
        assert check["FullyQualifiedDomainName"] == {"Fn::Sub": f"{region.code}.${{DomainName}}"}
        assert (check["Type"], check["ResourcePath"]) == ("HTTPS", "/api/monitoring/ready")
        # Three failures ten seconds apart: no slower than the regions' own probes.
        assert check["RequestInterval"] * check["FailureThreshold"] <= 30
        assert (record["Region"], record["SetIdentifier"]) == (region.aws_region, region.code)
        assert record["HealthCheckId"] == {"Ref": f"{prefix}Check"}
        assert record["AliasTarget"]["DNSName"] == {"Ref": f"{prefix}Target"}
        own = found[f"{prefix}Name"]["Properties"]
        assert own["Name"] == check["FullyQualifiedDomainName"]
        assert own["AliasTarget"]["DNSName"] == {"Ref": f"{prefix}OwnTarget"}


def test_firewall_limits_an_address_and_logs_no_credentials() -> None:
    ((_, firewall),) = resources_of("AWS::WAFv2::WebACL").items()
    rules = firewall["Properties"]["Rules"]
    assert [rule["Priority"] for rule in rules] == list(range(len(rules)))
    assert rules[0]["Statement"]["RateBasedStatement"]["AggregateKeyType"] == "IP"
    ((_, logging),) = resources_of("AWS::WAFv2::LoggingConfiguration").items()
    redacted = {field["SingleHeader"]["Name"] for field in logging["Properties"]["RedactedFields"]}
    assert redacted == {"authorization", "x-api-key", "cookie", "signature"}


def test_cdn_never_shares_an_answer_between_callers() -> None:
    ((_, policy),) = resources_of("AWS::CloudFront::CachePolicy").items()
    config = policy["Properties"]["CachePolicyConfig"]
    key = config["ParametersInCacheKeyAndForwardedToOrigin"]
    assert {"Authorization", "X-API-Key", "Origin", "Accept"} <= set(key["HeadersConfig"]["Headers"])
    assert config["DefaultTTL"] == config["MinTTL"] == 0, "what does not say that it may be kept is not"


def test_cdn_proves_itself_to_the_functions_and_says_where_the_viewer_is() -> None:
    ((_, distribution),) = resources_of("AWS::CloudFront::Distribution").items()
    (origin,) = distribution["Properties"]["DistributionConfig"]["Origins"]
    (proof,) = origin["OriginCustomHeaders"]
    assert proof["HeaderValue"] == {"Fn::Sub": "{{resolve:secretsmanager:${CdnSecret}:SecretString}}"}
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    ((_, policy),) = resources_of("AWS::CloudFront::OriginRequestPolicy").items()
    added = policy["Properties"]["OriginRequestPolicyConfig"]["HeadersConfig"]["Headers"]
    assert {name.lower() for name in added} == {LATITUDE_HEADER, LONGITUDE_HEADER, COUNTRY_HEADER}
