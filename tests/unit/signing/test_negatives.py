"""
Requests that must be refused, each with the reason that it must be refused for.

Where a case breaks the profile, its MAC is right for what it says: the rule itself refuses it, not the arithmetic.
"""

from __future__ import annotations

import base64
from itertools import permutations
from typing import NamedTuple

import pytest

from edge.regions import CDG1, HND1
from tests.unit.signing.letters import (
    BODY,
    COMPONENTS,
    KEY,
    KEYS,
    NOW,
    VALUES,
    Letter,
    digest,
    lines,
    mac_of,
    outcome,
    parameters,
    written,
)

GOOD = written()
IDENTIFIERS = COMPONENTS.strip("()").split(" ")
MAC = GOOD["Signature"].removeprefix("edge=")
OTHER = 'proxy=("@method" "@path");created=1;keyid="x";tag="other"'
OTHER_MAC = "proxy=:AAAA:"


class Case(NamedTuple):
    """A letter, the time it arrives, and what comes of it."""

    name: str
    letter: Letter
    outcome: str
    now: int = NOW


def headers(**changed: str | None) -> dict[str, str]:
    """Return good headers with some changed after signing; None takes one away."""
    merged: dict[str, str | None] = {
        **GOOD,
        **{name.replace("_", "-").title(): value for name, value in changed.items()},
    }
    return {name: value for name, value in merged.items() if value is not None}


def signed(name: str, result: str, *, now: int = NOW, **changes: str | None) -> Case:
    """Return the case of a letter that was signed with *changes*."""
    return Case(name, Letter(written(**changes)), result, now)  # type: ignore[arg-type]


def sent(name: str, result: str, **changes: str | None) -> Case:
    """Return the case of a good letter whose headers were changed on the way."""
    return Case(name, Letter(headers(**changes)), result)


def to(name: str, url: str, result: str, **covered: str) -> Case:
    """Return the case of a letter to *url*, signed for *covered*."""
    return Case(name, Letter(written(covered=lines(**covered)), url=url), result)


def component_list(identifiers: list[str]) -> str:
    return f"({' '.join(identifiers)})"


COMPONENT_CASES = [
    *(
        signed(
            f"{name} is not covered",
            "wrong_components",
            components=component_list([one for one in IDENTIFIERS if one != name]),
        )
        for name in IDENTIFIERS
    ),
    *(
        signed(
            f"{name} is covered twice", "wrong_components", components=component_list([*IDENTIFIERS, name])
        )
        for name in IDENTIFIERS
    ),
    *(
        signed(
            f"{name} is covered as well",
            "wrong_components",
            components=component_list([*IDENTIFIERS, f'"{name}"']),
        )
        for name in ("@scheme", "@target-uri", "@status", "@signature-params", "date", "host", "content-type")
    ),
    *(
        signed(
            f"components {number} and {number + 1} are exchanged",
            "wrong_components",
            components=component_list(
                [
                    *IDENTIFIERS[:number],
                    IDENTIFIERS[number + 1],
                    IDENTIFIERS[number],
                    *IDENTIFIERS[number + 2 :],
                ]
            ),
        )
        for number in range(4)
    ),
    signed("nothing is covered", "wrong_components", components="()"),
    signed(
        "a component has a parameter",
        "wrong_components",
        components=COMPONENTS.replace('"@path"', '"@path";req'),
    ),
    signed(
        "a component is bound to its key",
        "wrong_components",
        components=COMPONENTS.replace('st"', 'st";key="a"'),
    ),
    signed("components stand wide apart", "wrong_components", components=COMPONENTS.replace(" ", "  ", 1)),
    signed("components have space around", "wrong_components", components=f"( {COMPONENTS[1:-1]} )"),
    signed("a component is in capitals", "wrong_components", components=COMPONENTS.replace("@path", "@PATH")),
    signed("components are tokens", "malformed_signature_input", components="(method path)"),
    sent(
        "the list is not closed",
        "malformed_signature_input",
        signature_input=GOOD["Signature-Input"].replace(")", ""),
    ),
    sent("the list is a string", "malformed_signature_input", signature_input='edge="x"'),
]

