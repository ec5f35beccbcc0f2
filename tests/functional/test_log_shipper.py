"""The shipper against collectors over real sockets that do anything, with a real queue of an emulated SQS."""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import json
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from edge.clock import SystemClock
from edge.composition.shipping import Opener
from edge.settings import SettingsError
from edge.telemetry.shipping_batches import Batch, batches
from edge.telemetry.shipping_http import MAX_BODY_BYTES, HttpCollector
from edge.telemetry.shipping_ports import NoReply, Reply, Unshipped
from edge.telemetry.shipping_records import LogEvent, records
from edge.telemetry.shipping_secrets import SecretToken
from infra.local.emulator import LOCAL_CREDENTIALS, free_port
from tests import faults
from tests.faults import Fault, answer, chunked, drips, sends
from tests.functional.health_setup import Server
from tests.functions import load_function

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from types import ModuleType

GROUP: Final = "/aws/lambda/kaizen-edge-geo-route"
TAKEN: Final = sends("taken", answer(b"ok", status="202 Accepted"), applies=True)
OOPS: Final = sends("500", answer(b"", status="500 Oops"), applies=False)
RESET_BEFORE: Final = Fault("reset_before", applies=False, play=faults._reset)


class Receiver:
    """
    A collector that plays a fault for each request, the last for ever; a context manager.

    Attributes:
        requests: that it read, whole.
        bodies: ids of those that it took, in order.
        keys: of these.
    """

    def __init__(self, *script: Fault) -> None:
        self.script = list(script or [TAKEN])
        self.requests: list[bytes] = []
        self.bodies: list[list[str]] = []
        self.lines: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self._lock = threading.Lock()
        self.server = Server(self._play)

    @property
    def url(self) -> str:
        return f"{self.server.url}/v1/lines?source=edge"

    def _play(self, connection: socket.socket, request: bytes, stopped: threading.Event) -> bool:
        head, _, body = request.partition(b"\r\n\r\n")
        with self._lock:
            self.requests.append(request)
            fault = self.script.pop(0) if len(self.script) > 1 else self.script[0]
            if fault.applies:
                found = [json.loads(line) for line in gzip.decompress(body).splitlines()]
                self.lines += found
                self.bodies.append([line["id"] for line in found])
                self.keys.append(head.partition(b"idempotency-key: ")[2].partition(b"\r\n")[0].decode())
        return fault.play(connection, stopped)


@pytest.fixture
def open_receiver() -> Iterator[Callable[..., Receiver]]:
    with contextlib.ExitStack() as stack:

        def open_(*script: Fault) -> Receiver:
            receiver = Receiver(*script)
            stack.enter_context(receiver.server)
            return receiver

        yield open_


@pytest.fixture
def open_collector() -> Iterator[Callable[..., HttpCollector]]:
    with contextlib.ExitStack() as stack:

        def open_(url: str, token: Any = None) -> HttpCollector:
            clock = SystemClock()
            collector = HttpCollector(url, open_socket=Opener(url, clock).open, clock=clock, token=token)
            stack.callback(collector.close)
            return collector

        yield open_


def batch_of(*names: str) -> Batch:
    events = [LogEvent(name, 0, "{}") for name in names]
    return next(batches("logs", records(events, log_group=GROUP, log_stream="s")))


def post(collector: HttpCollector, batch: Batch | None = None, *, ms: int = 3_000) -> Reply | str:
    """Return the answer or the fault, and hold it to its time."""
    began = time.monotonic()
    try:
        end: Reply | str = collector.post(batch or batch_of("1"), time.monotonic_ns() + ms * 1_000_000)
    except NoReply as none:
        end = none.fault
    assert time.monotonic() - began < ms / 1000 + 0.5
    return end


# The client


