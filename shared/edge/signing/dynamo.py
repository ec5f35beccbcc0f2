"""
The store on DynamoDB: the table ``Nonces`` of a region. It is no global table: a signature is good in one region only,
and a replica that comes to know of a claim a second later would let the replay through.

======= =====================================================================================
``pk``  ``N#`` and base64url of SHA-256 of key id, NUL, nonce
``r``   who claimed it
``ttl`` epoch seconds until which it must be kept; DynamoDB deletes it then, up to days late
======= =====================================================================================

A claim is one conditional write and no read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.aws.dynamo import ConditionFailed
from edge.aws.faults import Unavailable
from edge.signing.nonces import nonce_name

if TYPE_CHECKING:
    from edge.aws.dynamo import DynamoDB
    from edge.signing.nonces import NonceClaim

_FREE: Final = {
    "ConditionExpression": "attribute_not_exists(pk) OR #ttl <= :now",
    "ExpressionAttributeNames": {"#ttl": "ttl"},
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}


class DynamoNonceStore:
    """
    Claims in a DynamoDB table.

    Args:
        client: of the region.
        table: its name.
    """

    def __init__(self, client: DynamoDB, table: str) -> None:
        self._client = client
        self._table = table

    def claim(self, claim: NonceClaim, *, now_seconds: int) -> str:
        """
        Give the nonce to ``claim.holder`` unless somebody has it; return who has it.

        The write may be repeated after a lost answer: the second then fails on the item of the first, whose holder is
        ours.
        """
        outcome = self._client.put_item(
            {
                "TableName": self._table,
                "Item": {
                    "pk": {"S": nonce_name(claim.key_id, claim.nonce)},
                    "r": {"S": claim.holder},
                    "ttl": {"N": str(claim.keep_until)},
                },
                "ExpressionAttributeValues": {":now": {"N": str(now_seconds)}},
                **_FREE,
            },
            repeatable=True,
        )
        if not isinstance(outcome, ConditionFailed):
            return claim.holder
        try:
            # No item: deleted between the check and the answer, or an engine that does not send it. Not to be told apart
            # from one that somebody has.
            holder = None if outcome.item is None else outcome.item["r"]["S"]
        except (LookupError, TypeError):
            holder = None
        if not isinstance(holder, str):
            raise Unavailable("garbled", outcome_unknown=True)
        return holder
