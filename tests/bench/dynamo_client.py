"""
One UpdateItem against a canned stub: our DynamoDB client beside boto3's and a minimal one on http.client.

Each client runs in fresh interpreters of its own, in turns, so that the machine's mood meets all alike; the stub is
another process. *import* is from a bare interpreter to a client that is ready to call, compiled files present; *after
FastAPI* the same where a function has loaded FastAPI already, and with it half of what a client needs.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ("ours", "ours, bytes", "http.client", "boto3")
ROUNDS = 5
CALLS = 1_500
WARM_UP_CALLS = 100

REQUEST: dict[str, object] = {
    "TableName": "RateWindows",
    "Key": {"pk": {"S": "default#198.51.100.7"}},
    "UpdateExpression": "ADD n :cost SET x = :x",
    "ExpressionAttributeValues": {":cost": {"N": "1"}, ":x": {"N": "1700000000"}},
    "ReturnValues": "ALL_NEW",
}


class Result(TypedDict):
    """What one run of one client measured."""

    cpu_us: float
    wall_p50_us: float
    rss_mb: float


class Start(TypedDict):
    """What it takes until a client is ready to call."""

    import_ms: float
    modules: int


def main() -> None:
    """Print the table."""
    from tests.bench.stub_dynamodb import stub_dynamodb

    results: dict[str, list[Result]] = {name: [] for name in CLIENTS}
    bare: dict[str, list[Start]] = {name: [] for name in CLIENTS}
    after: dict[str, list[Start]] = {name: [] for name in CLIENTS}
    with stub_dynamodb() as url, tempfile.TemporaryDirectory() as compiled:
        for name in CLIENTS:  # compiles what the runs below load
            _start(name, "import fastapi", compiled)
        for _ in range(ROUNDS):
            for name in CLIENTS:
                results[name].append(_run(name, url))
                bare[name].append(_start(name, "", compiled))
                after[name].append(_start(name, "import fastapi", compiled))
    print(
        f"median of {ROUNDS} processes of {CALLS} calls, least of as many for import; Python {platform.python_version()}"
    )
    print(
        "| client | CPU us/call | wall p50 us | import ms | modules | after FastAPI ms | modules | peak RSS MB |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for name, runs in results.items():
        print(
            f"| {name} | {statistics.median(run['cpu_us'] for run in runs):.0f} "
            f"| {statistics.median(run['wall_p50_us'] for run in runs):.0f} "
            f"| {min(run['import_ms'] for run in bare[name]):.1f} | {bare[name][0]['modules']} "
            f"| {min(run['import_ms'] for run in after[name]):.1f} | {after[name][0]['modules']} "
            f"| {statistics.median(run['rss_mb'] for run in runs):.1f} |"
        )


def _run(name: str, url: str) -> Result:
    result: Result = json.loads(_python(__file__, name, url))
    return result


_OURS = """
from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
DynamoDB(region="r", credentials=FixedCredentials(Credentials("a", "b")), endpoint="http://127.0.0.1:1")
"""
_READY = {
    "ours": _OURS,
    "ours, bytes": _OURS,
    "http.client": "import hashlib, hmac, json, http.client",
    "boto3": """
import boto3
boto3.client("dynamodb", region_name="eu-west-3", aws_access_key_id="a", aws_secret_access_key="b")
""",
}


def _start(name: str, before: str, compiled: str) -> Start:
    code = f"""
import sys, time
{before}
modules, started = len(sys.modules), time.perf_counter()
{_READY[name]}
took_ms = (time.perf_counter() - started) * 1e3
print('{{"import_ms": %f, "modules": %d}}' % (took_ms, len(sys.modules) - modules))
"""
    start: Start = json.loads(_python("-X", f"pycache_prefix={compiled}", "-c", code))
    return start


def _python(*arguments: str) -> str:
    environ = {**os.environ, "PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}"}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-s", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environ).stdout


def _ours(url: str, *, encoded: bool) -> Callable[[], object]:
    from edge.aws.credentials import Credentials, FixedCredentials
    from edge.aws.dynamo import DynamoDB

    client = DynamoDB(
        region="eu-west-3",
        credentials=FixedCredentials(Credentials("AKIDEXAMPLE", "secret", "token")),
        endpoint=url,
    )
    request = json.dumps(REQUEST, separators=(",", ":")).encode() if encoded else REQUEST
    return lambda: client.update_item(request, repeatable=False)


def _http_client(url: str) -> Callable[[], object]:
    import hashlib
    import hmac
    from http.client import HTTPConnection

    host = url.removeprefix("http://")
    connection = HTTPConnection(host, timeout=1)

    def call() -> object:
        body = json.dumps(REQUEST).encode()
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "host": host,
            "x-amz-date": date,
            "x-amz-security-token": "token",
            "x-amz-target": "DynamoDB_20120810.UpdateItem",
        }
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{date[:8]}/eu-west-3/dynamodb/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = b"AWS4secret"
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        connection.request("POST", "/", body, headers)
        return json.loads(connection.getresponse().read())

    return call


def _boto3(url: str) -> Callable[[], object]:
    import boto3

    client = boto3.client(
        "dynamodb",
        region_name="eu-west-3",
        endpoint_url=url,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        aws_session_token="token",
    )
    return lambda: client.update_item(**REQUEST)  # type: ignore[arg-type]


def _child(name: str, url: str) -> Result:
    if name == "boto3":
        call = _boto3(url)
    elif name == "http.client":
        call = _http_client(url)
    else:
        call = _ours(url, encoded=name.endswith("bytes"))
    for _ in range(WARM_UP_CALLS):
        call()
    walls_us = []
    cpu_started = time.process_time()
    for _ in range(CALLS):
        before = time.perf_counter()
        call()
        walls_us.append((time.perf_counter() - before) * 1e6)
    cpu_us = (time.process_time() - cpu_started) / CALLS * 1e6
    status = Path("/proc/self/status").read_text()
    return Result(
        cpu_us=cpu_us,
        wall_p50_us=statistics.median(walls_us),
        rss_mb=int(status.partition("VmHWM:")[2].split()[0]) / 1024,
    )


if __name__ == "__main__":
    print(json.dumps(_child(sys.argv[1], sys.argv[2])))
