"""
``Signature-Input`` (RFC 9421, section 4.1): which signature is ours, and what it says.

A signature is ours if its tag begins with ``edge-sign/``; there must be exactly one, whatever its label. Of it one text
is taken: what :attr:`SignatureInput.signature_params` would write. The base is built from that, never from what came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, cast

from edge.regions import BY_AWS_REGION
from edge.signing.dictionary import read_inner_lists, read_parameters
from edge.signing.problems import violated
from edge.signing.profile import (
    ALGORITHM,
    COMPONENTS,
    FAMILY,
    KEY_ID,
    MAX_LIFETIME_SECONDS,
    MAX_SIGNATURE_INPUT_CHARS,
    NONCE,
    PARAMETERS,
    SECONDS,
    VERSION,
    ParameterName,
    tag_of,
)

if TYPE_CHECKING:
    from edge.regions import Region
    from edge.signing.dictionary import Member

_KNOWN: Final = frozenset(PARAMETERS)
_ALGORITHM_PARAMETER: Final = f';alg="{ALGORITHM}"'
_TAG_BEGINS: Final = f'"{FAMILY}'


class SignatureInput(NamedTuple):
    """
    What a signature of the profile says; nothing of it is proven yet.

    Attributes:
        label: its key in both fields; not signed.
        created: epoch seconds.
        expires: epoch seconds.
        nonce: as the profile has it.
        key_id: as the profile has it.
        region: that the tag names.
        order: of its parameters.
    """

    label: str
    created: int
    expires: int
    nonce: str
    key_id: str
    region: Region
    order: tuple[ParameterName, ...]

    @property
    def signature_params(self) -> str:
        """The inner list with its parameters in their order, as it is signed."""
        return write_signature_params(
            created=self.created,
            expires=self.expires,
            nonce=self.nonce,
            key_id=self.key_id,
            tag=tag_of(self.region.aws_region),
            order=self.order,
        )


def write_signature_params(
    *,
    created: int,
    expires: int,
    nonce: str,
    key_id: str,
    tag: str,
    order: tuple[ParameterName, ...] = PARAMETERS,
) -> str:
    """Return the inner list with its parameters, as it is signed; the arguments are as the profile has them."""
    if order is PARAMETERS:  # as we write them ourselves; half the time
        return (
            f"{COMPONENTS};created={created};expires={expires};"
            f'nonce="{nonce}";keyid="{key_id}"{_ALGORITHM_PARAMETER};tag="{tag}"'
        )
    written = {
        "created": f";created={created}",
        "expires": f";expires={expires}",
        "nonce": f';nonce="{nonce}"',
        "keyid": f';keyid="{key_id}"',
        "alg": _ALGORITHM_PARAMETER,
        "tag": f';tag="{tag}"',
    }
    return COMPONENTS + "".join([written[name] for name in order])


def read_signature_input(field: str | None) -> SignatureInput:
    """
    Return what the one signature of the profile in *field* says.

    Args:
        field: the value, lines joined; None where there is none.

    Raises:
        SignatureRefused: ``profile_violation``.
    """
    member, pairs = _our_member(field)
    if member.value != COMPONENTS:
        raise violated("wrong_components")
    values = dict(pairs)
    if not values.keys() <= _KNOWN:
        raise violated("unknown_parameter")
    if len(pairs) != len(values):
        raise violated("repeated_parameter")
    if len(values) != len(PARAMETERS):
        raise violated("missing_parameter")
    found = SignatureInput(
        label=member.label,
        region=_region(values["tag"]),
        created=_seconds(values["created"]),
        expires=_seconds(values["expires"], is_expires=True),
        nonce=_string(values["nonce"]),
        key_id=_string(values["keyid"]),
        order=tuple(cast("ParameterName", name) for name, _ in pairs),
    )
    if values["alg"] != f'"{ALGORITHM}"':
        raise violated("wrong_algorithm")
    if not 0 < found.expires - found.created <= MAX_LIFETIME_SECONDS:
        raise violated("bad_lifetime")
    if NONCE.fullmatch(found.nonce) is None:
        raise violated("bad_nonce")
    if KEY_ID.fullmatch(found.key_id) is None:
        raise violated("bad_key_id")
    if member.value + member.parameters != found.signature_params:
        # White space: the same to a parser of structured fields, and the only other spelling that comes this far.
        raise violated("malformed_parameters")
    return found


def _our_member(field: str | None) -> tuple[Member, list[tuple[str, str]]]:
    """Return the signature that is ours, and its parameters."""
    if field is None:
        raise violated("no_signature_input")
    if len(field) > MAX_SIGNATURE_INPUT_CHARS:
        raise violated("signature_input_too_large")
    members = read_inner_lists(field)
    if members is None:
        raise violated("malformed_signature_input")
    read = [(member, read_parameters(member.parameters)) for member in members]
    ours = [pair for pair in read if _is_ours(pair[1])]
    if not ours:
        raise violated("no_signature_of_profile")
    if len(ours) > 1:
        raise violated("several_signatures_of_profile")
    return ours[0]


def _is_ours(parameters: list[tuple[str, str]]) -> bool:
    """A tag that begins so cannot be spelled otherwise: no character of it may be escaped."""
    return any(name == "tag" and value.startswith(_TAG_BEGINS) for name, value in parameters)


def _region(tag: str) -> Region:
    version, _, aws_region = _string(tag).partition(":")
    if version != VERSION:
        raise violated("wrong_version")
    region = BY_AWS_REGION.get(aws_region)
    if region is None:
        raise violated("unknown_region")
    return region


def _seconds(value: str, *, is_expires: bool = False) -> int:
    if SECONDS.fullmatch(value) is None:
        raise violated("bad_expires" if is_expires else "bad_created")
    return int(value)


def _string(value: str) -> str:
    """Return what is between the quotes; what has none or has escapes does not fit any pattern of ours."""
    return value[1:-1] if value[:1] == '"' else ""