def test_request_is_what_collectors_understand(open_receiver: Any, open_collector: Any) -> None:
    receiver = open_receiver()
    batch = batch_of("1", "2")
    assert post(open_collector(receiver.url), batch) == Reply(202)

    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    assert head.decode().split("\r\n") == [
        "POST /v1/lines?source=edge HTTP/1.1",
        f"host: 127.0.0.1:{receiver.server.port}",
        "user-agent: kaizen-edge-log-shipper",
        "accept: */*",
        "content-type: application/x-ndjson",
        "content-encoding: gzip",
        f"idempotency-key: {batch.key}",
        f"content-length: {len(body)}",
    ]
    assert receiver.bodies == [["1", "2"]]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (sends("chunked", chunked(b"o", b"k"), applies=True), 200),
        (
            sends("continue", b"HTTP/1.1 100 Continue\r\n\r\n" + answer(status="201 Created"), applies=True),
            201,
        ),
        (sends("204", b"HTTP/1.1 204 No Content\r\n\r\n", applies=True), 204),
        (sends("to_the_end", b"HTTP/1.1 200 OK\r\n\r\nok", applies=True, then_close=True), 200),
        (sends("http_1_0", b"HTTP/1.0 200 OK\r\n\r\nok", applies=True, then_close=True), 200),
        (sends("long", answer(b"x" * (MAX_BODY_BYTES + 1)), applies=True), 200),
        (sends("endless", chunked(*[b"x" * 1_000] * 200, end=b""), applies=True), 200),
        (
            sends("301", answer(status="301 Moved", fields=("Location: http://127.0.0.1:1/",)), applies=True),
            301,
        ),
        (sends("400", answer(status="400 Bad"), applies=False), 400),
        (drips("drip", answer(b"ok"), pause_seconds=0.0005, applies=True), 200),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_answers(open_receiver: Any, open_collector: Any, fault: Fault, status: int) -> None:
    assert post(open_collector(open_receiver(fault).url)) == Reply(status)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (faults.RESET, "connection"),
        (faults.CLOSE, "connection"),
        (sends("half_head", answer()[:40], applies=True, then_close=True), "connection"),
        (sends("cut_body", answer(b"ok", length=400), applies=True, then_close=True), "connection"),
        (sends("cut_chunk", chunked(b"ok", end=b""), applies=True, then_close=True), "garbled"),
        (sends("bad_chunk", chunked(end=b"zz\r\n"), applies=True), "garbled"),
        (sends("ssh", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", applies=False, then_close=True), "garbled"),
        (sends("huge_head", answer(fields=("x: " + "y" * 100_000,)), applies=True), "garbled"),
        (sends("many_fields", answer(fields=("x: y",) * 200), applies=True), "garbled"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_is_no_answer(open_receiver: Any, open_collector: Any, fault: Fault, why: str) -> None:
    assert post(open_collector(open_receiver(fault).url)) == why


@pytest.mark.parametrize(
    "fault",
    [
        faults.HANG,
        drips("slow_head", answer(b"ok"), pause_seconds=0.05, applies=True),
        drips("slow_body", answer(b"x" * 5_000), pause_seconds=0.002, applies=True),
    ],
    ids=lambda fault: str(fault.name),
)
def test_slow_answer_is_given_up_in_time(open_receiver: Any, open_collector: Any, fault: Fault) -> None:
    assert post(open_collector(open_receiver(fault).url), ms=400) == "timed_out"


def test_collector_that_does_not_read_is_given_up_in_time(open_collector: Any) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        collector = open_collector(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        large = batch_of("1")._replace(packed=b"x" * 30_000_000)
        assert post(collector, large, ms=400) == "timed_out"


def test_collector_that_reads_slowly_is_given_up_in_time(open_collector: Any) -> None:
    import socket

    def sip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            until = time.monotonic() + 3.0
            while time.monotonic() < until and connection.recv(65_536):
                time.sleep(0.02)

    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        thread = threading.Thread(target=sip, args=(listener,), daemon=True)
        thread.start()
        collector = open_collector(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        large = batch_of("1")._replace(packed=b"x" * 60_000_000)
        assert post(collector, large, ms=400) == "timed_out"
        thread.join(5)


def test_nobody_listens(open_collector: Any) -> None:
    assert post(open_collector(f"http://127.0.0.1:{free_port()}/")) == "connection"


def test_redirect_is_not_followed(open_receiver: Any, open_collector: Any) -> None:
    other = open_receiver()
    away = answer(status="307 Temporary Redirect", fields=(f"Location: {other.url}",))
    assert post(open_collector(open_receiver(sends("away", away, applies=False)).url)) == Reply(307)
    assert other.requests == []


@pytest.mark.parametrize(
    ("value", "ms"), [("7", 7_000), ("soon", None), ("-1", None), ("9" * 30, 86_400_000)]
)
def test_retry_after_is_told(open_receiver: Any, open_collector: Any, value: str, ms: int | None) -> None:
    wait = answer(status="429 Slow", fields=(f"Retry-After: {value}",))
    assert post(open_collector(open_receiver(sends("429", wait, applies=False)).url)) == Reply(429, ms)


def test_connection_is_kept_and_opened_anew_when_it_broke_meanwhile(
    open_receiver: Any, open_collector: Any
) -> None:
    receiver = open_receiver(TAKEN, TAKEN, faults.CLOSE, TAKEN)
    collector = open_collector(receiver.url)
    assert [post(collector) for _ in range(3)] == [Reply(202)] * 3
    assert (receiver.server.connections, len(receiver.requests)) == (2, 4)
    assert len(set(receiver.keys)) == 1


def test_connection_is_not_kept_after_half_an_answer(open_receiver: Any, open_collector: Any) -> None:
    receiver = open_receiver(sends("long", answer(b"x" * (MAX_BODY_BYTES + 1)), applies=True), TAKEN)
    collector = open_collector(receiver.url)
    assert [post(collector) for _ in range(2)] == [Reply(200), Reply(202)]
    assert receiver.server.connections == 2


@pytest.mark.parametrize(
    "url", ["http://collector.example.com/", "ftp://127.0.0.1/", "http://127.0.0.1.example.com/"]
)
def test_clear_text_is_for_this_machine_alone(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Opener(url, SystemClock())


@pytest.mark.parametrize(
    "url", ["http://a:b@127.0.0.1/", "http://127.0.0.1/#x", "http://127.0.0.1/ x", "http://127.0.0.1/\x7f"]
)
def test_url_that_would_not_be_sent_as_it_is(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        HttpCollector(url, open_socket=lambda _: pytest.fail("connects"), clock=SystemClock(), token=None)


def test_certificate_of_nobody_is_refused(open_collector: Any, self_signed: Any) -> None:
    with faults.FaultServer(tls=self_signed) as server:
        assert post(open_collector(f"{server.url}/")) == "connection"
        assert server.requests == []


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    import ssl
    import subprocess

    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return made


# The token


class Secrets:
    """A store whose secret changes and cannot always be read."""

    def __init__(self, *texts: str | None) -> None:
        self.texts = list(texts)
        self.reads = 0

    def get_secret_value(self, secret_id: str) -> str:
        from edge.aws.faults import Unavailable

        assert secret_id == "collector"
        self.reads += 1
        text = self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]
        if text is None:
            raise Unavailable("timed_out", outcome_unknown=False)
        return text


def token_of(secrets: Any, clock: Any = None) -> SecretToken:
    return SecretToken(secrets, "collector", clock or SystemClock())


def test_token_is_sent_and_read_once(open_receiver: Any, open_collector: Any) -> None:
    receiver, secrets = open_receiver(), Secrets("s3cret\n")
    collector = open_collector(receiver.url, token_of(secrets))
    assert [post(collector) for _ in range(2)] == [Reply(202)] * 2
    assert all(b"\r\nauthorization: Bearer s3cret\r\n" in request for request in receiver.requests)
    assert secrets.reads == 1


@pytest.mark.parametrize("text", [None, "two\r\nx: y", "", "é", "x" * 5_000])
def test_without_a_usable_token_nothing_is_sent(open_receiver: Any, open_collector: Any, text: Any) -> None:
    receiver = open_receiver()
    assert post(open_collector(receiver.url, token_of(Secrets(text)))) == "no_token"
    assert receiver.requests == []


def test_token_that_was_changed_is_read_again_when_the_old_one_is_refused(
    open_receiver: Any, open_collector: Any
) -> None:
    from edge.clock import ManualClock

    clock = ManualClock(now_ms=0)
    receiver = open_receiver(TAKEN, sends("401", answer(status="401 Who"), applies=False), TAKEN)
    collector = open_collector(receiver.url, token_of(Secrets("old", "new"), clock))
    assert post(collector) == Reply(202)
    clock.advance(31_000)
    assert post(collector) == Reply(202)
    assert b"Bearer new\r\n" in receiver.requests[-1]

    secrets = Secrets("same")
    forever = open_receiver(sends("403", answer(status="403 No"), applies=False))
    assert post(open_collector(forever.url, token_of(secrets))) == Reply(403)
    assert (len(forever.requests), secrets.reads) == (1, 1)


# The function


class Context:
    """Lambda's."""

    aws_request_id = "r-1"

    def __init__(self, left_ms: int = 60_000) -> None:
        self._ends = time.monotonic() + left_ms / 1000

    def get_remaining_time_in_millis(self) -> int:
        return int((self._ends - time.monotonic()) * 1000)


def logs_event(*lines: Any, group: str = GROUP, kind: str = "DATA_MESSAGE", first: int = 0) -> dict[str, Any]:
    """What CloudWatch Logs invokes a subscribed function with."""
    document = {
        "messageType": kind,
        "owner": "123456789012",
        "logGroup": group,
        "logStream": "2026/11/20/[live]0123",
        "subscriptionFilters": ["ship"],
        "logEvents": [
            {
                "id": f"{first + number:056}",
                "timestamp": 1_795_000_000_000 + number,
                "message": line if isinstance(line, str) else json.dumps(line),
            }
            for number, line in enumerate(lines)
        ],
    }
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(document).encode())).decode()}}


def line(level: str = "info") -> dict[str, str]:
    return {
        "level": level,
        "message": "request",
        "region": "cdg1",
        "function": "f",
        "stage": "s",
        "version": "1",
    }


class Shipping:
    """The function, its queue, and what it writes."""

    def __init__(self, sqs: Any, queue_url: str, environ: dict[str, str]) -> None:
        self.sqs, self.queue_url = sqs, queue_url
        self.environ = {"UNSHIPPED_QUEUE_URL": queue_url, "EDGE_STAGE": "development", **environ}
        self.module: ModuleType = load_function("log_shipper", self.environ)
        shipper = self.module.shipping._shipper
        if shipper is not None:
            shipper._sleep = lambda _: None
        self.out: list[dict[str, Any]] = []

    def invoke(self, event: Any, left_ms: int = 60_000) -> Any:
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out):
                return self.module.handler(event, Context(left_ms))
        finally:
            self.out += [json.loads(text) for text in out.getvalue().splitlines()]

    def messages(self) -> list[dict[str, Any]]:
        """Take what is in the queue as Lambda is given it; it stays until :meth:`redeliver` deletes it."""
        found: list[dict[str, Any]] = []
        while taken := self.sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, VisibilityTimeout=2
        ).get("Messages"):
            found += [
                {"messageId": one["MessageId"], "receiptHandle": one["ReceiptHandle"], "body": one["Body"],
                 "eventSource": "aws:sqs", "attributes": {}, "messageAttributes": {}}
                for one in taken
            ]  # fmt: skip
        return found

    def redeliver(self, left_ms: int = 60_000) -> dict[str, Any]:
        """Do what Lambda's poller does: invoke, and delete the messages that are not reported as failed."""
        found = self.messages()
        answered = self.invoke({"Records": found}, left_ms)
        failed = {one["itemIdentifier"] for one in answered["batchItemFailures"]}
        for one in found:
            if one["messageId"] in failed:
                self.sqs.change_message_visibility(
                    QueueUrl=self.queue_url, ReceiptHandle=one["receiptHandle"], VisibilityTimeout=0
                )
            else:
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=one["receiptHandle"])
        assert isinstance(answered, dict)
        return answered


