"""
What is the same in all messages of one kind: a message with every variable part replaced.

::

    Timeout after 123ms at 10.0.0.7:443 (attempt 2)   ->   Timeout after <value> at <host> (attempt <value>)

Groups of errors that have no frame of ours are keyed by this text, and samples show it. Classes are few on purpose. An id
of hexadecimal digits may happen to be a number, a host may be a name or an address: classes that can be taken for each
other would split a group, so numbers, ids, digests, times of day, durations, regions and flags are all ``<value>``.

========== ==================================================================================================
``value``  numbers with their units, ids, UUIDs, digests, tokens, random words, regions, versions, flags
``text``   what stands in quotes
``data``   lists and objects
``host``   host names and addresses, with their ports
``time``   calendar dates, with or without a time of day
others     ``url``, ``email``, ``path``, ``arn``
========== ==================================================================================================

What stays are words. A word with a digit stays only if it is a name of the trade (``utf-8``, ``sha256``); one without
is replaced if its letters are not those of a language (a table of pairs of letters), or it is the value of a key that
names somebody (``user=alice``). A plain word in a variable's place splits groups: quote what varies.

Time is linear in the text, of which no more than :data:`MAX_INPUT_CHARS` are read. Normalising twice is as good as once.
"""

from __future__ import annotations

import re
from typing import Final

from edge.telemetry.wording import STEMS, TRADE, is_gibberish, is_random

MAX_INPUT_CHARS: Final = 4_096
MAX_CHARS: Final = 300
"""Of a normalised message. It is cut after normalising: before, the cut would fall where the variable parts put it."""

_MAX_ROUNDS: Final = 8
_MIN_WORDS: Final = 3
_VALUE: Final = "<value>"
_PLACEHOLDER: Final = re.compile(r"<(?:value|text|data|host|time|url|email|path|arn)>")

_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff0-\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)

_MONTH: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_DAY: Final = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}"
_CLOCK: Final = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?"
_ZONE: Final = r"(?:\s?(?:z|utc|gmt|[-+]\d{2}:?\d{2}))?(?!\w)"
_DATE: Final = (
    rf"\d{{4}}[-/]\d{{1,2}}[-/]\d{{1,2}}(?:[t ]{_CLOCK}{_ZONE})?"  # ISO 8601
    r"|\d{8}t\d{6}z?"
    rf"|(?:{_DAY},?\s)?\d{{1,2}}[-/\s]{_MONTH}[-/\s]\d{{2,4}}(?:[:\s]{_CLOCK}{_ZONE})?"  # RFC 9110, Apache
    rf"|(?:{_DAY}\s)?{_MONTH}\s{{1,2}}\d{{1,2}}\s{_CLOCK}(?:\s\d{{4}})?"  # asctime, syslog
    r"|\d{1,2}[-/]\d{1,2}[-/]\d{4}"
)
_UNIT: Final = (
    r"%|°[cf]?|[nuµm]?s|secs?|seconds?|millis(?:econds?)?|microseconds?|nanoseconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?"
    r"|weeks?|months?|years?|b|[kmgtp]i?b|bytes?|bits?|chars?|characters?|[kmg]?hz|[rtq]ps|req/s|x|px|km|times?"
)
_NUMBER: Final = r"[-+]?\d+(?:[.,_]\d+)*(?:e[-+]?\d+)?"
_LABEL: Final = r"[a-z0-9](?:[\w-]{0,61}[a-z0-9])?"
_SURE_ENDING: Final = r"com|net|org|edu|gov|mil|int|info|biz|local|localdomain|internal|lan|amazonaws|aws|cloud|eu|co|us|uk|de|fr|jp|br|sg|nl|se|ch|it|es|pl|ca|au|in|cn|kr|io|dev|ai|app|example|test|invalid"
_QUOTED: Final = "|".join(
    rf"(?<!\w)(?:[bruf]{{1,2}})?{opening}(?:[^{closing}\\]|\\.)*{closing}(?!\w)"
    for opening, closing in (("'", "'"), ('"', '"'), ("`", "`"), ("“", "”"), ("‘", "’"), ("«", "»"))
)
_NAMING: Final = (
    r"user|users?_?name|name|id|uid|sub|subject|key|e?mail|host|host_?name|tenant|customer|client|account|owner|login|actor|ip|addr"
    r"|address|city|country|path|file|file_?name|bucket|queue|topic|session|token|value|got|input|input_value"
)

