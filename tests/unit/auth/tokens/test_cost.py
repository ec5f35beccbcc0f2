"""What verifying loads: counted, because a clock would flicker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.auth.tokens.forge import ALGORITHMS, AUDIENCE, ISSUER, NOW, forge_of

if TYPE_CHECKING:
    from edge.auth.tokens.jwk import Algorithm

ROOT = Path(__file__).parents[4]
SCRIPT = """
import json, sys
from edge.auth.tokens.frame import verify
from edge.auth.tokens.key_source import CachedKeyRing
from edge.auth.tokens.keyring import KeyRing
from edge.auth.tokens.verifier import TokenVerifier
document, token, alg, issuer, audience, now = json.load(sys.stdin)
ring = KeyRing.parse(document)
before = sorted(sys.modules)
verify(token, ring, algorithms=frozenset({alg}), issuer=issuer, audience=audience, now_seconds=now)
json.dump({"before": before, "after": sorted(sys.modules)}, sys.stdout)
"""


def loaded(alg: Algorithm) -> dict[str, list[str]]:
    forge = forge_of(alg)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps([forge.document, forge.token(), alg, ISSUER, AUDIENCE, NOW]),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": "shared"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_verifying_hs256_loads_nothing_heavy() -> None:
    found = loaded("HS256")

    assert found["before"] == found["after"]
    roots = {name.partition(".")[0] for name in found["after"]}
    assert not roots & {
        "jwt",
        "cryptography",
        "dataclasses",
        "hmac",
        "hashlib",
        "secrets",
        "asyncio",
        "base64",
        "http",
        "urllib",
    }


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_verifying_asymmetric_loads_the_signature_alone(alg: Algorithm) -> None:
    found = loaded(alg)

    assert not [name for name in found["before"] if name.startswith(("jwt", "cryptography"))]
    assert [name for name in found["after"] if name.startswith("cryptography")]
    heavy = ("jwt", "cryptography.x509", "cryptography.hazmat.primitives.serialization")
    assert not [name for name in found["after"] if name.startswith(heavy)]


def test_every_algorithm_is_covered_by_a_forge() -> None:
    assert {forge_of(alg).ring.keys[0].alg for alg in ALGORITHMS} == set(ALGORITHMS)
