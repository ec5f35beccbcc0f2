"""Sections of the reference about all operations: who may call what, and what every problem means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from edge.auth.roles import RANKS, SCOPES
from infra.openapi.markup import inline, text

if TYPE_CHECKING:
    from infra.openapi.schemas import Schema

_TRY: Final = """\
API=http://127.0.0.1:8000
KEY=$(make demo-key)
curl "$API/api/monitoring/health" -H "X-API-Key: $KEY\""""


def access(components: dict[str, Schema]) -> str:
    """Return the ways to show credentials, a way to try it, and the scopes of each role."""
    schemes = "".join(
        f'<tr><th scope="row"><code>{text(one.get("name", "Authorization"))}</code></th>'
        f"<td>{inline(str(one['description']))}</td></tr>"
        for one in cast("dict[str, Schema]", components["securitySchemes"]).values()
    )
    roles = sorted(RANKS, key=lambda role: -RANKS[role])
    head = "".join(f'<th scope="col">{role}</th>' for role in roles)
    marks = {True: '<td class="yes">yes</td>', False: '<td class="no">no</td>'}
    scopes = "".join(
        f'<tr><th scope="row"><code>{scope}</code></th>'
        + "".join(marks[scope in SCOPES[role]] for role in roles)
        + "</tr>"
        for scope in sorted(SCOPES["ADMIN"])
    )
    return (
        '<section id="access"><h2>Access</h2><div class="pair">'
        f'<div><div class="panel scroll"><h3>Credentials</h3><table class="members"><tbody>{schemes}</tbody></table></div>'
        f'<div class="panel"><h3>Try it</h3><p class="quiet">On this machine, after <code>make up</code>:</p>'
        f'<pre tabindex="0">{text(_TRY)}</pre></div></div>'
        f'<div class="panel scroll"><h3>Scopes of each role</h3><table class="matrix"><thead><tr><th scope="col">Scope</th>{head}'
        f"</tr></thead><tbody>{scopes}</tbody></table></div></div></section>"
    )


def errors(examples: Schema) -> str:
    """Return every problem with its reasons, by status."""
    by_kind: dict[str, list[tuple[str, Schema]]] = {}
    for name, one in cast("dict[str, Schema]", examples).items():
        by_kind.setdefault(name.partition(".")[0], []).append((name, cast("Schema", one["value"])))
    ordered = sorted(by_kind.items(), key=lambda item: (int(str(item[1][0][1]["status"])), item[0]))
    made = []
    for kind, ones in ordered:
        first = ones[0][1]
        rows = "".join(
            f'<tr id="problem-{text(name)}"><th scope="row"><code>{text(one["reason"])}</code></th><td>{text(one["detail"])}</td></tr>'
            for name, one in ones
        )
        made.append(
            f'<section class="panel problem" id="problem-{text(kind)}"><h3>{text(first["title"])} '
            f'<span class="quiet">{text(first["status"])} <code>{text(first["type"])}</code></span></h3>'
            f'<table class="members"><tbody>{rows}</tbody></table></section>'
        )
    return "".join(made)
