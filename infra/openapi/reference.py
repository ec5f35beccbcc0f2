"""The reference: the document as one HTML page without a script, its style and its icon, under names of their content."""

from __future__ import annotations

import hashlib
import re
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from edge.auth.roles import RANKS, SCOPES
from edge.telemetry.page import integrity
from infra.openapi.markup import inline, paragraphs, text
from infra.openapi.models import member_rows, model, row, type_of
from infra.openapi.samples import samples
from infra.openapi.sections import access, errors

if TYPE_CHECKING:
    from infra.openapi.schemas import Json, Schema

STYLE: Final = Path(__file__).with_name("reference.css")
DASHBOARD: Final = "functions/dashboard/assets"
_PALETTE_END: Final = "*, ::before"
_NAME_CHARS: Final = 16
_FEW: Final = 3
"""So many reasons of one kind are listed where they can occur; of more, the kind is."""


def reference_files(document: Schema, root: Path) -> dict[str, bytes]:
    """
    Return page, style and icon by name.

    Args:
        document: the OpenAPI document.
        root: of the repository: the dashboard's palette and icon are the page's too.
    """
    dashboard = (root / DASHBOARD / "page.css").read_text(encoding="utf-8")
    palette = dashboard.partition(_PALETTE_END)[0]
    style = re.sub(
        r"^\s*/\*.*?\*/\n", "", palette + STYLE.read_text(encoding="utf-8"), flags=re.M | re.S
    ).encode()
    icon = (root / DASHBOARD / "icon.svg").read_bytes()
    style_name, icon_name = _named("reference", "css", style), _named("icon", "svg", icon)
    html = _page(document, style_name, integrity(style), icon_name)
    return {"reference.html": html.encode(), style_name: style, icon_name: icon}


def _named(stem: str, kind: str, body: bytes) -> str:
    return f"{stem}.{hashlib.sha256(body).hexdigest()[:_NAME_CHARS]}.{kind}"


def _page(document: Schema, style: str, pinned: str, icon: str) -> str:
    info = cast("Schema", document["info"])
    components = cast("dict[str, Schema]", document["components"])
    models = cast("dict[str, Schema]", components["schemas"])
    groups = _groups(document)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="{text(info["summary"])}">
