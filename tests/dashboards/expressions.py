"""Every expression that ships, and what it names."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from edge.telemetry.definitions import DEFINITIONS
from tests.dashboards.prometheus import SHIPPED

if TYPE_CHECKING:
    from edge.telemetry.snapshot import Kind

DASHBOARD: Final = SHIPPED / "grafana" / "kaizen-edge.json"
ALERTS: Final = SHIPPED / "prometheus" / "alerts.yml"

_VARIABLES: Final = {"$__rate_interval": "1m", "$__range": "1h", "$region": ".*", "$function": ".*"}
_SELECTOR: Final = re.compile(r"(?<![:\w])([a-zA-Z_:][\w:]*)\s*\{([^}]*)\}")
_METRIC: Final = re.compile(r"(?<![:\w])edge_\w+(?![:\w])")
_MATCHER: Final = re.compile(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)")
_QUOTED: Final = re.compile(r'"[^"]*"')

_SUFFIXES: Final[dict[Kind, dict[str, set[str]]]] = {
    "counter": {"": set()},
    "gauge": {"": set()},
    "histogram": {"_bucket": {"le"}, "_sum": set(), "_count": set()},
    "summary": {"": {"quantile"}, "_sum": set(), "_count": set()},
}

SAMPLES: Final[dict[str, set[str]]] = {
    "up": {"region", "job", "instance"},
    "ALERTS": {"region", "alertname", "alertstate"},
    **{
        definition.name + suffix: {"region", "job", "instance", *definition.labels, *own}
        for definition in DEFINITIONS
        for suffix, own in _SUFFIXES[definition.kind].items()
    },
}
"""Labels by the name of a sample that there is."""


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    document: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return document


def of_dashboard() -> dict[str, str]:
    """Return the dashboard's expressions by where they are, with variables as Grafana fills them in."""
    document = dashboard()
    found = {
        f"{panel['title']} {target['refId']} ({panel['id']})": target["expr"]
        for panel in document["panels"]
        for target in panel.get("targets", [])
    }
    found |= {f"annotation {each['name']}": each["expr"] for each in document["annotations"]["list"]}
    return {where: _filled(expression) for where, expression in found.items()}


def of_alerts() -> dict[str, str]:
    """Return the expressions of rules by the rule's name."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return {rule.get("alert") or rule["record"]: rule["expr"] for group in groups for rule in group["rules"]}


def recorded() -> set[str]:
    """Return the names of recorded series."""
    return {name for name in of_alerts() if ":" in name}


def metrics_of(expression: str) -> set[str]:
    """Return all metrics that *expression* names."""
    bare = _QUOTED.sub('""', expression)
    return {name for name, _ in _SELECTOR.findall(bare)} | set(_METRIC.findall(bare)) | {
        name for name in re.findall(r"[\w:]*:[\w:]+", bare) if not name.isdigit()
    }  # fmt: skip


def labels_of(expression: str) -> list[tuple[str, set[str]]]:
    """Return the selectors of *expression*: metric, and labels that are matched."""
    return [
        (name, set(_MATCHER.findall(_QUOTED.sub('""', matchers))))
        for name, matchers in _SELECTOR.findall(expression)
    ]


def _filled(expression: str) -> str:
    for name, value in _VARIABLES.items():
        expression = expression.replace(name, value)
    return expression
