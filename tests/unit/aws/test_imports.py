"""What loading the client loads: each module is paid for by every cold start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SHARED = Path(__file__).parents[3] / "shared"

HEAVY = {
    "boto3",
    "botocore",
    "dataclasses",
    "email",
    "hashlib",
    "hmac",
    "http.client",
    "ssl",
    "urllib.request",
}
ON_DEMAND = {
    "edge.aws.container_credentials",
    "edge.aws.shared_config",
    "edge.aws.sigv4_general",
    "edge.aws.tls",
    "edge.aws.wire",
}


def test_client_for_plain_http_loads_nothing_heavy() -> None:
    code = (
        "import sys; from edge.aws.credentials import CredentialChain; from edge.aws.dynamo import DynamoDB; "
        "from edge.clock import SystemClock; c = SystemClock(); "
        "DynamoDB(region='r', credentials=CredentialChain({}, clock=c, shared_config=False)); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(SHARED)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "edge.aws.dynamo" in loaded
    assert loaded & (HEAVY | ON_DEMAND) == set()
    assert sum(name.startswith("edge.") for name in loaded) <= 18
