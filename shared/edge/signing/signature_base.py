"""
The bytes that are signed (RFC 9421, section 2.5).

:func:`signature_base` knows no profile and takes any components; :func:`profile_base` is the one of ``edge-sign/v1``,
in one expression.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.signing.target import Target


def signature_base(components: Iterable[tuple[str, str]], signature_params: str) -> bytes:
    r"""
    Return the signature base.

    Args:
        components: identifier, as it is serialised, and value of each, in the order of *signature_params*; visible
            ASCII, spaces and tabs only: a line feed in a value would make a component of its own.
        signature_params: the inner list with its parameters, as in ``Signature-Input``.

    Raises:
        ValueError: an identifier is there twice, or a text has a character that no line can have.

    Example:
        >>> signature_base([('"@method"', "GET")], '("@method");created=1')
        b'"@method": GET\n"@signature-params": ("@method");created=1'
    """
    lines: dict[str, str] = {}
    for identifier, value in components:
        if identifier in lines:
            raise ValueError("a component is covered twice")
        lines[identifier] = value
    lines['"@signature-params"'] = signature_params
    for identifier, value in lines.items():
        text = f"{identifier}{value}".replace("\t", " ")
        if not (text.isascii() and text.isprintable()):
            raise ValueError("a component has a character that cannot be signed")
    return "\n".join(f"{identifier}: {value}" for identifier, value in lines.items()).encode("ascii")


def profile_base(target: Target, content_digest: str, signature_params: str) -> bytes:
    """
    Return the signature base of the profile.

    Args:
        target: from :func:`edge.signing.target.read_target`.
        content_digest: the field's value, checked, without white space around it.
        signature_params: as our own serialisation has it.
    """
    return (
        f'"@method": {target.method}\n'
        f'"@authority": {target.authority}\n'
        f'"@path": {target.path}\n'
        f'"@query": {target.query}\n'
        f'"content-digest": {content_digest}\n'
        f'"@signature-params": {signature_params}'
    ).encode("ascii")
