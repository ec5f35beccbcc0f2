"""
Prometheus and promtool for the tests of what is scraped, shown and alerted on.

Debian's package has both. Where it is not to be had, :data:`MISSING` says why and the tests are skipped with that.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from tests.debian import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
SHIPPED: Final = ROOT / "infra" / "dashboards"
HOST: Final = "127.0.0.1"
START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 10.0
PATIENCE_SECONDS: Final = 20.0
PROMTOOL_SECONDS: Final = 60

PROMTOOL: Final = find_program("prometheus", "usr/bin/promtool")
PROMETHEUS: Final = find_program("prometheus", "usr/bin/prometheus")
MISSING: Final = PROMTOOL.reason or PROMETHEUS.reason
"""Why neither can be run here; None where they can."""


def promtool(*arguments: str | Path, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
    """Run promtool in the folder of the shipped files."""
    assert PROMTOOL.binary is not None
    done = subprocess.run(
        [PROMTOOL.binary, *arguments],
        cwd=SHIPPED / "prometheus",
        input=stdin,
        capture_output=True,
        timeout=PROMTOOL_SECONDS,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    )


class Server:
    """A Prometheus that runs."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expression: str) -> dict[frozenset[tuple[str, str]], str]:
        """Return what *expression* is now: a value for each series."""
        document = self._get("/api/v1/query", query=expression)
        data = cast("dict[str, list[dict[str, object]]]", document["data"])
        found = {}
        for each in data["result"]:
            labels = cast("dict[str, str]", each["metric"])
            found[frozenset(labels.items())] = cast("list[str]", each["value"])[1]
        return found

    def targets(self) -> list[dict[str, object]]:
        """Return what is scraped, with its health and last error."""
        data = cast("dict[str, list[dict[str, object]]]", self._get("/api/v1/targets")["data"])
        return data["activeTargets"]

    def metadata(self, metric: str) -> list[dict[str, str]]:
        """Return kind, help and unit of *metric*, as the targets told them."""
        data = cast("dict[str, list[dict[str, str]]]", self._get("/api/v1/metadata", metric=metric)["data"])
        return data.get(metric, [])

    def _get(self, path: str, **query: str) -> dict[str, object]:
        url = f"{self.url}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - our own
            document = cast("dict[str, object]", json.load(answer))
        assert document["status"] == "success", document
        return document


@contextlib.contextmanager
def run_prometheus(folder: Path, config: Path) -> Iterator[Server]:
    """
    Run a Prometheus of *config* on a port of its own, with its data in *folder*, and stop it by its process.

    Args:
        folder: empty.
        config: its file; what it names is beside it.
    """
    assert PROMETHEUS.binary is not None
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        address = f"{HOST}:{probe.getsockname()[1]}"
    log_path = folder / "log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [
                PROMETHEUS.binary,
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
                "--log.level=warn",
            ],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _is_ready(f"http://{address}"):
            assert process.poll() is None, log_path.read_text()
            assert time.monotonic() < deadline, log_path.read_text()
            time.sleep(0.05)
        yield Server(f"http://{address}")
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=1) as answer:  # noqa: S310 - our own
            return cast("int", answer.status) == 200
    except OSError:
        return False
