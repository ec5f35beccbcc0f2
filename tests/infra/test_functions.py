from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from edge import settings
from edge.regions import DEPLOYED
from infra.template import load_stack
from tests.infra.document import ROOT, TEMPLATE, Properties, functions, resources, template

API_TIMEOUT_SECONDS = 29
TELEMETRY = {("telemetry", "here"): {"dynamodb:PutItem"}}
"""What it takes to write what was counted: every function does."""

GUARD = {
    **TELEMETRY,
    ("rate-windows", "here"): {"dynamodb:GetItem", "dynamodb:UpdateItem"},
    ("rate-usage", "here"): {"dynamodb:Query", "dynamodb:PutItem"},
    ("keys", "here"): {"dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"},
    ("sessions", "here"): {"dynamodb:BatchGetItem"},
    ("auth", "here"): {"secretsmanager:GetSecretValue"},
}
"""What it takes to tell who calls and to count the call."""

IDENTIFY = {
    **TELEMETRY,
    **{target: GUARD[target] for target in [("keys", "here"), ("sessions", "here"), ("auth", "here")]},
}

WRITE_FAMILIES = {"dynamodb:PutItem", "dynamodb:UpdateItem"}
FAILED_EVENTS = {("failed-events", "here"): {"sqs:SendMessage"}}

ALLOWED_ACTIONS: dict[str, dict[tuple[str, str], set[str]]] = {
    "RatelimitCheckFunction": {
        **GUARD,
        ("rate-windows", "everywhere"): {
            "dynamodb:BatchGetItem",
            "dynamodb:GetItem",
            "dynamodb:UpdateItem",
        },
    },
    "AuthTokenFunction": {**GUARD, ("sessions", "here"): {"dynamodb:BatchGetItem", "dynamodb:PutItem"}},
    "AuthValidateFunction": GUARD,
    "AuthRefreshFunction": {
        **GUARD,
        ("sessions", "everywhere"): {"dynamodb:BatchGetItem", *WRITE_FAMILIES},
        ("keys", "everywhere"): {"dynamodb:BatchGetItem"},
    },
    "AuthRevokeFunction": {**GUARD, ("sessions", "everywhere"): WRITE_FAMILIES},
    "AuthJwksFunction": {**TELEMETRY, ("auth", "here"): {"secretsmanager:GetSecretValue"}},
    "KeysFunction": {
        **GUARD,
        ("keys", "here"): {*GUARD["keys", "here"], "dynamodb:PutItem", "dynamodb:DeleteItem"},
    },
    "SignRequestFunction": GUARD,
    "SignVerifyFunction": {**GUARD, ("nonces", "here"): {"dynamodb:PutItem"}},
    "AuthorizerFunction": IDENTIFY,
    "GeoRouteFunction": {
        **GUARD,
        ("region-health", "here"): {"dynamodb:Query", "dynamodb:GetItem", "dynamodb:PutItem"},
        ("cdn", "here"): {"secretsmanager:GetSecretValue"},
    },
    "OptimizeResponseFunction": GUARD,
    "HealthFunction": {
        **GUARD,
        ("nonces", "here"): {"dynamodb:GetItem"},
        ("telemetry", "here"): {"dynamodb:GetItem", "dynamodb:PutItem"},
        ("keys", "here"): {"dynamodb:GetItem", *GUARD["keys", "here"]},
        ("sessions", "here"): {"dynamodb:GetItem", *GUARD["sessions", "here"]},
        ("region-health", "here"): {
            "dynamodb:GetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:DeleteItem",
        },
    },
    "HealthProbeFunction": {
        **TELEMETRY,
        **FAILED_EVENTS,
        ("region-health", "here"): {"dynamodb:Query", "dynamodb:PutItem"},
    },
    "MetricsFunction": {
        **GUARD,
        ("region-health", "here"): {"dynamodb:Query"},
        ("telemetry", "everywhere"): {"dynamodb:Query"},
    },
    "MetricsFoldFunction": {
        **FAILED_EVENTS,
        ("telemetry", "here"): {"dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"},
    },
    "DashboardFunction": TELEMETRY,
    "DocsFunction": TELEMETRY,
    "LogShipperFunction": {
        **TELEMETRY,
        **FAILED_EVENTS,
        ("unshipped-logs", "here"): {
            "sqs:SendMessage",
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
        },
        ("ship", "here"): {"secretsmanager:GetSecretValue"},
    },
}
"""What each function may do, and to what: a table or the secret, in its region or in all that are deployed."""

LOG_ACTIONS = {"logs:CreateLogStream", "logs:PutLogEvents"}

each_function = pytest.mark.parametrize("name", functions())


def role_of(name: str) -> str:
    argument = functions()[name]["Role"]["Fn::GetAtt"]
    role, attribute = argument if isinstance(argument, list) else argument.split(".")
    assert attribute == "Arn"
    return str(role)


