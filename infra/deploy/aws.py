"""
AWS's clients for a deployment: one set per region, made when asked for, from one session.

Against AWS the credentials are those that boto3 finds, and an endpoint of the environment (``AWS_ENDPOINT_URL``, as it may
be set for local work) is not used: what is called a deployment must be one. Against an emulator the credentials are
fixed words, so that real ones never leave for it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from botocore.config import Config
from botocore.exceptions import ClientError

from infra.deploy.failures import error_code
from infra.local.emulator import LOCAL_CREDENTIALS

if TYPE_CHECKING:
    import boto3

CONFIG: Final = Config(  # type: ignore[call-arg]  # the stubs are behind botocore by one name
    connect_timeout=5,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": 6},
    ignore_configured_endpoint_urls=True,
    max_pool_connections=32,
)


class Client(Protocol):
    """A boto3 client of a service whose types are not installed: operations by name, answers as maps."""

    def __getattr__(self, operation: str) -> Operation: ...


class Operation(Protocol):
    """One operation of a client."""

    def __call__(self, **request: object) -> dict[str, Any]:
        """Call it."""


class Aws:
    """
    Makes clients.

    Args:
        endpoint_url: of an emulator; None for AWS.
        profile: of the AWS configuration; None for the default.

    Attributes:
        endpoint_url: the same.

    Raises:
        botocore.exceptions.ProfileNotFound: there is no such profile.
    """

    def __init__(self, *, endpoint_url: str | None = None, profile: str | None = None) -> None:
        import boto3  # 0.1 s that wrong usage and --help need not wait for

        self.endpoint_url = endpoint_url
        self._session: boto3.Session
        if endpoint_url is None:
            self._session = boto3.Session(profile_name=profile)
        else:
            pair = LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"], LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
            self._session = boto3.Session(*pair)
        self._clients: dict[tuple[str, str], Client] = {}
        self._lock = threading.Lock()  # sessions are not made for threads, clients are

    def client(self, service: str, aws_region: str) -> Client:
        """Return the client of a service in a region."""
        with self._lock:
            found = self._clients.get((service, aws_region))
            if found is None:
                made = self._session.client(  # type: ignore[call-overload]
                    service, region_name=aws_region, endpoint_url=self.endpoint_url, config=CONFIG
                )
                found = self._clients[service, aws_region] = cast("Client", made)
            return found

    def account(self, aws_region: str) -> str:
        """
        Return the id of the account; it also shows that the credentials are good.

        Raises:
            botocore.exceptions.BotoCoreError: there are no credentials.
            botocore.exceptions.ClientError: AWS does not take them.
        """
        return str(self.client("sts", aws_region).get_caller_identity()["Account"])

    def secret_has_value(self, aws_region: str, name: str) -> bool:
        """Tell whether a secret has a value; the value is not read."""
        try:
            found = self.client("secretsmanager", aws_region).describe_secret(SecretId=name)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return False
            raise
        return bool(found.get("VersionIdsToStages"))
