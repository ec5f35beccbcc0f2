"""
JSON Schema 2020-12 as our OpenAPI document uses it: whether a value fits, and values that fit or nearly do.

No more than that: a keyword that is not known here is an error, not ignored, so that a schema cannot promise what no test
looks at.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

Schema = dict[str, Any]
Strategy = st.SearchStrategy[Any]

KNOWN: Final = {
    "$ref", "additionalProperties", "anyOf", "const", "contentEncoding", "default", "description", "enum", "format",
    "items", "maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum", "pattern", "properties",
    "propertyNames", "required", "type", "maxProperties",
}  # fmt: skip

_TYPES: Final[dict[str, Any]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
    "array": list,
    "object": dict,
}

CANARY: Final = "zq7canary"
"""In every text that is made up: where it comes back, input was echoed."""


class Schemas:
    """
    The schemas of a document.

    Args:
        document: an OpenAPI document.
    """

    def __init__(self, document: Schema) -> None:
        self._named: dict[str, Schema] = document["components"]["schemas"]

    def resolved(self, schema: Schema) -> Schema:
        """Return what a reference refers to."""
        if "$ref" not in schema:
            return schema
        return self._named[schema["$ref"].rpartition("/")[2]]

    def faults(self, value: object, schema: Schema, at: str = "") -> Iterator[str]:
        """Yield where and how *value* does not fit."""
        schema = self.resolved(schema)
        assert schema.keys() <= KNOWN, schema.keys() - KNOWN
        if "anyOf" in schema:
            if all(any(self.faults(value, one, at)) for one in schema["anyOf"]):
                yield f"{at}: fits no alternative"
            return
        kind = schema.get("type")
        if kind is not None and not _is(value, kind):
            yield f"{at}: is no {kind}"
            return
        if ("enum" in schema and value not in schema["enum"]) or (
            "const" in schema and value != schema["const"]
        ):
            yield f"{at}: is not listed"
        yield from _range_faults(value, schema, at)
        if isinstance(value, list) and "items" in schema:
            for number, one in enumerate(value):
                yield from self.faults(one, schema["items"], f"{at}/{number}")
        if isinstance(value, dict):
            yield from self._member_faults(value, schema, at)

    def _member_faults(self, value: dict[str, object], schema: Schema, at: str) -> Iterator[str]:
        properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        for name in set(schema.get("required", ())) - value.keys():
            yield f"{at}/{name}: is missing"
        for name, one in value.items():
            if "propertyNames" in schema:
                yield from self.faults(name, schema["propertyNames"], f"{at}/{name}")
            if name in properties:
                yield from self.faults(one, properties[name], f"{at}/{name}")
            elif others is False:
                yield f"{at}/{name}: is unknown"
            elif isinstance(others, dict):
                yield from self.faults(one, others, f"{at}/{name}")

    def strangers(self, value: object, schema: Schema, at: str = "") -> Iterator[str]:
        """Yield members of *value* that *schema* does not name, where it names any: what is answered is told."""
        schema = self.resolved(schema)
        if "anyOf" in schema:
            fitting = [one for one in schema["anyOf"] if not any(self.faults(value, one))]
            found = [list(self.strangers(value, one, at)) for one in fitting]
            yield from min(found, key=len, default=[])
        elif isinstance(value, list):
            for number, one in enumerate(value):
                yield from self.strangers(one, schema.get("items", {}), f"{at}/{number}")
        elif isinstance(value, dict) and "properties" in schema:
            for name, one in value.items():
                if name in schema["properties"]:
                    yield from self.strangers(one, schema["properties"][name], f"{at}/{name}")
                else:
                    yield f"{at}/{name}"

    def fitting(self, schema: Schema) -> Strategy:
        """Return values that fit."""
        schema = self.resolved(schema)
        if "anyOf" in schema:
            return st.one_of([self.fitting(one) for one in schema["anyOf"]])
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        kind = schema.get("type")
        if kind == "object":
            return self._objects(schema)
        if kind == "array":
            most = min(schema.get("maxItems", 4), 4)
            least = schema.get("minItems", 0)
            return st.lists(self.fitting(schema.get("items", {})), min_size=least, max_size=max(most, least))
        return _scalars(schema, kind)

    def _objects(self, schema: Schema) -> Strategy:
        properties = {name: self.fitting(one) for name, one in schema.get("properties", {}).items()}
        needed = set(schema.get("required", ()))
        others = schema.get("additionalProperties")
        if not properties and isinstance(others, dict):
            keys = (
                self.fitting({"type": "string", **schema["propertyNames"]})
                if "propertyNames" in schema
                else names()
            )
            return st.dictionaries(keys, self.fitting(others), min_size=1, max_size=3)
        return st.fixed_dictionaries(
            {name: one for name, one in properties.items() if name in needed},
            optional={name: one for name, one in properties.items() if name not in needed},
        )

    def nearly(self, schema: Schema) -> Strategy:
        """Return values of which one thing is wrong, or much."""
        good = self.fitting(schema)
        return st.one_of(good.flatmap(_spoilt), good.flatmap(_spoilt), good, anything())


def texts() -> Strategy:
    """Return texts that say that they were made up, hostile ones among them."""
    hostile = st.sampled_from(
        [
            "",
            "\x00",
            "\n\r",
            "' OR 1=1 --",
            "../../etc/passwd",
            "{{7*7}}",
            "<script>",
            "\ud800",
            "Ω≈ç√",
            "a" * 300,
        ]
    )
    return st.one_of(st.text(max_size=12), hostile).map(lambda text: f"{CANARY}{text}")


def names() -> Strategy:
    """Return names of members and of header fields."""
    return st.one_of(st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True), texts())


def anything() -> Strategy:
    """Return any JSON."""
    numbers = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False))
    leaves = st.one_of(st.none(), st.booleans(), numbers, texts())
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3),
        max_leaves=6,
    )


def _spoilt(value: object) -> Strategy:
    """Return *value* with a member too many, too few, or wrong; here or further in."""
    if isinstance(value, list) and value:
        return st.integers(0, len(value) - 1).flatmap(
            lambda at: _spoilt(value[at]).map(lambda one: [*value[:at], one, *value[at + 1 :]])
        )
    if not isinstance(value, dict):
        return anything()
    stranger = st.builds(lambda name, one: {**value, name: one}, texts(), anything())
    if not value:
        return stranger
    member = st.sampled_from(sorted(value))
    other = member.flatmap(lambda name: _spoilt(value[name]).map(lambda one: {**value, name: one}))
    without = member.map(lambda name: {key: one for key, one in value.items() if key != name})
    return st.one_of(stranger, other, other, without)


def _scalars(schema: Schema, kind: object) -> Strategy:
    if kind == "integer":
        return st.integers(schema.get("minimum", -(2**40)), schema.get("maximum", 2**40))
    if kind == "number":
        return st.floats(
            schema.get("minimum", -1e12), schema.get("maximum", 1e12), allow_nan=False, allow_infinity=False
        )
    if kind == "boolean":
        return st.booleans()
    if kind == "null":
        return st.none()
    if kind != "string":
        return anything()
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True)
    if schema.get("contentEncoding") == "base64":
        return st.sampled_from(["", "aGVsbG8=", "eyJxdHkiOiAyfQ==", "/+8="])
    return texts().map(lambda text: text[: schema.get("maxLength")])


def _is(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[kind])


def _range_faults(value: object, schema: Schema, at: str) -> Iterator[str]:
    if isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            yield f"{at}: has a wrong length"
        if "pattern" in schema and re.search(schema["pattern"], value) is None:
            yield f"{at}: has not the pattern"
    elif isinstance(value, int | float):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            yield f"{at}: is out of range"
    elif (
        isinstance(value, list) and not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1e9)
    ) or (isinstance(value, dict) and len(value) > schema.get("maxProperties", len(value))):
        yield f"{at}: has a wrong size"