def statements_of(role: str) -> list[Properties]:
    properties = resources("AWS::IAM::Role")[role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    managed = resources("AWS::IAM::ManagedPolicy")
    for arn in properties["ManagedPolicyArns"]:
        if "Ref" in arn:
            documents.append(managed[arn["Ref"]]["Properties"]["PolicyDocument"])
        else:
            assert arn["Fn::Sub"].endswith("/AWSXRayDaemonWriteAccess"), "AWS's own policies are wide"
    attached = [policy["Properties"] for policy in resources("AWS::IAM::Policy").values()]
    documents += [policy["PolicyDocument"] for policy in attached if {"Ref": role} in policy["Roles"]]
    return [statement for document in documents for statement in document["Statement"]]


LOCAL_RESOURCES = {
    "RateWindows": "rate-windows",
    "Nonces": "nonces",
    "Telemetry": "telemetry",
    "FailedEvents": "failed-events",
    "UnshippedLogs": "unshipped-logs",
}


def target_of(resource: Properties) -> tuple[str, str]:
    """Return what an ARN names, and where: the region of the stack, or one by its name."""
    if "Fn::GetAtt" in resource:
        name, attribute = get_att(resource)
        assert attribute == "Arn"
        return LOCAL_RESOURCES[name], "here"
    found = re.fullmatch(
        r"arn:\$\{AWS::Partition\}:(?:dynamodb|secretsmanager):([a-z0-9-]+|\$\{AWS::Region\}):\$\{AWS::AccountId\}"
        r":(?:table/|secret:)\$\{(?:GlobalStack|AWS::StackName)\}-([a-z-]+?)(?:-\?{6})?",
        resource["Fn::Sub"],
    )
    assert found is not None, resource
    return found[2], "here" if found[1] == "${AWS::Region}" else found[1]


def get_att(value: Properties) -> list[str]:
    argument = value["Fn::GetAtt"]
    return argument if isinstance(argument, list) else argument.split(".")


def has_events(name: str, *types: str) -> bool:
    return any(event["Type"] in types for event in functions()[name].get("Events", {}).values())


def is_waited_for(name: str) -> bool:
    return name == "AuthorizerFunction" or has_events(name, "HttpApi")


@each_function
def test_ends_before_the_api_gives_up_or_soon_after_the_next_run_begins(name: str) -> None:
    limit_seconds = API_TIMEOUT_SECONDS if is_waited_for(name) else 90
    assert 0 < functions()[name]["Timeout"] < limit_seconds


@each_function
def test_what_nobody_waits_for_is_not_lost_sight_of(name: str) -> None:
    function = functions()[name]
    if is_waited_for(name):
        return
    targets = [function["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"]]
    if has_events(name, "Schedule"):
        assert function["EventInvokeConfig"]["MaximumRetryAttempts"] == 0, "the next run does it"
        targets += [event["Properties"]["DeadLetterConfig"]["Arn"] for event in function["Events"].values()]
    assert [".".join(get_att(target)) for target in targets] == ["FailedEvents.Arn"] * len(targets)


def test_lines_of_every_function_are_shipped_but_the_shippers_own() -> None:
    events = functions()["LogShipperFunction"]["Events"].values()
    groups = {
        event["Properties"]["LogGroupName"]["Ref"] for event in events if event["Type"] == "CloudWatchLogs"
    }
    assert groups == {name.removesuffix("Function") + "Logs" for name in functions()} - {"LogShipperLogs"}


@each_function
def test_runs_the_runtime_that_the_layer_is_compiled_for(name: str) -> None:
    assert functions()[name]["Runtime"] == "python3.13"
    assert functions()[name]["Layers"] == [{"Ref": "SharedLayer"}]


@each_function
def test_alias_live_moves_with_every_property_and_old_versions_go(name: str) -> None:
    function = functions()[name]
    assert function["AutoPublishAlias"] == "live"
    assert function["AutoPublishAliasAllProperties"] is True
    assert function["VersionDeletionPolicy"] == "Delete"


@each_function
def test_logs_json_into_a_group_of_its_own_that_forgets(name: str) -> None:
    assert functions()[name]["LoggingConfig"]["LogFormat"] == "JSON"
    wanted = {"Fn::Sub": f"/aws/lambda/${{{name}}}"}
    groups = [group["Properties"] for group in resources("AWS::Logs::LogGroup").values()]
    assert [group["RetentionInDays"] for group in groups if group.get("LogGroupName") == wanted] == [
        {"Ref": "LogRetentionDays"}
    ]


def test_no_two_functions_share_a_role() -> None:
    roles = [role_of(name) for name in functions()]
    assert len(set(roles)) == len(roles)


@each_function
def test_role_names_verbs_and_its_own_resources_only(name: str) -> None:
    given: dict[tuple[str, str], set[str]] = {}
    for statement in statements_of(role_of(name)):
        assert statement["Effect"] == "Allow"
        actions = set(statement["Action"])
        if actions == LOG_ACTIONS:
            group, attribute = get_att(statement["Resource"])
            assert attribute == "Arn"
            assert resources("AWS::Logs::LogGroup")[group]["Properties"]["LogGroupName"] == {
                "Fn::Sub": f"/aws/lambda/${{{name}}}"
            }
            continue
        named = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        for resource in named:
            given.setdefault(target_of(resource), set()).update(actions)

    wanted: dict[tuple[str, str], set[str]] = {}
    for (target, where), actions in ALLOWED_ACTIONS[name].items():
        regions = [region.aws_region for region in DEPLOYED] if where == "everywhere" else ["here"]
        wanted |= {(target, region): actions for region in regions}
    assert given == wanted


def test_whoever_notes_that_a_key_was_used_can_change_nothing_else_of_it() -> None:
    guarded = [
        statement
        for name in functions()
        for statement in statements_of(role_of(name))
        if "dynamodb:UpdateItem" in statement["Action"] and "-keys" in str(statement["Resource"])
    ]
    assert guarded
    for statement in guarded:
        assert statement["Condition"] == {
            "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", "lu", "ttl"]}
        }


