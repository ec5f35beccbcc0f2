"""
What the domains ask of values beyond their models, told as schema keywords.

The models leave these to the domain, which has the rule anyway; a reader of the document should know them before he is
refused. ``tests/functional/test_contract.py`` asks for each value at its bound and one beyond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.auth.roles import SCOPES
from edge.regions import BY_CODE

if TYPE_CHECKING:
    from infra.openapi.schemas import Json, Schema

_SUBJECT: Final = {"minLength": 1, "maxLength": 256}
_SOME: Final = {"minLength": 1}

STATED: Final[dict[str, dict[str, dict[str, Json]]]] = {
    "ChargeRequest": {"subject": {**_SUBJECT}},
    "CheckRequest": {"subject": {**_SUBJECT}},
    "ResetRequest": {"subject": {**_SUBJECT}},
    "CreateKeyRequest": {
        "name": {"minLength": 1, "maxLength": 100},
        "scopes": {"items": {"type": "string", "enum": [*sorted(SCOPES["ADMIN"])]}},
        "expires_in_days": {"minimum": 1, "maximum": 3_650},
    },
    "RotateKeyRequest": {"overlap_seconds": {"minimum": 0, "maximum": 2_592_000}},
    "RouteRequest": {"exclude": {"items": {"type": "string", "enum": [*sorted(BY_CODE)]}}},
    "SignRequest": {"method": {**_SOME}, "url": {**_SOME}},
    "VerifyRequest": {"method": {**_SOME}, "url": {**_SOME}},
}
"""Keywords by model and member; of a member that may be null they belong to its other alternative."""


def state(schemas: dict[str, Schema]) -> dict[str, Schema]:
    """
    Return *schemas* with what is stated of them.

    Raises:
        KeyError: a model or a member is not there any more.
    """
    stated = dict(schemas)
    for model, members in STATED.items():
        properties = stated[model]["properties"]
        if not isinstance(properties, dict):
            raise KeyError(model)
        changed = {name: _with(properties[name], keywords) for name, keywords in members.items()}
        stated[model] = {**stated[model], "properties": {**properties, **changed}}
    return stated


def _with(schema: Json, keywords: dict[str, Json]) -> Json:
    if not isinstance(schema, dict):
        raise KeyError("member")
    alternatives = schema.get("anyOf")
    if isinstance(alternatives, list):
        told = [one if one == {"type": "null"} else _with(one, keywords) for one in alternatives]
        return {**schema, "anyOf": told}
    merged = {**schema, **keywords}
    if merged.get("default") == "":  # stands for "absent"
        del merged["default"]
    return merged
