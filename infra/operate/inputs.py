"""What comes from outside in place of an argument: standard input, files, keys and tokens that name something."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from edge.auth.apikeys.problems import KeyRefused
from edge.auth.apikeys.text import parse
from infra.operate.failures import Failure

STDIN: Final = "-"

MAX_BYTES: Final = 4 * 1024 * 1024
"""Ten times what any document of ours may have: whoever pipes a wrong file is told so, and not waited for."""

_SUBJECT: Final = re.compile(r"[A-Za-z0-9._~:@|+-]{1,128}")
"""As :mod:`edge.auth.tokens.claims` takes ``sub``; a test holds them together."""


def read_token(argument: str) -> str:
    """
    Return a token: *argument* itself, or standard input where it is ``-``, without the line's end.

    Standard input keeps it out of the process list and the shell's history.
    """
    return read_text(STDIN).strip() if argument == STDIN else argument


def read_text(name: str) -> str:
    """
    Return the text of a file, or of standard input.

    Raises:
        Failure: it cannot be read, is too large, or is not UTF-8.
    """
    try:
        if name == STDIN:
            raw = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Failure("unreadable_file", f"The file cannot be read: {error.strerror}.") from None
    if len(raw) > MAX_BYTES:
        raise Failure("file_too_large", f"The file has more than {MAX_BYTES} bytes.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Failure("not_utf8", f"The file is not UTF-8: byte {error.start} is none of it.") from None


def read_key_id(argument: str) -> str:
    """
    Return a key's id from the id, or from the text of a key, such as one that was found somewhere.

    Args:
        argument: either, or ``-`` for standard input.

    Raises:
        Failure: it looks like a key and is none.
    """
    text = read_token(argument)
    if not text.startswith("ek_"):
        return text
    try:
        return parse(text).id
    except KeyRefused as refused:
        raise Failure(refused.reason, refused.detail) from None


def check_subject(subject: str) -> str:
    """
    Return *subject* if a token can have it.

    Raises:
        Failure: none can.
    """
    if _SUBJECT.fullmatch(subject) is None:
        raise Failure(
            "bad_subject",
            "No token has such a subject: it is 1 to 128 of A-Z a-z 0-9 . _ ~ : @ | + -",
        )
    return subject
