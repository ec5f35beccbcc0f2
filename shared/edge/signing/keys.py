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

import os
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypedDict

from edge.signing.primitives import DIGEST_BYTES, base64url, hkdf_expand, hkdf_extract, read_base64url
from edge.signing.profile import API_KEY_ID, KEY_ID, VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from edge.regions import Region

SECRET_BYTES: Final = 32
MAX_MASTERS: Final = 16
_MAX_VERSION: Final = 9999
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


class MasterEntry(TypedDict):
    """One master secret as the house's secret has it; *secret* is base64url of 32 bytes, without padding."""

    version: int
    secret: str


class MastersInvalid(ValueError):
    """
    The secret states no usable master secrets. Its message tells where and what, and nothing that is in them.

    Args:
        reason: of a closed set.
        index: of the entry.
    """

    def __init__(self, reason: str, index: int | None = None) -> None:
        super().__init__(f"signing_master{'' if index is None else f'[{index}]'}: {reason}")


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
            entries: a list of :class:`MasterEntry`; the first signs.

        Raises:
            MastersInvalid: it is none, or a version or a secret is there twice.
        """
        if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_MASTERS:
            raise MastersInvalid("not_a_list_of_1_to_16")
        masters: dict[int, bytes] = {}
        for index, entry in enumerate(entries):
            if not isinstance(entry, dict) or entry.keys() != {"version", "secret"}:
                raise MastersInvalid("not_a_version_and_a_secret", index)
            version, text = entry["version"], entry["secret"]
            if type(version) is not int or not 1 <= version <= _MAX_VERSION:
                raise MastersInvalid("version_out_of_range", index)
            secret = read_base64url(text) if isinstance(text, str) else None
            if secret is None or len(secret) != SECRET_BYTES:
                raise MastersInvalid("secret_not_32_bytes_base64url", index)
            if version in masters or secret in masters.values():
                raise MastersInvalid("version_or_secret_twice", index)
            masters[version] = secret
        return cls(masters)

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


def new_master(version: int, *, random_bytes: Callable[[int], bytes] = os.urandom) -> MasterEntry:
    """
    Return a new master secret, as an entry of the house's secret.

    Args:
        version: 1 to 9999, none that was in use before.
        random_bytes: a source fit for keys.
    """
    return {"version": version, "secret": base64url(random_bytes(SECRET_BYTES))}