PARAMETER_CASES = [
    *(
        signed(f"{name} is missing", "missing_parameter", params=parameters(**{name: None}))
        for name in VALUES
        if name != "tag"
    ),
    signed("tag is missing", "no_signature_of_profile", tag=None),
    *(
        signed(f"{name} is there twice", "repeated_parameter", params=f"{parameters()};{name}={value}")
        for name, value in VALUES.items()
    ),
    *(
        signed(f"{name} is a flag", expected, params=parameters(**{name: None}) + f";{name}")
        for name, expected in (
            ("created", "bad_created"),
            ("expires", "bad_expires"),
            ("nonce", "bad_nonce"),
            ("keyid", "bad_key_id"),
            ("alg", "wrong_algorithm"),
            ("tag", "no_signature_of_profile"),
        )
    ),
    *(
        signed(f"parameter {name} is there as well", "unknown_parameter", params=f"{parameters()};{name}")
        for name in ("req", "x=1", 'realm="a"', "exp=1", "*=?1", "key=:AA==:", "when=token", "a=1.5")
    ),
    signed("parameter name is in capitals", "malformed_signature_input", params=parameters() + ";X=1"),
    signed(
        "space stands after a semicolon",
        "malformed_parameters",
        params=parameters().replace(";nonce", "; nonce"),
    ),
    signed(
        "space stands before a semicolon",
        "malformed_signature_input",
        params=parameters().replace(";no", " ;no"),
    ),
    signed(
        "space stands around an equals sign",
        "malformed_signature_input",
        params=parameters().replace("nonce=", "nonce= "),
    ),
    signed("a semicolon ends the parameters", "malformed_signature_input", params=parameters() + ";"),
    *(
        signed(f"created is {text}", "bad_created", created=text)
        for text in ('"1"', "-1", "0", "01", "1.0", "?1", "999999999999", "now", ":AAAA:")
    ),
    *(
        signed(f"expires is {text}", "bad_expires", expires=text)
        for text in (f'"{NOW}"', "-1", "0", f"0{NOW}", f"{NOW}.5", "?0", "999999999999", "later")
    ),
    *(
        signed(f"created is {text}", "malformed_signature_input", created=text)
        for text in ("+1", "1e9", "9" * 16, "0x10", "٣", "1_0", "")
    ),
    *(
        signed(f"alg is {text}", "wrong_algorithm", alg=text)
        for text in (
            *('"hmac-sha512"', '"HMAC-SHA256"', '"rsa-pss-sha512"', '"ed25519"', '"none"', '""'),
            *("hmac-sha256", '"hmac-sha256 "', '"hmac\\\\sha256"'),
        )
    ),
    *(
        signed(f"tag is {text}", expected, tag=text)
        for text, expected in (
            ('"edge-sign/v2:eu-west-3"', "wrong_version"),
            ('"edge-sign/v10:eu-west-3"', "wrong_version"),
            ('"edge-sign/V1:eu-west-3"', "wrong_version"),
            ('"edge-sign/v1"', "unknown_region"),
            ('"edge-sign/v1:"', "unknown_region"),
            ('"edge-sign/v1:eu-west-9"', "unknown_region"),
            ('"edge-sign/v1:EU-WEST-3"', "unknown_region"),
            ('"edge-sign/v1:cdg1"', "unknown_region"),
            ('"edge-sign/v1:eu-west-3 "', "unknown_region"),
            ('"edge-sign/v1:eu-west-3:x"', "unknown_region"),
            ('"edge-sign/v1:ap-northeast-1"', "region_mismatch"),
            ('"other/v1:eu-west-3"', "no_signature_of_profile"),
            ('" edge-sign/v1:eu-west-3"', "no_signature_of_profile"),
            ("edge-sign/v1:eu-west-3", "no_signature_of_profile"),
            ('""', "no_signature_of_profile"),
        )
    ),
    *(
        signed(f"nonce has {length} characters", "bad_nonce", nonce=f'"{"n" * length}"')
        for length in (0, 1, 15, 65, 300)
    ),
    *(
        signed(f"nonce has {character!r}", "bad_nonce", nonce=f'"0123456789abcdef{character}"')
        for character in (".", " ", "+", "/", "=", ":", "#", "\\\\", '\\"')
    ),
    signed("nonce is no string", "bad_nonce", nonce="n123456789abcdef"),
    signed("nonce is bytes", "bad_nonce", nonce=":AAAAAAAAAAAAAAAAAAAAAA==:"),
    signed("nonce is not ASCII", "malformed_signature_input", nonce='"0123456789abcdéf"'),
    *(
        signed(f"keyid is {text}", "bad_key_id", keyid=f'"{text}"')
        for text in (
            "k3yOfACaller",
            ".1",
            "k.0",
            "k.01",
            "k.1.1",
            "k.10000",
            "k.x",
            "k .1",
            "k#.1",
            "a" * 65 + ".1",
        )
    ),
    signed("keyid is no string", "bad_key_id", keyid="k.1"),
    signed("keyid has a version that nobody has", "unknown_key", keyid='"k3yOfACaller.2"'),
    signed("keyid is that of another key", "signature_invalid", keyid='"k3yOfACaller2.1"'),
]

