"""Requests and answers as they are sent: each operation's examples, the request as a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from infra.openapi.markup import as_json, listing

if TYPE_CHECKING:
    from infra.openapi.schemas import Json, Schema


def samples(method: str, path: str, told: Schema) -> str:
    """
    Return the examples of an operation as HTML: a request, its answer, and the others folded.

    Args:
        method: in lower case.
        path: with its parameters in braces.
        told: the operation.
    """
    body = cast("dict[str, dict[str, Schema]]", told.get("requestBody", {})).get("content", {})
    requests = cast("dict[str, Schema]", next(iter(body.values()), {}).get("examples", {}))
    first = next(iter(requests.values()), {}).get("value")
    made = [listing(_curl(method, path, told, first), "Request", is_json=False)]
    answered: list[tuple[str, str, Json]] = []
    for status, response in cast("dict[str, Schema]", told["responses"]).items():
        for given in cast("dict[str, Schema]", response.get("content", {})).values():
            for label, one in cast("dict[str, Schema]", given.get("examples", {})).items():
                if "value" in one:
                    answered.append((status, label, one["value"]))
    made += [_answer(*one) for one in answered[:1]]
    others = [
        *(
            listing(as_json(one["value"]), f"Body: {label}", is_json=True)
            for label, one in [*requests.items()][1:]
        ),
        *(_answer(*one) for one in answered[1:]),
    ]
    if others:
        made.append(f"<details><summary>More examples</summary>{''.join(others)}</details>")
    return "".join(made)


def _answer(status: str, label: str, value: Json) -> str:
    caption = status if label == "answer" else f"{status}: {label}"
    if isinstance(value, str):
        return listing(value, caption, is_json=False)
    return listing(as_json(value), caption, is_json=True)


def _curl(method: str, path: str, told: Schema, body: Json) -> str:
    lines = [f'curl {"" if method in ("get", "post") else f"-X {method.upper()} "}"$API{path}"']
    security = cast("list[Schema]", told["security"])
    if method == "post" and body is None:
        lines[0] = f'curl -X POST "$API{path}"'
    if security and {} not in security:
        lines.append('-H "X-API-Key: $KEY"')
    if body is not None:
        lines += ['-H "Content-Type: application/json"', f"-d '{as_json(body, width=52)}'"]
    return " \\\n  ".join(lines)
