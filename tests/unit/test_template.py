"""The template reader: every intrinsic that a function's environment or a table may use, and clear refusals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.template import (
    Authorizer,
    Route,
    Schedule,
    Stack,
    TemplateError,
    borrow_authorizers,
    load_stack,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Load = Callable[..., Stack]

ROOT = Path(__file__).resolve().parents[2]

BASE = """
Parameters:
  Stage: {Type: String, Default: production}
  Zones: {Type: CommaDelimitedList, Default: 'a, b,c'}
  Bare: {Type: String}
Conditions:
  Production: !Equals [!Ref Stage, production]
  Other: {'Fn::Not': [{Condition: Production}]}
  Both: !And [!Condition Production, !Not [!Condition Other]]
  Either: !Or [!Condition Other, !Condition Production]
Mappings:
  Places: {eu-west-3: {City: Paris}}
Globals:
  Function:
    Handler: app.handler
    Timeout: 10
    Environment: {Variables: {STAGE: !Ref Stage, BOTH: globals}}
Resources:
  Table: {Type: 'AWS::DynamoDB::Table', Properties: {KeySchema: [], AttributeDefinitions: []}}
  Named: {Type: 'AWS::DynamoDB::GlobalTable', Properties: {TableName: !Sub '${Stage}-keys', KeySchema: []}}
  Gone: {Type: 'AWS::DynamoDB::Table', Condition: Other, Properties: {TableName: gone}}
  Role: {Type: 'AWS::IAM::Role', Properties: {Policies: !Transform {Name: x}, Arn: !ImportValue y}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/some_thing/
      Role: !GetAtt Role.Arn
      Environment: {Variables: {BOTH: own, VALUE: %s}}
"""


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def read(text: str, **parameters: str) -> Stack:
        path = tmp_path / "template.yaml"
        path.write_text(text, "utf-8")
        return load_stack(path, aws_region="eu-west-3", stack_name="s", parameters=parameters)

    return read


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("plain", "plain"),
        ("2020-01-01", "2020-01-01"),
        ("7", "7"),
        ("true", "true"),
        ("!Ref Stage", "production"),
        ("{Ref: Stage}", "production"),
        ("!Ref Table", "s-Table"),
        ("!Ref Named", "production-keys"),
        ("!Ref F", "s-F"),
        ("!Ref AWS::Region", "eu-west-3"),
        (
            "!Sub '${AWS::StackName}/${AWS::AccountId}/${AWS::Partition}/${AWS::URLSuffix}'",
            "s/000000000000/aws/amazonaws.com",
        ),
        ("!Sub 'a-${!Literal}-${Table}'", "a-${Literal}-s-Table"),
        ("!Sub ['${X}-${Stage}', {X: !Ref Table}]", "s-Table-production"),
        ("{'Fn::Sub': '${Named.Arn}'}", "arn:aws:dynamodb:eu-west-3:000000000000:table/production-keys"),
        ("!GetAtt Table.Arn", "arn:aws:dynamodb:eu-west-3:000000000000:table/s-Table"),
        ("{'Fn::GetAtt': [Table, Arn]}", "arn:aws:dynamodb:eu-west-3:000000000000:table/s-Table"),
        ("!If [Production, yes-it-is, !GetAtt Role.Arn]", "yes-it-is"),
        ("!If [Other, 'a', 'b']", "b"),
        ("!If [Both, 'a', 'b']", "a"),
        ("!If [Either, 'a', 'b']", "a"),
        ("!Join ['-', [a, !Ref Stage, !Ref 'AWS::NoValue']]", "a-production"),
        ("!Select [1, !Split [',', 'x,y,z']]", "y"),
        ("!Select [2, !Ref Zones]", "c"),
        ("!FindInMap [Places, !Ref 'AWS::Region', City]", "Paris"),
    ],
)
def test_environment_value_is_what_cloudformation_makes_of_it(written: str, value: str, load: Load) -> None:
    (function,) = load(BASE % written).functions
    assert function.environment == {"STAGE": "production", "BOTH": "own", "VALUE": value}
    assert (function.name, function.timeout_seconds, function.memory_mb) == ("some_thing", 10, 128)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("!Ref Bare", "F.Environment.VALUE: !Ref Bare names no parameter with a value and no resource"),
        ("!Ref Nothing", "F.Environment.VALUE: !Ref Nothing names no"),
        ("!GetAtt Role.Arn", "F.Environment.VALUE: !GetAtt Role.Arn is known on AWS only"),
        ("!ImportValue x", "F.Environment.VALUE: Fn::ImportValue cannot be resolved on this machine"),
        ("!If [Nope, a, b]", "F.Environment.VALUE: there is no condition Nope"),
        ("!If [Production, a]", "F.Environment.VALUE: expected a list of 3"),
        ("!Select [9, [a]]", "F.Environment.VALUE: !Select has no such index"),
        (
            "!FindInMap [Places, mars, City]",
            "F.Environment.VALUE: !FindInMap Places.mars.City is not in Mappings",
        ),
        ("[a, b]", "F.Environment.VALUE must be text"),
        ("!Sub [1, 2]", "F.Environment.VALUE: !Sub takes a text"),
    ],
)
def test_value_that_cannot_be_known_is_refused_with_its_place(
    written: str, complaint: str, load: Load
) -> None:
    with pytest.raises(TemplateError) as caught:
        load(BASE % written)
    assert complaint in str(caught.value)


def test_no_value_leaves_the_variable_out(load: Load) -> None:
    (function,) = load(BASE % "!If [Production, !Ref 'AWS::NoValue', x]").functions
    assert "VALUE" not in function.environment


def test_parameter_replaces_default_and_turns_conditions(load: Load) -> None:
    stack = load(BASE % "!Ref Bare", Stage="development", Bare="b")
    assert stack.functions[0].environment["VALUE"] == "b"
    assert [table.name for table in stack.tables] == ["s-Table", "development-keys", "gone"]


def test_unknown_parameter_is_refused(load: Load) -> None:
    with pytest.raises(TemplateError, match="declares no parameter Stagge"):
        load(BASE % "x", Stagge="y")


def test_loop_of_references_is_refused(load: Load) -> None:
    loop = "{Conditions: {A: !Not [!Condition B], B: !Not [!Condition A]}, Resources: {T: {Type: x, Condition: A}}}"
    with pytest.raises(TemplateError, match="loop"):
        load(loop)


@pytest.mark.parametrize(
    "text", ["", "- a", "a: [", "Resources: 7", "Resources: {F: {Type: !!python/object/apply:os.getcwd []}}"]
)
def test_what_is_not_a_template_is_refused(text: str, load: Load) -> None:
    with pytest.raises(TemplateError):
        load(text)


def test_routes_are_read_with_their_defaults(load: Load) -> None:
    stack = load(
        """
        Resources:
          F:
            Type: AWS::Serverless::Function
            Properties:
              Events:
                A: {Type: HttpApi, Properties: {Path: '/a/{id}', Method: get}}
                B: {Type: HttpApi, Properties: {Path: /b, Method: '*'}}
                C: {Type: HttpApi}
                D: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
        """
    )
    assert stack.routes == (
        Route("GET", "/a/{id}", "F"),
        Route("ANY", "/b", "F"),
        Route("ANY", "$default", "F"),
    )
    assert [route.key for route in stack.routes] == ["GET /a/{id}", "ANY /b", "$default"]


def test_table_keeps_what_create_table_takes(load: Load) -> None:
    stack = load(
        """
        Resources:
          T:
            Type: AWS::DynamoDB::GlobalTable
            Properties:
              BillingMode: PROVISIONED
              AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
              KeySchema: [{AttributeName: pk, KeyType: HASH}]
              GlobalSecondaryIndexes:
                - {IndexName: i, KeySchema: [{AttributeName: pk, KeyType: HASH}], Projection: {ProjectionType: ALL},
                   WriteProvisionedThroughputSettings: {}}
              StreamSpecification: {StreamViewType: NEW_IMAGE}
              TimeToLiveSpecification: {AttributeName: x, Enabled: true}
              Replicas: [{Region: !Ref 'AWS::Region'}]
              SSESpecification: {SSEEnabled: true}
        """
    )
    (table,) = stack.tables
    assert table.ttl_attribute == "x"
    assert table.create_table == {
        "TableName": "s-T",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "i",
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    }


@pytest.mark.parametrize("enabled", ["false", "'false'"])
def test_ttl_that_is_off_is_none(enabled: str, load: Load) -> None:
    text = f"Resources: {{T: {{Type: 'AWS::DynamoDB::Table', Properties: {{TimeToLiveSpecification: {{AttributeName: x, Enabled: {enabled}}}}}}}}}"
    assert load(text).tables[0].ttl_attribute is None


def test_the_products_own_template_is_read() -> None:
    stack = load_stack(ROOT / "template.yaml", aws_region="us-east-1")
    assert all((function.code_dir / "app.py").is_file() for function in stack.functions)
    assert {route.function for route in stack.routes} <= {function.logical_id for function in stack.functions}
    assert "$default" in {route.key for route in stack.routes}
    assert stack.tables


GUARDED = """
Parameters:
  TheirArn: {Type: String}
  Seconds: {Type: Number, Default: 30}
Globals:
  HttpApi: {Auth: {Authorizers: {Shared: {FunctionArn: !GetAtt Decide.Arn, AuthorizerPayloadFormatVersion: 2.0, EnableSimpleResponses: true}}}}
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Tokens
        Authorizers:
          Tokens:
            FunctionArn: %(arn)s
            AuthorizerPayloadFormatVersion: %(version)s
            EnableSimpleResponses: %(simple)s
            Identity: %(identity)s
  Decide: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: decide/}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: f/
      Events: {R: {Type: HttpApi, Properties: %(route)s}}
