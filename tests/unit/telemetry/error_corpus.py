"""Messages of errors as they are met, by kind: what is variable is drawn anew for each message, what is not is fixed."""

from __future__ import annotations

import base64
import string
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

SEED: Final = 20_261_120
PER_KIND: Final = 200
NAMES: Final = (
    "alice",
    "bob",
    "carol",
    "dave",
    "erin",
    "frank",
    "grace",
    "heidi",
    "ivan",
    "judy",
    "mallory",
    "oscar",
    "peggy",
)
CODES: Final = ("iad1", "sfo1", "cdg1", "hnd1", "gru1", "sin1")
AWS: Final = ("us-east-1", "us-west-1", "eu-west-3", "ap-northeast-1", "sa-east-1", "ap-southeast-1")
ALNUM: Final = string.ascii_letters + string.digits


class Draw:
    """Variable parts."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def number(self, most: int = 100_000) -> int:
        return int(self.chance.random() ** 3 * most)

    def ms(self) -> str:
        return self.chance.choice(
            [f"{self.number(9_000)}ms", f"{self.chance.uniform(0.1, 90):.2f}s", f"{self.number(900)} ms"]
        )

    def hex(self, digits: int) -> str:
        return f"{self.chance.getrandbits(4 * digits):0{digits}x}"

    def uuid(self) -> str:
        text = self.hex(32)
        return "-".join([text[:8], text[8:12], text[12:16], text[16:20], text[20:]])

    def id(self, length: int = 22) -> str:
        return "".join(self.chance.choices(ALNUM, k=length))

    def base64(self, size: int) -> str:
        return base64.b64encode(self.chance.randbytes(size)).decode()

    def ip(self) -> str:
        if self.chance.random() < 0.3:
            return ":".join(f"{self.chance.getrandbits(16):x}" for _ in range(8))
        return ".".join(str(self.chance.randrange(256)) for _ in range(4))

    def host(self) -> str:
        return f"{self.chance.choice(NAMES)}{self.chance.randrange(99)}.{self.chance.choice(AWS)}.compute.internal"

    def email(self) -> str:
        return f"{self.chance.choice(NAMES)}.{self.number(99)}@mail{self.number(20)}.example.com"

    def word(self) -> str:
        return (
            "".join(
                self.chance.choices(string.ascii_letters + " ;:,.-/", k=self.chance.randint(1, 20))
            ).strip()
            or "x"
        )

    def date(self) -> str:
        day, hour = self.chance.randint(1, 28), self.chance.randrange(24)
        iso = f"2026-{self.chance.randint(1, 12):02}-{day:02}T{hour:02}:{day:02}:{hour:02}"
        return iso + self.chance.choice(["Z", ".123Z", "+02:00", ".654321+00:00", ""])

    def path(self) -> str:
        return "/".join(
            [
                "",
                *self.chance.choices(["tmp", "var", "task", "data", "cache", "run"], k=3),
                f"{self.hex(6)}.json",
            ]
        )

    def pick(self, *values: str) -> str:
        return self.chance.choice(values)


KINDS: Final[dict[str, Callable[[Draw], str]]] = {
    "throttled write": lambda d: (
        "An error occurred (ProvisionedThroughputExceededException) when calling the PutItem operation"
        f" (reached max retries: {d.number(9)}): Throughput exceeds the current capacity of your table"
    ),
    "throttled read": lambda d: (
        f"An error occurred (ThrottlingException) when calling the Query operation: Rate of requests exceeds the allowed throughput, request id {d.id(52).upper()}"
    ),
    "condition": lambda d: f"The conditional request failed for key user#{d.uuid()} in {d.pick(*AWS)}",
    "read timeout": lambda d: f"Read timed out after {d.ms()} waiting for {d.ip()} port {d.number(65_535)}",
    "connect timeout": lambda d: f"Connect timed out after {d.ms()} ({d.host()}:{d.number(65_535)})",
    "pool timeout": lambda d: (
        f"HTTPSConnectionPool(host='{d.host()}', port={d.number(9_999)}): Read timed out. (read timeout={d.chance.uniform(0.1, 9):.1f})"
    ),
    "key": lambda d: f"KeyError: '{d.pick(*NAMES)}_{d.number()}'",
    "json position": lambda d: (
        f"Expecting value: line {d.number(99) + 1} column {d.number(500)} (char {d.number()})"
    ),
    "json delimiter": lambda d: (
        f"Expecting ',' delimiter: line {d.number(99) + 1} column {d.number(500)} (char {d.number()})"
    ),
    "json extra": lambda d: f"Extra data: line {d.number(99) + 1} column {d.number(500)} (char {d.number()})",
    "utf-8": lambda d: (
        f"'utf-8' codec can't decode byte 0x{d.hex(2)} in position {d.number()}: invalid start byte"
    ),
    "utf-8 continuation": lambda d: (
        f"'utf-8' codec can't decode byte 0x{d.hex(2)} in position {d.number()}: invalid continuation byte"
    ),
    "reset": lambda d: f"[Errno 104] Connection reset by peer: {d.ip()}",
    "refused": lambda d: f"[Errno 111] Connection refused: ('{d.ip()}', {d.number(65_535)})",
    "broken pipe": lambda d: f"[Errno 32] Broken pipe while sending {d.number()} bytes",
    "unresolved": lambda d: f"[Errno -2] Name or service not known: {d.host()}",
    "certificate": lambda d: (
        f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:{d.number(2_000)})"
    ),
    "handshake": lambda d: f"[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:{d.number(2_000)})",
    "int": lambda d: f"invalid literal for int() with base 10: '{d.word()}'",
    "float": lambda d: f"could not convert string to float: '{d.word()}'",
    "validation": lambda d: f"{d.number(5) + 1} validation error{d.pick('', 's')} for CheckRequest",
    "required": lambda d: f"field required: $.items[{d.number(50)}].amount",
    "limit": lambda d: (
        f"limit={d.pick('None', '-1', '0', '7', '3.5', 'true')} is out of range for plan {d.hex(12)}"
    ),
    "attribute": lambda d: (
        f"'{d.pick('NoneType', 'dict', 'Item', 'str')}' object has no attribute '{d.pick(*NAMES)}'"
    ),
    "subscript": lambda d: f"'{d.pick('NoneType', 'int', 'Item')}' object is not subscriptable",
    "index": lambda d: f"index {d.number()} is out of bounds for axis {d.number(3)} with size {d.number()}",
    "shape": lambda d: (
        f"operands could not be broadcast together with shapes ({d.number()},{d.number()}) ({d.number()},)"
    ),
    "no file": lambda d: f"[Errno 2] No such file or directory: '{d.path()}'",
    "disk": lambda d: (
        f"[Errno 28] No space left on device: {d.path()} ({d.number(100)}% full, {d.chance.uniform(0, 9):.1f} GB free)"
    ),
    "memory": lambda d: (
        f"RequestId: {d.uuid()} Error: Runtime exited with error: signal: killed, {d.number(3_000)} MB used"
    ),
    "task": lambda d: f"{d.date()} {d.uuid()} Task timed out after {d.chance.uniform(1, 30):.2f} seconds",
    "access": lambda d: (
        f"User: arn:aws:sts::{d.number(10**12):012}:assumed-role/edge/{d.id(12)} is not authorized to perform: dynamodb:PutItem"
    ),
    "resource": lambda d: f"Requested resource not found: Table: Sessions-{d.hex(8)} not found",
    "expired token": lambda d: f"The security token included in the request is expired, issued at {d.date()}",
    "jwt expired": lambda d: f"token {d.base64(30)} expired {d.ms()} ago",
    "jwt signature": lambda d: f"signature {d.base64(32)} does not verify with kid {d.hex(16)}",
    "digest": lambda d: f"sha256 mismatch: expected {d.hex(64)}, got {d.hex(64)}",
    "region down": lambda d: (
        f"region {d.pick(*CODES)} is unhealthy: {d.number(4)} of {d.number(4)} voices, p99 {d.ms()}"
    ),
    "region lag": lambda d: (
        f"replication from {d.pick(*CODES, *AWS)} to {d.pick(*CODES, *AWS)} lags {d.ms()}"
    ),
    "drain": lambda d: f"drain of {d.pick(*AWS)} by {d.email()} until {d.date()} refused",
    "webhook": lambda d: (
        f"POST https://{d.host()}/hooks/{d.id()}?attempt={d.number(9)} answered {d.pick('500', '502', '503')} in {d.ms()}"
    ),
    "upstream": lambda d: (
        f"upstream https://{d.host()}:{d.number(9_999)}/v{d.number(3)}/items/{d.uuid()} closed the connection"
    ),
    "mail": lambda d: f"mailbox {d.email()} is full ({d.number()} messages)",
    "order": lambda d: f"order-{d.pick(str(d.number()), d.hex(8))} not found",
    "invoice": lambda d: f"invoice-{d.pick(str(d.number()), d.hex(8))} not found",
    "user": lambda d: f"user={d.pick(*NAMES, d.email(), d.hex(8))} has no plan",
    "lock": lambda d: f"lock {d.id(10)} held by worker-{d.number(64)} since {d.date()}",
    "deadlock": lambda d: (
        f"deadlock detected: process {d.number()} waits for {d.number()}, transaction {d.hex(10)}"
    ),
    "recursion": lambda d: f"maximum recursion depth exceeded at depth {d.number(2_000)}",
    "payload": lambda d: (
        f"payload of {d.pick(f'{d.number()} bytes', f'{d.number(900)} KB', f'{d.chance.random():.2f} MB')} exceeds the limit of 64 KB"
    ),
    "item": lambda d: f"cannot serialise {{'pk': {{'S': '{d.word()}'}}, 'n': [{d.number()}, {d.number()}]}}",
    "thread": lambda d: (
        f"<Thread(worker-{d.number(64)}, started {d.number(10**14)})> did not stop within {d.ms()}"
    ),
    "object": lambda d: f"<edge.geo.router.Router object at 0x{d.hex(12)}> is closed",
    "cache": lambda d: f"cache miss ratio {d.chance.random():.3f} above 0.5 on shard{d.number(32)}",
    "etag": lambda d: f'If-Match "{d.base64(18)}" is not W/"{d.hex(40)}"',
    "cron": lambda d: (
        f"job nightly-{d.number()} started {d.date()} failed {d.number(5) + 1} time{d.pick('', 's')}"
    ),
}


def corpus(chance: random.Random, per_kind: int = PER_KIND) -> Iterator[tuple[str, str]]:
    """Yield the kind of each message, and the message."""
    draw = Draw(chance)
    for kind, make in KINDS.items():
        for _ in range(per_kind):
            yield kind, make(draw)
