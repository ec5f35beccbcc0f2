"""TLS: what is trusted, what is not, and what a session ticket does to an idle connection."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge.aws import tls
from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import DynamoDB
from edge.aws.faults import Unavailable
from edge.aws.retries import Budget
from tests import faults
from tests.faults import FaultServer

if TYPE_CHECKING:
    from collections.abc import Iterator

GET = {"TableName": "T", "Key": {"pk": {"S": "a"}}}


class Pki(NamedTuple):
    """A root and a server certificate for one name."""

    root: Path
    server: Path


def issue(directory: Path, host: str) -> Pki:
    now = dt.datetime.now(dt.UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    root, server = directory / f"{host}.root.pem", directory / f"{host}.server.pem"
    root.write_bytes(pem)
    server.write_bytes(
        pem
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return Pki(root, server)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return issue(tmp_path_factory.mktemp("pki"), "localhost")


def server_context(pki: Pki) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.server)
    return context


@pytest.fixture
def server(pki: Pki) -> Iterator[FaultServer]:
    with FaultServer(tls=server_context(pki)) as running:
        yield running


def client_of(url: str, ca_bundle: str) -> DynamoDB:
    return DynamoDB(
        region="eu-west-3",
        credentials=FixedCredentials(Credentials("local", "local")),
        endpoint=url,
        ca_bundle=ca_bundle,
        budget=Budget(connect_ms=2_000, attempt_ms=3_000, call_ms=4_000, attempts=1),
    )


def test_trusted_certificate(server: FaultServer, pki: Pki) -> None:
    client = client_of(server.url, str(pki.root))
    for _ in range(5):
        assert client.get_item(GET) is None
    assert server.connections == 1
    client.forget()


def test_session_ticket_does_not_look_like_a_closed_connection(server: FaultServer, pki: Pki) -> None:
    client = client_of(server.url, str(pki.root))
    assert client.connect()
    time.sleep(0.1)  # TLS 1.3 tickets arrive now
    assert client.get_item(GET) is None
    assert server.connections == 1
    client.forget()


def test_connection_closed_while_idle_is_noticed(server: FaultServer, pki: Pki) -> None:
    client = client_of(server.url, str(pki.root))
    server.script(faults.OK_THEN_CLOSE)
    client.update_item(GET, repeatable=False)
    time.sleep(0.1)
    assert client.update_item(GET, repeatable=False) == {}
    assert (server.applied, server.connections) == (2, 2)
    client.forget()


@pytest.mark.parametrize("bundle", [tls.AMAZON_ROOTS, tls.SYSTEM_ROOTS])
def test_untrusted_certificate_is_refused(bundle: str, server: FaultServer) -> None:
    with pytest.raises(Unavailable) as caught:
        client_of(server.url, bundle).update_item(GET, repeatable=False)
    assert (caught.value.fault, caught.value.outcome_unknown) == ("connection", False)
    assert server.requests == []


def test_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    other = issue(tmp_path, "evil.example")
    with FaultServer(tls=server_context(other)) as server:
        with pytest.raises(Unavailable, match="connection"):
            client_of(server.url, str(other.root)).get_item(GET)
        assert server.requests == []


def test_old_protocol_is_refused(pki: Pki) -> None:
    context = server_context(pki)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with FaultServer(tls=context) as server:
        with pytest.raises(Unavailable, match="connection"):
            client_of(server.url, str(pki.root)).get_item(GET)
        assert server.requests == []


@pytest.mark.parametrize(
    "fault",
    [fault for fault in faults.AMBIGUOUS if fault.name in {"slow_drip", "reset", "hang", "truncated_body"}],
    ids=lambda fault: fault.name,
)
def test_faults_over_tls_end_in_time_and_charge_once(
    fault: faults.Fault, server: FaultServer, pki: Pki
) -> None:
    client = client_of(server.url, str(pki.root))
    client.connect()
    server.script(fault)
    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        client.update_item(GET, repeatable=False, budget_ms=150)
    assert time.monotonic() - started < 2
    assert caught.value.outcome_unknown
    assert server.applied == 1


AMAZON_FINGERPRINTS = {
    # https://www.amazontrust.com/repository/ (SHA-256 of the certificate)
    "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e": "Amazon Root CA 1",
    "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4": "Amazon Root CA 2",
    "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4": "Amazon Root CA 3",
    "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092": "Amazon Root CA 4",
    "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5": (
        "Starfield Services Root Certificate Authority - G2"
    ),
}


def test_shipped_roots_are_amazons_and_no_others() -> None:
    bundle = Path(tls.__file__).with_name("amazon_roots.pem").read_text()
    blocks = re.findall(r"# (.+)\n# SHA-256 .+\n(-----BEGIN CERT[^#]+)", bundle)
    found = {hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.strip())).hexdigest(): name for name, pem in blocks}
    assert found == AMAZON_FINGERPRINTS
    assert len(tls.context(tls.AMAZON_ROOTS).get_ca_certs()) == 5


def test_context_verifies_chain_and_name_and_is_made_once() -> None:
    context = tls.context(tls.AMAZON_ROOTS)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert tls.context(tls.AMAZON_ROOTS) is context
