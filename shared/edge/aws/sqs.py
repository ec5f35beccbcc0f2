"""
One queue of SQS, by boto3: nothing that a request waits for uses a queue, and the runtime brings boto3 along.

It is imported when the first message is put, which takes a quarter of a second; most containers never need it.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol, cast
from urllib.parse import urlsplit

from edge.aws.faults import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONNECT_SECONDS: Final = 2
READ_SECONDS: Final = 3
ATTEMPTS: Final = 2
CALL_MS: Final = ATTEMPTS * (CONNECT_SECONDS + READ_SECONDS) * 1000 + 1_000
"""What putting a message takes at most, pauses included."""


class Client(Protocol):
    """What is needed of boto3's."""

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> Mapping[str, object]:  # noqa: N803 - AWS's names
        """Put a message."""


class SqsQueue:
    """
    A standard queue.

    Args:
        url: of the queue; it tells the endpoint too.
        region: AWS's name of its region.
        open_client: returns boto3's client; called at the first message.
    """

    def __init__(
        self, url: str, *, region: str, open_client: Callable[[str, str], Client] | None = None
    ) -> None:
        self._url = url
        place = urlsplit(url)
        self._endpoint = f"{place.scheme}://{place.netloc}"
        self._region = region
        self._open_client = open_client or _boto3_client
        self._client: Client | None = None
        self._lock = Lock()

    def put(self, message: str) -> None:
        """
        Return when *message* is kept.

        Args:
            message: of at most 262,144 bytes of UTF-8, XML's characters only.

        Raises:
            Unavailable: nobody knows whether it is.
            Refused: it is not: the queue is gone, or this function may not write to it.
        """
        from botocore.exceptions import BotoCoreError, ClientError  # the client brings it

        try:
            with self._lock:
                if self._client is None:
                    self._client = self._open_client(self._endpoint, self._region)
            self._client.send_message(QueueUrl=self._url, MessageBody=message)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            if status >= 500 or status == 429:
                raise Unavailable("server_fault", outcome_unknown=True) from None
            code = str(error.response.get("Error", {}).get("Code", "")).rpartition(".")[2]
            raise Refused(
                code if code.isascii() and code.isalpha() and len(code) <= 64 else "other"
            ) from None
        except (BotoCoreError, OSError):
            raise Unavailable("connection", outcome_unknown=True) from None


def _boto3_client(endpoint: str, region: str) -> Client:
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        tcp_keepalive=True,
    )
    return cast("Client", boto3.client("sqs", region_name=region, endpoint_url=endpoint, config=config))
