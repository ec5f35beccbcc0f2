"""Laws: what is signed verifies, whatever it is; what is changed by one character does not; no text is a surprise."""

from __future__ import annotations

import string

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from edge.problems import RequestProblem
from edge.regions import ROUTABLE, Region
from edge.signing.keys import FixedKeys, SigningKey
from edge.signing.problems import RegionMismatch, SignatureRefused
from edge.signing.sign import SignedHeaders, sign
from edge.signing.target import BadTarget, read_target
from edge.signing.verify import check_signature
from tests.unit.signing.letters import BODY, KEY, KEYS, METHOD, NOW, URL, Letter, checked, written

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[A-Za-z][a-z0-9]{0,8}){0,3}", fullmatch=True)
HOSTS = NAMES | st.sampled_from(["[::1]", "[2001:DB8::1]", "127.0.0.1", "localhost"])
PORTS = st.just("") | st.integers(1, 65_535).map(lambda port: f":{port}")
PIECES = st.sampled_from(
    ["/", "//", "/.", "/..", "a", "Z", "%2f", "%2F", "%C3%A9", "[", "|", "~", "+", ";", "="]
)
PATHS = st.lists(PIECES, max_size=8).map(lambda pieces: "/" + "".join(pieces)) | st.just("")
QUERIES = st.just("") | st.lists(PIECES | st.sampled_from(["?", "&"]), max_size=8).map(
    lambda pieces: "?" + "".join(pieces)
)
URLS = st.builds("{}://{}{}{}{}".format, st.sampled_from(["http", "https"]), HOSTS, PORTS, PATHS, QUERIES)
METHODS = st.text("!#$%&'*+.^_`|~-" + string.ascii_letters + string.digits, min_size=1, max_size=32)
NONCES = st.text(string.ascii_letters + string.digits + "_-", min_size=16, max_size=64)
SIGNING = st.builds(
    SigningKey,
    st.from_regex(r"[A-Za-z0-9_-]{1,64}\.[1-9][0-9]{0,3}", fullmatch=True),
    st.sampled_from(ROUTABLE),
    st.binary(min_size=32, max_size=32),
)


@given(
    METHODS,
    URLS,
    st.binary(max_size=200),
    SIGNING,
    st.integers(1, 10**10),
    st.integers(1, 300),
    st.none() | NONCES,
    st.data(),
)
@settings(max_examples=150, deadline=None)
def test_what_is_signed_verifies_while_it_lives(
    method: str,
    url: str,
    body: bytes,
    key: SigningKey,
    created: int,
    life: int,
    nonce: str | None,
    data: st.DataObject,
) -> None:
    signed = sign(
        method=method, url=url, body=body, key=key, created=created, expires_in_seconds=life, nonce=nonce
    )
    now = data.draw(st.integers(created - 300, created + life - 1))
    verified = check_signature(
        method=method,
        url=url,
        headers=signed.headers,
        body=body,
        keys=FixedKeys([key]),
        region=key.region,
        now_seconds=now,
    )

    assert verified.key_id == key.key_id
    assert verified.nonce == signed.nonce
    assert (verified.created, verified.expires) == (created, created + life)
    assert nonce in (None, verified.nonce)


SIGNED: SignedHeaders = sign(
    method=METHOD, url=URL, body=BODY, key=KEY, created=NOW, expires_in_seconds=60, nonce="n" * 20
)
PARTS = ("method", "url", "body", *SIGNED.headers)
REPLACEMENTS = st.characters(min_codepoint=0, max_codepoint=0xD7FF)


def is_refused(letter: Letter) -> bool:
    try:
        checked(letter)
    except (SignatureRefused, RegionMismatch):
        return True
    return False


def with_target(part: str, text: str) -> Letter:
    """Return the letter with another method or URL."""
    return Letter(SIGNED.headers, method=text) if part == "method" else Letter(SIGNED.headers, url=text)


def changed(part: str, position: int, replacement: str) -> Letter | None:
    """Return the letter with one character of *part* replaced; None where that changes nothing that is signed."""
    if part == "body":
        at = position % len(BODY)
        octet = bytes([ord(replacement) % 256])
        body = BODY[:at] + octet + BODY[at + 1 :]
        return None if body == BODY else Letter(SIGNED.headers, body=body)
    text = {"method": METHOD, "url": URL, **SIGNED.headers}[part]
    at = position % len(text)
    other = text[:at] + replacement + text[at + 1 :]
    if other == text:
        return None
    if part in SIGNED.headers:
        return Letter({**SIGNED.headers, part: other})
    letter = with_target(part, other)
    try:
        return None if read_target(letter.method, letter.url) == read_target(METHOD, URL) else letter
    except BadTarget:
        return letter