TIME_CASES = [
    signed("expires equals created", "bad_lifetime", expires=str(NOW)),
    signed("expires is before created", "bad_lifetime", expires=str(NOW - 1)),
    signed("life is 1 s", "accepted", expires=str(NOW + 1)),
    signed("life is 300 s", "accepted", expires=str(NOW + 300)),
    signed("life is 301 s", "bad_lifetime", expires=str(NOW + 301)),
    signed("last second of life", "accepted", now=NOW + 59),
    signed("now equals expires", "expired", now=NOW + 60),
    signed("now is after expires", "expired", now=NOW + 61),
    signed("created 299 s ago, life 300 s", "accepted", now=NOW + 299, expires=str(NOW + 300)),
    signed("created 300 s ago, life 300 s", "expired", now=NOW + 300, expires=str(NOW + 300)),
    signed("created 301 s ago, life 300 s", "expired", now=NOW + 301, expires=str(NOW + 300)),
    signed("created a year ago", "expired", now=NOW + 31_536_000),
    signed("created 300 s ahead", "accepted", now=NOW - 300),
    signed("created 301 s ahead", "not_yet_valid", now=NOW - 301),
    signed("created a year ahead", "not_yet_valid", now=NOW - 31_536_000),
    signed("latest time there is", "not_yet_valid", created="99999999900", expires="99999999999"),
]