_SCRUBBED: Final = r"<(?:secret|ip|email|value)>"

_PART: Final = re.compile(
    "|".join(
        f"(?P<{name}>{pattern})"
        for name, pattern in {
            "kept": _PLACEHOLDER.pattern,
            "secret": r"\[?<ip>\]?(?::\d{1,5}(?!\w))?|<secret>",
            "url": rf"(?<![a-z0-9])[a-z][a-z0-9+.-]{{1,20}}://(?:{_SCRUBBED}|[^\s<>\"'`])*(?:{_SCRUBBED}|[^\s<>\"'`.,;:!?)\]}}])",
            "arn": rf"(?<!\w)arn:aws[a-z-]*:(?:{_SCRUBBED}|[^\s,;<>\"'`)\]}}])+",
            "email": r"(?<![\w.+%-])[\w.+%-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+",
            "text": r"(?<!\w)'[^\w\s]'(?!\w)|" + _QUOTED,
            "time": rf"(?<![\w.])(?:{_DATE})(?![\w])",
            "naming": rf"(?<!\w)(?:\w{{0,24}}[_-])?(?:{_NAMING})=(?:{_SCRUBBED}|[^\s,;&|<>\"'`()\[\]{{}}])+",
            "flag": r"(?<==)(?:none|null|nil|undefined|nan|true|false|yes|no|on|off)(?!\w)",
            "address": (
                r"(?<![\w.:])(?:\[?(?=[0-9a-f.]*:[0-9a-f.]*:)(?=[0-9a-f.:]*(?:::|(?::[0-9a-f.]*){5}))[0-9a-f:.]{2,45}(?:%\w{1,16})?\]?"
                r"|\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?|localhost)(?::\d{1,5})?(?![\w:])"
            ),
            "host": (
                rf"(?<![\w.@-])(?:\*\.)?(?:{_LABEL}\.){{1,8}}(?:{_SURE_ENDING})(?:\.[a-z]{{2}})?(?::\d{{1,5}})?(?![\w-]|\.\w)"
            ),
            "blob": r"(?<![\w+/-])[a-z0-9+/_-]{20,}={0,2}(?![\w+/=<-]|\.\w)",
            "path": (
                rf"(?<![\w<>.])(?:~|\.{{1,2}})?/(?:{_SCRUBBED}|[\w.%@:+=~*{{}}$/-])+"
                r"|(?<!\w)[a-z]:\\[^\s<>\"'`]+"
                r"|(?<![\w<>./])\w[\w.-]*(?:/[\w.%@+=~-]+){2,}"
                r"|(?<![\w<>./])\w[\w-]*/[\w.-]+\.(?:py|json|ya?ml|txt|csv|log|js|html|toml|so|gz|zip)(?!\w)"
            ),
            "version": r"(?<![\w.])v?\d+\.\d+\.\d+(?:[-+][a-z0-9.]*[a-z0-9])*(?![\w.])",
            "period": r"(?<=\bper )(?:second|minute|hour|day|week|month|year)(?!\w)",
            "number": rf"(?<![\w.])(?:{_CLOCK}|{_NUMBER}(?:\s?(?:{_UNIT}))?)(?![\w])",
            "word": r"[^\W_]\w*(?:[-.:#+@][^\W_]\w*|__?\w+)*",
        }.items()
    ),
    re.IGNORECASE,
)