@given(st.sampled_from(PARTS), st.integers(0, 400), REPLACEMENTS)
@settings(max_examples=600, deadline=None)
@example("url", 8, "A")
@example("Signature", 48, "F")
def test_one_character_changed_is_refused(part: str, position: int, replacement: str) -> None:
    letter = changed(part, position, replacement)
    assume(letter is not None)
    assert letter is not None

    assert is_refused(letter)


def test_every_character_of_every_part_counts() -> None:
    texts = {"method": METHOD, "url": URL, "body": BODY.decode(), **SIGNED.headers}
    free = [
        (part, at)
        for part, text in texts.items()
        for at in range(len(text))
        for replacement in ("X" if text[at] != "X" else "Y", " ", "%", "0", "\0", '"')
        if (letter := changed(part, at, replacement)) is not None and not is_refused(letter)
    ]

    assert free == []


@given(st.sampled_from(PARTS), st.integers(0, 400))
@settings(max_examples=200, deadline=None)
def test_one_character_taken_away_is_refused(part: str, position: int) -> None:
    texts = {"method": METHOD, "url": URL, "body": BODY.decode(), **SIGNED.headers}
    at = position % len(texts[part])
    less = texts[part][:at] + texts[part][at + 1 :]
    # http for https is the one thing that no component covers.
    assume(not (part == "url" and at == 4))
    if part == "body":
        letter = Letter(SIGNED.headers, body=less.encode())
    elif part in SIGNED.headers:
        letter = Letter({**SIGNED.headers, part: less})
    else:
        letter = with_target(part, less)

    assert is_refused(letter)


def test_scheme_is_not_signed_and_this_is_known() -> None:
    assert not is_refused(Letter(SIGNED.headers, url=URL.replace("https", "http")))


HOSTILE = st.text(st.characters(codec=None)) | st.text(
    '()"\\;=,:*? \tabcedgsign/v1-@0123456789', max_size=80
)  # fmt: skip


@given(HOSTILE, HOSTILE, st.dictionaries(HOSTILE, HOSTILE, max_size=4), HOSTILE, HOSTILE, HOSTILE)
@settings(max_examples=300, deadline=None)
@example("GET", "https://h\ud800/", {}, "\ud800", "\udfff", "\0")
def test_no_text_raises_anything_of_others(
    method: str, url: str, others: dict[str, str], says: str, mac: str, digest: str
) -> None:
    headers = {**others, "Signature-Input": says, "Signature": mac, "Content-Digest": digest, "Host": url}

    assert is_refused(Letter(headers, method, url))


@given(HOSTILE, HOSTILE, st.none() | HOSTILE, st.none() | HOSTILE)
@settings(max_examples=200, deadline=None)
def test_no_text_makes_a_signature_that_does_not_verify(
    method: str, url: str, digest: str | None, nonce: str | None
) -> None:
    try:
        signed = sign(
            method=method,
            url=url,
            body=BODY if digest is None else None,
            content_digest=digest,
            nonce=nonce,
            key=KEY,
            created=NOW,
            expires_in_seconds=60,
        )
    except RequestProblem:
        return
    checked(Letter(signed.headers, method, url))


@given(st.lists(st.sampled_from(sorted(written().items())), max_size=6), HOSTILE, st.integers(0, 60))
@settings(max_examples=200, deadline=None)
def test_no_piece_put_into_good_fields_raises_anything_of_others(
    pairs: list[tuple[str, str]], piece: str, at: int
) -> None:
    letter = Letter([(name, value[:at] + piece + value[at:]) for name, value in pairs])
    try:
        checked(letter)
    except (SignatureRefused, RegionMismatch):
        return
    assert piece.strip(" \t") == ""


def test_keys_of_regions_and_ids_never_meet() -> None:
    def secrets(regions: tuple[Region, ...]) -> set[bytes]:
        return {
            KEYS.key_of(api_key_id, region).secret
            for api_key_id in ("a", "ab", "b", "A")
            for region in regions
        }

    assert len(secrets(ROUTABLE)) == 4 * len(ROUTABLE)