SIGNATURE_CASES = [
    sent("no Signature-Input", "no_signature_input", signature_input=None),
    sent("Signature-Input is empty", "malformed_signature_input", signature_input=""),
    sent("Signature-Input is blank", "malformed_signature_input", signature_input=" \t "),
    sent("Signature-Input has 1,025 characters", "signature_input_too_large",
         signature_input=GOOD["Signature-Input"] + "," + "x" * (1_024 - len(GOOD["Signature-Input"]))),
    sent("Signature-Input ends in a comma", "malformed_signature_input", signature_input=GOOD["Signature-Input"] + ","),
    sent("Signature-Input begins with a comma", "malformed_signature_input", signature_input="," + GOOD["Signature-Input"]),
    sent("Signature-Input has no label", "malformed_signature_input", signature_input=COMPONENTS + parameters()),
    sent("label is in capitals", "malformed_signature_input", signature_input=GOOD["Signature-Input"].replace("edge=", "EDGE=")),
    sent("two signatures of the profile", "several_signatures_of_profile",
         signature_input=f'{GOOD["Signature-Input"]}, sig2={COMPONENTS}{parameters()}', signature=f"edge={MAC}, sig2={MAC}"),
    sent("two signatures of two versions of the profile", "several_signatures_of_profile",
         signature_input=GOOD["Signature-Input"] + ', sig2=();tag="edge-sign/v2:x"'),
    sent("one label twice", "malformed_signature_input", signature_input=f'{GOOD["Signature-Input"]}, {GOOD["Signature-Input"]}'),
    sent("another's signature has no tag of ours in its last place", "several_signatures_of_profile",
         signature_input=f'{GOOD["Signature-Input"]}, x=();tag="edge-sign/v1:eu-west-3";tag="other"'),
    sent("another's signature is malformed", "malformed_signature_input", signature_input=f'{GOOD["Signature-Input"]}, x=(a b'),
    sent("another's signature hides ours in a string", "no_signature_of_profile",
         signature_input='x=("' + GOOD["Signature-Input"].replace('"', '\\"') + '")'),
    sent("only another's signature", "no_signature_of_profile", signature_input=OTHER, signature=OTHER_MAC),
    sent("no Signature", "no_signature", signature=None),
    sent("Signature of another label", "no_signature", signature=f"sig2={MAC}"),
    sent("Signature of one label twice", "malformed_signature", signature=f"edge={MAC}, edge={MAC}"),
    sent("Signature is empty", "malformed_signature", signature=""),
    sent("Signature has 2,049 characters", "signature_too_large", signature=f"edge=:{'A' * 2_042}:"),
    sent("MAC is empty", "malformed_signature", signature="edge=::"),
    sent("MAC is 31 bytes", "malformed_signature", signature=f"edge=:{base64.b64encode(bytes(31)).decode()}:"),
    sent("MAC is 33 bytes", "malformed_signature", signature=f"edge=:{base64.b64encode(bytes(33)).decode()}:"),
    sent("MAC is half as long", "malformed_signature", signature=f"edge=:{base64.b64encode(bytes(16)).decode()}:"),
    sent("MAC has no padding", "malformed_signature", signature=f"edge={MAC.replace('=', '')}"),
    sent("MAC has padding twice", "malformed_signature", signature=f"edge={MAC.replace('=', '==')}"),
    sent("MAC is base64url", "malformed_signature", signature="edge=:" + "-_" * 21 + "A=:"),
    sent("MAC has a space", "malformed_signature", signature=f"edge={MAC[:9]} {MAC[9:]}"),
    sent("MAC is a string", "malformed_signature", signature=f'edge="{MAC}"'),
    sent("MAC has no colons", "malformed_signature", signature=f"edge={MAC[1:-1]}"),
    sent("MAC has a parameter", "malformed_signature", signature=f"edge={MAC};x=1"),
    sent("MAC has another last bit that decodes away", "signature_invalid",
         signature="edge=" + MAC[:43] + chr(ord(MAC[43]) + 1) + "=:"),
    sent("MAC is of zeros", "signature_invalid", signature=f"edge=:{base64.b64encode(bytes(32)).decode()}:"),
    sent("labels differ", "no_signature", signature_input=GOOD["Signature-Input"].replace("edge=", "edgf=")),
    sent("parameters were exchanged on the way", "signature_invalid",
         signature_input="edge=" + COMPONENTS + parameters(created=None) + f";created={NOW}"),
    sent("created was changed on the way", "signature_invalid",
         signature_input=GOOD["Signature-Input"].replace(f"created={NOW}", f"created={NOW + 1}")),
    sent("expires was prolonged on the way", "signature_invalid",
         signature_input=GOOD["Signature-Input"].replace(str(NOW + 60), str(NOW + 300))),
    sent("nonce was changed on the way", "signature_invalid",
         signature_input=GOOD["Signature-Input"].replace("nonce-0", "nonce-1")),
    sent("region was changed on the way", "region_mismatch",
         signature_input=GOOD["Signature-Input"].replace("eu-west-3", "us-east-1")),
    Case("signed with the key of another region", Letter(written(secret=KEYS.key_of("k3yOfACaller", HND1).secret)),
         "signature_invalid"),
    Case("signed with the key of another API key", Letter(written(secret=KEYS.key_of("k3yOfAnother", CDG1).secret)),
         "signature_invalid"),
    Case("signed with the master secret", Letter(written(secret=bytes(32))), "signature_invalid"),
    Case("signed with nothing", Letter(written(secret=b"")), "signature_invalid"),
    Case("base ends in a line feed", Letter(headers(signature="edge=:" + mac_of("\n".join(
        [*(f"{name}: {value}" for name, value in (lines() | {'"content-digest"': digest()}).items()),
         f'"@signature-params": {COMPONENTS}{parameters()}', ""])) + ":")), "signature_invalid"),
]  # fmt: skip

