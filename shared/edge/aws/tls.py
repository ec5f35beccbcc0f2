"""
TLS to AWS: verified, at least 1.2, against five roots.

Every AWS service endpoint chains to Amazon Root CA 1 to 4 or to the Starfield root that cross-signs them
(https://www.amazontrust.com/repository/); reading the usual bundle of 127 takes 15 ms of a start, reading these takes 1.
The roots are in ``amazon_roots.pem``, each byte-equal to the copies that Mozilla and botocore ship, and expire from 2037 on.
Loaded only where an endpoint is https: ``ssl`` takes 5 ms to import.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from threading import Lock

AMAZON_ROOTS = "amazon"
"""Bundle name: the roots shipped here, for AWS's own endpoints."""

SYSTEM_ROOTS = "system"
"""Bundle name: the operating system's."""

_contexts: dict[str, ssl.SSLContext] = {}
_lock = Lock()


def context(ca_bundle: str) -> ssl.SSLContext:
    """
    Return the client context for a bundle; made once in a process.

    Args:
        ca_bundle: ``amazon``, ``system``, or the path of a PEM file.

    Raises:
        OSError: the file is missing or holds no certificate.
    """
    with _lock:
        made = _contexts.get(ca_bundle)
        if made is None:
            made = _contexts[ca_bundle] = _make(ca_bundle)
        return made


def _make(ca_bundle: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies the chain and the host name
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_bundle == SYSTEM_ROOTS:
        made.load_default_certs()
    elif ca_bundle == AMAZON_ROOTS:
        made.load_verify_locations(cafile=str(Path(__file__).with_name("amazon_roots.pem")))
    else:
        made.load_verify_locations(cafile=ca_bundle)
    return made
