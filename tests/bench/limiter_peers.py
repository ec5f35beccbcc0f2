"""
The rate limiter beside its peers: calls and write units, latency, sixteen threads on one key, refused costs.

Calls are counted on a virtual clock and seeded. The rest is on the machine's clock, each limiter in a process of its own,
one after the other: latencies are those of local servers and of whoever else uses the machine, and only their order of
magnitude travels. "Most in a true window" counts only admissions whose calls surely lie in one window; see
tests/bench/peers/scenarios.py. "Unanswered" are checks of the hammer and the flood that the limiter itself gave up because
its store was too slow for it; ours would go on with its fallback.

The peers need .venv-bench and some of them redis-server; what is missing is said, and those rows are left out.
"""

from __future__ import annotations

import tempfile
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.template import create_tables, load_stack
from tests.bench.peers.catalogue import ROWS
from tests.bench.peers.port import Servers
from tests.bench.peers.running import ChildFailed, peers_missing, redis_server, run_child
from tests.bench.peers.traffic import TRAFFICS
from tests.engines import ROOT, reference_client, run_ministack

if TYPE_CHECKING:
    from tests.bench.peers.catalogue import Row
    from tests.bench.peers.port import Report, TrafficCost

REGION: Final = "eu-west-3"
TRAFFIC_ADAPTERS: Final = frozenset({"edge_peer", "zae_peer"})
"""Those on DynamoDB; the others make one command to Redis, or none."""


def main() -> None:
    """Start the servers, measure, print, stop."""
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        redis_port = stack.enter_context(redis_server(Path(folder) / "redis.log"))
        dynamodb_url = stack.enter_context(run_ministack(Path(folder) / "ministack.log"))
        template = load_stack(ROOT / "template.yaml", aws_region=REGION)
        create_tables(template, reference_client(dynamodb_url, region=REGION))
        table = next(table.name for table in template.tables if table.logical_id == "RateWindows")
        rows = _measurable(has_redis=redis_port is not None)
        servers = Servers(redis_port or 0, dynamodb_url, table, "")
        _print_traffic([row for row in rows if row.adapter in TRAFFIC_ADAPTERS], servers, failures)
        _print_reports(rows, servers, failures)
    for failure in failures:
        print(failure)


def _measurable(*, has_redis: bool) -> list[Row]:
    reason = peers_missing()
    if reason:
        print(f"{reason}\n")
        return [row for row in ROWS if row.is_ours]
    if not has_redis:
        print("no redis-server: the rows on Redis are left out (apt-get install redis-server)\n")
    return [row for row in ROWS if has_redis or not row.needs_redis]


def _fresh(servers: Servers) -> Servers:
    """Return *servers* with a name that no run used before; it is part of a table's name and of a tier's."""
    return servers._replace(name=f"bench-{uuid.uuid4().hex[:8]}")


def _print_traffic(rows: list[Row], servers: Servers, failures: list[str]) -> None:
    print("Per check of one subject, 100 units in 60 s, for 1 / 20 / 200 containers, virtual clock:\n")
    print("| limiter | traffic | calls | write units | calls that read | admitted of exact | most of limit |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for row in rows:
        if row.kind == "memory":
            continue
        try:
            found = run_child("traffic", row, _fresh(servers))
        except ChildFailed as failed:
            failures.append(f"{row.label}, traffic: {failed}")
            continue
        for traffic in TRAFFICS:
            print(f"| {row.label} | {traffic.name} | {_traffic_cells(found[traffic.name])} |", flush=True)
    print(
        "\nWrite units are the table's, by the largest that the item ever was. zae-limiter reads its stored limits again every "
        "60 s in each\ncontainer (its default), and its item has an index that projects everything, which AWS bills as one "
        "unit more for every\napplied write (not counted here).\n"
    )


def _traffic_cells(costs: list[TrafficCost]) -> str:
    columns = [
        [f"{cost['calls']:.3f}" for cost in costs],
        [f"{cost['write_units']:.3f}" for cost in costs],
        [f"{cost['reads']:.3f}" for cost in costs],
        [f"{cost['admitted_ratio']:.2f}" for cost in costs],
        [f"{cost['most_ratio']:.2f}" for cost in costs],
    ]
    return " | ".join(" / ".join(column) for column in columns)


def _print_reports(rows: list[Row], servers: Servers, failures: list[str]) -> None:
    print(
        "One process each. Hammer: 16 threads, one key, 100 an hour, 3,200 checks. Flood: 16 threads, one key,"
    )
    print("50 in 1 s, for 4 s from 50 ms before a whole second on; an exact log admits 200.\n")
    print(
        "| limiter | us/check | us/denied | hammer admitted | hammer checks/s | flood admitted "
        "| most in a true window of limit | calls/check in flood | unanswered | refused cost |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|---|")
    for row in rows:
        try:
            found: Report = run_child("report", row, _fresh(servers))
        except ChildFailed as failed:
            failures.append(f"{row.label}: {failed}")
            print(f"| {row.label} | failed | | | | | | | | |", flush=True)
        else:
            print(f"| {row.label} | {_report_cells(found)} |", flush=True)


def _report_cells(found: Report) -> str:
    latency, hammer, flood = found["latency"], found["hammer"], found["flood"]
    calls = flood["calls_per_check"]
    return " | ".join(
        (
            f"{latency['admitted_us']:.1f}",
            f"{latency['denied_us']:.1f}",
            f"{hammer['admitted']}",
            f"{hammer['checks_per_second']:,.0f}",
            f"{flood['admitted']}",
            f"{flood['most_ratio']:.2f}",
            "-" if calls is None else f"{calls:.4f}",
            f"{hammer['unanswered'] + flood['unanswered']}",
            "free" if found["refused_is_free"] else "charged",
        )
    )
