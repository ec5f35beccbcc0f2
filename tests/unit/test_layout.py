"""The direction of dependencies, as docs/architecture.md states it, read from the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EDGE = ROOT / "shared" / "edge"
DOMAINS = {"auth", "ratelimit", "geo", "signing", "optimize", "health", "telemetry"}

SOURCES = sorted(
    path for folder in ("shared/edge", "functions", "infra") for path in (ROOT / folder).rglob("*.py")
)


def module_of(path: Path) -> str:
    base = ROOT / "shared" if path.is_relative_to(EDGE) else ROOT
    return ".".join(path.relative_to(base).with_suffix("").parts)


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
    return found


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def domain_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "edge" and parts[1] in DOMAINS else None


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_imports_point_the_right_way(path: Path) -> None:
    module, imports = module_of(path), imports_of(path)
    domain = domain_of(module)

    if within(module, "edge"):
        assert not {name for name in imports if within(name, "functions") or within(name, "infra")}
    if within(module, "edge") and module != "edge.app":
        assert not {name for name in imports if within(name, "fastapi")}
    if within(module, "edge") and not within(module, "edge.aws"):
        assert not {name for name in imports if within(name, "boto3") or within(name, "botocore")}
    if domain:
        others = {name for name in imports if domain_of(name) not in (None, domain)}
        assert not others, "no domain imports another"
        if not module.rsplit(".", maxsplit=1)[-1].endswith(("dynamo", "secrets")):
            assert not {name for name in imports if within(name, "edge.aws")}, (
                "only modules named for a service of AWS talk to it"
            )
        assert not {name for name in imports if within(name, "edge.app") or within(name, "edge.web")}
    if within(module, "functions"):
        allowed = {"edge.app", "edge.settings", "edge.clock", "edge.callers"}
        assert not {
            name
            for name in imports
            if within(name, "edge")
            and name not in allowed
            and not within(name, "edge.composition")
            and domain_of(name) is None
        }
        assert len(path.read_text().splitlines()) <= 80, "a handler is thin"


@pytest.mark.parametrize("path", [path for path in SOURCES if path.is_relative_to(EDGE)], ids=module_of)
def test_only_settings_reads_the_environment(path: Path) -> None:
    if module_of(path) == "edge.settings":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("environ", "getenv", "environb"), f"line {node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_names_say_what_a_module_is_for(path: Path) -> None:
    refused = {"utils", "util", "helpers", "helper", "common", "base", "misc", "manager"}
    assert not refused & set(module_of(path).split("."))
