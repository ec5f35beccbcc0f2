"""``examples/clients``: signed by Python and JavaScript, taken by the ASGI middleware, over local regions."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import requests

from edge.clock import SystemClock
from edge.regions import CDG1
from edge.signing.keys import SigningKeys
from edge.signing.memory import MemoryNonceStore
from tests.examples.upstreams import _Quiet
from tests.local.running import ROOT, LocalSetup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.local.state import State

CLIENTS = ROOT / "examples" / "clients"
TARGET = "/orders/a%2Fb//c?dry=1&of=%C3%A9"


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"example_{name}", CLIENTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


receiving = load("receiving")
sending = load("signing_session")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clients")


@pytest.fixture(scope="module")
def regions(folder: Path) -> Iterator[State]:
    setup = LocalSetup(folder, template=ROOT / "template.yaml")
    try:
        yield setup.wait_ready()
    finally:
        assert setup.end() == 0


def url_of(regions: State, code: str = "cdg1") -> str:
    return str(regions["regions"][code]["url"])


def key_of(regions: State) -> str:
    return str(regions["admin_api_key"])


async def shop(scope: Any, receive: Any, send: Any) -> None:
    """Tell who signed and what came."""
    body = (await receive())["body"]
    told = {"signer": scope[receiving.SIGNER], "body": body.decode()}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})


class Shop:
    """
    A service behind the middleware, on a port of its own; keeps what arrived, to send it again.

    Attributes:
        url: of it.
        arrived: method, target, headers and body of each request.
        in_house: verifies in place of the region, if it is set.
    """

    def __init__(self, region_url: str, key: str) -> None:
        self.region_url = region_url
        self.key = key
        self.url = ""
        self.in_house: Any = None
        self.arrived: list[tuple[str, str, dict[str, str], bytes]] = []

    def verifier(self, client: httpx.AsyncClient) -> Any:
        return self.in_house or receiving.Asking(client, self.key)

    async def answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }
        async with httpx.AsyncClient(base_url=self.region_url, timeout=5) as client:
            app = receiving.SignedOnly(shop, verifier=self.verifier(client), public_url=self.url)
            await app(scope, receive, send)
        shown = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], shown, sent[1]["body"]

    def again(
        self, *, body: bytes | None = None, target: str | None = None, url: str = ""
    ) -> tuple[int, str]:
        """Send what came last once more, changed or as it was; return status and reason."""
        method, old_target, headers, old_body = self.arrived[-1]
        before, self.region_url = self.region_url, url or self.region_url
        try:
            status, _, said = asyncio.run(
                self.answer(method, target or old_target, headers, old_body if body is None else body)
            )
        finally:
            self.region_url = before
        return status, str(json.loads(said).get("reason"))


@contextmanager
def open_shop(region_url: str, key: str) -> Iterator[Shop]:
    from http.server import ThreadingHTTPServer

    served = Shop(region_url, key)

    class Handler(_Quiet):
        def _take(self) -> None:
            body = self.received()
            headers = dict(self.headers.items())
            served.arrived.append((self.command, self.path, headers, body))
            self.answer(*asyncio.run(served.answer(self.command, self.path, headers, body)))

        do_GET = do_POST = do_PUT = _take  # noqa: N815 - http.server's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def open_to_all(regions: State) -> Iterator[Shop]:
    with open_shop(url_of(regions), key_of(regions)) as served:
        yield served


def by_httpx(served: Shop, region: str, key: str, body: str) -> tuple[int, Any]:
    with httpx.Client(auth=sending.HttpxSigning(region, key)) as client:
        answer = client.post(served.url + TARGET, content=body)
    return answer.status_code, answer.json()


def by_async_httpx(served: Shop, region: str, key: str, body: str) -> tuple[int, Any]:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(auth=sending.HttpxSigning(region, key)) as client:
            return await client.post(served.url + TARGET, content=body)

    answer = asyncio.run(ask())
    return answer.status_code, answer.json()


def by_requests(served: Shop, region: str, key: str, body: str) -> tuple[int, Any]:
    with requests.Session() as session:
        session.auth = sending.RequestsSigning(region, key)
        answer = session.post(served.url + TARGET, data=body, allow_redirects=False)
    return answer.status_code, answer.json()


SCRIPT = """
import { signing } from "MODULE";
const [region, apiKey, url, body] = process.argv.slice(1);
const answer = await signing({ region, apiKey })(url, { method: "POST", body });
process.stdout.write(JSON.stringify([answer.status, await answer.json()]));
"""


def by_fetch(served: Shop, region: str, key: str, body: str) -> tuple[int, Any]:
    node = shutil.which("node")
    assert node is not None, "the JavaScript example is tested with Node"
    script = SCRIPT.replace("MODULE", (CLIENTS / "signed-fetch.mjs").as_uri())
    done = subprocess.run(
        [node, "--input-type=module", "-e", script, region, key, served.url + TARGET, body],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    status, document = json.loads(done.stdout)
    return status, document


SENDERS = pytest.mark.parametrize(
    "send", [by_httpx, by_async_httpx, by_requests, by_fetch], ids=lambda send: send.__name__
)


@SENDERS
def test_signed_request_is_taken_once_here_and_as_it_was(
    regions: State, open_to_all: Shop, send: Any
) -> None:
    region, key = url_of(regions), key_of(regions)

    status, told = send(open_to_all, region, key, "wörld")

    assert (status, told["body"]) == (200, "wörld")
    assert told["signer"].partition(".")[0] in key
    assert open_to_all.again() == (409, "replayed")
    assert open_to_all.again(url=url_of(regions, "hnd1")) == (421, "region_mismatch")
    assert open_to_all.again(body=b"changed") == (401, "digest_mismatch")
    assert open_to_all.again(target="/orders/a/b//c?dry=1&of=%C3%A9") == (401, "signature_invalid")


@SENDERS
def test_signed_for_another_region_is_421(regions: State, open_to_all: Shop, send: Any) -> None:
    status, told = send(open_to_all, url_of(regions, "iad1"), key_of(regions), "x")

    assert (status, told["reason"], told["home_region"]) == (421, "region_mismatch", "iad1")


def test_request_without_a_signature_is_401_with_a_challenge(open_to_all: Shop) -> None:
    answer = requests.get(open_to_all.url + "/", timeout=10)

    assert (answer.status_code, answer.json()["violation"]) == (401, "no_signature_input")
    assert answer.headers["www-authenticate"] == 'Signature realm="edge-sign/v1"'


def test_get_without_a_body(regions: State, open_to_all: Shop) -> None:
    signing = sending.RequestsSigning(url_of(regions), key_of(regions))
    assert requests.get(open_to_all.url, auth=signing, timeout=10).status_code == 200
    with httpx.Client(auth=sending.HttpxSigning(url_of(regions), key_of(regions))) as client:
        assert client.get(open_to_all.url + "/#fragment").status_code == 200


def test_key_that_may_not_sign_says_so_and_nothing_is_sent(regions: State, open_to_all: Shop) -> None:
    for send in (by_httpx, by_async_httpx, by_requests):
        with pytest.raises(sending.NotSigned) as raised:
            send(open_to_all, url_of(regions), "ek_dev_nobody", "x")
        assert raised.value.args == ("401 malformed_key",)
    assert open_to_all.arrived == []


def test_body_that_is_not_known_whole_is_not_signed(regions: State, open_to_all: Shop) -> None:
    signing = sending.RequestsSigning(url_of(regions), key_of(regions))
    with pytest.raises(TypeError, match="streamed"):
        requests.post(open_to_all.url, data=iter([b"a"]), auth=signing, timeout=10)


@pytest.mark.parametrize("broken", ["own key refused", "region down"])
def test_while_nobody_can_tell_nothing_gets_through(regions: State, open_to_all: Shop, broken: str) -> None:
    if broken == "own key refused":
        open_to_all.key = "ek_dev_nobody"
    else:
        open_to_all.region_url = "http://127.0.0.1:9"

    assert by_httpx(open_to_all, url_of(regions), key_of(regions), "x") == (
        503,
        {"type": "about:blank", "status": 503, "reason": "verifier_unavailable"},
    )


def test_body_over_the_limit_is_not_verified(regions: State, open_to_all: Shop) -> None:
    status, told = by_httpx(open_to_all, url_of(regions), key_of(regions), "x" * (32 * 1024 + 1))
    assert (status, told["reason"]) == (413, "body_too_large")
    assert by_httpx(open_to_all, url_of(regions), key_of(regions), "x" * 32 * 1024)[0] == 200


def test_service_of_the_house_verifies_without_a_region(
    regions: State, folder: Path, open_to_all: Shop
) -> None:
    secret = json.loads((folder / "auth-secret.json").read_text("utf-8"))
    clock = SystemClock()
    in_house = receiving.InHouse(
        keys=SigningKeys.parse(secret["signing_master"]),
        nonces=MemoryNonceStore(clock),
        region=CDG1,
        clock=clock,
    )
    open_to_all.in_house = in_house

    status, told = by_requests(open_to_all, url_of(regions), key_of(regions), "x")

    assert status == 200
    assert told["signer"].partition(".")[0] in key_of(regions)
    assert open_to_all.again() == (409, "replayed")
    assert open_to_all.again(body=b"changed") == (401, "digest_mismatch")
    assert by_requests(open_to_all, url_of(regions, "sfo1"), key_of(regions), "x")[0] == 421
    full = receiving.InHouse(
        keys=SigningKeys.parse(secret["signing_master"]),
        nonces=MemoryNonceStore(clock, max_claims=0),
        region=CDG1,
        clock=clock,
    )
    open_to_all.in_house = full
    assert by_requests(open_to_all, url_of(regions), key_of(regions), "x")[0] == 503


def test_websocket_and_server_without_raw_path_are_not_let_in() -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def run(scope: dict[str, Any]) -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def nobody(_: Any) -> str:
            raise AssertionError("asked")

        app = receiving.SignedOnly(shop, verifier=nobody, public_url="http://x")
        await app(scope, receive, send)
        return sent

    assert asyncio.run(run({"type": "websocket"})) == [{"type": "websocket.close", "code": 1008}]
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    assert asyncio.run(run(scope))[0]["status"] == 503