Outputs:
  DecideArn: {Value: !Ref Decide.Alias}
  FArn: {Value: !GetAtt F.Arn}
  Url: {Value: !Sub 'https://${Api}'}
"""


def guarded(**different: str) -> str:
    written = {
        "arn": "!GetAtt Decide.Arn",
        "version": "'2.0'",
        "simple": "true",
        "identity": "{Headers: [Authorization], ReauthorizeEvery: !Ref Seconds}",
        "route": "{ApiId: !Ref Api, Path: /a, Method: GET}",
    }
    return GUARDED % {**written, **different}


def test_default_authorizer_guards_a_route_that_says_nothing(load: Load) -> None:
    stack = load(guarded())
    authorizer = Authorizer("Api", "Tokens", "Decide", ("header.authorization",), 30)
    assert stack.routes == (Route("GET", "/a", "F", authorizer),)
    assert not stack.borrowed


@pytest.mark.parametrize(
    ("route", "name"),
    [
        ("{ApiId: !Ref Api}", "Tokens"),
        ("{ApiId: !Ref Api, Path: /a, Auth: {Authorizer: Shared}}", "Shared"),
        ("{ApiId: !Ref Api, Path: /a, Auth: {Authorizer: NONE}}", None),
        ("{ApiId: !Ref Api, Path: /a, Auth: {Authorizer: !Ref AWS::NoValue}}", "Tokens"),
        ("{Path: /a, Auth: {Authorizer: Shared}}", "Shared"),
        ("{Path: /a}", None),
    ],
)
def test_route_names_its_authorizer_or_none(route: str, name: str | None, load: Load) -> None:
    (found,) = load(guarded(route=route)).routes
    assert (found.authorizer.name if found.authorizer else None) == name


@pytest.mark.parametrize(
    ("identity", "sources", "ttl_seconds"),
    [
        (
            "{Headers: [X-API-Key, B], QueryStrings: [Tenant]}",
            ("header.x-api-key", "header.b", "querystring.Tenant"),
            0,
        ),
        ("{Headers: [A], ReauthorizeEvery: 3600}", ("header.a",), 3600),
        ("!Ref AWS::NoValue", (), 0),
    ],
)
def test_identity_of_an_authorizer_is_read(
    identity: str, sources: tuple[str, ...], ttl_seconds: int, load: Load
) -> None:
    authorizer = load(guarded(identity=identity)).routes[0].authorizer
    assert authorizer is not None
    assert (authorizer.identity_sources, authorizer.ttl_seconds) == (sources, ttl_seconds)


@pytest.mark.parametrize(
    ("different", "message"),
    [
        ({"version": "'1.0'"}, "Api.Auth.Authorizers.Tokens: only payload format 2.0"),
        ({"simple": "false"}, "only payload format 2.0 with simple responses"),
        ({"arn": "arn:aws:lambda:eu-west-3:000000000000:function:x"}, "Tokens.FunctionArn must be"),
        ({"arn": "!GetAtt Decide.Name"}, "Tokens.FunctionArn must be"),
        ({"identity": "{Context: [routeKey]}"}, "Identity may have Headers, QueryStrings, ReauthorizeEvery"),
        ({"identity": "[Authorization]"}, "Identity may have"),
        ({"identity": "{Headers: Authorization}"}, "Identity.Headers must be a list"),
        ({"identity": "{Headers: [A], ReauthorizeEvery: 3601}"}, "whole seconds, 0 to 3600"),
        ({"identity": "{Headers: [A], ReauthorizeEvery: -1}"}, "whole seconds, 0 to 3600"),
        ({"identity": "{ReauthorizeEvery: 30}"}, "nothing to keep an answer for"),
        ({"route": "{ApiId: !Ref Api, Path: /a, Auth: {Authorizer: AWS_IAM}}"}, "F.Events.R: Api has no authorizer AWS_IAM"),
        ({"route": "{ApiId: !ImportValue x, Path: /a, Auth: {Authorizer: Tokens}}"}, "no authorizer Tokens"),
    ],
)  # fmt: skip
def test_route_whose_guard_does_not_run_here_is_refused(
    different: dict[str, str], message: str, load: Load
) -> None:
    with pytest.raises(TemplateError, match=message):
        load(guarded(**different))


def test_outputs_that_are_functions_are_read(load: Load) -> None:
    assert load(guarded()).outputs == {"DecideArn": "Decide", "FArn": "F"}


def test_authorizer_of_another_stack_is_borrowed_by_the_name_of_its_output(load: Load) -> None:
    stack = load(guarded(arn="!Ref TheirArn"))
    assert stack.borrowed == {"TheirArn"}
    lender = load(guarded().replace("DecideArn:", "TheirArn:"))
    together = borrow_authorizers(stack, lender)
    assert not together.borrowed
    assert [function.logical_id for function in together.functions] == ["Decide", "F", "TheirArn"]
    assert together.functions[-1].name == "decide"
    assert together.functions[-1].code_dir == lender.functions[0].code_dir


@pytest.mark.parametrize("name", ["Other", "Url"])
def test_authorizer_that_the_stack_beside_does_not_have_is_refused(name: str, load: Load) -> None:
    stack = load(guarded(arn=f"!Ref {name}").replace("Outputs:", "Unused:"))
    with pytest.raises(TemplateError, match=f"authorizer {name}: neither a function"):
        borrow_authorizers(stack, load(guarded()))


SCHEDULED = """
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/some_thing/
      Events:
        Minutely: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
        Daily: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(2 days), Input: '{"task":"x"}'}}
        Route: {Type: HttpApi, Properties: {Path: /x, Method: GET}}
"""


def test_schedules_of_both_kinds_are_read(load: Load) -> None:
    assert load(SCHEDULED).schedules == (
        Schedule("F", "Minutely", 60, None),
        Schedule("F", "Daily", 172_800, '{"task":"x"}'),
    )


@pytest.mark.parametrize("expression", ["cron(0 12 * * ? *)", "rate(0 minutes)", "rate(1 week)", "often"])
def test_schedule_that_is_not_understood_is_refused_with_its_place(load: Load, expression: str) -> None:
    with pytest.raises(TemplateError, match=r"F\.Events\.Minutely: only rate"):
        load(SCHEDULED.replace("rate(1 minute)", f"'{expression}'"))
