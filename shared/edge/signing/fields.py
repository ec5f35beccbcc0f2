"""Header fields as they came: the four that matter here, with their lines joined (RFC 9421, section 2.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from edge.signing.problems import violated
from edge.signing.profile import MAX_HEADERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]
    """Fields by name in any case, or name and value of each line in their order."""

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_READ: Final = frozenset({"signature-input", "signature", "content-digest", "host"})


class SignedFields(NamedTuple):
    """
    Values without white space around them; None for a field that is not there.

    Attributes:
        signature_input: ``Signature-Input``.
        signature: ``Signature``.
        content_digest: ``Content-Digest``.
        host: ``Host``.
    """

    signature_input: str | None
    signature: str | None
    content_digest: str | None
    host: str | None


def read_fields(headers: Headers) -> SignedFields:
    """
    Return the fields that matter; lines of one name are joined by ``", "``.

    Raises:
        SignatureRefused: ``profile_violation``; there are more than 256 lines, a name is none, or a value has CR, LF or NUL.
    """
    lines = headers.items() if isinstance(headers, Mapping) else headers
    found: dict[str, str] = {}
    for count, (name, value) in enumerate(lines):
        if count == MAX_HEADERS:
            raise violated("too_many_headers")
        if _NAME.fullmatch(name) is None or "\n" in value or "\r" in value or "\0" in value:
            # What would end the line, or the text in another language (RFC 9110, section 5.5).
            raise violated("bad_header")
        key = name.lower()
        if key in _READ:
            text = value.strip(" \t")
            found[key] = f"{found[key]}, {text}" if key in found else text
    return SignedFields(
        found.get("signature-input"),
        found.get("signature"),
        found.get("content-digest"),
        found.get("host"),
    )
