"""
The keys of signatures: derived from a master secret, for each API key and region; no store holds any.

::

    PRK = HKDF-Extract("edge-sign/v1", master secret of the version)                                    RFC 5869
    key = HKDF-Expand(PRK, "edge-sign/v1" NUL aws region NUL api key id NUL version, 32)

Who learns a signing key can sign as one API key, in one region. The hash that the table of API keys has is of no use for
it: whoever reads that table can forge nothing. A key is there for every id that has the form of one, so whether the API
key exists and is not revoked is for the caller to find out, from :attr:`edge.signing.verify.Verified.api_key_id`.

The master secrets are the member ``signing_master`` of the house's secret: the first signs, all verify. To rotate, add
the new one as the second, wait until every container has it, move it to the front; take the old one out when the
last signature by it has expired (:data:`edge.signing.profile.MAX_LIFETIME_SECONDS`) and nobody signs for himself by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from edge.signing.primitives import DIGEST_BYTES, hkdf_expand, hkdf_extract
from edge.signing.profile import API_KEY_ID, KEY_ID, VERSION
from edge.versioned_secrets import parse_versioned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge.regions import Region

_SALT: Final = VERSION.encode("ascii")


class SigningKey(NamedTuple):
    """
    What signs for one API key in one region.

    Attributes:
        key_id: the signature's ``keyid``.
        region: the one whose verifiers take it.
        secret: 32 bytes.
    """

    key_id: str
    region: Region
    secret: bytes

    def __repr__(self) -> str:
        """Leave out the secret."""
        return f"SigningKey(key_id={self.key_id!r}, region={self.region.code!r})"


class KeyLookup(Protocol):
    """Finds what a signature was made with."""

    def find(self, key_id: str, region: Region) -> SigningKey | None:
        """Return the key of *key_id*, which has the profile's form, for *region*; None if there is none."""


class SigningKeys:
    """
    All keys of one moment; immutable, so threads share it. Make one by :meth:`parse`.

    Example:
        >>> from edge.regions import CDG1, HND1
        >>> keys = SigningKeys.parse([{"version": 7, "secret": "A" * 43}])
        >>> paris, tokyo = keys.key_of("k3yOfACaller", CDG1), keys.key_of("k3yOfACaller", HND1)
        >>> paris
        SigningKey(key_id='k3yOfACaller.7', region='cdg1')
        >>> paris.secret == tokyo.secret
        False
        >>> keys.find(paris.key_id, CDG1) == paris, keys.find("k3yOfACaller.8", CDG1)
        (True, None)
    """

    __slots__ = ("_pseudorandom_keys", "signing_version")

    def __init__(self, masters: Mapping[int, bytes]) -> None:
        self._pseudorandom_keys = {
            version: hkdf_extract(_SALT, secret) for version, secret in masters.items()
        }
        self.signing_version = next(iter(self._pseudorandom_keys))

    @classmethod
    def parse(cls, entries: object) -> SigningKeys:
        """
        Return the keys that the secret's member ``signing_master`` leads to.

        Args:
            entries: see :func:`edge.versioned_secrets.parse_versioned`; the first signs.

        Raises:
            edge.versioned_secrets.VersionedSecretsInvalid: it states none.
        """
        return cls(parse_versioned(entries, member="signing_master"))

    def __repr__(self) -> str:
        return f"SigningKeys(versions={list(self._pseudorandom_keys)})"

    def key_of(self, api_key_id: str, region: Region) -> SigningKey:
        """
        Return the key that *api_key_id* signs with for *region* from now on.

        Raises:
            ValueError: *api_key_id* is not 1 to 64 of ``[A-Za-z0-9_-]``.
        """
        if API_KEY_ID.fullmatch(api_key_id) is None:
            raise ValueError("no id of an API key")
        return self._derived(api_key_id, self.signing_version, region)

    def find(self, key_id: str, region: Region) -> SigningKey | None:
        """Return the key of *key_id* for *region*; None if no master secret has its version."""
        found = KEY_ID.fullmatch(key_id)
        if found is None or int(found[2]) not in self._pseudorandom_keys:
            return None
        return self._derived(found[1], int(found[2]), region)

    def _derived(self, api_key_id: str, version: int, region: Region) -> SigningKey:
        info = f"{VERSION}\0{region.aws_region}\0{api_key_id}\0{version}".encode("ascii")
        secret = hkdf_expand(self._pseudorandom_keys[version], info, DIGEST_BYTES)
        return SigningKey(f"{api_key_id}.{version}", region, secret)


class FixedKeys:
    """
    A few keys and no master secret: for a service that others sign requests to, or one that signs for itself.

    Args:
        keys: each of another id or region.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Iterable[SigningKey]) -> None:
        self._keys = {(key.key_id, key.region): key for key in keys}

    def __repr__(self) -> str:
        return f"FixedKeys({list(self._keys.values())})"

    def find(self, key_id: str, region: Region) -> SigningKey | None:
        """Return the key of *key_id* for *region*, or None."""
        return self._keys.get((key_id, region))
