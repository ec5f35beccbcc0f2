from __future__ import annotations

import pytest

from infra.openapi.schemas import Schema, SchemaClash, merge_schemas, plain, renamed, tidy
from infra.openapi.stated import STATED, state


def document(**schemas: Schema) -> Schema:
    return {"paths": {"/x": {"$ref": "#/components/schemas/A"}}, "components": {"schemas": {**schemas}}}


def test_equal_schemas_of_two_functions_are_one() -> None:
    one: Schema = {"type": "object", "title": "A"}
    assert merge_schemas([document(A=one, B={"type": "string"}), document(A={"type": "object"})]) == {
        "A": {"type": "object"},
        "B": {"type": "string"},
    }


def test_different_schemas_of_one_name_are_a_clash() -> None:
    with pytest.raises(SchemaClash, match="A"):
        merge_schemas([document(A={"type": "object"}), document(A={"type": "string"})])


def test_errors_of_the_framework_are_left_out() -> None:
    assert merge_schemas([document(HTTPValidationError={"type": "object"})]) == {}


def test_renaming_reaches_every_reference() -> None:
    given = document(A={"type": "object"}, B={"items": [{"$ref": "#/components/schemas/A"}]})
    assert renamed(given, {"A": "C"}) == {
        "paths": {"/x": {"$ref": "#/components/schemas/C"}},
        "components": {
            "schemas": {"C": {"type": "object"}, "B": {"items": [{"$ref": "#/components/schemas/C"}]}}
        },
    }


@pytest.mark.parametrize("names", [{"X": "Y"}, {"A": "B"}])
def test_renaming_what_is_not_there_or_to_what_is_fails(names: dict[str, str]) -> None:
    with pytest.raises(SchemaClash):
        renamed(document(A={"type": "object"}, B={"type": "object"}), names)


def test_a_member_that_is_called_title_stays() -> None:
    schema: Schema = {"title": "Group", "properties": {"title": {"title": "Title", "type": "string"}}}
    assert tidy(schema) == {"properties": {"title": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "kept"),
    [
        ({"type": "integer", "minimum": 1.0, "default": 0}, False),
        ({"type": "integer", "minimum": 1, "default": 1}, True),
        ({"type": "array", "minItems": 1, "default": []}, False),
        ({"type": "boolean", "default": False}, True),
    ],
)
def test_a_default_that_would_be_refused_is_not_told(schema: Schema, *, kept: bool) -> None:
    tidied = tidy(schema)
    assert isinstance(tidied, dict)
    assert ("default" in tidied) == kept


def test_docstrings_become_commonmark() -> None:
    assert plain("One\n    line.\n\n    See :func:`~edge.a.b`, ``c``.\n") == "One line.\n\nSee `b`, `c`."


def test_what_is_stated_belongs_to_the_alternative_that_is_not_null() -> None:
    integer: Schema = {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    schemas: dict[str, Schema] = {
        model: {"properties": dict.fromkeys(members, integer)} for model, members in STATED.items()
    }
    told = state(schemas)["CreateKeyRequest"]["properties"]
    assert isinstance(told, dict)
    assert told["expires_in_days"] == {
        "anyOf": [{"type": "integer", "minimum": 1, "maximum": 3650}, {"type": "null"}]
    }


def test_what_is_stated_of_a_member_that_is_gone_fails() -> None:
    with pytest.raises(KeyError):
        state({model: {"properties": {}} for model in STATED})
