"""The physical limit: the same route by hand, standard library only, one hand-signed call to DynamoDB."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import time
from urllib.parse import urlsplit

LIMITS = {"default": 100, "strict": 10, "relaxed": 1000}
WINDOW_SECONDS = 60
MAX_SUBJECT_CHARACTERS = 256
MAX_COST = 1000

TABLE = os.environ["RATE_WINDOWS_TABLE"]
REGION = os.environ["AWS_REGION"]
ACCESS_KEY = os.environ["AWS_ACCESS_KEY_ID"]
SECRET_KEY = os.environ["AWS_SECRET_ACCESS_KEY"]
HOST = urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc
TARGET = "DynamoDB_20120810.UpdateItem"
CONTENT_TYPE = "application/x-amz-json-1.0"
SIGNED_HEADERS = "content-type;host;x-amz-date;x-amz-target"

connection = http.client.HTTPConnection(HOST, timeout=2)
connection.connect()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _signed_headers(body: bytes) -> dict[str, str]:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{stamp[:8]}/{REGION}/dynamodb/aws4_request"
    canonical = (
        f"POST\n/\n\ncontent-type:{CONTENT_TYPE}\nhost:{HOST}\nx-amz-date:{stamp}\nx-amz-target:{TARGET}\n\n"
        f"{SIGNED_HEADERS}\n{hashlib.sha256(body).hexdigest()}"
    )
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = _hmac(
        _hmac(_hmac(_hmac(f"AWS4{SECRET_KEY}".encode(), stamp[:8]), REGION), "dynamodb"), "aws4_request"
    )
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return {
        "Content-Type": CONTENT_TYPE,
        "X-Amz-Date": stamp,
        "X-Amz-Target": TARGET,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={SIGNED_HEADERS}, "
        f"Signature={signature}",
    }


def _units_used(key: str, cost: int, expires_at: int) -> int:
    body = json.dumps(
        {
            "TableName": TABLE,
            "Key": {"pk": {"S": key}},
            "UpdateExpression": "ADD n :cost SET x = :x",
            "ExpressionAttributeValues": {":cost": {"N": str(cost)}, ":x": {"N": str(expires_at)}},
            "ReturnValues": "ALL_NEW",
        }
    ).encode()
    connection.request("POST", "/", body, _signed_headers(body))
    outcome = json.loads(connection.getresponse().read())
    return int(outcome["Attributes"]["n"]["N"])


def handler(event: dict[str, str], _context: object) -> dict[str, object]:
    asked = json.loads(event["body"])
    subject, tier, cost = asked.get("subject"), asked.get("tier", "default"), asked.get("cost", 1)
    if (
        not isinstance(subject, str)
        or not 0 < len(subject) <= MAX_SUBJECT_CHARACTERS
        or tier not in LIMITS
        or type(cost) is not int
        or not 0 < cost <= MAX_COST
    ):
        return {"statusCode": 422, "body": '{"title":"Invalid values"}'}
    window = int(time.time()) // WINDOW_SECONDS
    reset_at = (window + 1) * WINDOW_SECONDS
    limit = LIMITS[tier]
    used = _units_used(f"{tier}#{subject}#{window}", cost, reset_at + WINDOW_SECONDS)
    remaining = max(0, limit - used)
    answer = {
        "allowed": used <= limit,
        "subject": subject,
        "tier": tier,
        "limit": limit,
        "remaining": remaining,
        "reset_at": reset_at,
    }
    return {
        "statusCode": 200 if used <= limit else 429,
        "headers": {
            "content-type": "application/json",
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(remaining),
            "x-ratelimit-reset": str(reset_at),
        },
        "body": json.dumps(answer),
    }
