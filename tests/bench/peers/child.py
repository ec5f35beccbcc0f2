"""
One limiter in a process of its own, which prints what it measured as one line of JSON.

``python -m tests.bench.peers.child report|traffic|accuracy ADAPTER KIND SERVERS``, in the environment that has the adapter's
library; SERVERS is JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

from tests.bench import traces
from tests.bench.peers import scenarios, traffic
from tests.bench.peers.port import Limit, Peer, Servers


def main(task: str, adapter: str, kind: str, servers_json: str) -> None:
    """Do *task* and print."""
    servers = Servers(**json.loads(servers_json))
    module: Any = importlib.import_module(f"tests.bench.peers.{adapter}")

    def open_limited(limit: Limit, name: str) -> Peer:
        peer: Peer = module.open_peer(kind, limit, servers._replace(name=f"{servers.name}-{name}"))
        return peer

    found: object
    if task == "report":
        found = scenarios.report(open_limited)
    elif task == "traffic":
        found = traffic.costs(module.open_fleet, servers)
    else:
        found = traces.scores(lambda: module.open_injected(kind, traces.SHAPE))
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
    os._exit(0)  # what the peers leave running in threads is of no interest
