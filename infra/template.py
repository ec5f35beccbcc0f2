"""
Reads ``template.yaml`` for one region: its functions, routes, schedules and tables, as CloudFormation would resolve them.

The template stays the one truth: local regions, tests and tools learn names, environments and key schemas here and
keep no copy. Only what is asked for is resolved, so a role or an alarm may use anything CloudFormation knows.

It does not expand SAM (no generated roles, versions or permissions) and does not validate: cfn-lint does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from infra.authorizers import Authorizer, function_of_arn, read_authorizer
from infra.intrinsics import Resolver
from infra.template_document import Scope, TemplateError, absent, load_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = [
    "Authorizer",
    "Function",
    "Route",
    "Schedule",
    "Stack",
    "Table",
    "TemplateError",
    "borrow_authorizers",
    "create_global_tables",
    "create_tables",
    "load_stack",
]

FUNCTION_TYPE = "AWS::Serverless::Function"
SCHEDULE_TYPES = ("Schedule", "ScheduleV2")
IMPLICIT_API = "ServerlessHttpApi"
"""The API that SAM makes for routes that name none."""

TABLE_TYPES = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
DEFAULT_TIMEOUT_SECONDS = 3
DEFAULT_MEMORY_MB = 128

CREATE_TABLE_PROPERTIES = (
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "StreamSpecification",
)
"""What CreateTable takes under the name that CloudFormation uses; an engine on this machine needs no more."""

GSI_PROPERTIES = ("IndexName", "KeySchema", "Projection")


@dataclass(frozen=True)
class Function:
    """
    One Lambda function.

    Attributes:
        logical_id: its key in the template.
        name: the folder's name, ``ratelimit_check``.
        code_dir: absolute path of the folder.
        handler: ``module.attribute``.
        timeout_seconds: the longest that one invocation may take.
        memory_mb: what it is told that it has.
        environment: variables, resolved; what refers to an absent optional value is left out.
    """

    logical_id: str
    name: str
    code_dir: Path
    handler: str
    timeout_seconds: int
    memory_mb: int
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Route:
    """
    One route of the HTTP API.

    Attributes:
        method: upper case, or ``ANY``.
        path: as in the template with ``{name}`` and ``{name+}``, or ``$default``.
        function: logical id of the function that answers.
        authorizer: who decides whether it is asked; None if anybody may.
    """

    method: str
    path: str
    function: str
    authorizer: Authorizer | None = None

    @property
    def key(self) -> str:
        """Return the ``routeKey`` of events: ``GET /pets/{id}``, or ``$default``."""
        return self.path if self.path == "$default" else f"{self.method} {self.path}"


@dataclass(frozen=True)
class Schedule:
    """
    One invocation that comes again and again (EventBridge).

    Attributes:
        function: logical id of the function that is invoked.
        name: of the event in the template.
        every_seconds: from one to the next.
        payload: the JSON text that it is invoked with; None for EventBridge's own event.
    """

    function: str
    name: str
    every_seconds: int
    payload: str | None


@dataclass(frozen=True)
class Table:
    """
    One DynamoDB table.

    Attributes:
        logical_id: its key in the template.
        name: the physical name.
        create_table: keyword arguments for boto3's ``create_table``.
        ttl_attribute: attribute that holds the expiry in epoch seconds, or None.
        replica_regions: AWS's names of the regions that a global table is in; empty for a table of one region.
    """

    logical_id: str
    name: str
    create_table: Mapping[str, object]
    ttl_attribute: str | None
    replica_regions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stack:
    """
    What one region runs, in the order of the template.

    Attributes:
        functions: all of them.
        routes: of the HTTP API.
        tables: all of them.
        outputs: logical ids of functions by the outputs that tell their ARN.
        schedules: what is invoked by the clock.
    """

    functions: tuple[Function, ...]
    routes: tuple[Route, ...]
    tables: tuple[Table, ...]
    outputs: Mapping[str, str] = field(default_factory=dict)
    schedules: tuple[Schedule, ...] = ()

    @property
    def borrowed(self) -> frozenset[str]:
        """Parameters that bring the ARN of an authorizer of another stack."""
        own = {function.logical_id for function in self.functions}
        asked = {route.authorizer.function for route in self.routes if route.authorizer is not None}
        return frozenset(asked - own)


def load_stack(
    path: Path,
    *,
    aws_region: str,
    stack_name: str = "kaizen-edge-local",
    parameters: Mapping[str, str] | None = None,
) -> Stack:
    """
    Read the template at *path* as the stack *stack_name* in *aws_region*.

    Args:
        path: a SAM or CloudFormation template, YAML or JSON.
        aws_region: what ``AWS::Region`` means, ``eu-west-3``.
        stack_name: what ``AWS::StackName`` means; also the prefix of table names.
        parameters: values for the template's parameters; others take their defaults.

    Raises:
        TemplateError: the file is not a template, or a value that is needed cannot be resolved; says where.
        OSError: the file cannot be read.
    """
    document = load_document(path)
    scope = Scope.of(document, aws_region=aws_region, stack_name=stack_name, parameters=parameters or {})
    resolver = Resolver(scope)
    defaults = _mapping(document, "Globals").get("Function", {})
    functions: list[Function] = []
    routes: list[Route] = []
    tables: list[Table] = []
    schedules: list[Schedule] = []
    for logical_id, resource in resolver.resources():
        if resource.get("Type") == FUNCTION_TYPE:
            properties = merged(defaults, resource.get("Properties", {}))
            functions.append(_function(logical_id, properties, resolver, path.parent))
            routes.extend(_routes(logical_id, properties, resolver, document))
            schedules.extend(_schedules(logical_id, properties, resolver))
        elif resource.get("Type") in TABLE_TYPES:
            tables.append(_table(logical_id, _mapping(resource, "Properties"), resolver))
    return Stack(
        tuple(functions), tuple(routes), tuple(tables), _outputs(document, functions), tuple(schedules)
    )


def borrow_authorizers(stack: Stack, lender: Stack) -> Stack:
    """
    Return *stack* with the authorizers that it takes from another stack as functions of its own.

    A parameter gets the lender's output of the same name, as an operator would pass it on AWS.

    Args:
        stack: as :func:`load_stack` returns it.
        lender: the stack that runs beside it.

    Raises:
        TemplateError: the lender has no such output, or it tells no function.
    """
    of = {function.logical_id: function for function in lender.functions}
    lent: list[Function] = []
    for parameter in sorted(stack.borrowed):
        if parameter not in lender.outputs:
            msg = f"authorizer {parameter}: neither a function of the template nor an output of the one beside it"
            raise TemplateError(msg)
        lent.append(replace(of[lender.outputs[parameter]], logical_id=parameter))
    return replace(stack, functions=(*stack.functions, *lent))


def merged(defaults: object, own: object) -> dict[str, object]:
    """
    Merge SAM's Globals under a resource's own properties: maps key by key, lists joined, others replaced.

    Example:
        >>> merged({"Timeout": 10, "Layers": [1]}, {"Timeout": 3, "Layers": [2]})
        {'Timeout': 3, 'Layers': [1, 2]}
    """
    if not isinstance(defaults, dict) or not isinstance(own, dict):
        raise TemplateError("Globals and Properties must be maps")
    result = dict(defaults)
    for key, value in own.items():
        below = result.get(key)
        if isinstance(below, dict) and isinstance(value, dict) and not _is_intrinsic(below | value):
            result[key] = merged(below, value)
        elif isinstance(below, list) and isinstance(value, list):
            result[key] = [*below, *value]
        else:
            result[key] = value
    return result


def create_tables(stack: Stack, client: DynamoDBClient) -> None:
    """
    Create every table of *stack* that is not there yet and return once all are ACTIVE.

    Args:
        stack: as :func:`load_stack` returns it.
        client: a boto3 DynamoDB client of the region.
    """
    for table in stack.tables:
        try:
            client.create_table(**table.create_table)  # type: ignore[arg-type]
        except client.exceptions.ResourceInUseException:
            continue  # it is there already, as after a restart with kept state
    waiter = client.get_waiter("table_exists")
    for table in stack.tables:
        waiter.wait(TableName=table.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        if table.ttl_attribute is not None and not _has_ttl(client, table.name):
            client.update_time_to_live(
                TableName=table.name,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": table.ttl_attribute},
            )


def create_global_tables(stack: Stack, client_of: Callable[[str], DynamoDBClient]) -> None:
    """
    Create every table of *stack* where its first replica is, and the replicas that are not there yet.

    Args:
        stack: of global tables only.
        client_of: returns a boto3 DynamoDB client of an AWS region.
    """
    for table in stack.tables:
        first, *others = table.replica_regions
        client = client_of(first)
        create_tables(Stack((), (), (table,)), client)
        described = client.describe_table(TableName=table.name)["Table"]
        there = {replica["RegionName"] for replica in described.get("Replicas", [])}
        for region in others:
            if region not in there:  # one at a time: UpdateTable takes no more
                client.update_table(TableName=table.name, ReplicaUpdates=[{"Create": {"RegionName": region}}])


def _has_ttl(client: DynamoDBClient, name: str) -> bool:
    described = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    return described.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")


def _function(logical_id: str, properties: dict[str, object], resolver: Resolver, root: Path) -> Function:
    def value(name: str, default: object) -> object:
        found = resolver.resolve(properties.get(name, default), where=f"{logical_id}.{name}")
        return default if absent(found) else found

    code_dir = (root / str(value("CodeUri", "."))).resolve()
    raw_variables = _mapping(_mapping(properties, "Environment"), "Variables")
    environment = {}
    for name, raw in raw_variables.items():
        resolved = resolver.resolve(raw, where=f"{logical_id}.Environment.{name}")
        if not absent(resolved):
            environment[name] = _text(resolved, where=f"{logical_id}.Environment.{name}")
    return Function(
        logical_id=logical_id,
        name=code_dir.name,
        code_dir=code_dir,
        handler=str(value("Handler", "app.handler")),
        timeout_seconds=_whole(value("Timeout", DEFAULT_TIMEOUT_SECONDS), where=f"{logical_id}.Timeout"),
        memory_mb=_whole(value("MemorySize", DEFAULT_MEMORY_MB), where=f"{logical_id}.MemorySize"),
        environment=environment,
    )


def _routes(
    logical_id: str, properties: dict[str, object], resolver: Resolver, document: dict[str, object]
) -> Iterator[Route]:
    for name, event in _mapping(properties, "Events").items():
        if not isinstance(event, dict) or event.get("Type") != "HttpApi":
            continue
        where = f"{logical_id}.Events.{name}"
        details = _mapping(event, "Properties")
        path = details.get("Path")
        authorizer = _authorizer(details, resolver, document, where)
        if path is None:  # SAM: no path means the API's $default route
            yield Route("ANY", "$default", logical_id, authorizer)
        else:
            method = resolver.resolve(details.get("Method", "ANY"), where=where)
            method = "ANY" if method == "*" else str(method).upper()
            yield Route(method, str(resolver.resolve(path, where=where)), logical_id, authorizer)


def _schedules(logical_id: str, properties: dict[str, object], resolver: Resolver) -> Iterator[Schedule]:
    for name, event in _mapping(properties, "Events").items():
        if not isinstance(event, dict) or event.get("Type") not in SCHEDULE_TYPES:
            continue
        where = f"{logical_id}.Events.{name}"
        details = _mapping(event, "Properties")
        # Schedule and ScheduleV2 name it differently
        expression = details.get("Schedule", details.get("ScheduleExpression"))
        found = re.fullmatch(_RATE, str(resolver.resolve(expression, where=where)))
        if found is None:
            msg = f"{where}: only rate(n minutes|hours|days) is known here"
            raise TemplateError(msg)
        payload = resolver.resolve(details.get("Input"), where=where)
        every_seconds = int(found[1]) * _UNIT_SECONDS[found[2]]
        yield Schedule(logical_id, str(name), every_seconds, None if payload is None else str(payload))


_RATE = r"rate\(([1-9]\d{0,5}) (minute|hour|day)s?\)"
_UNIT_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}


def _authorizer(
    details: dict[str, object], resolver: Resolver, document: dict[str, object], where: str
) -> Authorizer | None:
    own = _mapping(details, "Auth").get("Authorizer")
    reference = details.get("ApiId")
    api = str(reference.get("Ref")) if isinstance(reference, dict) else IMPLICIT_API
    resource = _mapping(_mapping(document, "Resources"), api)
    properties = merged(_mapping(document, "Globals").get("HttpApi", {}), resource.get("Properties", {}))
    return read_authorizer(own, _mapping(properties, "Auth"), api=api, resolver=resolver, where=where)


def _outputs(document: dict[str, object], functions: list[Function]) -> dict[str, str]:
    of = {function.logical_id for function in functions}
    told = {
        name: function_of_arn(output.get("Value"))
        for name, output in _mapping(document, "Outputs").items()
        if isinstance(output, dict)
    }
    return {name: function for name, function in told.items() if function in of}


def _table(logical_id: str, properties: dict[str, object], resolver: Resolver) -> Table:
    def value(name: str) -> object:
        return resolver.resolve(properties.get(name), where=f"{logical_id}.{name}")

    name = resolver.table_name(logical_id)
    arguments: dict[str, object] = {"TableName": name, "BillingMode": "PAY_PER_REQUEST"}
    for key in CREATE_TABLE_PROPERTIES:
        found = value(key) if key in properties else None
        if found is not None and not absent(found):
            arguments[key] = found
    indexes = arguments.get("GlobalSecondaryIndexes")
    if isinstance(indexes, list):
        arguments["GlobalSecondaryIndexes"] = [
            {key: index[key] for key in GSI_PROPERTIES if key in index} for index in indexes
        ]
    stream = arguments.get("StreamSpecification")
    if isinstance(stream, dict):
        arguments["StreamSpecification"] = {"StreamEnabled": True, **stream}
    ttl = value("TimeToLiveSpecification")
    enabled = isinstance(ttl, dict) and str(ttl.get("Enabled")).lower() == "true"
    ttl_attribute = str(ttl["AttributeName"]) if isinstance(ttl, dict) and enabled else None
    replicas = value("Replicas")
    regions = tuple(str(replica["Region"]) for replica in replicas) if isinstance(replicas, list) else ()
    return Table(logical_id, name, arguments, ttl_attribute, regions)


def _mapping(parent: object, key: str) -> dict[str, object]:
    found = parent.get(key) if isinstance(parent, dict) else None
    if found is None:
        return {}
    if not isinstance(found, dict):
        msg = f"{key} must be a map"
        raise TemplateError(msg)
    return found


def _is_intrinsic(value: dict[str, object]) -> bool:
    return any(key == "Ref" or key.startswith("Fn::") for key in value)


def _text(value: object, *, where: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()  # CloudFormation writes JSON booleans
    if isinstance(value, (str, int, float)):
        return str(value)
    msg = f"{where} must be text, it is a {type(value).__name__}"
    raise TemplateError(msg)


def _whole(value: object, *, where: str) -> int:
    try:
        return int(str(value))
    except ValueError:
        msg = f"{where} must be a whole number"
        raise TemplateError(msg) from None
