"""Cold start is a feature: what a function imports is counted, because a clock would flicker."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.functions import FUNCTION_NAMES, FUNCTIONS

SCRIPT = """
import importlib.util, json, sys
path = sys.argv[1]
spec = importlib.util.spec_from_file_location("app", path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
import gc
models = sys.modules.get("fastapi.openapi.models")
json.dump({"modules": sorted(sys.modules), "built": models is not None and models.OpenAPI.__pydantic_complete__,
           "frozen": gc.get_freeze_count(), "collecting": gc.isenabled()}, sys.stdout)
"""

NEVER = (
    "boto3",
    "botocore",
    "jwt",
    "cryptography",
    "aws_lambda_powertools",
    "requests",
    "urllib3",
    "httpx",
    "ministack",
)

MAY = {"log_shipper": {"aws_lambda_powertools", "botocore"}}
"""No request waits for it, and a container starts with more processor than it runs with."""

WITHOUT_FASTAPI = {"authorizer", "health_probe", "log_shipper", "metrics_fold"}
"""Those that no HTTP request reaches."""

MOST_MODULES = 480 if sys.version_info[:2] == (3, 13) else 525
"""
A ratchet: lower it when you can, raise it with a reason (the last: 14 of telemetry, which every request is counted by). It is set for Lambda's Python; others bring more of their own,
and the layer has less than this environment: ``pydantic.v1``, which is not counted here.
"""


@pytest.mark.parametrize("name", FUNCTION_NAMES)
def test_function_imports_little(name: str) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(["shared"]),
        "AWS_REGION": "eu-west-3",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "RATE_WINDOWS_TABLE": "windows",
        "RATE_USAGE_TABLE": "usage",
        "SESSIONS_TABLE": "sessions",
        "KEYS_TABLE": "keys",
        "NONCES_TABLE": "nonces",
        "REGION_HEALTH_TABLE": "region-health",
        "TELEMETRY_TABLE": "telemetry",
        "CDN_SECRET": "cdn",
        "AUTH_SECRET": "secret",
        "EDGE_STAGE": "production",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(FUNCTIONS / name / "app.py")],
        cwd=FUNCTIONS.parent,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    roots = {module.partition(".")[0] for module in found["modules"]}
    assert not roots & (set(NEVER) - MAY.get(name, set()))
    assert not found["built"], "FastAPI was imported before edge.app: its OpenAPI models were built"
    assert found["frozen"] > 0 or name in WITHOUT_FASTAPI
    assert ("fastapi" in roots) == (name not in WITHOUT_FASTAPI)
    assert found["collecting"]
    modules = [module for module in found["modules"] if not module.startswith("pydantic.v1")]
    assert len(modules) <= MOST_MODULES