def test_whoever_learns_from_clients_cannot_touch_the_health_of_regions() -> None:
    (writes,) = [
        statement
        for statement in statements_of(role_of("GeoRouteFunction"))
        if "dynamodb:PutItem" in statement["Action"] and "region-health" in str(statement["Resource"])
    ]
    assert writes["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["CELLS"]}}


@each_function
def test_role_may_write_its_logs(name: str) -> None:
    assert any(set(statement["Action"]) == LOG_ACTIONS for statement in statements_of(role_of(name)))


def test_no_policy_has_a_star() -> None:
    policies = {
        **resources("AWS::IAM::Role"),
        **resources("AWS::IAM::Policy"),
        **resources("AWS::IAM::ManagedPolicy"),
    }
    assert {name for name, policy in policies.items() if "*" in json.dumps(policy)} == set()


@each_function
def test_environment_is_what_settings_read(name: str) -> None:
    source = Path(settings.__file__).read_text(encoding="utf-8")
    read = set(re.findall(r'read\.\w+\(\s*"([A-Z_]+)"', source))
    given = set(functions()[name]["Environment"]["Variables"])
    assert given <= read
    assert {"EDGE_STAGE", "EDGE_VERSION", "LOG_LEVEL", "ALLOWED_ORIGINS"} <= given
    assert not [variable for variable in given if variable.startswith(("AWS_", "LAMBDA_"))]


@each_function
def test_settings_take_the_defaults_of_the_template(name: str) -> None:
    stack = load_stack(TEMPLATE, aws_region="us-west-1")
    found = next((function for function in stack.functions if function.logical_id == name), None)
    if found is None:  # without endpoints there is no shipper
        assert name == "LogShipperFunction"
        return
    read = settings.Settings.from_env({"AWS_REGION": "us-west-1", **found.environment})
    assert read.version == template()["Parameters"]["Version"]["Default"]


def test_shipper_is_there_where_lines_have_somewhere_to_go() -> None:
    given = {"LogEndpoint": "https://collector.example.com/lines"}
    stack = load_stack(TEMPLATE, aws_region="us-west-1", parameters=given)
    (shipper,) = [function for function in stack.functions if function.logical_id == "LogShipperFunction"]
    environment = {**shipper.environment, "UNSHIPPED_QUEUE_URL": "https://sqs.example.com/1/q"}
    read = settings.Settings.from_env({"AWS_REGION": "us-west-1", **environment})
    assert read.enable_remote_logging
    assert not read.enable_remote_error_tracking
    assert read.log_endpoint == given["LogEndpoint"]


@each_function
def test_code_folder_has_an_app_and_little_else(name: str) -> None:
    folder = ROOT / functions()[name]["CodeUri"]
    lines = (folder / "app.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 80
    beside = {path.name for path in folder.iterdir()} - {"__pycache__", "app.py"}
    assert beside == ({"assets"} if folder.name in ("dashboard", "docs") else set())


def test_every_folder_of_functions_is_deployed() -> None:
    deployed = {(ROOT / function["CodeUri"]).name for function in functions().values()}
    assert deployed == {path.name for path in (ROOT / "functions").iterdir() if path.is_dir()}


@each_function
def test_errors_of_the_new_version_turn_the_deployment_back(name: str) -> None:
    (alarm_ref,) = functions()[name]["DeploymentPreference"]["Alarms"]
    alarm = resources("AWS::CloudWatch::Alarm")[alarm_ref["Ref"]]["Properties"]
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
    assert alarm["MetricName"] == "Errors"
    assert alarm["TreatMissingData"] == "notBreaching"
    assert dimensions["FunctionName"] == {"Ref": name}
    assert dimensions["Resource"] == {"Fn::Sub": f"${{{name}}}:live"}
    assert ".".join(get_att(dimensions["ExecutedVersion"])) == f"{name}.Version.Version"