DIGEST_CASES = [
    Case("body is another", Letter(GOOD, body=b"{}"), "digest_mismatch"),
    Case("body has one byte more", Letter(GOOD, body=BODY + b"\n"), "digest_mismatch"),
    Case("body is gone", Letter(GOOD, body=b""), "digest_mismatch"),
    Case("body came where none was signed", Letter(written(content_digest=digest(b""))), "digest_mismatch"),
    Case("digest and body are another's", Letter(headers(content_digest=digest(b"{}")), body=b"{}"), "signature_invalid"),
    sent("no Content-Digest", "no_content_digest", content_digest=None),
    signed("Content-Digest is empty", "malformed_content_digest", content_digest=""),
    signed("Content-Digest has 513 characters", "content_digest_too_large", content_digest=digest() + " " * (513 - len(digest()) - 1) + "x"),
    signed("only SHA-512", "no_sha_256", content_digest=digest(algorithm="sha-512")),
    signed("only MD5, which RFC 9530 deprecates", "no_sha_256", content_digest="md5=:AAAAAAAAAAAAAAAAAAAAAA==:"),
    signed("SHA-256 is right and SHA-512 is beside it", "accepted", content_digest=f"{digest()}, {digest(algorithm='sha-512')}"),
    signed("SHA-256 is right and an unknown one beside it is not", "accepted", content_digest=f"new=:AAAA:, {digest()}"),
    signed("SHA-512 is right and SHA-256 is not", "digest_mismatch", content_digest=f"{digest(b'')}, {digest(algorithm='sha-512')}"),
    signed("SHA-256 twice", "malformed_content_digest", content_digest=f"{digest()}, {digest()}"),
    signed("SHA-256 in capitals", "malformed_content_digest", content_digest=digest().replace("sha", "SHA")),
    signed("SHA-256 of no bytes", "malformed_content_digest", content_digest="sha-256=::"),
    signed("SHA-256 of 31 bytes", "malformed_content_digest", content_digest=f"sha-256=:{base64.b64encode(bytes(31)).decode()}:"),
    signed("SHA-256 in base64url", "malformed_content_digest", content_digest="sha-256=:" + "-_" * 21 + "A=:"),
    signed("SHA-256 in hexadecimal", "malformed_content_digest", content_digest="sha-256=:" + "0a" * 32 + ":"),
    signed("SHA-256 as a string", "malformed_content_digest", content_digest=f'sha-256="{"A" * 43}="'),
    signed("SHA-256 with a parameter", "malformed_content_digest", content_digest=digest() + ";x=1"),
    signed("SHA-256 with a comma behind", "malformed_content_digest", content_digest=digest() + ","),
    signed("SHA-256 with a stray bit", "digest_mismatch", content_digest=digest().replace("PE=:", "PF=:")),
]  # fmt: skip

