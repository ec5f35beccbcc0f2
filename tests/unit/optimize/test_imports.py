"""What loading the engine loads: each module is paid for by every cold start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SHARED = Path(__file__).parents[3] / "shared"
HEAVY = {
    "asyncio", "brotli", "compression", "dataclasses", "datetime", "email", "gzip", "hashlib", "json", "pydantic",
    "pydantic_core", "starlette", "zstandard",
}  # fmt: skip
ON_DEMAND = {"edge.optimize.http_dates", "edge.optimize.wire"}


def test_engine_and_middleware_load_nothing_heavy() -> None:
    code = (
        "from edge.optimize.engine import optimise; import edge.optimize.middleware; "
        "optimise(b'[1]' * 2000, 'text/plain', strategy='moderate', response_headers=[], now_ms=0, "
        "request_headers=[('accept-encoding', 'gzip'), ('if-none-match', '\"x\"')]); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(SHARED)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "edge.optimize.engine" in loaded
    assert loaded & (HEAVY | ON_DEMAND) == set()
