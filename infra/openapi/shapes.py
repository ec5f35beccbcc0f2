"""Schemas of answers that no model in the code describes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from infra.openapi.schemas import Json, Schema

_WORD: Final[dict[str, Json]] = {"type": "string", "enum": ["pass", "warn", "fail"]}

SCHEMAS: Final[dict[str, Schema]] = {
    "Nothing": {"type": "object", "description": "An empty object.", "additionalProperties": False},
    "Document": {
        "type": "object",
        "description": "An OpenAPI document.",
        "required": ["openapi", "info", "paths"],
    },
    "JwkSet": {
        "type": "object",
        "description": "Public keys (RFC 7517), the newest first.",
        "additionalProperties": False,
        "required": ["keys"],
        "properties": {
            "keys": {
                "type": "array",
                "items": {
                    "type": "object",
                    "description": "A public key; which members it has depends on *kty* (RFC 7518).",
                    "required": ["kty", "kid", "alg", "use"],
                    "properties": {
                        "kty": {"type": "string", "enum": ["EC", "RSA", "OKP"]},
                        "kid": {"type": "string", "description": "Its thumbprint (RFC 7638)."},
                        "alg": {"type": "string", "enum": ["ES256", "EdDSA", "RS256"]},
                        "use": {"type": "string", "const": "sig"},
                        "crv": {"type": "string", "enum": ["P-256", "Ed25519"]},
                        "x": {"type": "string"},
                        "y": {"type": "string"},
                        "n": {"type": "string"},
                        "e": {"type": "string"},
                    },
                },
            }
        },
    },
    "HealthDraft": {
        "type": "object",
        "description": (
            "As draft-inadarei-api-health-check-06 has it, for those who ask for it by `Accept`; "
            "*releaseId* and *checks* for `monitoring:read` alone."
        ),
        "additionalProperties": False,
        "required": ["status", "serviceId"],
        "properties": {
            "status": _WORD,
            "serviceId": {"type": "string", "description": "Code of the region."},
            "releaseId": {"type": "string"},
            "checks": {
                "type": "object",
                "additionalProperties": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["componentType", "observedValue", "observedUnit", "status", "time"],
                        "properties": {
                            "componentType": {"type": "string", "enum": ["datastore", "component"]},
                            "observedValue": {"type": "integer"},
                            "observedUnit": {"type": "string", "const": "ms"},
                            "status": _WORD,
                            "time": {"type": "string", "format": "date-time"},
                            "output": {"type": "string"},
                        },
                    },
                },
            },
        },
    },
}
"""By the name that :class:`infra.openapi.operations.Kind` gives."""
