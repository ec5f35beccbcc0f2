"""
Method and URL as the four components of RFC 9421, section 2.2, that say where a request goes.

================  =================================================================================================
``@method``       as sent: methods are case-sensitive (2.2.1)
``@authority``    host in lower case, the scheme's default port dropped (2.2.3)
``@path``         as sent, an empty one is ``/`` (2.2.6)
``@query``        as sent with its ``?``; ``?`` alone for an empty one and for none (2.2.7)
================  =================================================================================================

Path and query are compared as simple strings (2.2.6; RFC 3986, section 6.2.1): nothing is decoded, ``%2f`` and ``%2F``
differ, double slashes and dot segments stay. Whoever changes them on the way breaks the signature, and two texts that
some router takes for one resource never share one. The scheme is not signed, except for what port it makes the default.

What a client would change before it sends is refused, as the signature could not fit what arrives: user information,
fragments, anything that is not visible ASCII (a host is to be given in its xn-- form; IDNA is not ours to do), broken
percent-encodings, backslashes, ports with leading zeros.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.signing.profile import MAX_URL_CHARS

if TYPE_CHECKING:
    from edge.signing.problems import Violation

_METHOD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}")

# Visible ASCII without what ends the part, what every client encodes ("<>) and the backslash, which some take for a
# slash. RFC 3986 would refuse []{}|^` as well; clients send them as they are.
_PATH_CHARS: Final = r"!$&-;=@-\[\]-~"
_QUERY_CHARS: Final = r"!$&-;=?@-\[\]-~"
_ESCAPE: Final = "%[0-9A-Fa-f]{2}"
_URL: Final = re.compile(
    r"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?)://"
    r"(?P<host>\[[^\]/?#@]{0,64}\]|[^\[\]/?#@:]*)(?P<port>:[^/?#@]*)?"
    rf"(?P<path>(?:/[{_PATH_CHARS}]*(?:{_ESCAPE}[{_PATH_CHARS}]*)*)?)"
    rf"(?P<query>(?:\?[{_QUERY_CHARS}]*(?:{_ESCAPE}[{_QUERY_CHARS}]*)*)?)"
)

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
_ADDRESS: Final = re.compile(r"\[([0-9A-Fa-f:.]{2,45})\]")
_MAX_HOST_CHARS: Final = 253
_PORT: Final = re.compile(r":[1-9][0-9]{0,4}")
_MAX_PORT: Final = 65_535
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
_AUTHORITY: Final = re.compile(r"(\[[^\]]{0,64}\]|[^\[\]:]*)(:.*)?")


class Target(NamedTuple):
    """
    Where a request goes, as it is signed.

    Attributes:
        method: ``@method``.
        authority: ``@authority``.
        path: ``@path``.
        query: ``@query``.
        scheme: ``http`` or ``https``; not signed.
    """

    method: str
    authority: str
    path: str
    query: str
    scheme: str


class BadTarget(ValueError):
    """
    The method or the URL is none that can be signed. Its message is of a closed set.

    Attributes:
        violation: what is wrong.
    """

    def __init__(self, violation: Violation) -> None:
        super().__init__(violation)
        self.violation = violation


def read_target(method: str, url: str) -> Target:
    """
    Return what *method* and *url* come to.

    Args:
        method: as sent.
        url: absolute, ``http`` or ``https``, at most 8,192 characters.

    Raises:
        BadTarget: ``bad_method``, ``bad_url``, ``bad_host`` or ``bad_port``.

    Example:
        >>> read_target("GET", "HTTPS://API.Example:443")
        Target(method='GET', authority='api.example', path='/', query='?', scheme='https')
        >>> read_target("GET", "http://[::1]:8080//a%2fb/../c?x=%C3%A9&y").path
        '//a%2fb/../c'
    """
    if _METHOD.fullmatch(method) is None:
        raise BadTarget("bad_method")
    found = _URL.fullmatch(url) if len(url) <= MAX_URL_CHARS else None
    if found is None:
        raise BadTarget("bad_url")
    scheme, host, port, path, query = found.groups("")
    scheme = scheme.lower()
    return Target(method, _authority(host, port, scheme), path or "/", query or "?", scheme)


def read_authority(text: str, scheme: str) -> str:
    """
    Return what a ``Host`` field of *text* comes to.

    Args:
        text: ``host`` or ``host:port``.
        scheme: ``http`` or ``https``.

    Raises:
        BadTarget: ``bad_host`` or ``bad_port``.
    """
    found = _AUTHORITY.fullmatch(text)
    if found is None:
        raise BadTarget("bad_host")
    host, port = found.groups("")
    return _authority(host, port, scheme)


def _authority(host: str, port: str, scheme: str) -> str:
    if _NAME.fullmatch(host) is None:
        _check_address(host)
    elif len(host) > _MAX_HOST_CHARS:
        raise BadTarget("bad_host")
    if port:
        if _PORT.fullmatch(port) is None or int(port[1:]) > _MAX_PORT:
            raise BadTarget("bad_port")
        if port == _DEFAULT_PORTS[scheme]:
            port = ""
    return host.lower() + port


def _check_address(host: str) -> None:
    """Check an IPv6 address in brackets; its spelling stays, but for the case of its letters."""
    from socket import (
        AF_INET6,
        inet_pton,
    )  # loaded in every function; a client that only signs may do without

    found = _ADDRESS.fullmatch(host)
    if found is None:
        raise BadTarget("bad_host")
    try:
        inet_pton(AF_INET6, found[1])
    except OSError:
        raise BadTarget("bad_host") from None
