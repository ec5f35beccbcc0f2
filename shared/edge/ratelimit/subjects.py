"""Who is limited: any text that names a caller, a key, an address, a tenant."""

from __future__ import annotations

import re
from typing import Final

MAX_SUBJECT_BYTES: Final = 256
_LONGEST_PLAIN_BYTES: Final = 64
_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class BadSubject(ValueError):
    """
    The text cannot name a subject.

    Attributes:
        reason: ``subject_empty``, ``subject_too_long`` or ``subject_control_character``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check_subject(subject: str) -> str:
    """
    Return *subject* if it is 1 to 256 bytes of UTF-8 without control characters.

    Text is compared as it is: callers that want two spellings to be one subject normalise them first.

    Raises:
        BadSubject: it is not; the reason says why.
    """
    if not subject:
        raise BadSubject("subject_empty")
    if _FORBIDDEN.search(subject):
        raise BadSubject("subject_control_character")
    if len(subject.encode()) > MAX_SUBJECT_BYTES:
        raise BadSubject("subject_too_long")
    return subject


def record_key(subject: str) -> str:
    """
    Return the key of the record of *subject*, the subject itself in it while it is short.

    A long one is replaced by its SHA-256, so that a record stays under one write unit. The two forms differ in their
    first character: no subject can pretend to be the hash of another.

    Example:
        >>> record_key("user-42")
        '=user-42'
    """
    if len(subject) <= _LONGEST_PLAIN_BYTES and len(subject.encode()) <= _LONGEST_PLAIN_BYTES:
        return f"={subject}"
    import hashlib  # deferred: few subjects are long

    return f"~{hashlib.sha256(subject.encode()).hexdigest()}"
