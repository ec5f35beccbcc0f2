"""
What signing and verifying a request of 1 KB costs: ours beside http-message-signatures and botocore's SigV4.

Each does what its users do: ours with digest, nonce and all checks but the claim (that is a call to DynamoDB); the PyPI
library with the same components and parameters, digest given to sign and checked on verifying; botocore signs only, and
its scheme has no nonce. Times are medians of interleaved batches. What is not installed is left out.
"""

from __future__ import annotations

import datetime as dt
import statistics
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.regions import CDG1, HND1
from edge.signing.content_digest import content_digest
from edge.signing.keys import SigningKeys
from edge.signing.problems import RegionMismatch, SignatureRefused
from edge.signing.sign import sign
from edge.signing.verify import check_signature

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.regions import Region

BATCHES: Final = 9
BATCH_SECONDS: Final = 0.03
BODY: Final = b'{"hello": "' + b"w" * 1_011 + b'"}'
URL: Final = "https://api.example/orders/7?dry=1&of=a%20b"
COVERED: Final = ("@method", "@authority", "@path", "@query", "content-digest")
KEYS: Final = SigningKeys.parse([{"version": 1, "secret": "A" * 43}])
KEY: Final = KEYS.key_of("k3yOfACaller", CDG1)


class Row(NamedTuple):
    """One thing that is measured."""

    name: str
    call: Callable[[], object]


class Message(NamedTuple):
    """What http-message-signatures takes for a request."""

    method: str
    url: str
    headers: dict[str, str]


def now() -> int:
    return int(time.time())


def signed_by_us() -> dict[str, str]:
    return sign(method="POST", url=URL, body=BODY, key=KEY, created=now(), expires_in_seconds=60).headers


def check(headers: dict[str, str], *, region: Region = CDG1, body: bytes = BODY) -> object:
    return check_signature(
        method="POST", url=URL, headers=headers, body=body, keys=KEYS, region=region, now_seconds=now()
    )


def refused(headers: dict[str, str], *, region: Region = CDG1) -> Callable[[], object]:
    """Return a check of *headers* with its refusal taken for its result."""

    def run() -> object:
        try:
            return check(headers, region=region)
        except (SignatureRefused, RegionMismatch) as problem:
            return problem

    return run


def our_rows() -> list[Row]:
    headers = sign(method="POST", url=URL, body=BODY, key=KEY, created=now(), expires_in_seconds=300).headers
    browser = {**headers, **{f"x-header-{number}": "v" * 40 for number in range(16)}}
    junk = {**headers, "Signature": f"edge=:{'A' * 43}=:"}
    hostile = {**headers, "Signature-Input": "edge=(" + "(" * 64 * 1024}
    return [
        Row("ours: sign", signed_by_us),
        Row("ours: verify, key derived each time", lambda: check(headers)),
        Row("ours: verify, 19 headers", lambda: check(browser)),
        Row("ours: derive a key", lambda: KEYS.find(KEY.key_id, CDG1)),
        Row("ours: refuse a wrong MAC", refused(junk)),
        Row("ours: refuse another region's", refused(headers, region=HND1)),
        Row("ours: refuse 64 KB of parentheses", refused(hostile)),
    ]


def library_rows() -> list[Row]:
    from http_message_signatures import (
        HTTPMessageSigner,
        HTTPMessageVerifier,
        MappingKeyResolver,
        algorithms,
    )

    keys = MappingKeyResolver(public_keys={KEY.key_id: KEY.secret}, private_keys={KEY.key_id: KEY.secret})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=keys)
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=keys)

    def sign_it(seconds: int = 60) -> Message:
        message = Message("POST", URL, {"Content-Digest": content_digest(BODY)})
        created = dt.datetime.now(tz=dt.UTC)
        signer.sign(
            message,
            key_id=KEY.key_id,
            created=created,
            expires=created + dt.timedelta(seconds=seconds),
            nonce="n" * 22,
            tag="edge-sign/v1:eu-west-3",
            covered_component_ids=COVERED,
            use_existing_digest=True,
        )
        return message

    sent = sign_it(300)
    return [
        Row("http-message-signatures: sign", sign_it),
        Row(
            "http-message-signatures: verify",
            lambda: verifier.verify(
                sent,
                max_age=dt.timedelta(seconds=300),
                expect_tag="edge-sign/v1:eu-west-3",
                require_components=COVERED,
                body=BODY,
            ),
        ),
    ]


def botocore_rows() -> list[Row]:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    auth = SigV4Auth(Credentials("AKIDEXAMPLE", "s" * 40), "execute-api", "eu-west-3")
    return [
        Row("botocore SigV4: sign", lambda: auth.add_auth(AWSRequest("POST", URL, data=BODY))),
    ]


def medians_us(rows: list[Row]) -> list[float]:
    """Return the median time of one call of each, their batches interleaved and of equal length."""
    counts = []
    for row in rows:
        started = time.perf_counter()
        for _ in range(5):
            row.call()
        counts.append(max(5, int(BATCH_SECONDS / ((time.perf_counter() - started) / 5))))
    took: list[list[float]] = [[] for _ in rows]
    for _ in range(BATCHES):
        for row, count, times in zip(rows, counts, took, strict=True):
            started = time.perf_counter()
            for _ in range(count):
                row.call()
            times.append((time.perf_counter() - started) / count * 1e6)
    return [statistics.median(times) for times in took]


def main() -> None:
    """Print the table."""
    rows = our_rows()
    for package, others in (("http_message_signatures", library_rows), ("botocore", botocore_rows)):
        if find_spec(package) is None:
            print(f"no {package} here: left out")
        else:
            rows += others()
    for row, median in zip(rows, medians_us(rows), strict=True):
        print(f"{row.name:44} {median:9.2f} us")


if __name__ == "__main__":
    main()
