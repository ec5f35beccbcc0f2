"""
Keys as JSON Web Keys (RFC 7517, 7518 section 6, 8037), read without mercy and without ``cryptography``.

A key comes with the one algorithm that it is for, and every member is checked against that: type, curve, ``alg``, ``use``,
``key_ops``, lengths, whether a point lies on its curve and whether the parts of an RSA key belong together. Members that
the type does not have are refused, so that no ``x5u`` is ever looked at. Numbers are plain integers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, cast, get_args

from edge.auth.tokens import base64url
from edge.auth.tokens.problems import KeysRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.auth.tokens.problems import KeyFault

Algorithm: TypeAlias = Literal["HS256", "RS256", "ES256", "EdDSA", "Ed25519"]
"""
The algorithms. ``Ed25519`` (RFC 9864) and ``EdDSA`` (RFC 8037) sign alike with the same type of key; a key is declared
under one of the two names, and its tokens bear that name.
"""

ALGORITHMS: Final = frozenset(get_args(Algorithm))

MIN_SECRET_BYTES: Final = 32
"""RFC 7518, section 3.2: no shorter than the hash."""

MIN_MODULUS_BITS: Final = 2048
MAX_MODULUS_BITS: Final = 4096
"""A signature must fit into a token, and verifying must stay quick."""

MIN_EXPONENT: Final = 65_537
MAX_EXPONENT: Final = 2**32

_P256_P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P256_B: Final = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_P256_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

_SHARED_MEMBERS: Final = frozenset({"kty", "kid", "alg", "use", "key_ops", "ext"})
_RSA_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi")


class Secret(NamedTuple):
    """A symmetric key."""

    octets: bytes


class RsaNumbers(NamedTuple):
    """Modulus and public exponent."""

    n: int
    e: int


class P256Point(NamedTuple):
    """Coordinates of a point on P-256."""

    x: int
    y: int


class Ed25519Point(NamedTuple):
    """An encoded Ed25519 public key, 32 bytes."""

    octets: bytes


CheckingPart: TypeAlias = Secret | RsaNumbers | P256Point | Ed25519Point
"""What a signature is checked with."""


class Material:
    """
    A key that was read; it does not show itself.

    Attributes:
        checking: what signatures are checked with.
        can_sign: whether the private part is there and may sign.
        public_jwk: the public members, None for a symmetric key.
        jwk: all members that make the key, private ones too.
    """

    __slots__ = ("can_sign", "checking", "jwk", "public_jwk")

    def __init__(
        self,
        checking: CheckingPart,
        jwk: dict[str, str],
        *,
        public_members: tuple[str, ...],
        can_sign: bool,
    ) -> None:
        self.checking = checking
        self.jwk = jwk
        self.public_jwk = {name: jwk[name] for name in public_members} or None
        self.can_sign = can_sign

    def __repr__(self) -> str:
        return "Material(<hidden>)"

    def __reduce__(self) -> str:
        raise TypeError("keys are not pickled")


def read_jwk(members: Mapping[str, object], *, alg: Algorithm, kid: str, position: int) -> Material:
    """
    Return the key for *alg* that *members* describe.

    Args:
        members: of the JWK.
        alg: what the key is for.
        kid: its name; a ``kid`` member must say the same.
        position: for the error.

    Raises:
        KeysRefused: it is no such key, or a weak one.
    """
    try:
        return _READERS[alg](_Members(members, alg=alg, kid=kid))
    except _Fault as fault:
        raise KeysRefused(fault.fault, position=position) from None


class _Fault(Exception):
    def __init__(self, fault: KeyFault) -> None:
        super().__init__(fault)
        self.fault: KeyFault = fault


class _Members:
    """The members of one JWK, those that all types share already checked."""

    def __init__(self, members: Mapping[str, object], *, alg: Algorithm, kid: str) -> None:
        self._members = members
        if members.get("alg", alg) != alg:
            raise _Fault("algorithm_mismatch")
        if members.get("kid", kid) != kid:
            raise _Fault("kid_mismatch")
        if members.get("use", "sig") != "sig":
            raise _Fault("wrong_use")
        self._operations = self._read_operations()

    def _read_operations(self) -> frozenset[str]:
        found = self._members.get("key_ops", ["sign", "verify"])
        if (
            not isinstance(found, list)
            or not found
            or not all(type(one) is str and one in {"sign", "verify"} for one in found)
            or len(set(found)) != len(found)  # RFC 7517, section 4.3
        ):
            raise _Fault("wrong_use")
        return frozenset(found)

    def check(self, kty: str, names: tuple[str, ...], private: tuple[str, ...], *, crv: str = "") -> bool:
        """Check type, curve and the set of members; return whether the private ones are there."""
        members = self._members
        if members.get("kty") != kty:
            raise _Fault("wrong_key_type")
        if crv and members.get("crv") != crv:
            raise _Fault("wrong_curve")
        if members.keys() - _SHARED_MEMBERS - set(names) - set(private) - ({"crv"} if crv else set()):
            raise _Fault("unknown_member")
        if any(name not in members for name in names):
            raise _Fault("missing_member")
        has_private = any(name in members for name in private)
        if has_private and any(name not in members for name in private):
            raise _Fault("missing_member")
        return has_private

    def may_sign(self, *, has_private: bool) -> bool:
        """Return whether the key signs; a key that then could not check either is refused."""
        if "verify" not in self._operations and not has_private:
            raise _Fault("wrong_use")
        return has_private and "sign" in self._operations

    def may_both(self) -> bool:
        """Return whether a symmetric key signs; it must be allowed to check."""
        if "verify" not in self._operations:
            raise _Fault("wrong_use")
        return "sign" in self._operations

    def octets(self, name: str, length: int | None = None) -> bytes:
        """Return a member's bytes, exactly *length* of them where it is given."""
        text = self._members[name]
        if type(text) is not str or not text.isascii():
            raise _Fault("bad_encoding")
        try:
            raw = base64url.decode(text.encode("ascii"))
        except ValueError:
            raise _Fault("bad_encoding") from None
        if not raw or (length is not None and len(raw) != length):
            raise _Fault("bad_encoding")
        return raw

    def number(self, name: str) -> int:
        """Return a Base64urlUInt (RFC 7518, section 2): in as few octets as it takes."""
        raw = self.octets(name)
        if raw[0] == 0:
            raise _Fault("bad_encoding")
        return int.from_bytes(raw, "big")

    def texts(self, *names: str) -> dict[str, str]:
        """Return members as they are written."""
        return {name: cast("str", self._members[name]) for name in names}


