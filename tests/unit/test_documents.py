"""What the documents say is there: settings, alarms, metrics, prices, folders, files, and every command they tell to type."""

from __future__ import annotations

import re
import shlex
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from moto import mock_aws

from edge.settings import Settings
from edge.signing.keys import SigningKeys
from edge.telemetry.definitions import DEFINITIONS
from edge.telemetry.labels import EVENT, ROUTES, UNMATCHED
from infra.auth_secret import new_auth_secret
from infra.cost.__main__ import BEGIN, END, tables
from infra.cost.__main__ import make_parser as cost_parser
from infra.deploy.cli import make_parser as deploy_parser
from infra.geo.cli import make_parser as geo_parser
from infra.operate.parsing import make_parser as operate_parser
from infra.template import load_stack
from infra.template_document import load_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
PAGES: Final = sorted(
    [
        *DOCS.glob("*.md"),
        *DOCS.glob("decisions/*.md"),
        *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md")),
    ]
)
MAKEFILE: Final = (ROOT / "Makefile").read_text("utf-8")
TEMPLATE: Final = ROOT / "template.yaml"
GLOBAL_TEMPLATE: Final = ROOT / "infra" / "global.yaml"


def text_of(page: str) -> str:
    return (DOCS / page).read_text("utf-8")


def section(page: str, title: str) -> str:
    """Return what stands under *title*, up to the next one of its rank."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text_of(page), re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def rows(text: str) -> list[list[str]]:
    """Return the cells of the tables in *text*, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    ruled = [number for number, line in enumerate(lines) if re.fullmatch(r"\|[-:| ]+\|", line)]
    heads = {number - 1 for number in ruled} | set(ruled)
    kept = [line for number, line in enumerate(lines) if number not in heads]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in kept]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# Settings


