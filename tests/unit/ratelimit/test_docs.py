"""docs/ratelimit.md is true: its blocks run, in order, at the times that they name."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "ratelimit.md"
TEXT = PAGE.read_text("utf-8")
TIME = re.compile(r"# (\d\d):(\d\d):(\d\d\.\d+)$")


class Block(NamedTuple):
    """A block of code and the line of the page before its first."""

    code: str
    line: int


def blocks() -> list[Block]:
    return [
        Block(found[1], TEXT.count("\n", 0, found.start(1)))
        for found in re.finditer(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    ]


def time_of_day(now_ms: int) -> float:
    return now_ms % 86_400_000 / 1000


def named_time(code_lines: list[str], statement: ast.stmt) -> float | None:
    """The time of day in seconds that the statement's last line names."""
    named = TIME.search(code_lines[(statement.end_lineno or 0) - 1])
    return None if named is None else int(named[1]) * 3600 + int(named[2]) * 60 + float(named[3])


def test_every_block_runs_at_the_times_that_it_names() -> None:
    # The code of the page is compiled without this file's __future__: FastAPI reads its annotations.
    namespace: dict[str, Any] = {"__name__": "docs_ratelimit"}
    times = 0
    for block in blocks():
        lines = block.code.splitlines()
        for statement in ast.parse(block.code).body:
            module = ast.increment_lineno(ast.Module([statement], []), block.line)
            exec(compile(module, str(PAGE), "exec", dont_inherit=True), namespace)  # noqa: S102 - our own page
            # Line numbers of the page by now: back to those of the block.
            ast.increment_lineno(module, -block.line)
            expected = named_time(lines, statement)
            if expected is not None:
                times += 1
                assert time_of_day(namespace["clock"].now_ms()) == pytest.approx(expected, abs=1e-6), (
                    f"line {block.line + (statement.end_lineno or 0)}"
                )
    assert times >= 14


def test_no_code_of_the_page_escapes_the_test() -> None:
    assert len(blocks()) >= 10
    assert TEXT.count("```") == 2 * len(blocks()), "a block of another language, or one that is not closed"


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert links
    assert all((PAGE.parent / link).is_file() for link in links)


def test_every_name_of_ours_in_the_text_exists() -> None:
    import importlib

    for name in set(re.findall(r"`(edge(?:\.\w+)+)`", TEXT)):
        module, _, attribute = name.rpartition(".")
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            assert hasattr(importlib.import_module(module), attribute), name
