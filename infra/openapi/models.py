"""Schemas for people: what a member is, in words, and a model as a table of its members."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from infra.openapi.markup import inline, paragraphs, text

if TYPE_CHECKING:
    from infra.openapi.schemas import Json, Schema

_MOST_WORDS = 12
"""An enumeration that is longer is shown folded."""


def type_of(schema: Json) -> str:
    """
    Return what values *schema* takes, as HTML.

    Example:
        >>> type_of({"anyOf": [{"type": "integer"}, {"type": "null"}]})
        'integer or null'
        >>> type_of({"type": "array", "items": {"$ref": "#/components/schemas/Key"}})
        'list of <a href="#model-Key">Key</a>'
    """
    if not isinstance(schema, dict) or not schema:
        return "anything"
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f'<a href="#model-{text(name)}">{text(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(type_of(one) for one in cast("list[Json]", schema["anyOf"]))
    if "const" in schema:
        return f"<code>{text(_word(schema['const']))}</code>"
    if schema.get("type") == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    others = schema.get("additionalProperties")
    if isinstance(others, dict) and "properties" not in schema:
        return f"map of {type_of(others)}"
    return text(schema.get("type", "anything"))


def limits_of(schema: Json) -> str:
    """Return what else is asked of values, as HTML; of the alternatives that are not null."""
    if not isinstance(schema, dict):
        return ""
    if "anyOf" in schema:
        return "".join(limits_of(one) for one in cast("list[Json]", schema["anyOf"]))
    parts = []
    for low, high, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
    ):
        if low in schema and high in schema:
            parts.append(f"{_number(schema[low])} to {_number(schema[high])}{unit}")
        elif low in schema:
            parts.append(f"at least {_number(schema[low])}{unit}")
        elif high in schema:
            parts.append(f"at most {_number(schema[high])}{unit}")
    if "contentEncoding" in schema:
        parts.append(text(schema["contentEncoding"]))
    if "pattern" in schema:
        parts.append(f"<code>{text(schema['pattern'])}</code>")
    if "default" in schema and schema["default"] not in (None, "", [], {}):
        parts.append(f"<code>{text(_word(schema['default']))}</code> if absent")
    told = f'<span class="limits">{"; ".join(parts)}</span>' if parts else ""
    words = schema.get("enum")
    return told + (_words(words) if isinstance(words, list) else "")


def member_rows(schema: Schema) -> str:
    """Return the members of an object as rows of a table."""
    needed = cast("list[Json]", schema.get("required", []))
    rows = []
    for name, one in cast("dict[str, Schema]", schema.get("properties", {})).items():
        nested = one["items"] if one.get("type") == "array" else one
        rows.append(row(name, one, is_needed=name in needed))
        if isinstance(nested, dict) and "properties" in nested:
            rows += [row(f"{name}.{inner}", of, is_needed=False) for inner, of in _inner(nested)]
    return "".join(rows)


def row(name: str, schema: Schema, *, is_needed: bool, description: str = "") -> str:
    """Return one member or parameter as a row."""
    mark = "" if is_needed else ' <span class="optional">optional</span>'
    told = inline(description or str(schema.get("description", "")))
    return (
        f'<tr><th scope="row"><code>{text(name)}</code>{mark}</th>'
        f'<td><span class="type">{type_of(schema)}</span>{limits_of(schema)}'
        f"{f'<p>{told}</p>' if told else ''}</td></tr>"
    )


def model(name: str, schema: Schema) -> str:
    """Return a model with its description."""
    rows = member_rows(schema)
    table = f'<div class="scroll"><table class="members"><tbody>{rows}</tbody></table></div>' if rows else ""
    return (
        f'<section class="panel model" id="model-{text(name)}"><h3><a href="#model-{text(name)}">{text(name)}</a></h3>'
        f"{paragraphs(str(schema.get('description', '')))}{table}</section>"
    )


def _inner(nested: Schema) -> list[tuple[str, Schema]]:
    return list(cast("dict[str, Schema]", nested["properties"]).items())


def _words(words: list[Json]) -> str:
    chips = " ".join(f"<code>{text(_word(word))}</code>" for word in words)
    if len(words) > _MOST_WORDS:
        return f'<details class="words"><summary>{len(words)} words</summary>{chips}</details>'
    return f'<span class="words">{chips}</span>'


def _word(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Json) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)