TARGET_CASES = [
    Case("method is another", Letter(GOOD, method="PUT"), "signature_invalid"),
    Case("method is in small letters", Letter(GOOD, method="post"), "signature_invalid"),
    *(
        Case(f"method is {method!r}", Letter(GOOD, method=method), "bad_method")
        for method in ("", " POST", "POST ", "PO ST", "POST\r\n", "POST\0", "PÖST", "G" * 33, "GET:", 'A"')
    ),
    to("path is another", "https://api.example/orders/8?dry=1", "signature_invalid"),
    to("host is another", "https://api.example.evil/orders/7?dry=1", "signature_invalid"),
    to("host has a dot behind", "https://api.example./orders/7?dry=1", "signature_invalid"),
    to("host is in capitals", "https://API.EXAMPLE/orders/7?dry=1", "accepted"),
    to("scheme is in capitals", "HTTPS://api.example/orders/7?dry=1", "accepted"),
    to("default port of https is written out", "https://api.example:443/orders/7?dry=1", "accepted"),
    to("default port of http is written out", "http://api.example:80/orders/7?dry=1", "accepted"),
    to("port 80 with https", "https://api.example:80/orders/7?dry=1", "signature_invalid"),
    to("port 443 with http", "http://api.example:443/orders/7?dry=1", "signature_invalid"),
    to("port 8443", "https://api.example:8443/orders/7?dry=1", "accepted", authority="api.example:8443"),
    *(
        to(f"port is {port!r}", f"https://api.example{port}/orders/7?dry=1", "bad_port")
        for port in (":", ":0", ":0443", ":65536", ":99999", ":443x", ":-1", ":+443", ":٤٤٣", ":443:443")
    ),
    to("query is gone", "https://api.example/orders/7", "signature_invalid"),
    to("query is absent and was signed as absent", "https://api.example/orders/7", "accepted", query="?"),
    to(
        "query is empty and was signed as absent: one value (RFC 9421, 2.2.7)",
        "https://api.example/orders/7?",
        "accepted",
        query="?",
    ),
    to(
        "query is absent and was signed as nothing",
        "https://api.example/orders/7",
        "signature_invalid",
        query="",
    ),
    to("query has a question mark more", "https://api.example/orders/7??dry=1", "signature_invalid"),
    to(
        "query is in another order",
        "https://api.example/orders/7?b=2&a=1",
        "signature_invalid",
        query="?a=1&b=2",
    ),
    to("plus is not %20", "https://api.example/orders/7?a=1+2", "signature_invalid", query="?a=1%202"),
    to("query has brackets", "https://api.example/orders/7?f[a]=1", "accepted", query="?f[a]=1"),
    to("path is empty", "https://api.example?dry=1", "accepted", path="/"),
    to("path ends in a slash", "https://api.example/orders/7/?dry=1", "signature_invalid"),
    to("percent-encoding in small letters", "https://api.example/a%2fb?dry=1", "accepted", path="/a%2fb"),
    to("percent-encoding in capitals", "https://api.example/a%2Fb?dry=1", "accepted", path="/a%2Fb"),
    to(
        "percent-encoding in other letters than signed",
        "https://api.example/a%2fb?dry=1",
        "signature_invalid",
        path="/a%2Fb",
    ),
    to(
        "percent-encoding decoded on the way",
        "https://api.example/a/b?dry=1",
        "signature_invalid",
        path="/a%2Fb",
    ),
    to(
        "percent-encoding of what needs none", "https://api.example/%61?dry=1", "signature_invalid", path="/a"
    ),
    to("double slash", "https://api.example//orders//7?dry=1", "accepted", path="//orders//7"),
    to(
        "double slash merged on the way",
        "https://api.example/orders/7?dry=1",
        "signature_invalid",
        path="//orders/7",
    ),
    to(
        "dot segments as sent",
        "https://api.example/a/../orders/./7?dry=1",
        "accepted",
        path="/a/../orders/./7",
    ),
    to(
        "dot segments removed on the way",
        "https://api.example/orders/7?dry=1",
        "signature_invalid",
        path="/a/../orders/7",
    ),
    to("IPv4 address", "http://127.0.0.1:8080/orders/7?dry=1", "accepted", authority="127.0.0.1:8080"),
    to("IPv6 address", "http://[::1]:8080/orders/7?dry=1", "accepted", authority="[::1]:8080"),
    to(
        "IPv6 address in capitals",
        "https://[2001:DB8::A]/orders/7?dry=1",
        "accepted",
        authority="[2001:db8::a]",
    ),
    to(
        "IPv6 address spelled otherwise",
        "https://[0:0::1]/orders/7?dry=1",
        "signature_invalid",
        authority="[::1]",
    ),
    *(
        to(f"host is {host!r}", f"https://{host}/orders/7?dry=1", "bad_host")
        for host in (
            *(
                "",
                "[::1",
                "[]",
                "[::g]",
                "[1::2::3]",
                "[fe80::1%25eth0]",
                "[v1.a]",
                "[127.0.0.1]",
                "a..b",
                ".a",
                "a b",
            ),
            *(
                "api%2eexample",
                "api.exämple",
                "api.example\u3002com",
                "ａpi.example",
                "api\u200b.example",
                "a_\u0131",
            ),
            *("x" * 64, ".".join(["x" * 49] * 6), "a,b", "a;b", "a*b", "api.example\t"),
        )
        if host not in ("[::1",)
    ),
    *(
        to(f"URL {name}", url, "bad_url")
        for name, url in (
            ("is empty", ""),
            ("is relative", "/orders/7?dry=1"),
            ("has no scheme", "//api.example/orders/7?dry=1"),
            ("is of another scheme", "ftp://api.example/orders/7?dry=1"),
            ("is of a scheme that only looks so", "httpſ://api.example/orders/7?dry=1"),
            ("has a user", "https://user@api.example/orders/7?dry=1"),
            ("has a user and a password", "https://user:secret@api.example/orders/7?dry=1"),
            ("has an empty user", "https://@api.example/orders/7?dry=1"),
            ("has a fragment", "https://api.example/orders/7?dry=1#top"),
            ("has an empty fragment", "https://api.example/orders/7?dry=1#"),
            ("has a fragment and no path", "https://api.example#x"),
            ("has one slash", "https:/api.example/orders/7?dry=1"),
            ("has backslashes for slashes", "https:\\\\api.example\\orders\\7?dry=1"),
            ("has a backslash in its path", "https://api.example/orders\\7?dry=1"),
            ("has a space", "https://api.example/orders /7?dry=1"),
            ("has space before", " https://api.example/orders/7?dry=1"),
            ("has a line feed behind", "https://api.example/orders/7?dry=1\n"),
            ("has CR LF and a header", "https://api.example/orders/7?dry=1\r\nX-Role: admin"),
            ("has a line of the base", 'https://api.example/orders/7\n"@query": ?dry=1'),
            ("has NUL", "https://api.example/orders/7\0?dry=1"),
            ("has a tab in its path", "https://api.example/ord\ters/7?dry=1"),
            ("has a half percent-encoding", "https://api.example/orders/7%2?dry=1"),
            ("has a bare percent sign", "https://api.example/orders/7?dry=100%"),
            ("has a percent-encoding of no digits", "https://api.example/%zz?dry=1"),
            ("is not ASCII in its path", "https://api.example/orderś/7?dry=1"),
            ("is not ASCII in its query", "https://api.example/orders/7?dry=é"),
            ("has a lone surrogate", "https://api.example/\ud800?dry=1"),
            ("has quotes", 'https://api.example/orders/7?dry="1"'),
            ("has angle brackets", "https://api.example/<orders>/7?dry=1"),
            ("has DEL", "https://api.example/orders/7\x7f?dry=1"),
            ("has a bracket that is not closed", "https://[::1/orders/7?dry=1"),
            ("has 8,193 characters", "https://api.example/" + "a" * (8_193 - 20)),
        )
    ),
    to(
        "URL has 8,192 characters",
        "https://api.example/" + "a" * (8_192 - 20),
        "accepted",
        path="/" + "a" * 8_172,
        query="?",
    ),
]

