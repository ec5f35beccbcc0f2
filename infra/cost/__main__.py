"""``python -m infra.cost``: the tables of docs/cost.md, in Markdown; ``--update`` writes them there."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any, Final

from infra.cost.model import month, per_million
from infra.cost.usage import PER_REQUEST, Standing
from infra.template_document import load_document

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "cost.md"
MONTHS: Final = (("idle", 0), ("10 million", 10_000_000), ("1 billion", 1_000_000_000))
THROUGH_NO_API: Final = {"authorizer"}

METRICS_OF_A_ROUTE: Final = 6
"""Count, 4xx, 5xx, Latency, IntegrationLatency, DataProcessed."""

BEGIN: Final = "<!-- what python -m infra.cost prints -->\n"
END: Final = "<!-- until here -->\n"


def tables(architecture: str) -> str:
    """Return both tables; *architecture* is arm64 or x86_64."""
    lines = [
        "| a million requests to | API Gateway | Lambda | DynamoDB | logs, traces | dollars |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, usage in PER_REQUEST.items():
        million = per_million(usage, architecture=architecture, through_api=name not in THROUGH_NO_API)
        cells = " | ".join(f"{part:.2f}" for part in million)
        lines.append(f"| `{name}` | {cells} | {million.total:.2f} |")
    lines += [
        "",
        "| a month of four regions | standing | requests | containers | names, CDN, firewall | dollars |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    standing = standing_of(ROOT / "template.yaml", ROOT / "infra" / "global.yaml")
    for title, requests in MONTHS:
        for domain in (False, True):
            costs = month(requests, standing, architecture=architecture, domain=domain)
            cells = " | ".join(f"{part:,.0f}" for part in costs)
            lines.append(f"| {title}{', with a domain' if domain else ''} | {cells} | {costs.total:,.0f} |")
    return "\n".join(lines)


def standing_of(template: Path, global_template: Path) -> Standing:
    """
    Return what the templates have whether anybody asks or not; what has a condition is not there by default.

    Args:
        template: of the regional stack.
        global_template: of the stack that exists once.
    """
    regional = _resources(template)
    types = [str(resource["Type"]) for resource in regional.values() if "Condition" not in resource]
    routes = [
        event["Properties"].get("Path", "$default")
        for resource in regional.values()
        if resource["Type"] == "AWS::Serverless::Function"
        for event in resource["Properties"].get("Events", {}).values()
        if event["Type"] == "HttpApi"
    ]
    settings = regional["HttpApi"]["Properties"].get("DefaultRouteSettings", {})
    of_a_route = METRICS_OF_A_ROUTE if settings.get("DetailedMetricsEnabled") else 0
    return Standing(
        alarms=types.count("AWS::CloudWatch::Alarm"),
        composite_alarms=types.count("AWS::CloudWatch::CompositeAlarm"),
        dashboards=types.count("AWS::CloudWatch::Dashboard"),
        global_dashboards=[resource["Type"] for resource in _resources(global_template).values()].count(
            "AWS::CloudWatch::Dashboard"
        ),
        probe_gb=regional["HealthProbeFunction"]["Properties"]["MemorySize"] / 1024,
        route_metrics=of_a_route * len(routes),
        probed_route_metrics=of_a_route,
    )


def updated(page: str, printed: str) -> str:
    """Return *page* with *printed* between its marks."""
    return re.sub(
        f"(?<={re.escape(BEGIN)}).*(?={re.escape(END)})", lambda _: f"\n{printed}\n\n", page, flags=re.DOTALL
    )


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m infra.cost", description=__doc__, allow_abbrev=False)
    parser.add_argument("--architecture", choices=("arm64", "x86_64"), default="arm64")
    parser.add_argument("--update", action="store_true", help="write them into docs/cost.md, too")
    return parser


def main() -> None:
    """Print the tables."""
    arguments = make_parser().parse_args()
    printed = tables(arguments.architecture)
    print(printed)
    if arguments.update:
        PAGE.write_text(updated(PAGE.read_text("utf-8"), printed), "utf-8")


def _resources(template: Path) -> dict[str, dict[str, Any]]:
    document: dict[str, Any] = load_document(template)
    found: dict[str, dict[str, Any]] = document["Resources"]
    return found


if __name__ == "__main__":
    main()
