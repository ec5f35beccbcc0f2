"""The newcomer's path: what README prints is what happens."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest

from edge.regions import ROUTABLE
from tests.local.running import ROOT, LocalSetup

if TYPE_CHECKING:
    from collections.abc import Iterator

README = (ROOT / "README.md").read_text("utf-8")
README_PORT = 8000


class Step(NamedTuple):
    """A command and what README says it prints."""

    command: str
    output: str


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def steps(block: str) -> list[Step]:
    joined = block.replace("\\\n", " ")
    return [
        Step(command.strip(), output.strip())
        for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", joined, re.M)
    ]


def without_what_varies(text: str) -> str:
    """Blank out times, waits and request ids; everything else must be equal."""
    text = re.sub(r"\b1\d{9}\b", "<time>", text)
    text = re.sub(r'"retry_after_ms":[1-9]\d*', '"retry_after_ms":<wait>', text)
    text = re.sub(r";t=\d+", ";t=<seconds>", text)
    text = re.sub(r"^(60|61|62)$", "<seconds>", text, flags=re.MULTILINE)
    return re.sub(r'"instance":"[^"]+"', '"instance":"<id>"', text)


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSetup]:
    running = LocalSetup(tmp_path_factory.mktemp("readme"), template=ROOT / "template.yaml")
    running.wait_ready()
    yield running
    running.end()


def test_console_blocks_print_what_they_say(setup: LocalSetup) -> None:
    found = [step for block in blocks("console") for step in steps(block)]
    assert len(found) >= 5
    for step in found:
        command = re.sub(
            r"127\.0\.0\.1:(80\d\d)",
            lambda match: f"127.0.0.1:{setup.base_port + int(match[1]) - README_PORT}",
            step.command,
        )
        environment = {**os.environ, "KEY": str(setup.wait_ready()["admin_api_key"])}
        done = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, timeout=30, env=environment
        )

        assert done.returncode == 0, done.stderr
        assert without_what_varies(done.stdout.strip()) == without_what_varies(step.output)


def test_python_blocks_run() -> None:
    found = blocks("python")
    assert found
    for block in found:
        exec(compile(block, "README.md", "exec"), {})  # noqa: S102 - our own file


def test_shell_blocks_name_what_exists() -> None:
    """Run elsewhere: `make up` here and in test_lifecycle, `make test` is this run, deploying needs an account."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    lines = [line for block in blocks("sh") for line in block.strip().splitlines()]
    assert {"make up", "make test"} <= {line.partition("#")[0].strip() for line in lines}
    for line in lines:
        made = re.fullmatch(r"(?:export KEY=\$\()?make ([a-z-]+)\b.*", line)
        assert made is not None, line
        assert re.search(rf"^{made[1]}:.*## ", makefile, re.MULTILINE), line


def test_ci_runs_the_readmes_test_command() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()


def test_table_of_regions_is_the_catalogue() -> None:
    rows = re.findall(r"^\| (\w{3}\d) \| ([\w-]+) \| ([^|]+) \| (\w+)", README, re.MULTILINE)

    assert rows == [
        (region.code, region.aws_region, region.place, "yes" if region.deployed else "routable")
        for region in ROUTABLE
    ]


def test_readme_stays_readable() -> None:
    assert len(README.splitlines()) <= 150