@pytest.fixture(scope="module")
def sqs(ministack_url: str) -> Any:
    import boto3

    return boto3.client(
        "sqs",
        endpoint_url=ministack_url,
        region_name="eu-west-3",
        aws_access_key_id=LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


@pytest.fixture
def open_shipping(sqs: Any, ministack_url: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    name = "unshipped-" + str(abs(hash(request.node.name)))
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    url = f"{ministack_url}/{url.split('/', 3)[3]}"

    def open_(*, logs: str | None = None, errors: str | None = None, **environ: str) -> Shipping:
        if logs is not None:
            environ |= {"ENABLE_REMOTE_LOGGING": "true", "LOG_ENDPOINT": logs}
        if errors is not None:
            environ |= {"ENABLE_REMOTE_ERROR_TRACKING": "true", "ERROR_TRACKING_ENDPOINT": errors}
        return Shipping(sqs, environ.pop("QUEUE", url), environ)

    yield open_
    sqs.delete_queue(QueueUrl=url)


def test_lines_of_a_log_group_go_where_they_are_wanted(open_receiver: Any, open_shipping: Any) -> None:
    logs, errors = open_receiver(), open_receiver()
    shipping = open_shipping(logs=logs.url, errors=errors.url)
    shipping.invoke(logs_event(line(), line("error"), "START RequestId: x"))

    assert [len(body) for body in logs.bodies] == [3]
    assert [found["level"] for found in errors.lines] == ["error"]
    assert logs.lines[1] == errors.lines[0]
    assert logs.lines[0]["id"] == f"{0:056}"
    assert logs.lines[0]["log_group"] == GROUP
    [told] = shipping.out
    assert (told["level"], told["message"], told["lines"], told["queued"]) == ("info", "lines shipped", 4, 0)


def test_control_message_is_nothing(open_receiver: Any, open_shipping: Any) -> None:
    logs = open_receiver()
    shipping = open_shipping(logs=logs.url)
    assert shipping.invoke(logs_event("CWL CONTROL MESSAGE", kind="CONTROL_MESSAGE")) is None
    assert (logs.requests, shipping.messages()) == ([], [])


@pytest.mark.parametrize(
    "group",
    [
        "/aws/lambda/log_shipper",
        "/aws/lambda/kaizen-edge-log-shipper",
        "/aws/lambda/another-stack-log-shipper",
        "log-shipper",
    ],
)
def test_shipper_never_ships_its_own_lines(open_receiver: Any, open_shipping: Any, group: str) -> None:
    logs = open_receiver()
    shipping = open_shipping(logs=logs.url)
    shipping.invoke(logs_event(line("error"), group=group))
    assert (logs.requests, shipping.messages()) == ([], [])


def test_collector_that_is_down_gets_the_lines_when_it_is_back(
    open_receiver: Any, open_shipping: Any
) -> None:
    receiver = open_receiver(OOPS)
    shipping = open_shipping(logs=receiver.url)
    shipping.invoke(logs_event(line(), line()))
    shipping.invoke(logs_event(line(), first=2))
    assert receiver.bodies == []
    assert len(shipping.redeliver()["batchItemFailures"]) == 2  # the circuit is open

    receiver.script = [TAKEN]
    fresh = open_shipping(logs=receiver.url)
    assert fresh.redeliver() == {"batchItemFailures": []}
    assert sorted(receiver.bodies) == [[f"{0:056}", f"{1:056}"], [f"{2:056}"]]
    assert fresh.messages() == []
    assert shipping.out[1]["faults"] == {"status_500": 2, "circuit_open": 1}


@pytest.mark.parametrize(
    "script",
    [
        [OOPS, OOPS],
        [RESET_BEFORE, faults.RESET],
        [faults.CLOSE, OOPS],
        [sends("half", answer()[:40], applies=True, then_close=True)] * 2,
        [sends("cut", answer(b"ok", length=40), applies=True, then_close=True)],
        [OOPS, OOPS, OOPS],
        [faults.RESET] * 4,
        [sends("413", answer(status="413 Large"), applies=False), TAKEN, OOPS, OOPS, OOPS],
        [sends("429", answer(status="429 Slow", fields=("Retry-After: 3600",)), applies=False)],
        [sends("302", answer(status="302 Found", fields=("Location: /",)), applies=False)],
    ],
    ids=lambda script: "-".join(fault.name for fault in script),
)
def test_nothing_is_lost_and_nothing_is_twice_by_id(
    open_receiver: Any, open_shipping: Any, script: list[Fault]
) -> None:
    receiver = open_receiver(*script, TAKEN)
    shipping = open_shipping(logs=receiver.url)
    shipping.invoke(logs_event(*[line()] * 8))
    for _ in range(3):
        found = shipping.messages()
        if not found:
            break
        for one in found:  # visible again, for the redelivery
            shipping.sqs.change_message_visibility(
                QueueUrl=shipping.queue_url, ReceiptHandle=one["receiptHandle"], VisibilityTimeout=0
            )
        shipping.redeliver()

    kept = {
        found["id"]: found for found in receiver.lines
    }  # what a collector makes of it that keeps lines by id
    assert sorted(kept) == [f"{number:056}" for number in range(8)]
    assert all(body == sorted(body) for body in receiver.bodies)
    by_key: dict[str, list[str]] = {}
    for key, body in zip(receiver.keys, receiver.bodies, strict=True):
        assert by_key.setdefault(key, body) == body
    assert shipping.messages() == []


def test_slow_collector_costs_its_time_and_no_more(open_receiver: Any, open_shipping: Any) -> None:
    receiver = open_receiver(faults.HANG)
    shipping = open_shipping(logs=receiver.url)
    began = time.monotonic()
    shipping.invoke(logs_event(line()), left_ms=16_500)
    assert time.monotonic() - began < 4.0
    assert len(shipping.messages()) == 1


def test_without_queue_and_collector_lambda_is_to_repeat(open_receiver: Any, open_shipping: Any) -> None:
    receiver = open_receiver(OOPS, OOPS, OOPS, TAKEN)
    shipping = open_shipping(logs=receiver.url, QUEUE=f"http://127.0.0.1:{free_port()}/000000000000/gone")
    with pytest.raises(Unshipped):
        shipping.invoke(logs_event(line()))
    assert (shipping.out[-1]["level"], shipping.out[-1]["unkept"]) == ("error", 1)
    shipping.invoke(logs_event(line()))
    assert receiver.bodies == [[f"{0:056}"]]


def test_queue_that_does_not_exist_is_no_success(
    open_receiver: Any, open_shipping: Any, ministack_url: str
) -> None:
    receiver = open_receiver(OOPS)
    shipping = open_shipping(logs=receiver.url, QUEUE=f"{ministack_url}/000000000000/never-made")
    with pytest.raises(Unshipped):
        shipping.invoke(logs_event(line()))
    assert any(name.startswith("queue_") for name in shipping.out[-1]["faults"])


def test_messages_succeed_and_fail_one_by_one(open_receiver: Any, open_shipping: Any) -> None:
    receiver = open_receiver(OOPS)
    shipping = open_shipping(logs=receiver.url)
    shipping.invoke(logs_event(line()))
    [good] = shipping.messages()
    bad = {**good, "messageId": "bad", "body": "SECRET-IN-BODY"}
    receiver.script = [TAKEN]
    fresh = open_shipping(logs=receiver.url)
    assert fresh.invoke({"Records": [good, bad]}) == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert receiver.bodies == [[f"{0:056}"]]
    assert fresh.out[0]["exception"]["type"].endswith("MessageUnreadable")
    assert "SECRET" not in json.dumps(fresh.out)
    assert fresh.out[-1]["returned"] == 1

    only_bad = fresh.invoke({"Records": [bad]})
    assert only_bad == {"batchItemFailures": [{"itemIdentifier": "bad"}]}


def test_nothing_is_shipped_where_nothing_is_enabled(open_receiver: Any, open_shipping: Any) -> None:
    receiver = open_receiver()
    shipping = open_shipping(LOG_ENDPOINT=receiver.url)
    shipping.invoke(logs_event(line()))
    assert (receiver.requests, shipping.messages()) == ([], [])


def test_collector_without_a_queue_is_a_mistake() -> None:
    with pytest.raises(SettingsError, match="UNSHIPPED_QUEUE_URL"):
        load_function(
            "log_shipper", {"ENABLE_REMOTE_LOGGING": "true", "LOG_ENDPOINT": "https://c.example.com/"}
        )


def test_event_of_somebody_else_is_an_error(open_shipping: Any) -> None:
    shipping = open_shipping()
    with pytest.raises(Exception, match="batch event type"):
        shipping.invoke({"hello": "world"})


def test_connection_ends_with_the_invocation_and_serves_all_of_it(
    open_receiver: Any, open_shipping: Any
) -> None:
    receiver = open_receiver()
    shipping = open_shipping(logs=receiver.url)
    for first in (0, 3_000):
        shipping.invoke(logs_event(*[{**line(), "detail": "x" * 1_000}] * 3_000, first=first))
    assert len(receiver.requests) == 4
    assert receiver.server.connections == 2
