"""The floor: an interpreter, AWS's bootstrap, and nothing."""

from __future__ import annotations


def handler(_event: dict[str, object], _context: object) -> dict[str, object]:
    return {"statusCode": 200, "body": "{}"}
