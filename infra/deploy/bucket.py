"""
The bucket of a region: artifacts and templates under the digest of their content, and what was deployed when.

It is made on first use: encrypted, closed to the public, and to requests without TLS. Every call names the account that
must own it, so that nobody else's bucket of that name is used. Nothing in it is ever overwritten but the history.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from infra.deploy.failures import DeployFailed, error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.deploy.aws import Client

_MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchBucket"})
_DENIED: Final = frozenset({"403", "AccessDenied", "AllAccessDisabled"})


class Bucket:
    """
    One bucket.

    Args:
        client: of S3 in the region.
        name: of the bucket.
        account: that owns it.
        aws_region: where it is.

    Attributes:
        name: the same.
    """

    def __init__(self, client: Client, name: str, *, account: str, aws_region: str) -> None:
        self.name = name
        self._client = client
        self._account = account
        self._aws_region = aws_region

    def exists(self) -> bool:
        """
        Tell whether it is there.

        Raises:
            DeployFailed: it is, but these credentials may not use it, or another account has it.
        """
        try:
            self._client.head_bucket(Bucket=self.name, ExpectedBucketOwner=self._account)
        except ClientError as error:
            if error_code(error) in _MISSING:
                return False
            if error_code(error) in _DENIED:
                raise DeployFailed(
                    "bucket",
                    f"The bucket {self.name} ({self._aws_region}) cannot be used: these credentials may not, or another account owns it.",
                ) from error
            raise
        return True

    def ensure(self, tags: Mapping[str, str]) -> None:
        """Make it if it is not there; what a run that died left half closed is closed."""
        if not self.exists():
            where = (
                {}
                if self._aws_region == "us-east-1"
                else {"CreateBucketConfiguration": {"LocationConstraint": self._aws_region}}
            )
            self._client.create_bucket(Bucket=self.name, **where)
        elif self._is_closed():
            return
        mine = {"Bucket": self.name, "ExpectedBucketOwner": self._account}
        self._client.put_bucket_tagging(
            **mine, Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}
        )
        self._client.put_public_access_block(
            **mine,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        self._client.put_bucket_encryption(**mine, ServerSideEncryptionConfiguration={"Rules": [rule]})
        # Last: that it is there says that all before it are.
        self._client.put_bucket_policy(**mine, Policy=json.dumps(_tls_only(self.name)))

    def _is_closed(self) -> bool:
        try:
            self._client.get_bucket_policy(Bucket=self.name, ExpectedBucketOwner=self._account)
        except ClientError as error:
            if error_code(error) == "NoSuchBucketPolicy":
                return False
            raise
        return True

    def put(self, key: str, content: Callable[[], bytes]) -> bool:
        """
        Upload what is not there yet.

        Args:
            key: has the digest of the content in it.
            content: is called only when it is to be uploaded.

        Returns:
            Whether it was uploaded.
        """
        try:
            self._client.head_object(Bucket=self.name, Key=key, ExpectedBucketOwner=self._account)
        except ClientError as error:
            if error_code(error) not in _MISSING:
                raise
            self.replace(key, content())
            return True
        return False

    def replace(self, key: str, content: bytes) -> None:
        """Write an object, over the one that may be there."""
        self._client.put_object(Bucket=self.name, Key=key, Body=content, ExpectedBucketOwner=self._account)

    def read(self, key: str) -> bytes | None:
        """Return the content of an object; None if there is none."""
        try:
            found = self._client.get_object(Bucket=self.name, Key=key, ExpectedBucketOwner=self._account)
        except ClientError as error:
            if error_code(error) in _MISSING:
                return None
            raise
        content: bytes = found["Body"].read()
        return content

    def url(self, key: str) -> str:
        """Return the address that CloudFormation reads a template from."""
        return f"{self._client.meta.endpoint_url}/{self.name}/{key}"  # type: ignore[attr-defined]

    def delete(self) -> int:
        """Empty and delete it; return how many objects it had."""
        count = 0
        while True:
            page = self._client.list_objects_v2(Bucket=self.name, ExpectedBucketOwner=self._account)
            keys = [{"Key": found["Key"]} for found in page.get("Contents", ())]
            if not keys:
                break
            self._client.delete_objects(
                Bucket=self.name, Delete={"Objects": keys, "Quiet": True}, ExpectedBucketOwner=self._account
            )
            count += len(keys)
        self._client.delete_bucket(Bucket=self.name, ExpectedBucketOwner=self._account)
        return count


def _tls_only(bucket: str) -> dict[str, object]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