HEADER_CASES = [
    *(
        Case(f"header value with {character!r}", Letter({**GOOD, "X-Note": f"a{character}b"}), "bad_header")
        for character in ("\r", "\n", "\r\n", "\0", "\r\nX-Role: admin")
    ),
    *(
        Case(f"header name {name!r}", Letter({**GOOD, name: "a"}), "bad_header")
        for name in ("", "X Note", "X-Note:", "X-Note\r\n", "X\0", "X-Nöte", "(x)", " Host")
    ),
    sent("Signature-Input folded over two lines", "bad_header",
         signature_input=GOOD["Signature-Input"].replace(" ", "\r\n ", 1)),
    sent("Signature with a line feed behind", "bad_header", signature=GOOD["Signature"] + "\n"),
    sent("Content-Digest with NUL behind", "bad_header", content_digest=GOOD["Content-Digest"] + "\0"),
    sent("Signature-Input with a vertical tab", "malformed_signature_input", signature_input=GOOD["Signature-Input"] + "\v"),
    sent("Signature with a no-break space", "malformed_signature", signature=GOOD["Signature"] + "\xa0"),
    sent("Content-Digest with an ideographic space", "malformed_content_digest", content_digest=GOOD["Content-Digest"] + "\u3000"),
    Case("257 headers", Letter({**GOOD, **{f"x-{number}": "" for number in range(254)}}), "too_many_headers"),
    Case("256 headers", Letter({**GOOD, **{f"x-{number}": "" for number in range(253)}}), "accepted"),
    Case("Content-Digest on two lines", Letter([*GOOD.items(), ("content-digest", digest(b"{}"))]), "malformed_content_digest"),
    Case("Signature-Input on two lines", Letter([*GOOD.items(), ("SIGNATURE-INPUT", GOOD["Signature-Input"])]),
         "malformed_signature_input"),
    Case("Signature on two lines", Letter([*GOOD.items(), ("signature", GOOD["Signature"])]), "malformed_signature"),
    Case("Host is that of the URL", Letter({**GOOD, "Host": "API.example:443"}), "accepted"),
    Case("Host is another", Letter({**GOOD, "Host": "evil.example"}), "host_mismatch"),
    Case("Host has another port", Letter({**GOOD, "Host": "api.example:8443"}), "host_mismatch"),
    Case("Host is there twice", Letter([*GOOD.items(), ("Host", "api.example"), ("host", "api.example")]), "bad_host"),
    Case("Host is empty", Letter({**GOOD, "Host": ""}), "bad_host"),
    Case("Host has a user", Letter({**GOOD, "Host": "user@api.example"}), "bad_host"),
    Case("Host has a path", Letter({**GOOD, "Host": "api.example/x"}), "bad_host"),
    Case("Host has two ports", Letter({**GOOD, "Host": "api.example:1:2"}), "bad_port"),
]  # fmt: skip

