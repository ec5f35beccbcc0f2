"""The little HTML that the reference needs: escaped text, CommonMark as our texts use it, JSON with its tokens marked."""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from infra.openapi.schemas import Json

_CODE: Final = re.compile(r"`([^`]+)`")
_STRONG: Final = re.compile(r"\*\*([^*]+)\*\*")
_EMPHASIS: Final = re.compile(r"(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])")
_TOKEN: Final = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*|true|false|null)')


def text(value: object) -> str:
    """Return *value* as text of an element or an attribute."""
    return escape(str(value), quote=True)


def inline(markdown: str) -> str:
    """
    Return one paragraph as HTML.

    Example:
        >>> inline("**Send** `a<b`, *once*.")
        '<b>Send</b> <code>a&lt;b</code>, <code>once</code>.'
    """
    parts = _CODE.split(markdown)
    made = []
    for number, part in enumerate(parts):
        if number % 2:
            made.append(f"<code>{text(part)}</code>")
        else:
            # What docstrings put in asterisks are names of members.
            strong = _STRONG.sub(r"<b>\1</b>", text(part))
            made.append(_EMPHASIS.sub(r"<code>\1</code>", strong))
    return "".join(made)


def paragraphs(markdown: str) -> str:
    """Return paragraphs as HTML."""
    return "".join(f"<p>{inline(part)}</p>" for part in markdown.split("\n\n") if part.strip())


def tokens(source: str) -> str:
    """
    Return JSON as HTML with its names, strings and other values marked.

    Example:
        >>> tokens('{"a": 1}')
        '{<i class="k">&quot;a&quot;</i>: <i class="n">1</i>}'
    """
    made, end = [], 0
    for found in _TOKEN.finditer(source):
        made.append(text(source[end : found.start()]))
        kind = "n" if found[3] else "k" if found[2] else "s"
        made.append(f'<i class="{kind}">{text(found[1] or found[3])}</i>{found[2] or ""}')
        end = found.end()
    return "".join([*made, text(source[end:])])


def as_json(value: Json, *, width: int = 64) -> str:
    """Return *value* as JSON for people: what fits into a line is on one."""
    return _lines(value, "", width)


def _lines(value: Json, indent: str, width: int) -> str:
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + len(indent) <= width or not value or not isinstance(value, dict | list):
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        members = [
            f"{inner}{json.dumps(name, ensure_ascii=False)}: {_lines(one, inner, width)}"
            for name, one in value.items()
        ]
        return "{\n" + ",\n".join(members) + f"\n{indent}}}"
    return "[\n" + ",\n".join(f"{inner}{_lines(one, inner, width)}" for one in value) + f"\n{indent}]"


def listing(source: str, label: str, *, is_json: bool) -> str:
    """Return source text under a label; it can be scrolled by keyboard."""
    marked = tokens(source) if is_json else text(source)
    return f'<figure><figcaption>{text(label)}</figcaption><pre tabindex="0">{marked}</pre></figure>'