def _secret(members: _Members) -> Material:
    members.check("oct", ("k",), ())
    octets = members.octets("k")
    if len(octets) < MIN_SECRET_BYTES:
        raise _Fault("short_secret")
    return Material(Secret(octets), members.texts("kty", "k"), public_members=(), can_sign=members.may_both())


def _rsa(members: _Members) -> Material:
    has_private = members.check("RSA", ("n", "e"), _RSA_PRIVATE)
    n, e = members.number("n"), members.number("e")
    if not MIN_MODULUS_BITS <= n.bit_length() <= MAX_MODULUS_BITS or n % 2 == 0 or _has_roca(n):
        raise _Fault("weak_modulus")
    if not MIN_EXPONENT <= e < MAX_EXPONENT or e % 2 == 0:
        raise _Fault("bad_exponent")
    if has_private:
        d, p, q, dp, dq, qi = (members.number(name) for name in _RSA_PRIVATE)
        if not (
            p * q == n
            and 1 < p < n
            and e * d % (p - 1) == 1
            and e * d % (q - 1) == 1
            and dp == d % (p - 1)
            and dq == d % (q - 1)
            and qi * q % p == 1
        ):
            raise _Fault("bad_private_part")
    return Material(
        RsaNumbers(n, e),
        members.texts("kty", "n", "e", *(_RSA_PRIVATE if has_private else ())),
        public_members=("kty", "n", "e"),
        can_sign=members.may_sign(has_private=has_private),
    )


def _has_roca(n: int) -> bool:
    """
    Tell whether *n* bears the fingerprint of Infineon's generator (CVE-2017-15361).

    Its primes are ``k * M + 65537**a mod M`` with M a product of small primes, so *n* is a power of 65537 modulo each of
    them (Nemec et al., "The Return of Coppersmith's Attack", section 4). By chance that is so once in 2**27.
    """
    for prime in _SMALL_PRIMES:
        power, remainder = 1, n % prime
        while power != remainder:
            power = power * 65_537 % prime
            if power == 1:
                return False
    return True


_SMALL_PRIMES: Final = tuple(
    number for number in range(3, 168) if all(number % divisor for divisor in range(2, number))
)


def _p256(members: _Members) -> Material:
    has_private = members.check("EC", ("x", "y"), ("d",), crv="P-256")
    x, y = (int.from_bytes(members.octets(name, 32), "big") for name in ("x", "y"))
    if not (x < _P256_P and y < _P256_P and (y * y - x * x * x + 3 * x - _P256_B) % _P256_P == 0):
        raise _Fault("bad_point")
    if has_private and not 0 < int.from_bytes(members.octets("d", 32), "big") < _P256_N:
        raise _Fault("bad_private_part")
    return Material(
        P256Point(x, y),
        members.texts("kty", "crv", "x", "y", *(("d",) if has_private else ())),
        public_members=("kty", "crv", "x", "y"),
        can_sign=members.may_sign(has_private=has_private),
    )


def _ed25519(members: _Members) -> Material:
    has_private = members.check("OKP", ("x",), ("d",), crv="Ed25519")
    octets = members.octets("x", 32)
    if has_private:
        members.octets("d", 32)
    return Material(
        Ed25519Point(octets),
        members.texts("kty", "crv", "x", *(("d",) if has_private else ())),
        public_members=("kty", "crv", "x"),
        can_sign=members.may_sign(has_private=has_private),
    )


_READERS: Final = {"HS256": _secret, "RS256": _rsa, "ES256": _p256, "EdDSA": _ed25519, "Ed25519": _ed25519}
