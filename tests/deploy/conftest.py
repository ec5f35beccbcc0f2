"""Four emulated regions, the built templates, and the command line that deploys them."""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
import pytest

from infra.deploy.artifacts import BUILD_DIR, STAMP
from infra.deploy.cli import main
from infra.local.emulator import LOCAL_CREDENTIALS
from tests.engines import run_ministack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from botocore.client import BaseClient


class Outcome(NamedTuple):
    """What a command left: exit code, report (if it wrote one)."""

    code: int
    report: dict[str, Any]

    def results(self, what: str = "stack") -> dict[str, str]:
        """Return the result in each region of one pass."""
        return {o["where"]: o["result"] for o in self.report["outcomes"] if o["what"] == what}


class Deployer:
    """Runs commands in this process, as ``python -m infra.deploy`` would, against one emulator."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self._local = directory / "local"
        self._directory = directory
        self._builds = 0
        self._session = boto3.Session(
            LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"], LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
        )
        self.built = self._copied(BUILD_DIR, {})

    def run(self, command: str, *options: str) -> Outcome:
        before = set(self._local.glob("report-*.json"))
        code = main([command, "--endpoint-url", self.url, "--local-dir", str(self._local), "--yes", *options])
        fresh = sorted(set(self._local.glob("report-*.json")) - before)
        return Outcome(code, json.loads(fresh[-1].read_text("utf-8")) if fresh else {})

    def deploy(self, *options: str, build: Path | None = None) -> Outcome:
        return self.run("deploy", "--build-dir", str(build or self.built), *options)

    def changed(self, function: str, addition: str) -> Path:
        """Return a build that differs in one function's source."""
        source = (self.built / function / "app.py").read_text("utf-8")
        return self._copied(self.built, {f"{function}/app.py": source + addition})

    def renamed_table(self, logical_id: str) -> Path:
        """Return a build in which a table has another name, for which CloudFormation must make another table."""
        template = (self.built / "template.yaml").read_text("utf-8")
        start = re.search(rf"^  {logical_id}:\n(?:    .*\n)*?    Properties:\n", template, re.MULTILINE)
        assert start is not None
        changed = f"{template[: start.end()]}      TableName: renamed\n{template[start.end() :]}"
        return self._copied(self.built, {"template.yaml": changed})

    def client(self, service: str, aws_region: str) -> BaseClient:
        made: BaseClient = self._session.client(service, aws_region, endpoint_url=self.url)  # type: ignore[call-overload]
        return made

    def live_code(self, function: str, aws_region: str) -> str:
        """Return the digest of the code that alias live of a function runs."""
        client: Any = self.client("lambda", aws_region)
        found = client.get_function(FunctionName=f"kaizen-edge-{function}", Qualifier="live")
        return str(found["Configuration"]["CodeSha256"])

    def api(self, aws_region: str) -> str:
        """Return the id of the API of a region."""
        client: Any = self.client("cloudformation", aws_region)
        found = client.describe_stack_resources(StackName="kaizen-edge", LogicalResourceId="HttpApi")
        return str(found["StackResources"][0]["PhysicalResourceId"])

    def stack(self, aws_region: str) -> dict[str, Any]:
        client: Any = self.client("cloudformation", aws_region)
        found: dict[str, Any] = client.describe_stacks(StackName="kaizen-edge")["Stacks"][0]
        return found

    def _copied(self, source: Path, files: dict[str, str]) -> Path:
        self._builds += 1
        target = self._directory / f"build-{self._builds}"
        shutil.copytree(source, target, copy_function=os.link)
        for name, content in files.items():
            (target / name).unlink()  # a link to the original
            (target / name).write_text(content, "utf-8")
        return target


@pytest.fixture(scope="module")
def deployer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployer]:
    """A deployer against an emulator of its own, where nothing is deployed yet."""
    assert (BUILD_DIR / STAMP).is_file(), "nothing is built: make build"
    directory = tmp_path_factory.mktemp("deploy")
    with run_ministack(directory / "ministack.log") as url:
        yield Deployer(url, directory)
