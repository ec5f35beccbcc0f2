"""The JSON of ``POST /api/optimize/response``."""

from __future__ import annotations

from base64 import b64encode
from binascii import Error as NotBase64
from binascii import a2b_base64
from json import JSONEncoder
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic refuses typing's before Python 3.12

from edge.optimize.engine import EncodingReason, Optimised, OptimisedStatus, optimise
from edge.optimize.fields import MOST_CHARS, MOST_LINES
from edge.optimize.policy import CacheReason, Strategy
from edge.problems import FieldError, InvalidValues

LAMBDA_ANSWER_BYTES: Final = 6_291_556
"""Lambda answers no more, and an answer's JSON is a text within Lambda's own JSON."""
_MOST_EXPANSION: Final = 7
"""A control character: six letters in JSON, whose backslash doubles in the JSON around it."""
_ROOM_BYTES: Final = LAMBDA_ANSWER_BYTES - 4 * MOST_CHARS - 4_096
"""What is left for the body beside header fields, all of quotes and twice escaped, and the gateway's own."""
MOST_ANSWERED_BYTES: Final = _ROOM_BYTES * 3 // 4
"""The largest body that fits in base64."""


def _headers(given: object) -> object:
    """Refuse other shapes here: pydantic's own errors would name the member, which is input."""
    if not isinstance(given, dict) or len(given) > MOST_LINES:
        raise PydanticCustomError("not_headers", "not headers")
    for value in given.values():
        lines = value if isinstance(value, list) else [value]
        if not 1 <= len(lines) <= MOST_LINES or not all(isinstance(line, str) for line in lines):
            raise PydanticCustomError("not_headers", "not headers")
    return given


Headers = Annotated[dict[str, str | list[str]], BeforeValidator(_headers), Field(max_length=MOST_LINES)]

_encode = JSONEncoder(ensure_ascii=False).encode


class OptimizeRequest(BaseModel):
    """A plain answer to a GET, and the request that it answers."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    body: Annotated[str | None, Field(description="The body as text; or body_base64.")] = None
    body_base64: Annotated[
        str | None, Field(description="The body in standard base64, padded, without line breaks.")
    ] = None
    content_type: Annotated[str, Field(min_length=3, max_length=1_024)] = "application/json"
    strategy: Annotated[Strategy, Field(description="How long caches may keep it.")] = "moderate"
    request_headers: Annotated[
        Headers, Field(description="Fields of the client's request; a list for several lines of a name.")
    ] = {}
    response_headers: Annotated[Headers, Field(description="Fields of the plain answer, likewise.")] = {}

    def optimise(self, *, now_ms: int) -> Optimised:
        """
        Return the optimised answer, small enough to be answered.

        Args:
            now_ms: epoch milliseconds.

        Raises:
            InvalidValues: not exactly one body, no Unicode text, or not base64.
            edge.problems.BodyTooLarge: the body is over the limit.
            edge.optimize.problems.UnusableHeaders: headers that HTTP cannot carry.
            edge.optimize.problems.ResultTooLarge: nothing acceptable is small enough.
        """
        return optimise(
            self._body(),
            self.content_type,
            strategy=self.strategy,
            request_headers=_lines(self.request_headers),
            response_headers=_lines(self.response_headers),
            now_ms=now_ms,
            most_bytes=MOST_ANSWERED_BYTES,
        )

    def _body(self) -> bytes:
        if (self.body is None) == (self.body_base64 is None):
            raise InvalidValues([FieldError(pointer="/body", reason="exactly_one_of_body_and_body_base64")])
        if self.body is not None:
            try:
                return self.body.encode()
            except UnicodeEncodeError:
                raise InvalidValues([FieldError(pointer="/body", reason="lone_surrogate")]) from None
        try:
            return a2b_base64(self.body_base64 or "", strict_mode=True)
        except (NotBase64, ValueError):
            raise InvalidValues([FieldError(pointer="/body_base64", reason="not_base64")]) from None


class OptimizeAnswer(TypedDict):
    """
    The optimised answer.

    The body is in *body* if it is text in no coding and came as text, else in *body_base64*; without 200 both are
    null. Of *headers* only ``set-cookie`` is a list, of its lines.
    """

    status: OptimisedStatus
    headers: dict[str, str | list[str]]
    body: str | None
    body_base64: str | None
    encoding: str
    original_bytes: int
    optimized_bytes: int
    reason: CacheReason
    encoding_reason: EncodingReason


def optimize_answer(request: OptimizeRequest, optimised: Optimised) -> OptimizeAnswer:
    """
    Return *optimised* as it goes over the wire.

    Args:
        request: what was asked.
        optimised: what its ``optimise`` returned.
    """
    text: str | None = None
    base64: str | None = None
    if optimised.status == 200:
        if request.body is not None and optimised.encoding == "identity" and _fits(optimised.body):
            text = optimised.body.decode()
        else:
            base64 = b64encode(optimised.body).decode("ascii")
    return OptimizeAnswer(
        status=optimised.status,
        headers=_by_name(optimised.headers),
        body=text,
        body_base64=base64,
        encoding=optimised.encoding,
        original_bytes=optimised.original_bytes,
        optimized_bytes=optimised.optimized_bytes,
        reason=optimised.reason,
        encoding_reason=optimised.encoding_reason,
    )


def optimize_outcome(optimised: Optimised) -> dict[str, str | bool]:
    """Return what the log says of *optimised*: members of closed sets."""
    return {
        "decision": str(optimised.status),
        "because": optimised.reason,
        "encoding_because": optimised.encoding_reason,
    }


def _fits(body: bytes) -> bool:
    """Return whether *body* can be answered as text, escaped twice, as a text in JSON in JSON is."""
    if len(body) * _MOST_EXPANSION <= _ROOM_BYTES:
        return True
    return len(_encode(_encode(body.decode())).encode()) <= _ROOM_BYTES


def _lines(headers: dict[str, str | list[str]]) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for name, value in headers.items():
        lines += [(name, value)] if isinstance(value, str) else [(name, one) for one in value]
    return lines


def _by_name(lines: list[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Join the lines of a name, but for those of cookies, whose values have commas (RFC 9110, section 5.3)."""
    joined: dict[str, str | list[str]] = {}
    cookies: list[str] = []
    for name, value in lines:
        if name == "set-cookie":
            cookies.append(value)
        else:
            before = joined.get(name)
            joined[name] = f"{before}, {value}" if isinstance(before, str) else value
    return joined | {"set-cookie": cookies} if cookies else joined