_WORD: Final = re.compile(r"[^\W_]\w*(?:[-.:#+@][^\W_]\w*)*")
_STEP: Final = re.compile(r"([-.:#+@_/=]+)")
_TIES: Final = ("_", "-", ".", ":", "#")
_STEM: Final = re.compile(r"([A-Za-z]{3,})\d+")
_WRITTEN: Final = re.compile(r"[a-z]{2,}(?:[_-][a-z]+)*|[A-Z][a-z]+|[A-Z]{2,}")
_GROUPS: Final = re.compile(
    r"(?=[a-f:-]*\d)(?:[0-9a-f]{2,12}(?:[-:][0-9a-f]{2,12}){2,}|[0-9a-f]{4,}-[0-9a-f]{4,})", re.IGNORECASE
)
"""Hexadecimal digits in groups, UUIDs among them: a group without a digit is no word."""
_ANYWHERE: Final = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9a-f])"
    r"|(?<![a-z0-9])(?:us|eu|ap|sa|ca|me|af|il|mx|cn)(?:-gov|-iso[a-z]?)?"
    r"-(?:north|south|east|west|central|northeast|northwest|southeast|southwest)-[0-9][a-z]?(?![a-z0-9])",
    re.IGNORECASE,
)
"""UUIDs and AWS's regions and zones: what is a variable in the middle of a word, too."""
_REPEATED: Final = re.compile(
    r"(<(?:value|text|data|host|time|url|email|path|arn)>)(?:(?:\s?[-_.:,;/+|&*#@=x]{1,2}\s?|\s)\1)+"
)
_SIGNED: Final = re.compile(r"(?<![\w>])[-+#$€£]+<value>|<value>[%+]+(?!\w)")
_COUNTED: Final = re.compile(r"(<value> (?:[a-z]+[a-rt-z] )?)([a-z]{4,})(?![\w(])")
_VERBS: Final = frozenset(
    [
        "does",
        "ends",
        "exceeds",
        "expires",
        "fails",
        "goes",
        "lacks",
        "means",
        "needs",
        "seems",
        "takes",
        "waits",
    ]
)
_FEW: Final = re.compile(r"(?<=[a-z]{3})\(e?s\)")
_SPACES: Final = re.compile(r"\s+")
_ESCAPES: Final = re.compile(r"\\+(?=[\"'`“”‘’«»])")
_MOST_ESCAPES: Final = 64


def plain(text: str) -> str:
    r"""
    Return *text* without characters that change how others are shown: controls, direction, joiners, halves of pairs.

    Example:
        >>> plain("a\x1b[31mb\u202ec")
        'a[31mbc'
    """
    return _INVISIBLE.sub("", text)


def normalise(message: str) -> str:
    """
    Return the kind of *message*: one line of plain text, at most :data:`MAX_CHARS` characters.

    Args:
        message: any text. Of several lines the first counts, and the next where that says little by itself.

    Example:
        >>> normalise("order-8831: 'bob' waited 2.5 s for cdg1 at 2026-11-20T19:03:08Z")
        'order-<value>: <text> waited <value> for <value> at <time>'
    """
    text = _head(plain(message[:MAX_INPUT_CHARS]))
    if text.count("\\") > _MOST_ESCAPES:  # each quote would be looked for to the end of the text
        text = _ESCAPES.sub("", text)
    for _ in range(_MAX_ROUNDS):  # what was replaced can make a neighbour recognisable
        before, text = text, _once(text)
        if text == before:
            break
    return text


def _head(message: str) -> str:
    lines = [line for line in (raw.strip() for raw in message.splitlines()) if line]
    if not lines:
        return ""
    says_little = lines[0].endswith(":") or len(lines[0].split()) < _MIN_WORDS
    return " ".join(lines[: 2 if says_little else 1])


def _once(text: str) -> str:
    text = _PART.sub(_replace, _ANYWHERE.sub(_VALUE, _without_data(text)))
    text = _SIGNED.sub(_VALUE, text)
    text = _REPEATED.sub(r"\1", text)
    text = _COUNTED.sub(_singular, _FEW.sub("", text))
    return _cut(_SPACES.sub(" ", text).strip())


