"""
A site on this machine as the world would see it: HTTPS by a certificate made on the spot, HTTP that only redirects.

Behind it stands a Lambda handler, given the events that the gateway would give it.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import ssl
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.http_events import http_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Handler = Callable[[dict[str, Any], object], dict[str, Any]]

HOST = "localhost"


class Site(NamedTuple):
    """Ports on localhost, and the file with the authority's certificate."""

    http_port: int
    https_port: int
    authority: Path


@contextlib.contextmanager
def run_site(folder: Path, handler: Handler) -> Iterator[Site]:
    """
    Serve *handler* until the context ends.

    Args:
        folder: certificates and key are written there.
        handler: of one function, which answers every path.
    """
    _write_certificates(folder)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "site.pem", folder / "site.key")
    secure = ThreadingHTTPServer((HOST, 0), partial(_Answering, handler))
    secure.socket = tls.wrap_socket(secure.socket, server_side=True)
    plain = ThreadingHTTPServer((HOST, 0), partial(_Redirecting, secure.server_port))
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,)) for server in (secure, plain)]
    for thread in threads:
        thread.start()
    try:
        yield Site(plain.server_port, secure.server_port, folder / "authority.pem")
    finally:
        for server, thread in zip((secure, plain), threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


class _Silent(BaseHTTPRequestHandler):
    def send_response(self, code: int, message: str | None = None) -> None:
        """Send the status alone: neither the gateway nor a function names a server or its time in Python's way."""
        self.send_response_only(code, message)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Say nothing."""


class _Redirecting(_Silent):
    def __init__(self, https_port: int, *args: Any) -> None:
        self._https_port = https_port
        super().__init__(*args)

    def do_GET(self) -> None:
        self.send_response(301)
        self.send_header("Location", f"https://{HOST}:{self._https_port}{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()


class _Answering(_Silent):
    def __init__(self, handler: Handler, *args: Any) -> None:
        self._handler = handler
        super().__init__(*args)

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self._handler(http_event(self.command, path, headers=headers, query=query), None)
        body = answer["body"].encode()
        if answer["isBase64Encoded"]:
            body = base64.b64decode(body)
        self.send_response(answer["statusCode"])
        for name, value in answer["headers"].items():
            if name != "content-length":
                self.send_header(name, value)
        for cookie in answer.get("cookies", ()):
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_OPTIONS(self) -> None:
        self.do_GET()


def _write_certificates(folder: Path) -> None:
    """Write an authority, and a certificate for localhost that it signed, both for an hour."""
    authority_key, site_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests/observatory")])
    now = dt.datetime.now(dt.UTC)

    def certificate(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder(authority, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
        )

    signed = {
        "authority.pem": certificate(authority, authority_key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        ),
        "site.pem": certificate(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)]), site_key
        ).add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False),
    }
    for name, builder in signed.items():
        made = builder.sign(authority_key, hashes.SHA256())
        (folder / name).write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "site.key").write_bytes(
        site_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
