"""
What verifying an access token costs: the frame beside ``jwt.decode`` with all its checks on, a token of ten claims.

Both check the same token against the same key, prepared once (PyJWK for PyJWT); times are medians of interleaved
batches. The junk is what anybody can send: it must cost nothing. Import costs are of fresh processes that have loaded
json already, with bytecode compiled, the least of some runs.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from edge.auth.tokens.frame import verify
from edge.auth.tokens.generate import new_document, new_entry
from edge.auth.tokens.issuer import issue
from edge.auth.tokens.keyring import KeyRing
from edge.auth.tokens.problems import TokenRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.auth.tokens.jwk import Algorithm

ROOT: Final = Path(__file__).resolve().parents[2]
ISSUER: Final = "https://edge.example"
AUDIENCE: Final = "kaizen-edge"
ALGORITHMS: Final[tuple[Algorithm, ...]] = ("HS256", "RS256", "ES256", "EdDSA")
CLAIMS: Final = ["iss", "aud", "sub", "client_id", "iat", "exp", "jti", "role", "scope"]
BATCHES: Final = 9
CALLS: Final = 1_000
STARTS: Final = 7

_VERIFY: Final = """
import json, sys, time
data = json.load(sys.stdin)
before = set(sys.modules)
started = time.perf_counter()
from edge.auth.tokens.frame import verify
from edge.auth.tokens.keyring import KeyRing
imported = time.perf_counter()
ring = KeyRing.parse(data["document"])
verify(data["token"], ring, algorithms=frozenset({data["alg"]}), issuer=data["issuer"], audience=data["audience"],
       now_seconds=data["now"])
done = time.perf_counter()
print(json.dumps([(imported - started) * 1e3, (done - imported) * 1e3, len(set(sys.modules) - before)]))
"""
_PYJWT: Final = """
import json, sys, time
data = json.load(sys.stdin)
before = set(sys.modules)
started = time.perf_counter()
import jwt
imported = time.perf_counter()
jwt.decode(data["token"], jwt.PyJWK(data["jwk"], data["alg"]), algorithms=[data["alg"]], issuer=data["issuer"],
           audience=data["audience"])
done = time.perf_counter()
print(json.dumps([(imported - started) * 1e3, (done - imported) * 1e3, len(set(sys.modules) - before)]))
"""


class Case:
    """A key, a token of it, and the two ways to verify that."""

    def __init__(self, alg: Algorithm) -> None:
        import jwt

        self.alg: Algorithm = alg
        self.now = int(time.time())
        self.document = new_document([new_entry(alg, issuer=ISSUER, created_at=self.now, random=os.urandom)])
        self.ring = KeyRing.parse(self.document)
        material = self.ring.keys[0].material
        self.jwk = dict(material.public_jwk or material.jwk)
        self.token = issue(
            self.ring,
            subject="user-42",
            client_id="web",
            audience=AUDIENCE,
            issued_at=self.now,
            expires_at=self.now + 3_600,
            jti=os.urandom(16).hex(),
            role="USER",
            scopes=["geo:route", "sign:request"],
            family="fam_0123456789abcdef",
        )
        self._pyjwk = jwt.PyJWK(self.jwk, alg)
        self._accepted = frozenset({alg})

    def frame(self, token: str | None = None) -> object:
        return verify(
            token or self.token,
            self.ring,
            algorithms=self._accepted,
            issuer=ISSUER,
            audience=AUDIENCE,
            now_seconds=self.now,
        )

    def pyjwt(self, token: str | None = None) -> object:
        import jwt

        return jwt.decode(
            token or self.token,
            self._pyjwk,
            algorithms=[self.alg],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=60,
            options={"require": CLAIMS, "strict_aud": True, "enforce_minimum_key_length": True},
        )


def medians_us(calls: list[Callable[[], object]], *, repeat: int = CALLS) -> list[float]:
    """Return the median time of one call of each, their batches interleaved."""
    took: list[list[float]] = [[] for _ in calls]
    for _ in range(BATCHES):
        for call, times in zip(calls, took, strict=True):
            started = time.perf_counter()
            for _ in range(repeat):
                call()
            times.append((time.perf_counter() - started) / repeat * 1e6)
    return [statistics.median(times) for times in took]


def refused(call: Callable[[], object]) -> Callable[[], object]:
    """Return *call* with its refusal taken for its result."""
    import jwt

    def run() -> object:
        try:
            return call()
        except (TokenRefused, jwt.PyJWTError):
            return None

    return run


def start_ms(case: Case, script: str, compiled: str) -> tuple[float, float, int]:
    """Return what a fresh process takes to import and to verify its first token, and how many modules it loads."""
    data = {
        "document": case.document, "token": case.token, "alg": case.alg, "issuer": ISSUER, "audience": AUDIENCE, "now": case.now,
        "jwk": case.jwk,
    }  # fmt: skip
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "shared")}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    found = []
    for _ in range(STARTS):
        done = subprocess.run(
            [sys.executable, "-s", "-X", f"pycache_prefix={compiled}", "-c", script],
            input=json.dumps(data),
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(cast("tuple[float, float, int]", tuple(json.loads(done.stdout))))
    return min(found, key=lambda one: one[0] + one[1])


def main() -> None:
    """Measure and print."""
    cases = [Case(alg) for alg in ALGORITHMS]
    print(
        "| algorithm | token bytes | frame us | of which the header is parsed anew | jwt.decode us | frame / jwt.decode |"
    )
    print("|---|--:|--:|--:|--:|--:|")
    for case in cases:
        frame_us, pyjwt_us = medians_us([case.frame, case.pyjwt])
        known = dict(case.ring.by_header)
        case.ring.by_header.clear()
        parsed_us = medians_us([case.frame])[0]
        case.ring.by_header.update(known)
        print(
            f"| {case.alg} | {len(case.token)} | {frame_us:.1f} | +{max(0.0, parsed_us - frame_us):.1f} | {pyjwt_us:.1f} "
            f"| {frame_us / pyjwt_us:.2f} |"
        )
    print("\n| refused | frame us | jwt.decode us |\n|---|--:|--:|")
    case = cases[0]
    for label, token in (
        ("1 MB of letters in three segments", ".".join(["A" * 333_332] * 3)),
        ("4 KB of the same", ".".join(["A" * 1_364] * 3)),
        ("bad signature", f"{case.token[:-4]}AAAA"),
    ):
        calls = [refused(lambda t=token: case.frame(t)), refused(lambda t=token: case.pyjwt(t))]  # type: ignore[misc]
        frame_us, pyjwt_us = medians_us(calls, repeat=3 if len(token) > 100_000 else 300)
        print(f"| {label} | {frame_us:.1f} | {pyjwt_us:.1f} |")
    print(
        "\n| fresh process | import ms | first token ms | modules | the same with jwt |\n|---|--:|--:|--:|--:|"
    )
    with tempfile.TemporaryDirectory() as compiled:
        for case in cases:
            import_ms, first_ms, modules = start_ms(case, _VERIFY, compiled)
            theirs = start_ms(case, _PYJWT, compiled)
            print(
                f"| {case.alg} | {import_ms:.1f} | {first_ms:.1f} | {modules} "
                f"| {theirs[0]:.1f} + {theirs[1]:.1f}, {theirs[2]} |"
            )


if __name__ == "__main__":
    main()