def _cut(text: str) -> str:
    """Return *text* cut between words, so that no half of a placeholder is left."""
    if len(text) <= MAX_CHARS:
        return text
    head = text[: MAX_CHARS + 1]
    end = head.rfind(" ")
    return head[:end].rstrip() if end > 0 else _PLACEHOLDER.sub(_VALUE, head)[:MAX_CHARS].partition("<")[0]


def _without_data(text: str) -> str:
    """Return *text* with lists and objects replaced; one that is not closed goes to the end: it was cut."""
    out: list[str] = []
    depth = start = 0
    for found in _BRACKET.finditer(text):
        bracket = found[0]
        if depth:
            depth += 1 if bracket[0] in "{[" else -1
            if depth == 0:
                out.append("<data>")
                start = found.end()
        elif found["data"]:
            out.append(text[start : found.start()])
            depth, start = 1, found.start()
    out.append("<data>" if depth else text[start:])
    return "".join(out)


_BRACKET: Final = re.compile(
    r"""(?P<data>(?<!['"`])(?:[{\[](?=\s*(?:[bru]?["'{\[(]|-?\d+(?:\.\d+)?\s*[,\]}]|[}\]]))|{(?=\s*-?\d+\s*:)))|[{}\[\]]"""
)


def _replace(found: re.Match[str]) -> str:
    kind = found.lastgroup or ""
    text = found[0]
    match kind:
        case "kept":
            return text
        case "secret":
            return _VALUE if text == "<secret>" else "<host>"
        case "naming":
            return f"{text.partition('=')[0]}={_VALUE}"
        case "flag" | "number" | "version" | "period":
            return _VALUE
        case "address":
            return "<host>"
        case "blob":
            return _blob(text)
        case "word":
            return _word(text)
        case _:
            return f"<{kind}>"


def _blob(text: str) -> str:
    """Return a long run of letters, digits and the signs of base64: a token, a path, or words with signs between them."""
    if text.count("/") > 1 and not text.endswith("="):
        names = [name for name in text.split("/") if name]
        written = [name for name in names if _WRITTEN.fullmatch(name) and not is_random(name)]
        if 2 * len(written) > len(names) and len("".join(written)) * 2 > len(text):
            return "<path>"
    steps = _STEP.split(text)
    if any(is_random(step) for step in steps[::2]) or text.endswith("="):
        return f"{_leading_words(steps)}{_VALUE}"
    return _WORD.sub(lambda found: _word(found[0]), text)


def _leading_words(steps: list[str]) -> str:
    """Return the words that a token begins with (``user_``, ``req-``), with the signs after them."""
    kept = ""
    for step, sign in zip(steps[::2], steps[1::2], strict=False):
        if sign not in _TIES or not (step.isalpha() and step.islower() and not is_gibberish(step)):
            break
        kept += step + sign
    return kept


def _word(word: str) -> str:
    lower = word.lower()
    if lower in TRADE or _PLACEHOLDER.fullmatch(f"<{lower}>"):
        return word
    if _GROUPS.fullmatch(word) or lower in ("true", "false"):
        return _VALUE
    return "".join([step if number % 2 else _step(step) for number, step in enumerate(_STEP.split(word))])


def _step(step: str) -> str:
    """Return one part of a word that has signs in it."""
    if not step or step.lower() in TRADE:
        return step
    if any(character.isdigit() for character in step):
        stem = _STEM.fullmatch(step)
        return f"{stem[1]}{_VALUE}" if stem and stem[1].lower() in STEMS else _VALUE
    return _VALUE if is_random(step) else step


def _singular(found: re.Match[str]) -> str:
    """Return a counted noun in the singular: one item and two items are of one kind."""
    noun = found[2]
    if noun in _VERBS:
        return found[0]
    if noun.endswith("ies"):
        noun = f"{noun[:-3]}y"
    elif noun.endswith(("xes", "shes", "ches", "sses")):
        noun = noun[:-2]
    elif noun.endswith("s") and not noun.endswith(("ss", "us", "is")):
        noun = noun[:-1]
    return found[1] + noun