class Asked(dict[str, str]):
    """An environment that notes what it is asked for."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(given)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


SETTINGS: Final = rows(section("operations.md", "Settings"))


def test_settings_of_the_page_are_those_that_are_read() -> None:
    environ = Asked({"AWS_REGION": "us-west-1"})
    Settings.from_env(environ)
    told = [name for row in SETTINGS for name in quoted(row[0])]
    assert len(told) == len(set(told))
    assert set(told) == environ.names


def test_defaults_of_the_page_are_those_that_hold() -> None:
    bare = {"AWS_REGION": "us-west-1"}
    checked = 0
    for names, default, _ in SETTINGS:
        for name, value in zip(quoted(names), quoted(default), strict=False):
            if name == "EDGE_REGION":
                continue
            assert Settings.from_env({**bare, name: value}) == Settings.from_env(bare), name
            checked += 1
    assert checked >= 12


# Alarms


def resources(path: Path, *types: str) -> set[str]:
    document: dict[str, Any] = load_document(path)
    return {name for name, found in document["Resources"].items() if found["Type"] in types}


def test_alarms_of_the_page_are_those_of_the_template() -> None:
    patterns = {}
    for told, *_ in rows(section("operations.md", "Alarms")):
        (name,) = quoted(told)
        patterns[name] = re.compile(re.sub(r"<\w+>", r"\\w+", name))
    alarms = resources(TEMPLATE, "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    met = {}
    for alarm in alarms:
        fitting = [name for name, pattern in patterns.items() if pattern.fullmatch(alarm)]
        assert fitting, f"{alarm} is not told of"
        met[alarm] = alarm if alarm in patterns else fitting[0]
    assert set(met.values()) == set(patterns)


# Metrics, prices


def metric_rows() -> list[str]:
    return [
        f"| `{found.name}` | {found.kind} | {', '.join(f'`{label}`' for label in found.labels) or '-'} | {found.help} |"
        for found in DEFINITIONS
    ]


def test_metrics_of_the_page_are_those_that_are_defined() -> None:
    told = [line for line in section("telemetry.md", "Metrics").splitlines() if line.startswith("| `")]
    assert told == metric_rows()


def test_prices_of_the_page_are_what_the_command_prints() -> None:
    """``python -m infra.cost --update`` writes them anew."""
    told = text_of("cost.md").partition(BEGIN)[2].partition(END)[0]
    assert told.strip() == tables("arm64")


# Architecture


def test_tables_of_the_page_are_those_of_the_templates() -> None:
    told = {name for row in rows(section("architecture.md", "State")) for name in quoted(row[0])}
    kinds = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
    assert told == resources(TEMPLATE, *kinds) | resources(GLOBAL_TEMPLATE, *kinds)


def test_schedules_of_the_page_are_those_of_the_template() -> None:
    stack = load_stack(TEMPLATE, aws_region="us-west-1")
    functions = {function.logical_id: function.name for function in stack.functions}
    running = {functions[each.function]: each.every_seconds for each in stack.schedules}
    told = {
        quoted(row[0])[0]: int(re.findall(r"\d+", row[1])[0])
        for row in rows(section("architecture.md", "What runs by the clock"))
    }
    assert told == running


def test_folders_of_edge_are_all_on_the_map() -> None:
    told = " ".join(row[0] for row in rows(section("architecture.md", "Where things stand")))
    edge = {
        path.name for path in (ROOT / "shared" / "edge").iterdir() if path.is_dir() and path.name[0] != "_"
    }
    infra = {path.name for path in (ROOT / "infra").iterdir() if path.is_dir() and path.name[0] != "_"}
    assert {name for name in edge | infra if f"{name}/" not in told} == set()


# What is named is there

PATHS: Final = re.compile(
    r"`((?:shared|functions|infra|tests|docs|examples)/[\w./-]+|template\.yaml|samconfig\.toml|Makefile)`"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_links_of_a_page_are_there(page: Path) -> None:
    text = page.read_text("utf-8")
    for name in PATHS.findall(text):
        assert (ROOT / name).exists(), name
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target
    for anchor in re.findall(r"\]\(#([^)]+)\)", text):
        titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, anchor


# Commands


def commands(page: Path) -> Iterator[list[str]]:
    """Return the commands of a page's shell blocks, each as words; pipes and substitutions are taken apart."""
    for block in re.findall(
        r"^```(?:sh|console)\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    ):
        joined = block.replace("\\\n", " ")
        if re.search(r"^\$ ", joined, re.MULTILINE):
            joined = "\n".join(line[2:] for line in joined.splitlines() if line.startswith("$ "))
        for line in joined.splitlines():
            yield from _split(line)


def _split(line: str) -> Iterator[list[str]]:
    for inner in re.findall(r"\$\(([^()]*)\)", line):
        yield from _split(inner)
    line = re.sub(r"\"?\$\([^()]*\)\"?", "SUBSTITUTED", line)
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words: list[str] = []
    for word in [*lexer, "|"]:
        if word in ("|", "&&", ";"):
            if words:
                yield _without_environment(words)
            words = []
        else:
            words.append(word)


def _without_environment(words: list[str]) -> list[str]:
    words = words[: words.index(">")] if ">" in words else words
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    return words[1:] if words[:1] == ["export"] else words


COMMANDS: Final = [
    pytest.param(words, id=f"{page.stem}: {' '.join(words[:4])}")
    for page in PAGES
    for words in commands(page)
]
PLAIN: Final = frozenset(
    [
        "alias",
        "cat",
        "cd",
        "cut",
        "echo",
        "grep",
        "head",
        "jq",
        "ls",
        "openssl",
        "promtool",
        "sed",
        "sleep",
        "sort",
        "tail",
    ]
)
"""Programs of any machine, and of those who work with Prometheus."""


@pytest.mark.parametrize("words", COMMANDS)
def test_command_of_a_page_is_one_that_exists(words: list[str]) -> None:
    program, *arguments = words
    if is_module := program in ("python", ".venv/bin/python"):
        assert arguments[0] == "-m", words
        program, *arguments = arguments[1:]
    if program in CHECKS:
        CHECKS[program](arguments)
    elif is_module:
        assert (ROOT / program.replace(".", "/") / "__main__.py").exists(), words
    else:
        assert program in PLAIN or re.match(r"\.venv-\w+/bin/", program), words


def _make(arguments: list[str]) -> None:
    targets = [word for word in arguments if "=" not in word]
    for target in targets:
        assert re.search(rf"^{re.escape(target)}:.*## ", MAKEFILE, re.MULTILINE), target
    for variable in [word.partition("=")[0] for word in arguments if "=" in word]:
        assert re.search(rf"\$\(or \$\({variable}\)|\$\({variable}\)|\$\(if \$\({variable}\)", MAKEFILE), (
            variable
        )


def _operate(arguments: list[str]) -> None:
    operate_parser(arguments).parse_args(arguments)


def _deploy(arguments: list[str]) -> None:
    deploy_parser().parse_args(arguments)
    parameters = {name for path in (TEMPLATE, GLOBAL_TEMPLATE) for name in _parameters(path)}
    given = [after for word, after in pairwise(arguments) if word == "--set"]
    assert {value.partition("=")[0] for value in given} <= parameters


def _parameters(path: Path) -> Mapping[str, object]:
    document: dict[str, Any] = load_document(path)
    found: Mapping[str, object] = document["Parameters"]
    return found


def _cost(arguments: list[str]) -> None:
    cost_parser().parse_args(arguments)


def _geo(arguments: list[str]) -> None:
    geo_parser().parse_args(arguments)


def _bench(arguments: list[str]) -> None:
    for name in arguments:
        assert (ROOT / "tests" / "bench" / f"{name}.py").exists(), name


@cache
def _services() -> botocore.session.Session:
    return botocore.session.get_session()


def _aws(arguments: list[str]) -> None:
    service, operation, *rest = arguments
    try:
        model = _services().get_service_model(service)
    except UnknownServiceError:
        pytest.fail(f"aws has no {service}")
    if operation == "wait":
        waiters = _services().get_waiter_model(service)
        waiter = {xform_name(name, "-"): name for name in waiters.waiter_names}[rest.pop(0)]
        operation = xform_name(waiters.get_waiter(waiter).operation, "-")
    named = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in named, operation
    shape = model.operation_model(named[operation]).input_shape
    members = set() if shape is None else {f"--{xform_name(name, '-')}" for name in shape.members}
    given = {word for word in rest if word.startswith("--")} - {
        "--region",
        "--query",
        "--output",
        "--profile",
    }
    assert given <= members, given - members
    required = set() if shape is None else {f"--{xform_name(name, '-')}" for name in shape.required_members}
    assert required <= given, required - given


def _curl(arguments: list[str]) -> None:
    method = "GET"
    url = ""
    skipped = {"-X", "-H", "-d", "-o", "-w", "--data-binary", "--data", "-u", "--max-time"}
    words = iter(arguments)
    for word in words:
        if word in skipped:
            value = next(words)
            method = (
                value
                if word == "-X"
                else "POST"
                if word.startswith(("-d", "--data")) and method == "GET"
                else method
            )
        elif not word.startswith("-"):
            url = word
    if re.match(r"https?://(\w{3}\d\.example\.com|127\.0\.0\.1:800\d)", url) is None:
        return  # somebody else's
    path = re.sub(r"^https?://[^/]+|\?.*", "", url)
    for routes in ROUTES.values():
        for route, methods in routes.items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route), path):
                assert method in methods, (method, path)
                return
    pytest.fail(f"no route is {path}")


