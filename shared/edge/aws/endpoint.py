"""Where a service listens."""

from __future__ import annotations

from typing import NamedTuple


class Endpoint(NamedTuple):
    """
    Scheme, host and port of a service.

    Attributes:
        secure: https.
        host: a name or an address, an IPv6 address without brackets.
        port: TCP port.
        authority: as the ``host`` header says it, without the scheme's own port.
    """

    secure: bool
    host: str
    port: int
    authority: str

    @classmethod
    def parse(cls, url: str) -> Endpoint:
        """
        Parse ``http(s)://host[:port]``, nothing after it but one slash.

        Raises:
            ValueError: it is anything else.

        Example:
            >>> Endpoint.parse("https://dynamodb.eu-west-3.amazonaws.com").port
            443
            >>> Endpoint.parse("http://[::1]:8000/").host
            '::1'
        """
        scheme, mark, authority = url.removesuffix("/").partition("://")
        if not mark or scheme not in {"http", "https"}:
            raise ValueError("an endpoint is http(s)://host[:port]")
        default_port = 443 if scheme == "https" else 80
        if authority.startswith("["):
            host, bracket, rest = authority[1:].partition("]")
            valid = bool(bracket) and bool(host) and not set(host) - set("0123456789abcdefABCDEF:.")
        else:
            host, colon, rest = authority.partition(":")
            rest = colon + rest
            valid = bool(host) and not set(host.lower()) - set("abcdefghijklmnopqrstuvwxyz0123456789-._")
        digits = rest[1:]
        if not valid or (rest and (rest[0] != ":" or not digits.isascii() or not digits.isdecimal())):
            raise ValueError("an endpoint is http(s)://host[:port]")
        port = int(digits) if digits else default_port
        if not 0 < port < 65_536 or len(digits) > 5:
            raise ValueError("a port is 1 to 65535")
        named = f"[{host}]" if ":" in host else host
        return cls(scheme == "https", host, port, named if port == default_port else f"{named}:{port}")
