"""
An HTTP request as an API Gateway event, payload format 2.0, field by field as AWS makes it.

What AWS documents is in the developer guide ("Create AWS Lambda proxy integrations for HTTP APIs"). What it does not,
is taken from recordings of the real service, named in ``tests/events/README.md``:

* the path is percent-decoded twice and cut at a ``?`` that the first pass uncovers; what is malformed in either pass
  is refused before the function sees it;
* a body is text only for ``text/*`` and JSON, XML and JavaScript; everything else arrives in base64, and so does a
  body without a content type or ``application/x-www-form-urlencoded``;
* cookies leave ``headers``; fields without a value are absent, not null.

Pure: time and ids come in by argument.
"""

from __future__ import annotations

import base64
import copy
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote_to_bytes

from infra.local.messages import HOP_BY_HOP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.local.messages import HttpRequest
    from infra.local.routes import Selected

STAGE: Final = "$default"
TEXT_TYPES: Final = frozenset({"application/json", "application/xml", "application/javascript"})

_OF_THE_BODY: Final = ("body", "isBase64Encoded")
_MALFORMED_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_TRACE_ID: Final = re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;[A-Za-z0-9=;:.-]*)?\Z")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class UndecodablePath(ValueError):
    """The path is not valid percent-encoded UTF-8: API Gateway answers 400."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """
    What the gateway knows of a request beyond its bytes.

    Attributes:
        api_id: of the HTTP API.
        account_id: that the API belongs to.
        request_id: the gateway's, as in ``requestContext.requestId``.
        trace_id: 24 hexadecimal digits for a new ``x-amzn-trace-id``.
        now_ms: epoch milliseconds.
        scheme: ``http`` or ``https``, how the client connected.
    """

    api_id: str
    account_id: str
    request_id: str
    trace_id: str
    now_ms: int
    scheme: str = "http"


def decode_path(target: bytes) -> str:
    """
    Return ``rawPath`` for a request target.

    Args:
        target: origin-form or absolute-form, with its query if it has one.

    Raises:
        UndecodablePath: an escape is malformed in the first or the second pass, or the result is not UTF-8.

    Example:
        >>> decode_path(b"/caf%C3%A9?x=1"), decode_path(b"/literal%252Fvalue"), decode_path(b"/cut%3Fhere")
        ('/café', '/literal/value', '/cut')
    """
    path = target.partition(b"?")[0]
    if not path.startswith(b"/"):
        scheme, separator, rest = path.partition(b"://")
        path = b"/" + rest.partition(b"/")[2] if separator and scheme else b"/" + path
    if b"%" in path:
        path = _unquote(_unquote(path).partition(b"?")[0])
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError:
        raise UndecodablePath from None


def build_event(request: HttpRequest, selected: Selected, path: str, arrival: Arrival) -> dict[str, object]:
    """
    Return the event that the function is called with.

    Args:
        request: as the server read it.
        selected: the route and the path variables.
        path: from :func:`decode_path`.
        arrival: what the gateway adds.
    """
    headers, cookies = _fields(request, arrival)
    raw_query = request.target.partition(b"?")[2].partition(b"#")[0].decode("latin-1")
    domain_name = headers.get("host", "").rpartition("@")[2].partition(":")[0]
    event: dict[str, object] = {
        "version": "2.0",
        "routeKey": selected.route.key,
        "rawPath": path,
        "rawQueryString": raw_query,
    }
    if cookies:
        event["cookies"] = cookies
    event["headers"] = headers
    if raw_query and (parameters := _query_parameters(raw_query)):
        event["queryStringParameters"] = parameters
    event["requestContext"] = {
        "accountId": arrival.account_id,
        "apiId": arrival.api_id,
        "domainName": domain_name,
        "domainPrefix": domain_name.partition(".")[0],
        "http": {
            "method": request.method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.client_host,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": arrival.request_id,
        "routeKey": selected.route.key,
        "stage": STAGE,
        "time": _gateway_time(arrival.now_ms),
        "timeEpoch": arrival.now_ms,
    }
    if selected.path_parameters:
        event["pathParameters"] = dict(selected.path_parameters)
    encoded = bool(request.body) and not is_text(headers.get("content-type", ""))
    if request.body:
        body = (
            base64.b64encode(request.body).decode("ascii")
            if encoded
            else request.body.decode("utf-8", "replace")
        )
        event["body"] = body
    event["isBase64Encoded"] = encoded
    return event


def build_authorizer_event(
    event: dict[str, object], identity: Sequence[str], *, aws_region: str
) -> dict[str, object]:
    """
    Return what a Lambda authorizer is called with, payload format 2.0.

    Args:
        event: of the integration, from :func:`build_event`; not shared with what is returned.
        identity: values of the authorizer's identity sources.
        aws_region: of the API, for ``routeArn``.
    """
    asked = copy.deepcopy({name: value for name, value in event.items() if name not in _OF_THE_BODY})
    context = asked["requestContext"]
    assert isinstance(context, dict)  # noqa: S101 - build_event made it
    http = context["http"]
    api = f"{aws_region}:{context['accountId']}:{context['apiId']}"
    asked["type"] = "REQUEST"
    asked["routeArn"] = f"arn:aws:execute-api:{api}/{STAGE}/{http['method']}{http['path']}"
    asked["identitySource"] = list(identity)
    return asked


def is_text(content_type: str) -> bool:
    """
    Tell whether a request body of this type arrives as text.

    Example:
        >>> is_text("application/json; charset=utf-8"), is_text("application/x-www-form-urlencoded"), is_text("")
        (True, False, False)
    """
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type.startswith("text/") or media_type in TEXT_TYPES


def _unquote(path: bytes) -> bytes:
    if _MALFORMED_ESCAPE.search(path):
        raise UndecodablePath
    return unquote_to_bytes(path)


def _fields(request: HttpRequest, arrival: Arrival) -> tuple[dict[str, str], list[str]]:
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for raw_name, raw_value in request.headers:
        if raw_name in HOP_BY_HOP:
            continue
        value = raw_value.decode("latin-1")  # never fails; AWS does not say which charset it reads
        if raw_name == b"cookie":
            cookies += [pair.strip() for pair in value.split(";") if pair.strip()]
            continue
        name = raw_name.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    forwarded = headers.get("x-forwarded-for")
    headers["content-length"] = str(len(request.body))
    headers["x-forwarded-for"] = f"{forwarded}, {request.client_host}" if forwarded else request.client_host
    headers["x-forwarded-port"] = str(request.server_port)
    headers["x-forwarded-proto"] = arrival.scheme
    if not _TRACE_ID.match(headers.get("x-amzn-trace-id", "")):
        headers["x-amzn-trace-id"] = f"Root=1-{arrival.now_ms // 1000:08x}-{arrival.trace_id}"
    return dict(sorted(headers.items())), cookies


def _query_parameters(raw_query: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(raw_query, keep_blank_values=True, separator="&"):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    return parameters


def _gateway_time(now_ms: int) -> str:
    # Not strftime("%b"): that follows the machine's locale.
    moment = time.gmtime(now_ms // 1000)
    date = f"{moment.tm_mday:02}/{_MONTHS[moment.tm_mon - 1]}/{moment.tm_year}"
    return f"{date}:{moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02} +0000"