ACCEPTED_CASES = [
    Case("names in small letters", Letter({name.lower(): value for name, value in GOOD.items()}), "accepted"),
    Case("space around values", Letter({name: f" \t{value} " for name, value in GOOD.items()}), "accepted"),
    Case("headers as pairs", Letter(list(GOOD.items())), "accepted"),
    Case("another label", Letter(written(label="sig-1.x_*")), "accepted"),
    Case("another's signature before ours", Letter(headers(
        signature_input=f'{OTHER}, {GOOD["Signature-Input"]}', signature=f"{OTHER_MAC}, edge={MAC}")), "accepted"),
    Case("another's signature on a line of its own", Letter([*GOOD.items(), ("Signature-Input", OTHER), ("Signature", OTHER_MAC)]),
         "accepted"),
    Case("another's signature without a tag", Letter(headers(
        signature_input=f'{GOOD["Signature-Input"]} ,\tx=( "a";req  "b" );keyid="\\"\\\\";n=-1.5;f;t=a/b:c;y=?0;z=:AA==:')), "accepted"),
    signed("nonce has 16 characters", "accepted", nonce='"0123456789abcdef"'),
    signed("nonce has 64 characters", "accepted", nonce=f'"{"Az09_-" * 10}_-_-"'),
    Case("no body", Letter(written(content_digest=digest(b"")), body=b""), "accepted"),
    *(
        signed(f"parameters in order {number}", "accepted",
               params="".join(f";{name}={VALUES[name]}" for name in order))
        for number, order in enumerate(list(permutations(VALUES))[::119])
    ),
]  # fmt: skip

CASES = [
    *COMPONENT_CASES,
    *PARAMETER_CASES,
    *TIME_CASES,
    *SIGNATURE_CASES,
    *DIGEST_CASES,
    *TARGET_CASES,
    *HEADER_CASES,
    *ACCEPTED_CASES,
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_comes_of_it(case: Case) -> None:
    assert outcome(case.letter, now=case.now) == case.outcome


def test_cases_are_many_and_each_has_its_own_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    assert sum(case.outcome != "accepted" for case in CASES) >= 250


def test_every_way_to_break_the_profile_has_a_case() -> None:
    from typing import get_args

    from edge.signing.problems import RefusalReason, Violation

    ends = {case.outcome for case in CASES}

    of_the_store = {"signer_revoked", "signer_expired"}  # test_signers.py
    reasons = set(get_args(RefusalReason)) - {"profile_violation"} - of_the_store
    assert set(get_args(Violation)) | reasons <= ends


def test_master_secret_of_the_tests_is_not_the_key() -> None:
    assert KEY.secret != bytes(32)
