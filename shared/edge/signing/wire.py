"""JSON of ``/api/sign``: what its two routes take and answer."""

from __future__ import annotations

from binascii import Error, a2b_base64
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic refuses typing's before Python 3.12

from edge.problems import FieldError, InvalidValues, NotAllowed
from edge.regions import Region
from edge.signing.fields import read_fields
from edge.signing.keys import KeyLookup, SigningKeys
from edge.signing.primitives import base64
from edge.signing.problems import SignatureRefused
from edge.signing.profile import API_KEY_ID, MAX_LIFETIME_SECONDS
from edge.signing.sign import SignedHeaders, sign
from edge.signing.target import BadTarget, read_authority, read_target
from edge.signing.verify import Verified, check_signature

DEFAULT_LIFETIME_SECONDS: Final = 60
_LINE: Final = 2


def _lines(given: object) -> list[tuple[str, str]]:
    """Return header lines. By hand, as an error's pointer would have the names, which are input."""
    lines = list(given.items()) if isinstance(given, dict) else given
    if not isinstance(lines, list):
        raise PydanticCustomError("not_headers", "not headers")
    for line in lines:
        if (
            not isinstance(line, list | tuple)
            or len(line) != _LINE
            or not all(isinstance(text, str) for text in line)
        ):
            raise PydanticCustomError("not_headers", "not headers")
    return [(name, value) for name, value in lines]


def _octets(given: object) -> bytes:
    """Return what *given* is the base64 of: RFC 4648, section 4, padded, one spelling for each body."""
    if not isinstance(given, str):
        raise PydanticCustomError("not_base64", "not base64")
    try:
        octets = a2b_base64(given, strict_mode=True)
    except (Error, ValueError):
        raise PydanticCustomError("not_base64", "not base64") from None
    if base64(octets) != given:
        raise PydanticCustomError("not_base64", "not base64")
    return octets


_HEADERS_SCHEMA: Final = {
    "description": "An object of names and values, or a list of [name, value] in the order of the lines.",
    "anyOf": [
        {"type": "object", "additionalProperties": {"type": "string"}},
        {
            "type": "array",
            "items": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
        },
    ],
}
HeaderLines = Annotated[list[tuple[str, str]], PlainValidator(_lines), WithJsonSchema(_HEADERS_SCHEMA)]
Octets = Annotated[
    bytes, PlainValidator(_octets), WithJsonSchema({"type": "string", "contentEncoding": "base64"})
]
Method = Annotated[str, Field(description="As it is sent: methods are case-sensitive.")]
Url = Annotated[str, Field(description="Absolute, as it is sent: nothing is decoded.")]


