"""The same route as most tutorials write it: sync route, boto3.resource, docs on, lifespan left at its default."""

import os
import time
from enum import StrEnum
from typing import Any

import boto3
from fastapi import FastAPI, Response
from mangum import Mangum
from pydantic import BaseModel, Field

LIMITS = {"default": 100, "strict": 10, "relaxed": 1000}
WINDOW_SECONDS = 60

table: Any = boto3.resource("dynamodb").Table(os.environ["RATE_WINDOWS_TABLE"])
app = FastAPI(title="Rate limiter")


class Tier(StrEnum):
    DEFAULT = "default"
    STRICT = "strict"
    RELAXED = "relaxed"


class CheckRequest(BaseModel):
    subject: str = Field(min_length=1, max_length=256)
    tier: Tier = Tier.DEFAULT
    cost: int = Field(default=1, ge=1, le=1000)


class CheckAnswer(BaseModel):
    allowed: bool
    subject: str
    tier: Tier
    limit: int
    remaining: int
    reset_at: int


@app.post("/api/ratelimit/check")
def check(body: CheckRequest, response: Response) -> CheckAnswer:
    window = int(time.time()) // WINDOW_SECONDS
    reset_at = (window + 1) * WINDOW_SECONDS
    limit = LIMITS[body.tier.value]
    outcome = table.update_item(
        Key={"pk": f"{body.tier.value}#{body.subject}#{window}"},
        UpdateExpression="ADD n :cost SET x = :x",
        ExpressionAttributeValues={":cost": body.cost, ":x": reset_at + WINDOW_SECONDS},
        ReturnValues="ALL_NEW",
    )
    used = int(outcome["Attributes"]["n"])
    remaining = max(0, limit - used)
    response.headers["X-RateLimit-Limit"] = str(limit)
    response.headers["X-RateLimit-Remaining"] = str(remaining)
    response.headers["X-RateLimit-Reset"] = str(reset_at)
    response.status_code = 200 if used <= limit else 429
    return CheckAnswer(
        allowed=used <= limit,
        subject=body.subject,
        tier=body.tier,
        limit=limit,
        remaining=remaining,
        reset_at=reset_at,
    )


handler = Mangum(app)
