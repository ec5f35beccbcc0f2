r"""
Secrets and personal data out of a text, before anything keeps it.

It is the first of two nets. What it lets through is normalised (:mod:`edge.telemetry.normalise`), which leaves words: a
secret that is stored has to look like neither a secret nor a variable.

What is replaced by ``<secret>``: values of keys that name a secret (``password=``, ``"api_key":``, a line ``Cookie:``),
what follows ``Bearer``, ``Basic`` and their like, the user part of a URL, PEM blocks, JWTs, our API keys and refresh
tokens, keys of AWS and other well-known forms, runs of sixteen characters and more that mix letters and digits, what could
be a card (Luhn). Mail addresses become ``<email>``, network addresses ``<ip>``.

A secret is found where it is, not only where it begins a word; escaped (``%2e``, ``\u002e``, several times over) or
broken over lines just the same. The text that comes out is decoded. Lists of forms cannot be complete: a password of
one plain word in the middle of a sentence is not found by anybody.

Time is linear in the text, of which no more than :data:`MAX_INPUT_CHARS` are read; if there is more, the last word, which
may be the beginning of a secret, goes too. Scrubbing twice is as good as once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from edge.telemetry.normalise import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_INPUT_CHARS: Final = 4_096
MAX_CHARS: Final = 1_000
"""Of a scrubbed text."""

MAX_DEPTH: Final = 16
"""Levels of a document that are looked at."""

MAX_CONTEXT: Final = 20
"""Members of a context that are kept."""

_SECRET: Final = "<secret>"  # noqa: S105 - what stands for one
_CUT: Final = " …"
_CARD_SIGNS: Final = "0123456789 .-"
_MAX_DECODINGS: Final = 8
_MIN_TOKEN: Final = 16
_MIN_PADDED: Final = 6
_MIN_BASE64: Final = 24
_MIN_CARD, _MAX_CARD = 13, 19
_MAX_CHECKED_DIGITS: Final = 40
_ADDRESS_COLONS: Final = 5

_ESCAPE: Final = re.compile(
    r"%(?:25)*([0-9a-fA-F]{2})|\\u00([0-9a-fA-F]{2})|\\x([0-9a-fA-F]{2})|&#(?:x([0-9a-fA-F]{2})|(\d{2,3}));"
)

_LONG_NAMES: Final = (
    r"pass(?:word|wd|phrase|code)|pwd|secrets?|secret[_-]?(?:access[_-]?)?key|tokens?|api[_-]?keys?|access[_-]?key(?:[_-]?id)?"
    r"|private[_-]?key|signing[_-]?key|credentials?|authorization|signature|cookies?|session(?:[_-]?id)?|bearer"
)
_SHORT_NAMES: Final = (
    r"pass|jwt|auth|sig|h?mac|sid|[cx]srf|otp|pin|cvv|cvc|ssn|iban|card(?:[_-]?number)?|nonce|salt"
)
"""These end other words too (``compass``), so they have to stand alone."""

_NAMES: Final = rf"(?:{_LONG_NAMES}|(?<![A-Za-z])(?:{_SHORT_NAMES}))"
_NO_VALUE: Final = (
    r"(?!(?:tokens?|auth\w*|scheme|header|credentials?|realm|keys?|is|was|were|has|had|not|no|of|for|and|or|in|on|at|by|to|too|must"
    r"|should|cannot|could|does|did|mismatch\w*|missing|required|expired|invalid|malformed|unknown|revoked|none|null|nil|true|false"
    r"|bad|wrong|empty|failed|refused|denied|absent|unsupported|already|used|the|an?)(?![\w-]))"
)
"""What stands where a secret could, and tells what is wrong with it."""

_VALUE: Final = (
    r"(?:\\?\"(?:[^\"\\]|\\[^\"])*(?:\\?\"|$)|\\?'(?:[^'\\]|\\[^'])*(?:\\?'|$)|"
    + _NO_VALUE
    + r"[^\s,;&<>\"'…)\]}]+)"
)
_HEADERS: Final = re.compile(
    r"(?:authorization[\"']?\s{0,4}[:=]|cookie\s{0,4}:)\s{0,4}(?![\"'\s])(?P<v>[^\r\n\"'<>…]+)", re.IGNORECASE
)
_PATTERNS: Final = (
    re.compile(r"-----BEGIN [^-\n]{1,40}-----.*?(?:-----END [^-\n]{1,40}-----|\Z)", re.DOTALL),
    re.compile(
        rf"{_NAMES}[\"'\]\\]{{0,3}}\s{{0,4}}(?:=>|:=|==|[=:]|\bis\b)\s{{0,4}}(?:b(?=['\"]))?(?P<v>{_VALUE})",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?:bearer|apikey|digest|negotiate|aws4-hmac-sha256)[\s:=+]{{1,4}}(?P<v>{_NO_VALUE}[^\s,;<>\"'…)]{{4,}})",
        re.IGNORECASE,
    ),
    re.compile(r"(?i:basic)[\s:=+]{1,4}(?P<v>(?=[a-z]*[A-Z0-9+/_=])[A-Za-z0-9+/_-]{4,}={0,2})"),
    re.compile(r"://(?P<v>[^\s/@<>\"']{1,200})@"),
    re.compile(r"(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{8,}"),
    re.compile(
        r"(?:ek_[a-z]{2,8}_|rt1\.|gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|[spr]k[_-](?:live|test|proj|ant)[_-]|sk-|npm_"
        r"|pypi-|hf_|dop_v1_|shpat_|SG\.|ya29\.|AIza)[A-Za-z0-9._-]{8,}"
    ),
    re.compile(r"eyJ[A-Za-z0-9_=.+/-]{8,}"),
)
_EMAIL: Final = re.compile(r"[^\s@<>\"'`(),:;=/\[\]{}]{1,64}@[^\s@<>\"'`(),:;=/\[\]{}]{1,255}")
_IPV4: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3,}")
_IPV6: Final = re.compile(r"[0-9a-fA-F:.]{3,}")
_DIGITS: Final = re.compile(r"\d{4,}(?:[ .-]\d{3,6}){2,4}|\d{13,}")
_RUN: Final = re.compile(r"[A-Za-z0-9+/_=~.-]{8,}")
_BREAK: Final = re.compile(r"\s*\n\s*")
_PARTS: Final = re.compile(r"/|=(?=[^=])")
_STEPS: Final = re.compile(r"[_~-]+")
_WORDS: Final = re.compile(r"([A-Za-z]*)([0-9]*)")
_SIGNS: Final = re.compile(r"[/_~=+-]+")
_LEADING: Final = re.compile(r"(?:[A-Za-z][a-z]{1,20}(?:[A-Z][a-z]{2,20}){0,3}[_-])+")
_HUMP: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_LEAST_HUMP: Final = 2.8
_SHORTEST_WORDS: Final = 6
_MOST_NUMBERED: Final = 4
_PLACEHOLDER_END: Final = re.compile(r"<[a-z]{0,6}\Z")


def scrub(text: str, *, limit: int = MAX_CHARS) -> str:
    """
    Return *text* without secrets, decoded, without control and formatting characters but line breaks.

    Args:
        text: anything.
        limit: characters of the result at most, >= 10.

    Example:
        >>> scrub("login of bob@example.com with password=hunter2 from 10.1.2.3 refused")
        'login of <email> with password=<secret> from <ip> refused'
    """
    is_cut = len(text) > MAX_INPUT_CHARS
    text = _decoded(text[:MAX_INPUT_CHARS])
    spans = [(*found.span("v"), _SECRET) for found in _HEADERS.finditer(text)] + _spans(text)
    if "\n" in text:
        spans += _spans_across_lines(text)
    text = _replaced(text, spans)
    if is_cut:
        words = text.rstrip(_CUT).rsplit(None, 1)
        text = (words[0].rstrip(_CARD_SIGNS) if len(words) > 1 else "") + _CUT
    return text if len(text) <= limit else _PLACEHOLDER_END.sub("", text[: limit - len(_CUT)]).rstrip() + _CUT


def scrub_context(context: Mapping[str, object]) -> dict[str, str]:
    """
    Return the members of *context* as scrubbed texts, at most :data:`MAX_CONTEXT`; one whose name names a secret has none.

    Example:
        >>> scrub_context({"route": "/api/geo/route", "Authorization": "anything", "attempt": 2})
        {'route': '/api/geo/route', 'Authorization': '<secret>', 'attempt': '2'}
    """
    kept: dict[str, str] = {}
    for name, value in list(context.items())[:MAX_CONTEXT]:
        known = scrub(str(name)[:64], limit=64)
        kept[known] = _SECRET if _NAME.search(known) else scrub(str(value), limit=200)
    return kept


def scrub_document(document: Mapping[str, object], *, kept: frozenset[str]) -> dict[str, object]:
    """
    Return a JSON object with its texts scrubbed, at any place; a text whose name names a secret goes whole.

    Args:
        document: as :func:`json.loads` returns it. What lies deeper than :data:`MAX_DEPTH` levels is left out.
        kept: names of members whose texts are left as they are, such as ids.

    Example:
        >>> scrub_document({"id": "4c09", "said": ["password=hunter2", {"token": "x"}], "n": 3}, kept=frozenset({"id"}))
        {'id': '4c09', 'said': ['password=<secret>', {'token': '<secret>'}], 'n': 3}
    """
    return _members(document, kept, MAX_DEPTH)


def _members(document: Mapping[str, object], kept: frozenset[str], depth: int) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in document.items():
        if not isinstance(value, str):
            found[name] = _value(value, kept, depth - 1)
        elif name in kept:
            found[name] = value
        else:
            found[name] = _SECRET if _NAME.search(name) else scrub(value, limit=MAX_INPUT_CHARS)
    return found


def _value(value: object, kept: frozenset[str], depth: int) -> object:
    if isinstance(value, str):
        return scrub(value, limit=MAX_INPUT_CHARS)
    if not isinstance(value, dict | list):
        return value
    if depth <= 0:
        return "<data>"
    return (
        _members(value, kept, depth)
        if isinstance(value, dict)
        else [_value(one, kept, depth - 1) for one in value]
    )


_NAME: Final = re.compile(rf"(?<![a-z])(?:{_NAMES})(?![a-z])", re.IGNORECASE)


def _decoded(text: str) -> str:
    for _ in range(_MAX_DECODINGS):
        before, text = text, plain(_ESCAPE.sub(_character, text))
        if text == before:
            break
    return text.replace("\r", "\n")


def _character(found: re.Match[str]) -> str:
    hexadecimal = found[1] or found[2] or found[3] or found[4]
    return chr(int(hexadecimal, 16) if hexadecimal else int(found[5]))


def _spans(text: str) -> list[tuple[int, int, str]]:
    """Return where something is to be replaced, and by what."""
    spans: list[tuple[int, int, str]] = []
    for pattern in _PATTERNS:
        for found in pattern.finditer(text):
            group = found.lastgroup or 0
            spans.append((*found.span(group), _SECRET))
    spans += [(*found.span(), "<email>") for found in _EMAIL.finditer(text)]
    spans += [(*found.span(), "<ip>") for found in _IPV4.finditer(text)]
    spans += [(*found.span(), "<ip>") for found in _IPV6.finditer(text) if _is_ipv6(found[0])]
    spans += [(*found.span(), _SECRET) for found in _DIGITS.finditer(text) if _holds_card(found[0])]
    for found in _RUN.finditer(text):
        spans += [
            (found.start() + first, found.start() + after, _SECRET) for first, after in _tokens(found[0])
        ]
    return spans


def _spans_across_lines(text: str) -> list[tuple[int, int, str]]:
    """Return what is found when lines are joined, as places in the lines."""
    joined: list[str] = []
    places: list[int] = []
    start = 0
    for found in _BREAK.finditer(text):
        joined.append(text[start : found.start()])
        places += range(start, found.start())
        start = found.end()
    joined.append(text[start:])
    places += range(start, len(text))
    return [
        (places[first], places[last - 1] + 1, kind)
        for first, last, kind in _spans("".join(joined))
        if first < last
    ]


def _replaced(text: str, spans: list[tuple[int, int, str]]) -> str:
    """Return *text* with what lies in *spans* replaced; those that overlap become one, of the kind of the strongest."""
    out: list[str] = []
    end = 0
    for first, after, kind in sorted(spans):
        if first >= after:
            continue
        if first < end:
            if kind == _SECRET:
                out[-1] = kind
        else:
            out.append(text[end:first])
            out.append(kind)
        end = max(end, after)
    out.append(text[end:])
    return "".join(out)


def _is_ipv6(run: str) -> bool:
    groups = [group for group in run.split(":") if group]
    if "::" in run:
        return len(groups) > 1 or any(character.isdigit() for character in run)
    return run.count(":") >= _ADDRESS_COLONS


def _holds_card(run: str) -> bool:
    """Return whether 13 to 19 of the digits in a row have a Luhn check digit, as cards have."""
    digits = [int(character) for character in run if character.isdigit()]
    if len(digits) > _MAX_CHECKED_DIGITS:
        return True
    return any(  # none, if they are fewer than a card has
        _luhn(digits[first : first + length])
        for length in range(_MIN_CARD, _MAX_CARD + 1)
        for first in range(len(digits) - length + 1)
    )


def _luhn(digits: list[int]) -> bool:
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def _tokens(run: str) -> list[tuple[int, int]]:
    """Return where in a run of letters, digits and signs there are parts that nobody wrote: keys, digests, ids."""
    found: list[tuple[int, int]] = []
    start = 0
    for piece in run.split("."):
        found += [(start + first, start + after) for first, after in _tokens_of_piece(piece)]
        start += len(piece) + 1
    return found


def _tokens_of_piece(piece: str) -> list[tuple[int, int]]:
    text = piece.rstrip("=")
    if _MIN_PADDED <= len(text) < len(piece) and text.isalnum() and not _is_written(text):
        return [(0, len(piece))]
    # base64 has a slash every 32 characters on average
    if (
        len(text) >= _MIN_BASE64
        and any(character.isdigit() for character in text)
        and any(character.isupper() for character in text)
        and not all(_is_written(step) for step in _SIGNS.split(text))
    ):
        return [(_words_before(text), len(piece))]
    found: list[tuple[int, int]] = []
    start = 0
    for part in _PARTS.split(text):
        if len(part) >= _MIN_TOKEN and not all(_is_written(step) for step in _STEPS.split(part)):
            found.append((start + _words_before(part), start + len(part)))
        start += len(part) + 1
    return found


def _words_before(part: str) -> int:
    """Return the length of the words that a token begins with: ``order-``, ``user_``."""
    leading = _LEADING.match(part)
    return leading.end() if leading else 0


def _is_written(step: str) -> bool:
    """Return whether *step* is a number, or words in one of the usual cases with a number behind."""
    found = _WORDS.fullmatch(step)
    if found is None or (found[1] and len(found[2]) > _MOST_NUMBERED):
        return False
    return len(found[1]) < _SHORTEST_WORDS or len(found[1]) >= _LEAST_HUMP * len(_HUMP.findall(found[1]))