class SignRequest(BaseModel):
    """What ``POST /api/sign/request`` takes: a request that is about to be sent."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    method: Method
    url: Url
    headers: HeaderLines = Field(default=[], validate_default=False)
    body_base64: Octets | None = None
    content_digest: Annotated[
        str | None, Field(description="Content-Digest of a body that is not shown, with a sha-256.")
    ] = None
    key_id: Annotated[str | None, Field(description="The caller's own API key, if it is named at all.")] = (
        None
    )
    expires_in_seconds: Annotated[int, Field(ge=1, le=MAX_LIFETIME_SECONDS)] = DEFAULT_LIFETIME_SECONDS

    def sign(self, keys: SigningKeys, region: Region, *, client_id: str, now_seconds: int) -> SignedHeaders:
        """
        Sign it as the caller, and as nobody else.

        Args:
            keys: of this moment.
            region: whose verifiers will take it.
            client_id: the API key that the caller has shown, or that his token was issued to; empty for none.
            now_seconds: epoch seconds.

        Raises:
            NotAllowed: *key_id* is not his, or he has none.
            InvalidValues: this is no request that a signature could fit.
        """
        if API_KEY_ID.fullmatch(client_id) is None:
            raise NotAllowed
        key = keys.key_of(client_id, region)
        if self.key_id not in (None, client_id, key.key_id):
            raise NotAllowed
        stated = self._stated_digest()
        shown = None if stated is not None and self.body_base64 is None else self.body_base64 or b""
        return sign(
            method=self.method,
            url=self.url,
            key=key,
            created=now_seconds,
            expires_in_seconds=self.expires_in_seconds,
            body=shown,
            content_digest=stated,
        )

    def _stated_digest(self) -> str | None:
        """Return the digest that is given, as a member or among the headers, which must agree with the URL."""
        try:
            fields = read_fields(self.headers)
        except SignatureRefused as refused:
            raise _invalid("/headers", refused.violation or refused.reason) from None
        if fields.content_digest is not None and (self.content_digest, self.body_base64) != (None, None):
            raise _invalid("/headers", "content_digest_twice")
        if fields.host is not None:
            self._check_host(fields.host)
        return fields.content_digest if self.content_digest is None else self.content_digest

    def _check_host(self, host: str) -> None:
        """Refuse what the verifier would: a Host field that is not the URL's."""
        try:
            target = read_target(self.method, self.url)
        except BadTarget:
            return  # signing says what is wrong with it
        try:
            authority = read_authority(host, target.scheme)
        except BadTarget as bad:
            raise _invalid("/headers", bad.violation) from None
        if authority != target.authority:
            raise _invalid("/headers", "host_mismatch")


class VerifyRequest(BaseModel):
    """What ``POST /api/sign/verify`` takes: a request as it came, the target not decoded, every header line."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    method: Method
    url: Url
    headers: HeaderLines
    body_base64: Octets = b""

    def check(self, keys: KeyLookup, region: Region, *, now_seconds: int) -> Verified:
        """
        Return who signed it; whether it was here before is another question.

        Args:
            keys: asked only for what is signed for *region*.
            region: where this is.
            now_seconds: epoch seconds.

        Raises:
            SignatureRefused: it is not signed right.
            edge.signing.problems.RegionMismatch: it is signed for another region.
            edge.problems.ServiceProblem: the keys cannot be had.
        """
        return check_signature(
            method=self.method,
            url=self.url,
            headers=self.headers,
            body=self.body_base64,
            keys=keys,
            region=region,
            now_seconds=now_seconds,
        )


class SignAnswer(TypedDict):
    """A signature: *headers* are to be sent as they are."""

    headers: dict[str, str]
    signature_base: str
    key_id: str
    nonce: str
    created: int
    expires: int
    tag: str


class VerifyAnswer(TypedDict):
    """The signature is right and came for the first time."""

    valid: bool
    key_id: str
    created: int
    expires: int
    nonce: str


def sign_answer(signed: SignedHeaders) -> SignAnswer:
    """Return the answer that tells *signed*."""
    return SignAnswer(
        headers=signed.headers,
        signature_base=signed.signature_base,
        key_id=signed.key_id,
        nonce=signed.nonce,
        created=signed.created,
        expires=signed.expires,
        tag=signed.tag,
    )


def verify_answer(verified: Verified) -> VerifyAnswer:
    """Return the answer that tells *verified*."""
    return VerifyAnswer(
        valid=True,
        key_id=verified.key_id,
        created=verified.created,
        expires=verified.expires,
        nonce=verified.nonce,
    )


def _invalid(pointer: str, reason: str) -> InvalidValues:
    return InvalidValues([FieldError(pointer=pointer, reason=reason)])


def gateway_request_id(asgi_scope: Mapping[str, object]) -> str:
    """Return the gateway's id of a request, to be kept with its nonce; empty where no gateway gave one."""
    event = asgi_scope.get("aws.event")
    context = event.get("requestContext") if isinstance(event, dict) else None
    request_id = context.get("requestId") if isinstance(context, dict) else None
    return request_id if isinstance(request_id, str) else ""
