"""
Whether a word is written or drawn by lot: what the normaliser may keep of a message.

A word without digits tells the kind of a message, unless it is an id that happens to have none. Those are found by their
letters: pairs such as ``qx`` are rare in every word that people write. Names of the trade have digits and stay
(``utf-8``), as does a word that a number is tied to (``worker3``).

A written word that is taken for a random one costs little: it is replaced in every message of its kind alike.
"""

from __future__ import annotations

import re
from typing import Final

_STEM_WORDS: Final = """
account acct batch block bucket build channel chunk client cluster code col column container core cpu customer device disk
doc document entry env event field file group host index instance item job key lane level line lock message msg node num
object offset ord order page part partition pod port process queue record region replica req request retry row server
session shard slot stage step stream table task team tenant test thread topic user version worker zone
"""
_TRADE_WORDS: Final = """
2fa arm64 base16 base32 base36 base58 base62 base64 base85 bcp47 brotli4 cp1252 crc32 ec2 ed25519 es256 es384 es512 fido2
float16 float32 float64 gb18030 h2 h264 hs256 hs384 hs512 html5 http1 http2 http3 i18n idna2008 int16 int32 int64 int8 ipv4
ipv6 iso8601 k8s l10n latin1 log4j md4 md5 mp3 mp4 nodejs oauth1 oauth2 os2 p256 p384 p50 p521 p90 p95 p99 p999 ps256 py2
py3 python2 python3 rc4 rfc3339 rfc7807 rfc9457 route53 rs256 rs384 rs512 s3 sha1 sha224 sha256 sha3 sha384 sha512 sqlite3
ssl3 tls1 uint16 uint32 uint64 uint8 utf16 utf32 utf8 utf-8 utf-16 utf-32 sha-1 sha-256 sha-384 sha-512 md-5 iso-8859-1
hmac-sha256 x509 x86 w3c a11y
"""
_WORDS_IN_HEX: Final = "accede acceded added beaded bedded decade deface defaced efface effaced facade faded"
_LETTER_PAIRS: Final = """
abcdegilmnprstuvwy baeilosuy caehiklortuy daeiosuyd eacdefglmnoprstvwxy faefilorut geirsoahl haeiotu iabcdefglmnoprstvz
jaeou keis laeilostuydk maeiopsub nacdefgiostuvk obcdglmnoprstuvwk paeiloprstuyh quu racdegimnorstuykl sacehilopstuykm
tacehilorstuyw ubceilmnprstgd vaeio waiehon xptcae ypeslm zeia
"""

STEMS: Final = frozenset(_STEM_WORDS.split())
"""Words that a number may be tied to: they stay."""

TRADE: Final = frozenset(_TRADE_WORDS.split())
"""Names with digits that are no variables."""

_HEX_WORDS: Final = frozenset(_WORDS_IN_HEX.split())
_PAIRS: Final = frozenset(row[0] + letter for row in _LETTER_PAIRS.split() for letter in row[1:])
"""
The pairs of letters that make up nine tenths of the words in code and documentation: a letter, then those that follow it.
Of random words of 8 letters 65 % have too few of them, of 10 letters 88 %; of written ones 0.2 % and 0.6 % (counted over
the 11,000 words of Python's library, the licences of Debian and this repository).
"""

_HEX: Final = re.compile(r"[a-f]{6,}", re.IGNORECASE)
_HUMP: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

_MANY_DIGITS: Final = 7
_SHORTEST, _LONG = 6, 10
_KNOWN, _KNOWN_IN_LONG = 0.4, 0.5

_SHORTEST_MIXED: Final = 8
_LEAST_HUMP: Final = 3.4
_KNOWN_IN_MIXED: Final = 0.65
"""Capitals within: 80 to 90 % of random words have so short humps and so few known pairs, of names in code 0.1 %."""


def is_random(word: str) -> bool:
    """
    Return whether *word*, letters and digits without signs, looks drawn by lot.

    Example:
        >>> [word for word in ("limiter", "qzxkvjwp", "deadbeef", "decade", "getItemById", "aGVsbGvQxR") if is_random(word)]
        ['qzxkvjwp', 'deadbeef', 'aGVsbGvQxR']
    """
    if not word.isascii():
        return False
    if not word.isalpha():
        return any(character.isalpha() for character in word) or len(word) >= _MANY_DIGITS
    if _HEX.fullmatch(word):
        return word.lower() not in _HEX_WORDS
    if word.islower() or word.isupper() or word.istitle():
        return is_gibberish(word.lower())
    return (
        len(word) >= _SHORTEST_MIXED
        and len(word) < _LEAST_HUMP * len(_HUMP.findall(word))
        and _known_pairs(word.lower()) < _KNOWN_IN_MIXED
    )


def is_gibberish(word: str) -> bool:
    """Return whether too few pairs of letters of *word*, in lower case, are those of a language."""
    return (
        len(word) >= _SHORTEST
        and word.isascii()
        and _known_pairs(word) < (_KNOWN_IN_LONG if len(word) >= _LONG else _KNOWN)
    )


def _known_pairs(word: str) -> float:
    pairs = len(word) - 1
    return sum(word[at : at + 2] in _PAIRS for at in range(pairs)) / pairs
