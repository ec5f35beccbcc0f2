"""
What a real Prometheus makes of four local regions: its ``increase()`` over a run is what was really asked.

Many short bursts by many clients, on every region, while containers flush when they do; then a last request for each
container once ten seconds are over, for what nobody asks any more nobody writes.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest
import yaml

from tests.dashboards.prometheus import MISSING, run_prometheus
from tests.debian import needs
from tests.local.running import LocalSetup

if TYPE_CHECKING:
    from tests.dashboards.prometheus import Server

pytestmark = needs(MISSING)

TEMPLATE: Final = Path(__file__).resolve().parents[2] / "template.yaml"
CLIENTS: Final = 8
REQUESTS_EACH: Final = 250
SCRAPE_SECONDS: Final = 1
FLUSH_SECONDS: Final = 10.5


def test_increase_over_a_run_is_what_was_asked(tmp_path: Path) -> None:
    setup = LocalSetup(tmp_path, template=TEMPLATE)
    try:
        state = setup.wait_ready()
        urls = {code: region["url"] for code, region in state["regions"].items()}
        key = str(state["admin_api_key"])
        (tmp_path / "prometheus").mkdir()
        config = tmp_path / "prometheus.yml"
        config.write_text(yaml.safe_dump(scrape_config(urls, key)), "utf-8")
        with run_prometheus(tmp_path / "prometheus", config) as server:
            began = time.monotonic()
            time.sleep(3 * SCRAPE_SECONDS)  # every series is there at 0 before anything happens
            asked = load(urls, key)
            time.sleep(FLUSH_SECONDS)
            for code, url in urls.items():
                with httpx.Client(base_url=url) as session:
                    assert ask(session, key) == 200
                asked[code] += 1
            time.sleep(3 * SCRAPE_SECONDS)
            seconds = int(time.monotonic() - began) + 1
            for code, truth in asked.items():
                told = increase(server, code, seconds)
                assert told == pytest.approx(truth, rel=0.01), code
                assert resets(server, code, seconds) == 0
    finally:
        setup.end()


def load(urls: dict[str, str], key: str) -> dict[str, int]:
    """Ask every region from several clients at once; return how many answers of 200 each gave."""
    codes = list(urls)
    answered = dict.fromkeys(codes, 0)
    lock = threading.Lock()

    def client(number: int) -> None:
        code = codes[number % len(codes)]
        with httpx.Client(base_url=urls[code]) as session:
            good = 0
            for _ in range(REQUESTS_EACH):
                good += ask(session, key) == 200
                time.sleep(0.01)  # a run of some seconds, over flushes and scrapes
        with lock:
            answered[code] += good

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(answered.values()) == CLIENTS * REQUESTS_EACH
    return answered


def ask(session: httpx.Client, key: str) -> int:
    place = {"latitude": 48.86, "longitude": 2.35}
    return session.post("/api/geo/route", json=place, headers={"x-api-key": key}).status_code


def increase(server: Server, region: str, seconds: int) -> float:
    """
    Return what Prometheus says that the counter grew by, as of its last sample.

    At any later moment ``increase()`` would add what it expects of the time since that sample. At the start it adds
    nothing, because the first sample is 0.
    """
    series = f'edge_requests_total{{region="{region}",function="geo_route",method="POST",status="2xx"}}'
    (at,) = server.query(f"timestamp({series})").values()
    (value,) = server.query(f"increase({series}[{seconds}s] @ {at})").values()
    return float(value)


def resets(server: Server, region: str, seconds: int) -> float:
    (value,) = server.query(f'sum(resets(edge_requests_total{{region="{region}"}}[{seconds}s]))').values()
    return float(value)


def scrape_config(urls: dict[str, str], key: str) -> dict[str, object]:
    """Return the shipped configuration's shape, for these addresses."""
    return {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "scrape_timeout": f"{SCRAPE_SECONDS}s"},
        "scrape_configs": [
            {
                "job_name": "kaizen-edge",
                "metrics_path": "/api/monitoring/metrics",
                "authorization": {"type": "ApiKey", "credentials": key},
                "honor_labels": True,
                "static_configs": [
                    {"targets": [url.removeprefix("http://")], "labels": {"region": code}}
                    for code, url in urls.items()
                ],
            }
        ],
    }
