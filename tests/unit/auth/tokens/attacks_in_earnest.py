"""
Hostile tokens with a good signature: of a key that was misused, or of an issuer that reads its input differently.

A signature proves nothing about JSON, types, times, names or roles; these are what ``jwt.decode`` lets through.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from edge.auth.tokens.frame import MAX_TOKEN_CHARS
from tests.unit.auth.tokens.attacks import Attack, one, parts
from tests.unit.auth.tokens.forge import AUDIENCE, CLAIMS, ISSUER, NOW, Forge, b64, compact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.auth.tokens.problems import RefusalReason

TEXT: Final = compact(CLAIMS).decode()


def json_attacks() -> Iterator[Attack]:
    yield from _duplicates()
    payloads: dict[str, bytes] = {
        "utf-16": TEXT.encode("utf-16"),
        "utf-16-le": TEXT.encode("utf-16-le"),
        "utf-16-be": TEXT.encode("utf-16-be"),
        "utf-32": TEXT.encode("utf-32"),
        "utf-32-be": TEXT.encode("utf-32-be"),
        "utf-8-bom": TEXT.encode("utf-8-sig"),
        "latin-1": TEXT.replace("user-42", "usér").encode("latin-1"),
        "overlong-utf-8": TEXT.encode().replace(b"USER", b"\xc1\x95SER"),
        "cesu-8": TEXT.encode().replace(b"user-42", b"\xed\xa0\x80\xed\xb0\x80"),
        "truncated-utf-8": TEXT.encode()[:-1] + b"\xc3",
        "empty": b" ",
        "array": f"[{TEXT}]".encode(),
        "string": json.dumps(TEXT).encode(),
        "number": b"1",
        "null": b"null",
        "true": b"true",
        "two-documents": f"{TEXT}{TEXT}".encode(),
        "trailing-garbage": f"{TEXT}x".encode(),
        "trailing-nul": f"{TEXT}\0".encode(),
        "leading-nul": f"\0{TEXT}".encode(),
        "trailing-comma": f"{TEXT[:-1]},}}".encode(),
        "comment": f"{TEXT[:-1]}/* */}}".encode(),
        "line-comment": f"{TEXT}//".encode(),
        "single-quotes": TEXT.replace('"', "'").encode(),
        "bare-names": TEXT.replace('"role"', "role").encode(),
        "cut": TEXT.encode()[:-1],
        "control-character-in-string": TEXT.replace("user-42", "user\n42").encode(),
        "tab-in-string": TEXT.replace("user-42", "user\t42").encode(),
        "nul-in-string": TEXT.replace("user-42", "user\0").encode(),
        "no-break-space": f"\u00a0{TEXT}".encode(),
        "vertical-tab": f"\v{TEXT}".encode(),
        "nan": TEXT.replace(str(CLAIMS["exp"]), "NaN").encode(),
        "infinity": TEXT.replace(str(CLAIMS["exp"]), "Infinity").encode(),
        "minus-infinity": TEXT.replace(str(CLAIMS["iat"]), "-Infinity").encode(),
        "nan-in-another-claim": (TEXT[:-1] + ',"x":NaN}').encode(),
        "leading-zero": TEXT.replace(str(CLAIMS["exp"]), f"0{CLAIMS['exp']}").encode(),
        "plus-sign": TEXT.replace(str(CLAIMS["exp"]), f"+{CLAIMS['exp']}").encode(),
        "hexadecimal": TEXT.replace(str(CLAIMS["exp"]), "0x6b49d200").encode(),
        "underscores": TEXT.replace(str(CLAIMS["exp"]), "1_800_003_590").encode(),
        "python-true": TEXT.replace('"USER"', "True").encode(),
        "bad-escape": TEXT.replace("user-42", "\\x75ser").encode(),
        "short-escape": TEXT.replace("user-42", "\\u12").encode(),
        "arrays-1500-deep": b"[" * 1_500,
        "objects-450-deep": b'{"a":' * 450,
        "arrays-1000-deep-closed": b"[" * 1_000 + b"]" * 1_000,
        "xml": b"<token role='ADMIN'/>",
        "cbor": b"\xa1\x63\x65\x78\x70\x1a\x6b\x49\xd2\x00",
        "form": b"sub=user-42&role=ADMIN",
    }
    for label, payload in payloads.items():
        yield one(f"json/payload-{label}", lambda f, p=payload: f.token(claims=p), "bad_payload")
    yield one(
        "json/payload-nested-claim-1100-deep",
        lambda f: f.token(claims=(TEXT[:-1] + ',"x":' + "[" * 1_100 + "]" * 1_100 + "}").encode()),
        "bad_payload", "bad_claims",
    )  # fmt: skip
    headers: dict[str, bytes] = {
        "utf-16": b"\xff\xfe" + "{}".encode("utf-16-le"), "array": b"[]", "null": b"null", "string": b'"HS256"', "empty-object": b"{}",
        "nan": b'{"alg":NaN}', "arrays-1500-deep": b"[" * 1_500, "invalid-utf-8": b'{"alg":"\xff"}', "space": b" ",
    }  # fmt: skip
    for label, header in headers.items():
        yield one(f"json/header-{label}", lambda f, h=header: f.token(header=h), "bad_header")
    for label, codec in (("utf-16", "utf-16"), ("utf-32", "utf-32"), ("utf-8-bom", "utf-8-sig")):
        yield one(
            f"json/own-header-in-{label}",
            lambda f, c=codec: f.token(header=compact(f.header).decode().encode(c)),
            "bad_header",
        )
    yield one(
        "json/own-header-with-trailing-garbage",
        lambda f: f.token(header=compact(f.header) + b"x"),
        "bad_header",
    )


def _duplicates() -> Iterator[Attack]:
    for name, value in CLAIMS.items():
        again = f'{TEXT[:-1]},"{name}":{json.dumps(value)}}}'
        yield one(
            f"json/duplicate-{name}-equal", lambda f, t=again: f.token(claims=t.encode()), "bad_payload"
        )
        first = f'{{"{name}":"x",{TEXT[1:]}'
        yield one(
            f"json/duplicate-{name}-first", lambda f, t=first: f.token(claims=t.encode()), "bad_payload"
        )
    escaped = f'{TEXT[:-1]},"r\\u006fle":"ADMIN"}}'
    yield one("json/duplicate-role-escaped", lambda f: f.token(claims=escaped.encode()), "bad_payload")
    nested = f'{TEXT[:-1]},"x":{{"a":1,"a":2}}}}'
    yield one("json/duplicate-in-a-nested-object", lambda f: f.token(claims=nested.encode()), "bad_payload")
    for name in ("alg", "typ", "kid"):
        yield one(
            f"json/duplicate-header-{name}",
            lambda f, n=name: f.token(
                header=f'{compact(f.header).decode()[:-1]},"{n}":"{f.header[n]}"}}'.encode()
            ),
            "bad_header",
        )
        yield one(
            f"json/duplicate-header-{name}-first",
            lambda f, n=name: f.token(header=f'{{"{n}":"x",{compact(f.header).decode()[1:]}'.encode()),
            "bad_header",
        )
    yield one(
        "json/duplicate-header-alg-escaped",
        lambda f: f.token(header=f'{compact(f.header).decode()[:-1]},"\\u0061lg":"none"}}'.encode()),
        "bad_header",
    )


def type_attacks() -> Iterator[Attack]:
    for number, typ in enumerate((
        "JWT", "jwt", "at+JWT", "AT+JWT", "application/at+jwt", "rt+jwt", "id+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt", "JOSE", "",
        " ", "at+jwt ", " at+jwt", "at+jwt\0", "at+jwt\n", "at jwt", "at%2Bjwt", "at+jwt;v=1", "аt+jwt", "at＋jwt", "at+jwt,JWT",
    )):  # fmt: skip
        yield one(f"typ/{number}-{typ!a}", lambda f, t=typ: f.with_header(typ=t), "wrong_type")
    for label, value in (
        ("null", None),
        ("int", 1),
        ("true", True),
        ("list", ["at+jwt"]),
        ("object", {"typ": "at+jwt"}),
    ):
        yield one(f"typ/is-{label}", lambda f, v=value: f.with_header(typ=v), "bad_header")
    yield one("typ/missing", lambda f: f.token(header={"alg": f.alg, "kid": f.kid}), "bad_header")
    yield one(
        "typ/in-other-case-as-a-name",
        lambda f: f.token(header={"alg": f.alg, "kid": f.kid, "Typ": "at+jwt"}),
        "bad_header",
    )
    members: dict[str, dict[str, object]] = {
        "crit-empty": {"crit": []}, "crit-null": {"crit": None}, "crit-exp": {"crit": ["exp"], "exp": 1}, "crit-alg": {"crit": ["alg"]},
        "crit-text": {"crit": "b64"}, "crit-unknown": {"crit": ["x"], "x": 1}, "crit-b64-true": {"crit": ["b64"], "b64": True},
        "crit-b64-false": {"crit": ["b64"], "b64": False}, "b64-false-alone": {"b64": False}, "b64-true-alone": {"b64": True},
        "enc": {"enc": "A256GCM"}, "zip": {"zip": "DEF"}, "cty-jwt": {"cty": "JWT"}, "cty-empty": {"cty": ""}, "nonce": {"nonce": "x"},
        "iv": {"iv": "AAAA"}, "tag": {"tag": "AAAA"}, "apu": {"apu": "A"}, "url": {"url": ISSUER}, "ppt": {"ppt": "x"}, "exp": {"exp": 1},
        "iss": {"iss": ISSUER}, "empty-name": {"": 1}, "ALG": {"ALG": "none"}, "Kid": {"Kid": "x"}, "proto": {"__proto__": {}},
    }  # fmt: skip
    for label, change in members.items():
        yield one(f"header/{label}", lambda f, c=change: f.with_header(**c), "bad_header")
    yield one("header/unencoded-payload", _unencoded, "malformed", "bad_header")
    yield one("header/nested-token", lambda f: f.token(claims=f.token().encode()), "bad_payload")


def _unencoded(forge: Forge) -> str:
    header = b64(compact({**forge.header, "crit": ["b64"], "b64": False}))
    return forge.over(header, '{"role":"ADMIN"}')


def time_attacks() -> Iterator[Attack]:
    not_times: tuple[object, ...] = (
        None, True, False, "", str(NOW + 60), f" {NOW + 60} ", "9_999_999_999", "１８００００００６０", "٩٩٩٩٩٩٩٩٩٩", "never", 1e300, float(NOW + 60),
        NOW + 60.5, 10**30, 10**300, 2**63, 2**53, 2**33, -1, [NOW + 60], {"$date": NOW + 60},
    )  # fmt: skip
    for name in ("exp", "iat", "nbf"):
        for number, value in enumerate(not_times):
            yield one(
                f"time/{name}-{number}-{str(value)[:12]!a}",
                lambda f, n=name, v=value: f.with_claims(**{n: v}),
                "bad_times",
            )
        yield one(
            f"time/{name}-overflows-to-infinity",
            lambda f, n=name: f.token(
                claims=compact({**CLAIMS, n: 0}).replace(f'"{n}":0'.encode(), f'"{n}":1e999'.encode())
            ),
            "bad_times",
        )
        yield one(
            f"time/{name}-as-minus-zero-point-zero",
            lambda f, n=name: f.token(
                claims=compact({**CLAIMS, n: 0}).replace(f'"{n}":0'.encode(), f'"{n}":-0.0'.encode())
            ),
            "bad_times",
        )
        yield one(
            f"time/{name}-with-2500-digits",
            lambda f, n=name: f.token(
                claims=compact({**CLAIMS, n: 0}).replace(f'"{n}":0'.encode(), f'"{n}":{"9" * 2_500}'.encode())
            ),
            "bad_times",
        )
    orders: dict[str, tuple[dict[str, object], RefusalReason]] = {
        "expired-now": ({"exp": NOW}, "expired"),
        "expired-a-second-ago": ({"exp": NOW - 1}, "expired"),
        "expired-within-the-leeway": ({"iat": NOW - 600, "exp": NOW - 30}, "expired"),
        "exp-equal-to-iat": ({"iat": NOW - 10, "exp": NOW - 10}, "bad_times"),
        "exp-before-iat": ({"iat": NOW + 30, "exp": NOW + 20}, "bad_times"),
        "iat-61-seconds-ahead": ({"iat": NOW + 61}, "not_yet_valid"),
        "iat-a-day-ahead": ({"iat": NOW + 86_400, "exp": NOW + 90_000}, "not_yet_valid"),
        "nbf-61-seconds-ahead": ({"nbf": NOW + 61}, "not_yet_valid"),
        "iat-61-seconds-ahead-and-nbf-past": ({"iat": NOW + 61, "nbf": NOW - 10}, "not_yet_valid"),
        "nbf-after-exp": ({"nbf": NOW + 4_000}, "bad_times"),
        "nbf-equal-to-exp": ({"nbf": CLAIMS["exp"]}, "bad_times"),
        "lifetime-86401": ({"iat": NOW - 1, "exp": NOW + 86_400}, "lifetime_too_long"),
        "iat-zero": ({"iat": 0}, "lifetime_too_long"),
        "a-year": ({"exp": NOW + 31_536_000}, "lifetime_too_long"),
        "year-2242": ({"exp": 2**33 - 1}, "lifetime_too_long"),
        "exp-in-milliseconds": ({"exp": (NOW + 60) * 1000}, "bad_times"),
        "iat-in-milliseconds": ({"iat": NOW * 1000}, "bad_times"),
        "exp-zero": ({"exp": 0}, "bad_times"),
    }
    for label, (change, reason) in orders.items():
        yield one(f"time/{label}", lambda f, c=change: f.with_claims(**c), reason)


NAMES: Final = (
    "", " ", "\n", "\0", "user 42", "user\t42", "user\r\nx: y", "user\0", " user", "user ", "u#ROLE#ADMIN", "#", "u/../admin", "u\\admin",
    'u"', "u'", "u`", "u;", "u,v", "u<b>", "u{", "u%00", "u$", "u*", "u?", "u=", "u!", "u(", "u[", "u^", "usér", "ｕser", "u\u202e", "u\u200b",
    "u\u00ad", "u\ufeff", "u\ud800", "\udfffu", "u\u0085", "u\u2028", "u\x7f", "u\x1b[2J", "Ω", "😀", "u" * 129, "u" * 2_000,
)  # fmt: skip
NOT_TEXT: Final[tuple[tuple[str, object], ...]] = (
    ("null", None), ("true", True), ("int", 42), ("zero", 0), ("float", 4.2), ("list", ["user-42"]), ("object", {"id": "user-42"}),
)  # fmt: skip


def identity_attacks() -> Iterator[Attack]:
    for name in ("sub", "client_id", "jti", "family"):
        for number, value in enumerate(NAMES):
            yield one(
                f"identity/{name}-{number}-{value[:10]!a}",
                lambda f, n=name, v=value: f.with_claims(**{n: v}),
                "bad_claims",
            )
        for label, other in NOT_TEXT:
            yield one(
                f"identity/{name}-is-{label}",
                lambda f, n=name, v=other: f.with_claims(**{n: v}),
                "bad_claims",
            )
    for value in ("fam:1", "fam.1", "fam|1", "f" * 65, "fam@1", "fam~1", "fam+1"):
        yield one(f"identity/family-{value[:8]}", lambda f, v=value: f.with_claims(family=v), "bad_claims")
    plans: tuple[object, ...] = (
        "",
        " ",
        "FREE",
        "free ",
        "enterprise#1",
        "unlimited!",
        "*",
        "p" * 200,
        None,
        True,
        1,
        [],
        ["free"],
        {},
    )
    for number, plan in enumerate(plans):
        yield one(f"identity/plan-{number}", lambda f, v=plan: f.with_claims(plan=v), "bad_claims")
    for name in CLAIMS:
        if name != "family":
            yield one(f"identity/{name}-missing", lambda f, n=name: f.without_claim(n), "bad_claims")
    for name in (
        "cnf", "act", "may_act", "admin", "roles", "groups", "permissions", "Role", "ROLE", "role ", "role\0", "ｒole", "__proto__", "scp",
        "azp", "sid", "nonce", "events", "", "exp ", "Exp", "tenant",
    ):  # fmt: skip
        yield one(
            f"identity/unknown-claim-{name!a}", lambda f, n=name: f.with_claims(**{n: "ADMIN"}), "bad_claims"
        )


def party_attacks() -> Iterator[Attack]:
    """Of another issuer, for another audience."""
    parties: tuple[tuple[str, str, RefusalReason], ...] = (
        ("iss", ISSUER, "wrong_issuer"),
        ("aud", AUDIENCE, "wrong_audience"),
    )
    for claim, own, reason in parties:
        values: tuple[tuple[str, object], ...] = (
            ("empty", ""), ("other", "https://evil.example"), ("slash-appended", f"{own}/"), ("space-appended", f"{own} "),
            ("upper-case", own.upper()), ("prefix", own[:-1]), ("suffix", f"{own}.evil.example"), ("in-a-list", [own]),
            ("in-a-list-with-another", [own, "other"]), ("empty-list", []), ("object", {own: True}), ("null", None), ("true", True), ("int", 1),
            ("wildcard", "*"), ("fullwidth", own.replace("e", "ｅ", 1)), ("nul-appended", f"{own}\0"), ("surrogate-appended", f"{own}\ud800"),
            ("newline-appended", f"{own}\n"), ("comma-list", f"{own},other"),
        )  # fmt: skip
        for label, value in values:
            yield one(f"{claim}/{label}", lambda f, c=claim, v=value: f.with_claims(**{c: v}), reason)


def role_attacks() -> Iterator[Attack]:
    for number, role in enumerate((
        "", " ", "admin", "Admin", "ADMIN ", " ADMIN", "ADMIN\0", "ADMIN\n", "USER,ADMIN", "USER ADMIN", "ADMIN;USER", "АDMIN", "ＡＤＭＩＮ",
        "ADMİN", "ADMIN\u200b", "ROOT", "SUPERUSER", "SYSTEM", "*", "ANONYMOUS", "anonymous", "user", "USER#ADMIN", "null", "0", "AD\ud800MIN",
    )):  # fmt: skip
        yield one(f"role/{number}-{role!a}", lambda f, r=role: f.with_claims(role=r), "bad_role")
    for label, value in (
        *NOT_TEXT,
        ("list-of-admin", ["ADMIN"]),
        ("object-admin", {"ADMIN": True}),
        ("empty-list", []),
        ("empty-object", {}),
    ):
        yield one(f"role/is-{label}", lambda f, v=value: f.with_claims(role=v), "bad_role")
    for number, scope in enumerate((
        "", " ", "geo:route ", " geo:route", "geo:route  sign:request", "geo:route\tsign:request", "geo:route,sign:request",
        "geo:route geo:route", "geo:route\n", "GEO:ROUTE", "geo:*", "*", "admin", "keys:admin", "geo:route keys:admin", "geo:route\0",
        "geo:route\u00a0sign:request", "ｇeo:route", "openid", "geo:route offline_access", "geo:rou\ud800te", "geo:route regions:admin",
    )):  # fmt: skip
        yield one(f"scope/{number}-{scope!a}", lambda f, s=scope: f.with_claims(scope=s), "bad_scope")
    for label, value in (
        *NOT_TEXT,
        ("list-of-scopes", ["geo:route"]),
        ("object-of-scopes", {"geo:route": True}),
    ):
        yield one(f"scope/is-{label}", lambda f, v=value: f.with_claims(scope=v), "bad_scope")
    for role, beyond in (
        ("GUEST", "sign:request"),
        ("GUEST", "keys:admin"),
        ("USER", "monitoring:read"),
        ("USER", "ratelimit:admin"),
    ):
        yield one(
            f"scope/{role}-with-{beyond}",
            lambda f, r=role, s=beyond: f.with_claims(role=r, scope=f"geo:route {s}"),
            "bad_scope",
        )


def size_attacks() -> Iterator[Attack]:
    yield one("size/one-more-than-allowed", lambda f: _of_length(f, MAX_TOKEN_CHARS + 1), "oversize")
    yield one("size/scope-of-5000", lambda f: f.with_claims(scope="geo:route " * 500), "oversize")
    yield one("size/payload-of-1-mb-signed", lambda f: f.with_claims(x="A" * 1_000_000), "oversize")
    for label, junk in (
        ("letters", "A" * 1_000_000), ("dots", "." * 1_000_000), ("segments", "AAAA." * 200_000), ("three-parts", ".".join(["A" * 333_333] * 3)),
        ("not-ascii", "é" * 1_000_000), ("surrogates", "\ud800" * 1_000_000), ("nul", "\0" * 1_000_000), ("6-mb", "eyJ" * 2_000_000),
    ):  # fmt: skip
        yield one(f"size/1-mb-of-{label}", lambda _, j=junk: j, "oversize")
    yield one("size/largest-junk-that-is-read", lambda _: "A" * MAX_TOKEN_CHARS, "malformed")
    yield one(
        "size/largest-header",
        lambda f: _cut(f"{b64(b'[' * 2_000)}.{'A' * 1_000}.{parts(f)[2]}"),
        "bad_header",
    )
    yield one(
        "size/digits-up-to-the-limit",
        lambda f: _cut(f"{b64(b'9' * 2_000)}.AAAA.{parts(f)[2]}"),
        "bad_header",
    )


def _of_length(forge: Forge, length: int) -> str:
    """A token signed in earnest that is *length* long, filled up with JSON's white space before the signature is made."""
    for spaces in range(length):
        token = forge.token(
            claims=compact(CLAIMS) + b" " * (spaces + (length - len(forge.token())) * 3 // 4 - 8)
        )
        if len(token) >= length:
            return token
    raise AssertionError


def _cut(token: str) -> str:
    assert len(token) <= MAX_TOKEN_CHARS
    return token
