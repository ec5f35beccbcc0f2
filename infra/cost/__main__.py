"""``python -m infra.cost``: the tables of docs/cost.md, in Markdown."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from infra.cost.model import month, per_million
from infra.cost.usage import PER_REQUEST, Standing
from infra.template_document import load_document

ROOT: Final = Path(__file__).resolve().parents[2]
MONTHS: Final = (("idle", 0), ("10 million", 10_000_000), ("1 billion", 1_000_000_000))
THROUGH_NO_API: Final = {"authorizer"}


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
        "| a month of four regions | standing | requests | counters | CDN, firewall, names | dollars |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    standing = standing_of(ROOT / "template.yaml")
    for title, requests in MONTHS:
        for domain in (False, True):
            costs = month(requests, standing, architecture=architecture, domain=domain)
            cells = " | ".join(f"{part:,.0f}" for part in costs)
            lines.append(f"| {title}{', with a domain' if domain else ''} | {cells} | {costs.total:,.0f} |")
    return "\n".join(lines)


def standing_of(template: Path) -> Standing:
    """Return what the regional template at *template* has whether anybody asks or not."""
    document: dict[str, dict[str, dict[str, object]]] = load_document(template)  # type: ignore[assignment]
    types = [str(resource["Type"]) for resource in document["Resources"].values()]
    functions = types.count("AWS::Serverless::Function")
    return Standing(
        alarms=types.count("AWS::CloudWatch::Alarm"),
        metrics=METRICS_PER_FUNCTION * functions,
        probe_gb=PROBE_MB / 1024,
        dashboards=types.count("AWS::CloudWatch::Dashboard"),
    )


METRICS_PER_FUNCTION: Final = 4
PROBE_MB: Final = 128


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m infra.cost", description=__doc__)
    parser.add_argument("--architecture", choices=("arm64", "x86_64"), default="arm64")
    print(tables(parser.parse_args().architecture))


if __name__ == "__main__":
    main()