CHECKS: Final = {
    "make": _make,
    "operate": _operate,
    "infra.operate": _operate,
    "infra.deploy": _deploy,
    "infra.cost": _cost,
    "infra.geo": _geo,
    "tests.bench": _bench,
    "aws": _aws,
    "curl": _curl,
}


# Python blocks of the runbook, run in an emulated account


def python_block(title: str) -> str:
    (block,) = re.findall(
        r"^```python\n(.*?)^```$", section("operations.md", title), re.MULTILINE | re.DOTALL
    )
    return str(block)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "emulated")
    with mock_aws():
        yield


@pytest.mark.usefixtures("account")
def test_master_of_signatures_is_replaced_and_nothing_else_of_the_secret() -> None:
    import json

    client = boto3.client("secretsmanager", region_name="us-east-1")
    before = json.loads(new_auth_secret(issuer="kaizen-edge", now_seconds=2_000_000_000))
    client.create_secret(Name="kaizen-edge-global-auth", SecretString=json.dumps(before))

    exec(compile(python_block("A key of the house leaked"), "operations.md", "exec"), {})  # noqa: S102 - our own file

    after = json.loads(client.get_secret_value(SecretId="kaizen-edge-global-auth")["SecretString"])
    (old,), (new,) = before.pop("signing_master"), after.pop("signing_master")
    assert after == before
    assert new["version"] == old["version"] + 1
    assert new["secret"] != old["secret"]
    SigningKeys.parse([new])


@pytest.mark.usefixtures("account")
def test_restored_items_fill_gaps_and_change_nothing_that_is_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    for table in ("kaizen-edge-keys-restored", "kaizen-edge-global-keys"):
        client.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )

    def put(table: str, key: str, state: str) -> None:
        client.put_item(TableName=table, Item={"pk": {"S": key}, "sk": {"S": "M"}, "state": {"S": state}})

    put("kaizen-edge-keys-restored", "lost", "old")
    put("kaizen-edge-keys-restored", "there", "old")
    put("kaizen-edge-global-keys", "there", "new")
    put("kaizen-edge-global-keys", "since", "new")

    exec(compile(python_block("Restore from a point in time"), "operations.md", "exec"), {})  # noqa: S102 - our own file

    found = client.scan(TableName="kaizen-edge-global-keys")["Items"]
    assert {item["pk"]["S"]: item["state"]["S"] for item in found} == {
        "lost": "old",
        "there": "new",
        "since": "new",
    }
    assert capsys.readouterr().out == "1 items were missing\n"


# The README's table


def routes_of(cell: str) -> Iterator[str]:
    """Return the routes of a cell such as ``POST`` and ``GET /a``, ``/b``: methods go on until others come."""
    methods: list[str] = []
    is_open = False
    for told in quoted(cell):
        method, _, path = told.partition(" ") if told[0] != "/" else ("", "", told)
        if method:
            methods = [*methods, method] if is_open else [method]
        is_open = not path
        if path:
            yield from (f"{each} {path}" for each in methods)


def test_functions_and_routes_of_the_readme_are_those_that_are_deployed() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    found = re.search(r"^\| concern \|.*?\n\n", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    told = rows(found[0])
    document: dict[str, Any] = load_document(TEMPLATE)
    deployed = {
        Path(found["Properties"]["CodeUri"]).name
        for found in document["Resources"].values()
        if found["Type"] == "AWS::Serverless::Function"
    }
    assert {name.removeprefix("functions/") for row in told for name in quoted(row[2])} == deployed
    assert sorted(route for row in told for route in routes_of(row[1])) == sorted(
        f"{method} {route}"
        for name in deployed
        for route, methods in ROUTES[name].items()
        if route not in (EVENT, UNMATCHED)
        for method in methods
    )