<title>{text(info["title"])} API</title>
<link rel="icon" type="image/svg+xml" href="docs/assets/{icon}">
<link rel="stylesheet" href="docs/assets/{style}" integrity="{pinned}">
</head>
<body>
<a class="skip" href="#main">Skip to the reference</a>
<header class="top">
<p class="brand"><img src="docs/assets/{icon}" alt="" width="22" height="22"> {text(info["title"])} <span class="quiet">API {text(info["version"])}</span></p>
<p class="links"><a href="openapi.json">openapi.json</a> <a href="monitoring-dashboard">Dashboard</a></p>
</header>
<div class="frame">
<nav aria-label="Contents">
<details class="small-menu"><summary>Contents</summary>{_contents(groups)}</details>
<div class="menu">{_contents(groups)}</div>
</nav>
<main id="main">
<section id="about"><h1>{text(info["title"])} API</h1><p class="lead">{text(info["summary"])}</p>
{paragraphs(str(info["description"]))}</section>
{access(components)}
{"".join(_group(tag, operations, models) for tag, operations in groups)}
<section id="errors"><h2>Errors</h2><p>Every problem and each of its reasons. The last part of <code>type</code> names the problem.</p>
{errors(components["examples"])}</section>
<section id="headers"><h2>Response headers</h2><div class="panel scroll"><table class="members"><tbody>
{"".join(row(name, cast("Schema", one["schema"]), is_needed=True, description=str(one["description"])) for name, one in cast("dict[str, Schema]", components["headers"]).items())}
</tbody></table></div></section>
<section id="models"><h2>Models</h2>
{"".join(model(name, one) for name, one in models.items())}</section>
</main>
</div>
</body>
</html>
"""


def _groups(document: Schema) -> list[tuple[Schema, list[tuple[str, str, Schema]]]]:
    """Return tags with their operations: method, path, and what is told of it."""
    paths = cast("dict[str, dict[str, Schema]]", document["paths"])
    found = [(method, path, one) for path, methods in paths.items() for method, one in methods.items()]
    tags = cast("list[Schema]", document["tags"])
    return [
        (tag, [one for one in found if tag["name"] in cast("list[Json]", one[2]["tags"])]) for tag in tags
    ]


def _slug(words: object) -> str:
    return str(words).lower().replace(" ", "-")


def _contents(groups: list[tuple[Schema, list[tuple[str, str, Schema]]]]) -> str:
    parts = ['<ul><li><a href="#about">About</a></li><li><a href="#access">Access</a></li></ul>']
    for tag, operations in groups:
        items = "".join(
            f'<li><a href="#{text(one["operationId"])}"><span class="method {method}">{method.upper()}</span>'
            f" {text(one['summary'])}</a></li>"
            for method, _, one in operations
        )
        parts.append(f'<p><a href="#{_slug(tag["name"])}">{text(tag["name"])}</a></p><ul>{items}</ul>')
    parts.append(
        '<p><a href="#errors">Errors</a></p><p><a href="#headers">Response headers</a></p>'
        '<p><a href="#models">Models</a></p>'
    )
    return "".join(parts)


def _group(tag: Schema, operations: list[tuple[str, str, Schema]], models: dict[str, Schema]) -> str:
    return (
        f'<section class="group" id="{_slug(tag["name"])}"><h2>{text(tag["name"])}</h2>'
        f"<p>{inline(str(tag['description']))}</p>{''.join(_operation(*one, models) for one in operations)}</section>"
    )


def _operation(method: str, path: str, told: Schema, models: dict[str, Schema]) -> str:
    name = text(told["operationId"])
    return (
        f'<article class="panel" id="{name}"><header><h3><a href="#{name}">{text(told["summary"])}</a></h3>'
        f'<p class="route"><span class="method {method}">{method.upper()}</span> <code>{_path(path)}</code></p></header>'
        f'<div class="columns"><div>{paragraphs(str(told["description"]))}<p class="quiet">{_who(told)}</p>'
        f"{_parameters(told)}{_body(told, models)}{_answers(told)}</div>"
        f'<div class="samples">{samples(method, path, told)}</div></div></article>'
    )


def _path(path: str) -> str:
    return re.sub(r"({\w+})", r"<b>\1</b>", text(path).replace("/", "/<wbr>"))


def _who(told: Schema) -> str:
    """Return who may call, in words."""
    security = cast("list[dict[str, list[str]]]", told["security"])
    if not security:
        return "Nobody needs credentials."
    scope = next((scopes[0] for one in security for scopes in one.values() if scopes), "")
    by_key = "" if any("AccessToken" in one for one in security) else ", shown by API key"
    if not scope:
        return f"Anybody may call{'; a key counts against its plan' if by_key else ''}."
    if {} in security:
        return f"Anybody may call; credentials that are shown need <code>{scope}</code>."
    roles = [role for role in sorted(RANKS, key=lambda role: -RANKS[role]) if scope in SCOPES[role]]
    return f"Needs <code>{scope}</code>{by_key}: {', '.join(roles)}."


def _parameters(told: Schema) -> str:
    rows = "".join(
        row(
            str(one["name"]),
            cast("Schema", one["schema"]),
            is_needed=bool(one.get("required")),
            description=f"{one.get('description', '')} ({one['in']})".strip(),
        )
        for one in cast("list[Schema]", told.get("parameters", []))
    )
    return (
        f'<h4>Parameters</h4><div class="scroll"><table class="members"><tbody>{rows}</tbody></table></div>'
        if rows
        else ""
    )


def _body(told: Schema, models: dict[str, Schema]) -> str:
    body = told.get("requestBody")
    if not isinstance(body, dict):
        return ""
    content = cast("dict[str, Schema]", body["content"])
    kinds = ", ".join(
        f"{type_of(one['schema'])} as <code>{text(name)}</code>" for name, one in content.items()
    )
    named = str(cast("Schema", next(iter(content.values()))["schema"]).get("$ref", "")).rpartition("/")[2]
    rows = member_rows(models[named]) if named in models else ""
    table = f'<div class="scroll"><table class="members"><tbody>{rows}</tbody></table></div>' if rows else ""
    return f"<h4>Body</h4><p>{kinds}</p>{table}"


def _answers(told: Schema) -> str:
    rows = []
    for status, one in cast("dict[str, Schema]", told["responses"]).items():
        parts = [
            type_of(given["schema"]) + f" as <code>{text(name)}</code>"
            for name, given in cast("dict[str, Schema]", one.get("content", {})).items()
            if name != "application/problem+json"
        ]
        content = cast("dict[str, Schema]", one.get("content", {}))
        problems = cast("dict[str, Json]", content.get("application/problem+json", {}).get("examples", {}))
        if problems:
            parts.append(f'<span class="reasons">{" ".join(_kinds(list(problems)))}</span>')
        kind = "good" if int(status) < HTTPStatus.BAD_REQUEST else "bad"
        phrase = text(HTTPStatus(int(status)).phrase)
        rows.append(
            f'<tr><th scope="row"><b class="{kind}">{status}</b></th><td>{"<br>".join(parts) or phrase}</td></tr>'
        )
    return f'<h4>Answers</h4><table class="answers"><tbody>{"".join(rows)}</tbody></table>'


def _kinds(names: list[str]) -> list[str]:
    """Return problems as links: each reason where there are few, else how many."""
    by_kind: dict[str, list[str]] = {}
    for name in names:
        kind, _, reason = name.partition(".")
        by_kind.setdefault(kind, []).append(reason)
    made = []
    for kind, reasons in by_kind.items():
        if len(reasons) > _FEW:
            count = f'<span class="quiet">{len(reasons)} reasons</span>'
            made.append(f'<span><a href="#problem-{text(kind)}">{text(kind)}</a> {count}</span>')
        else:
            links = (
                f'<a href="#problem-{text(kind)}.{text(reason)}"><code>{text(reason)}</code></a>'
                for reason in reasons
            )
            made += links
    return made
