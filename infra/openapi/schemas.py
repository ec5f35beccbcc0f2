"""Schemas of several functions become one set: merged by name, without what FastAPI and our docstrings leave in them."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Schema: TypeAlias = dict[str, Json]

NOT_OURS: Final = frozenset({"HTTPValidationError", "ValidationError"})
"""FastAPI's own errors; ours are problems."""

RENAMED: Final = {
    "health": {"CheckAnswer": "DependencyAnswer"},
    "metrics": {
        "Cache": "CacheNumbers",
        "Drained": "RegionDrained",
        "Errors": "ErrorNumbers",
        "Health": "RegionHealth",
        "Latency": "LatencyNumbers",
        "RateLimit": "RateLimitNumbers",
        "Requests": "RequestNumbers",
    },
}
"""By function: models whose names say enough among their own, and not among all."""

_REFERENCE: Final = "#/components/schemas/"
_ROLE: Final = re.compile(r":[a-z]+:`~?(?:[\w.]*\.)?(\w+)`")
_LITERAL: Final = re.compile(r"``([^`]*)``")
_MAPS: Final = ("properties", "patternProperties", "$defs")
_WHOLE: Final = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")


class SchemaClash(Exception):
    """Two functions mean different things by one name; name one of the models in :data:`RENAMED`."""


def renamed(document: Schema, names: Mapping[str, str]) -> Schema:
    """
    Return *document* with schemas, and what refers to them, under other names.

    Args:
        document: as FastAPI makes it.
        names: the new ones by the old ones.

    Raises:
        SchemaClash: the document has no schema of an old name, or one of a new name.
    """

    def walk(value: Json) -> Json:
        if isinstance(value, list):
            return [walk(one) for one in value]
        if not isinstance(value, dict):
            return value
        walked = {name: walk(one) for name, one in value.items()}
        reference = walked.get("$ref")
        if isinstance(reference, str):
            old = reference.removeprefix(_REFERENCE)
            walked["$ref"] = _REFERENCE + names.get(old, old)
        return walked

    if not names:
        return document
    schemas = _schemas_of(document)
    if not names.keys() <= schemas.keys() or set(names.values()) & schemas.keys():
        raise SchemaClash(", ".join(sorted(names)))
    found = {names.get(name, name): walk(schema) for name, schema in schemas.items()}
    return {**document, "paths": walk(document["paths"]), "components": {"schemas": found}}


def merge_schemas(documents: Iterable[Mapping[str, Json]]) -> dict[str, Schema]:
    """
    Return the schemas of all documents, tidied, by name.

    Args:
        documents: as FastAPI makes them.

    Raises:
        SchemaClash: two of a name differ.
    """
    merged: dict[str, Schema] = {}
    for document in documents:
        for name, schema in _schemas_of(document).items():
            if name in NOT_OURS:
                continue
            tidied = tidy(schema)
            if not isinstance(tidied, dict) or merged.setdefault(name, tidied) != tidied:
                raise SchemaClash(name)
    return dict(sorted(merged.items()))


def _schemas_of(document: Mapping[str, Json]) -> dict[str, Json]:
    components = document.get("components")
    schemas = components.get("schemas") if isinstance(components, dict) else None
    return schemas if isinstance(schemas, dict) else {}


def tidy(schema: Json) -> Json:
    """
    Return *schema* without titles that repeat names and defaults that it does not allow itself, its texts as CommonMark.

    Example:
        >>> tidy({"title": "Cost", "type": "integer", "minimum": 1.0, "default": 0, "description": "As ``x``."})
        {'type': 'integer', 'minimum': 1, 'description': 'As `x`.'}
    """
    if isinstance(schema, list):
        return [tidy(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    tidied: Schema = {}
    for name, value in schema.items():
        if name in _MAPS and isinstance(value, dict):
            tidied[name] = {member: tidy(one) for member, one in value.items()}
        elif name in _WHOLE and isinstance(value, float) and value.is_integer():
            tidied[name] = int(value)
        elif name == "description" and isinstance(value, str):
            tidied[name] = plain(value)
        elif name in ("default", "enum", "const", "examples"):
            tidied[name] = value
        elif name != "title":
            tidied[name] = tidy(value)
    # Stands for "absent" in the code: a client that sent it would be refused.
    if _breaks(tidied, tidied.get("default")):
        del tidied["default"]
    return tidied


def plain(text: str) -> str:
    r"""
    Return a docstring as CommonMark on lines of any length.

    Example:
        >>> plain("A ``word``,\n    see :class:`edge.x.Y`.\n\n    More.")
        'A `word`, see `Y`.\n\nMore.'
    """
    first, _, rest = text.strip().partition("\n")
    paragraphs = f"{first}\n{dedent(rest)}".strip().split("\n\n")
    joined = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return _LITERAL.sub(r"`\1`", _ROLE.sub(r"`\1`", joined))


def _breaks(schema: Schema, default: Json) -> bool:
    """Return whether *default* is out of the schema's own range."""
    least, fewest = schema.get("minimum"), schema.get("minItems")
    if isinstance(least, int) and isinstance(default, int) and not isinstance(default, bool):
        return default < least
    return isinstance(fewest, int) and isinstance(default, list) and len(default) < fewest
