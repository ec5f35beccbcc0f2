"""
Hostile tokens, each named for its attack. ``build`` makes one from a forge; *reasons* are the refusals that are right.

Most are signed in earnest: they show what the frame does when the signature proves nothing but that the key was misused.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from tests.unit.auth.tokens.forge import (
    CLAIMS,
    ISSUER,
    P256_ORDER,
    Forge,
    b64,
    compact,
    ec_key,
    rsa_key,
    signature_of,
    unb64,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.auth.tokens.problems import RefusalReason

ALL: Final = ("HS256", "RS256", "ES256", "EdDSA", "Ed25519")


class Attack(NamedTuple):
    name: str
    build: Callable[..., object]
    reasons: frozenset[RefusalReason]
    algorithms: tuple[str, ...] = ALL


def one(
    name: str,
    build: Callable[..., object],
    *reasons: RefusalReason,
    algorithms: tuple[str, ...] = ALL,
) -> Attack:
    return Attack(name, build, frozenset(reasons), algorithms)


def parts(forge: Forge) -> tuple[str, str, str]:
    header, payload, signature = forge.token().split(".")
    return header, payload, signature


def resigned(header: object, key: bytes) -> str:
    """A token under *header* whose signature is an HMAC with *key*."""
    signed = f"{b64(compact(header))}.{b64(compact(CLAIMS))}"
    return f"{signed}.{b64(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


def public_key_forms(forge: Forge) -> dict[str, bytes]:
    """What an attacker knows of the key: the public part in every form that may be taken for a secret."""
    jwk = forge.jwk
    if forge.alg == "HS256":
        return {}
    if forge.alg == "RS256":
        public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey = rsa_key(
            jwk["n"], jwk["e"], *(jwk[name] for name in ("d", "p", "q", "dp", "dq", "qi"))
        ).public_key()
    elif forge.alg == "ES256":
        public = ec_key(jwk["d"]).public_key()
    else:
        public = ed25519.Ed25519PublicKey.from_public_bytes(unb64(jwk["x"]))
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(serialization.Encoding.PEM, spki)
    number = jwk.get("n") or jwk["x"]
    return {
        "pem": pem,
        "pem-without-last-newline": pem.rstrip(b"\n"),
        "pem-crlf": pem.replace(b"\n", b"\r\n"),
        "der": public.public_bytes(serialization.Encoding.DER, spki),
        "jwk": compact(forge.ring.public_jwks()["keys"][0]),
        "jwks": compact(forge.ring.public_jwks()),
        "number": unb64(number),
        "number-as-text": number.encode(),
    }


def none_attacks() -> Iterator[Attack]:
    for spelling in ("none", "None", "NONE", "nOnE", "none ", " none", "", "null", "no\u0000ne", "nоne"):
        head = {"alg": spelling}
        for label, signature in (("empty", ""), ("garbage", "AAAA")):
            reason: RefusalReason = "malformed" if not signature else "wrong_algorithm"
            yield one(
                f"none/{spelling!r}-signature-{label}",
                lambda f, head=head, sig=signature: (
                    f"{b64(compact({**f.header, **head}))}.{b64(compact(CLAIMS))}.{sig}"
                ),
                reason,
            )
        yield one(f"none/{spelling!r}-signed", lambda f, head=head: f.with_header(**head), "wrong_algorithm")
    for label, value in (("null", None), ("false", False), ("zero", 0), ("list", ["none"]), ("object", {})):
        yield one(f"none/alg-is-{label}", lambda f, v=value: f.with_header(alg=v), "bad_header")
    yield one("none/alg-missing", lambda f: f.token(header={"typ": "at+jwt", "kid": f.kid}), "bad_header")
    yield one(
        "none/two-segments",
        lambda f: f"{b64(compact({**f.header, 'alg': 'none'}))}.{b64(compact(CLAIMS))}",
        "malformed",
    )
    yield one(
        "none/rfc7515-a5",
        lambda _: "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UifQ.",
        "malformed",
    )


def confusion_attacks() -> Iterator[Attack]:
    for form in (
        "pem", "pem-without-last-newline", "pem-crlf", "der", "jwk", "jwks", "number", "number-as-text",
    ):  # fmt: skip
        for kept in (True, False):
            yield one(
                f"confusion/hmac-with-public-{form}-alg-{'kept' if kept else 'HS256'}",
                lambda f, form=form, kept=kept: resigned(
                    f.header if kept else {**f.header, "alg": "HS256"}, public_key_forms(f)[form]
                ),
                "bad_signature" if kept else "wrong_algorithm",
                algorithms=ALL[1:],
            )
    for label, key in (
        ("empty-key", b""), ("zero-key", b"\0" * 32), ("secret", b"secret"), ("kid", b"HS256-1"), ("issuer", ISSUER.encode()),
    ):  # fmt: skip
        yield one(
            f"confusion/hmac-with-{label}",
            lambda f, key=key: resigned(f.header, key),
            "bad_signature",
        )
    for other in (
        "HS256",
        "HS384",
        "HS512",
        "RS256",
        "RS384",
        "PS256",
        "ES256",
        "ES256K",
        "ES384",
        "EdDSA",
        "Ed448",
        "Ed25519",
    ):
        yield one(
            f"confusion/alg-renamed-{other}",
            lambda f, other=other: f.with_header(alg=other),
            "wrong_algorithm",
            algorithms=tuple(alg for alg in ALL if alg != other),
        )
    yield one("confusion/alg-in-lower-case", lambda f: f.with_header(alg=f.alg.lower()), "wrong_algorithm")
    yield one("confusion/alg-with-space", lambda f: f.with_header(alg=f"{f.alg} "), "wrong_algorithm")
    yield one(
        "confusion/key-of-an-algorithm-that-is-not-accepted",
        _signed_by_second,
        "wrong_algorithm",
    )
    yield one(
        "confusion/kid-of-another-key-of-the-ring",
        lambda f: f.with_header(kid="second"),
        "wrong_algorithm",
    )


def _signed_by_second(forge: Forge) -> str:
    alg, jwk = forge.second["alg"], forge.second["key"]
    assert isinstance(alg, str) and isinstance(jwk, dict)
    signed = f"{b64(compact({'alg': alg, 'typ': 'at+jwt', 'kid': 'second'}))}.{b64(compact(CLAIMS))}"
    return f"{signed}.{b64(signature_of(alg, jwk, signed.encode()))}"


def kid_attacks() -> Iterator[Attack]:
    unknown = ("stranger", "HS256-2", "0", "-", "..", "__proto__", "constructor", "k" * 64)
    for kid in unknown:
        yield one(f"kid/unknown-{kid[:12]}", lambda f, kid=kid: f.with_header(kid=kid), "unknown_key")
    malformed = (
        "", " ", "../../../dev/null", "/dev/null", "a/b", "x' UNION SELECT 'key", "k|id", "k;ls", "$(id)", "k\u0000", "k\n",
        "k\r\nx: y", "https://evil.example/jwks", "k" * 65, "k" * 2000, "ключ", "ＨＳ256-1", "k\u202e", "\ud800", "k#1", "k:1", "%00",
    )  # fmt: skip
    for number, kid in enumerate(malformed):
        yield one(
            f"kid/malformed-{number}-{kid[:8]!a}", lambda f, kid=kid: f.with_header(kid=kid), "bad_header"
        )
    for label, change in (
        ("trailing-space", lambda kid: f"{kid} "), ("leading-space", lambda kid: f" {kid}"), ("newline", lambda kid: f"{kid}\n"),
        ("nul", lambda kid: f"{kid}\0"),
    ):  # fmt: skip
        yield one(
            f"kid/own-with-{label}", lambda f, change=change: f.with_header(kid=change(f.kid)), "bad_header"
        )
    yield one("kid/own-in-other-case", lambda f: f.with_header(kid=f.kid.swapcase()), "unknown_key")
    for label, value in (
        ("null", None),
        ("true", True),
        ("int", 1),
        ("list", ["k"]),
        ("object", {"kid": "k"}),
        ("float", 1.5),
    ):
        yield one(f"kid/is-{label}", lambda f, v=value: f.with_header(kid=v), "bad_header")
    yield one("kid/missing", lambda f: f.token(header={"alg": f.alg, "typ": "at+jwt"}), "bad_header")
    yield one("kid/list-of-own", lambda f: f.with_header(kid=[f.kid]), "bad_header")
    yield one(
        "kid/in-the-payload-alone",
        lambda f: f.token(header={"alg": f.alg, "typ": "at+jwt"}, claims={**CLAIMS, "kid": f.kid}),
        "bad_header",
    )


def embedded_key_attacks() -> Iterator[Attack]:
    members: dict[str, object] = {
        "jku": "https://evil.example/jwks.json", "x5u": "https://evil.example/cert.pem", "x5c": ["MIIB"], "x5t": "AAAA",
        "x5t#S256": "AAAA", "jwk": None, "key": "AAAA", "k": "AAAA", "keys": [], "p2s": "AAAA", "epk": {},
    }  # fmt: skip
    for name, value in members.items():
        change = {name: value}
        yield one(f"embedded/{name}-signed-by-us", lambda f, c=change: f.with_header(**c), "bad_header")
        yield one(f"embedded/{name}-signed-by-stranger", lambda f, c=change: _by_stranger(f, c), "bad_header")
    yield one(
        "embedded/jwk-of-stranger-signed-by-stranger",
        lambda f: _by_stranger(
            f,
            {"jwk": {k: v for k, v in f.stranger_jwk.items() if k not in {"d", "p", "q", "dp", "dq", "qi"}}},
        ),
        "bad_header",
    )
    yield one(
        "embedded/jwk-and-no-kid",
        lambda f: _by_stranger(f, {"jwk": f.stranger_jwk, "kid": None}),
        "bad_header",
    )
    yield one("embedded/nothing-signed-by-stranger", lambda f: _by_stranger(f, {}), "bad_signature")


def _by_stranger(forge: Forge, change: dict[str, object]) -> str:
    signed = f"{b64(compact({**forge.header, **change}))}.{b64(compact(CLAIMS))}"
    return f"{signed}.{b64(forge.sign(signed.encode(), forge.stranger_jwk))}"


def _with_signature(change: Callable[[bytes], bytes]) -> Callable[[Forge], str]:
    def build(forge: Forge) -> str:
        header, payload, signature = parts(forge)
        return f"{header}.{payload}.{b64(change(unb64(signature)))}"

    return build


def _flipped(raw: bytes, position: int, bit: int) -> bytes:
    at = position % len(raw)
    return raw[:at] + bytes([raw[at] ^ bit]) + raw[at + 1 :]


def _instead(signature: bytes, _: bytes) -> bytes:
    return signature


def _over(change: Callable[[str, str], bytes]) -> Callable[[Forge], str]:
    """A token whose signature is ours, over something else than the token."""

    def build(forge: Forge) -> str:
        header, payload, _ = parts(forge)
        return f"{header}.{payload}.{b64(forge.sign(change(header, payload)))}"

    return build


def signature_attacks() -> Iterator[Attack]:
    bad: tuple[RefusalReason, ...] = ("bad_signature",)
    for position in (0, 1, 7, 15, 31, 32, -2, -1):
        for bit in (1, 128):
            yield one(
                f"signature/bit-{bit}-of-byte-{position}-flipped",
                _with_signature(partial(_flipped, position=position, bit=bit)),
                *bad,
            )
    changes: dict[str, Callable[[bytes], bytes]] = {
        "one-byte-short": lambda raw: raw[:-1],
        "first-byte-missing": lambda raw: raw[1:],
        "half": lambda raw: raw[: len(raw) // 2],
        "one-byte": lambda raw: raw[:1],
        "zero-appended": lambda raw: raw + b"\0",
        "zero-prepended": lambda raw: b"\0" + raw,
        "twice": lambda raw: raw + raw,
        "zeros": lambda raw: b"\0" * len(raw),
        "ones": lambda raw: b"\xff" * len(raw),
        "one": lambda raw: b"\0" * (len(raw) - 1) + b"\1",
        "reversed": lambda raw: raw[::-1],
        "hex": lambda raw: raw.hex().encode(),
        "base64-twice": lambda raw: b64(raw).encode(),
        "halves-swapped": lambda raw: raw[len(raw) // 2 :] + raw[: len(raw) // 2],
        "two-kilobytes": lambda raw: raw * (2000 // len(raw)),
    }
    for label, change in changes.items():
        yield one(f"signature/{label}", _with_signature(change), *bad)
    yield one("signature/empty", _with_signature(lambda _: b""), "malformed")
    messages: dict[str, Callable[[str, str], bytes]] = {
        "payload-alone": lambda _, payload: payload.encode(),
        "header-alone": lambda header, _: header.encode(),
        "without-dot": lambda header, payload: (header + payload).encode(),
        "swapped": lambda header, payload: f"{payload}.{header}".encode(),
        "decoded": lambda header, payload: unb64(header) + b"." + unb64(payload),
        "with-padding": lambda header, payload: f"{header}=.{payload}=".encode(),
        "with-trailing-dot": lambda header, payload: f"{header}.{payload}.".encode(),
        "nothing": lambda _header, _payload: b"",
        "its-hash": lambda header, payload: hashlib.sha256(f"{header}.{payload}".encode()).digest(),
        "utf-16": lambda header, payload: f"{header}.{payload}".encode("utf-16"),
    }
    for label, message in messages.items():
        yield one(f"signature/over-{label}", _over(message), *bad)
    yield one("signature/by-stranger", lambda f: _by_stranger(f, {}), *bad)
    yield one("signature/of-another-token", _of_another_token, *bad)
    yield one("signature/payload-swapped", _payload_swapped, *bad)
    yield one("signature/header-reordered-after-signing", _header_reordered, *bad)
    for label, length in (("sha384", "sha384"), ("sha512", "sha512"), ("sha1", "sha1")):
        yield one(
            f"signature/hmac-{label}", lambda f, name=length: _hmac_with(f, name), *bad, algorithms=("HS256",)
        )
    yield one("signature/hash-without-key", _plain_hash, *bad)
    yield one("signature/hmac-cut-to-16", _with_signature(lambda raw: raw[:16]), *bad, algorithms=("HS256",))
    yield one(
        "signature/hmac-key-text-not-decoded",
        lambda f: resigned(f.header, f.jwk["k"].encode()),
        *bad,
        algorithms=("HS256",),
    )
    yield one("signature/pss", _pss, *bad, algorithms=("RS256",))
    yield one("signature/pkcs1-sha512", lambda f: _pkcs1(f, hashes.SHA512()), *bad, algorithms=("RS256",))
    yield one("signature/pkcs1-sha1", lambda f: _pkcs1(f, hashes.SHA1()), *bad, algorithms=("RS256",))  # noqa: S303 - the attack
    yield one(
        "signature/plus-modulus",
        lambda f: _with_signature(lambda raw: _plus_modulus(f, raw))(f),
        *bad,
        algorithms=("RS256",),
    )
    yield one("signature/der", _with_signature(_as_der), *bad, algorithms=("ES256",))
    order = P256_ORDER.to_bytes(32, "big")
    zero, unit = b"\0" * 32, b"\0" * 31 + b"\1"
    below = (P256_ORDER - 1).to_bytes(32, "big")
    for r_label, r in (("0", zero), ("1", unit), ("n", order), ("n-1", below)):
        for s_label, s in (("0", zero), ("1", unit), ("n", order), ("n-1", below)):
            yield one(
                f"signature/psychic-r{r_label}-s{s_label}",
                _with_signature(partial(_instead, r + s)),
                *bad,
                algorithms=("ES256", "EdDSA"),
            )
    yield one("signature/r-zero", _with_signature(lambda raw: zero + raw[32:]), *bad, algorithms=("ES256",))
    yield one("signature/s-zero", _with_signature(lambda raw: raw[:32] + zero), *bad, algorithms=("ES256",))
    yield one(
        "signature/s-with-leading-zero",
        _with_signature(lambda raw: raw[:32] + b"\0" + raw[32:]),
        *bad,
        algorithms=("ES256",),
    )
    yield one("signature/r-plus-order", _with_signature(_r_plus_order), *bad, algorithms=("ES256",))
    yield one("signature/s-plus-order", _with_signature(_s_plus_l), *bad, algorithms=("EdDSA", "Ed25519"))
    yield one(
        "signature/ed25519ph",
        _with_signature(lambda raw: b"\1" + raw[1:]),
        *bad,
        algorithms=("EdDSA", "Ed25519"),
    )


def _of_another_token(forge: Forge) -> str:
    header, payload, _ = parts(forge)
    return f"{header}.{payload}.{forge.with_claims(jti='other').rpartition('.')[2]}"


def _payload_swapped(forge: Forge) -> str:
    header, _, signature = parts(forge)
    return f"{header}.{b64(compact({**CLAIMS, 'role': 'ADMIN', 'scope': 'keys:admin'}))}.{signature}"


def _header_reordered(forge: Forge) -> str:
    _, payload, signature = parts(forge)
    return f"{b64(compact(dict(reversed(forge.header.items()))))}.{payload}.{signature}"


def _hmac_with(forge: Forge, digest: str) -> str:
    header, payload, _ = parts(forge)
    mac = hmac.new(unb64(forge.jwk["k"]), f"{header}.{payload}".encode(), digest).digest()
    return f"{header}.{payload}.{b64(mac)}"


def _plain_hash(forge: Forge) -> str:
    header, payload, _ = parts(forge)
    return f"{header}.{payload}.{b64(hashlib.sha256(f'{header}.{payload}'.encode()).digest())}"


def _rsa(forge: Forge) -> rsa.RSAPrivateKey:
    jwk = forge.jwk
    return rsa_key(jwk["n"], jwk["e"], *(jwk[name] for name in ("d", "p", "q", "dp", "dq", "qi")))


def _pss(forge: Forge) -> str:
    header, payload, _ = parts(forge)
    salted = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    return (
        f"{header}.{payload}.{b64(_rsa(forge).sign(f'{header}.{payload}'.encode(), salted, hashes.SHA256()))}"
    )


def _pkcs1(forge: Forge, digest: hashes.HashAlgorithm) -> str:
    header, payload, _ = parts(forge)
    return f"{header}.{payload}.{b64(_rsa(forge).sign(f'{header}.{payload}'.encode(), padding.PKCS1v15(), digest))}"


def _plus_modulus(forge: Forge, raw: bytes) -> bytes:
    grown = int.from_bytes(raw, "big") + int.from_bytes(unb64(forge.jwk["n"]), "big")
    return grown.to_bytes((grown.bit_length() + 7) // 8, "big")


def _as_der(raw: bytes) -> bytes:
    return utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))


def _r_plus_order(raw: bytes) -> bytes:
    grown = int.from_bytes(raw[:32], "big") + P256_ORDER
    return grown.to_bytes(33, "big")[-32:] + raw[32:]


def _s_plus_l(raw: bytes) -> bytes:
    """The same signature with s + L: RFC 8032, section 5.1.7, has it refused."""
    order = 2**252 + 27742317777372353535851937790883648493
    return raw[:32] + (int.from_bytes(raw[32:], "little") + order).to_bytes(32, "little")


def framing_attacks() -> Iterator[Attack]:
    changes: dict[str, Callable[[str], str]] = {
        "empty": lambda _: "",
        "one-dot": lambda _: ".",
        "two-dots": lambda _: "..",
        "many-dots": lambda _: "." * 4000,
        "one-segment": lambda t: t.split(".")[0],
        "two-segments": lambda t: t.rpartition(".")[0],
        "four-segments": lambda t: f"{t}.AAAA",
        "five-segments-as-jwe": lambda t: f"{t}.AAAA.AAAA",
        "trailing-dot": lambda t: f"{t}.",
        "leading-dot": lambda t: f".{t}",
        "double-dot": lambda t: t.replace(".", "..", 1),
        "bearer-left-on": lambda t: f"Bearer {t}",
        "leading-space": lambda t: f" {t}",
        "trailing-space": lambda t: f"{t} ",
        "trailing-newline": lambda t: f"{t}\n",
        "trailing-nul": lambda t: f"{t}\0",
        "trailing-comma": lambda t: f"{t},{t}",
        "quoted": lambda t: f'"{t}"',
        "percent-dots": lambda t: t.replace(".", "%2E"),
        "fullwidth-dots": lambda t: t.replace(".", "．"),
        "ideographic-dots": lambda t: t.replace(".", "。"),
        "detached-payload": lambda t: f"{t.split('.')[0]}..{t.split('.')[2]}",
        "missing-header": lambda t: f".{t.split('.', 1)[1]}",
        "zero-width-space": lambda t: t.replace(".", "\u200b.", 1),
        "bom": lambda t: f"\ufeff{t}",
        "lone-surrogate": lambda t: f"{t}\ud800",
        "surrogate-in-front": lambda t: f"\udcff{t}",
        "soft-hyphen": lambda t: t[:5] + "\u00ad" + t[5:],
        "json-flattened": lambda t: json.dumps(dict(zip(("protected", "payload", "signature"), t.split("."), strict=True))),
        "json-general": lambda t: json.dumps({"payload": t.split(".")[1], "signatures": [{"protected": t.split(".")[0], "signature": t.split(".")[2]}]}),
        "semicolons": lambda t: t.replace(".", ";"),
        "header-twice": lambda t: f"{t.split('.')[0]}.{t}",
        "api-key": lambda _: "ek_live_0123456789ab_" + "A" * 43,
        "refresh-token": lambda _: "rt1.1.cdg1.fam.0.AAAAAAAAAAAAAAAAAAAAAA",
    }  # fmt: skip
    for label, change in changes.items():
        yield one(f"framing/{label}", lambda f, change=change: change(f.token()), "malformed")
    for label, value in (
        ("none", None), ("bytes", b"a.b.c"), ("bytearray", bytearray(b"a.b.c")), ("int", 1), ("list", ["a", "b", "c"]), ("dict", {}),
        ("object", object()), ("true", True), ("float", 1.5), ("memoryview", memoryview(b"a.b.c")),
    ):  # fmt: skip
        yield one(f"framing/not-text-{label}", lambda _, v=value: v, "malformed")
    yield one("framing/token-as-bytes", lambda f: f.token().encode(), "malformed")


def encoding_attacks() -> Iterator[Attack]:
    """What decodes to the same under a lax decoder; over each segment, and signed as it is written."""
    changes: dict[str, Callable[[str], str]] = {
        "padded": lambda t: t + "=" * (-len(t) % 4 or 4),
        "one-pad": lambda t: f"{t}=",
        "padding-inside": lambda t: f"{t[:4]}={t[4:]}",
        "space-inside": lambda t: f"{t[:4]} {t[4:]}",
        "newline-inside": lambda t: f"{t[:4]}\n{t[4:]}",
        "tab-in-front": lambda t: f"\t{t}",
        "junk-inside": lambda t: f"{t[:4]}!{t[4:]}",
        "plus": lambda t: f"{t[:-4]}+{t[-3:]}",
        "slash": lambda t: f"{t[:-4]}/{t[-3:]}",
        "nul-inside": lambda t: f"{t[:4]}\0{t[4:]}",
        "percent-escape": lambda t: f"{t}%3D",
        "impossible-length": lambda t: t + "A" * ((1 - len(t)) % 4),
        "fullwidth-letter": lambda t: f"Ａ{t[1:]}",
        "latin-letter": lambda t: f"{t[:4]}é{t[4:]}",
        "kelvin-sign": lambda t: f"{t[:4]}\u212a{t[4:]}",
        "stray-bits": _with_stray_bits,
    }  # fmt: skip
    for label, change in changes.items():
        yield one(f"encoding/header-{label}", lambda f, c=change: _recoded(f, c, None), "malformed")
        yield one(f"encoding/payload-{label}", lambda f, c=change: _recoded(f, None, c), "malformed")
        yield one(f"encoding/signature-{label}", lambda f, c=change: _signature_recoded(f, c), "malformed")
    yield one(
        "encoding/header-encoded-twice", lambda f: _recoded(f, lambda t: b64(t.encode()), None), "bad_header"
    )
    yield one(
        "encoding/payload-encoded-twice",
        lambda f: _recoded(f, None, lambda t: b64(t.encode())),
        "bad_payload",
    )
    yield one(
        "encoding/payload-hex",
        lambda f: _recoded(f, None, lambda t: unb64(t).hex()),
        "bad_payload",
        "malformed",
    )


def _with_stray_bits(text: str) -> str:
    """The same bytes, with the unused bits of the last character set; a space more where there are none."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) | 1] if len(text) % 4 else f"{text}B"


def _recoded(
    forge: Forge, header_change: Callable[[str], str] | None, payload_change: Callable[[str], str] | None
) -> str:
    header, payload, _ = parts(forge)
    # a space after the JSON brings each segment to a length with unused bits
    header = b64(unb64(header) + b" " * ((1 - len(unb64(header))) % 3))
    payload = b64(unb64(payload) + b" " * ((1 - len(unb64(payload))) % 3))
    return forge.over(
        header_change(header) if header_change else header,
        payload_change(payload) if payload_change else payload,
    )


def _signature_recoded(forge: Forge, change: Callable[[str], str]) -> str:
    header, payload, signature = parts(forge)
    return f"{header}.{payload}.{change(signature)}"
