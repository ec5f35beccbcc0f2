"""
IP addresses and networks as numbers, and a table of them that is searched by containment.

What a text must look like to be an address is decided here and nowhere else. The table does not know what the verdicts
in it mean, only that the innermost network's counts.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from socket import AF_INET, AF_INET6, inet_pton  # ipaddress says the same and takes 2 ms to import
from typing import Final, Literal, NamedTuple, TypeAlias

Listed: TypeAlias = Literal["allow", "deny"]

V4_BITS: Final = 32
V6_BITS: Final = 128
_MAPPED_PREFIX: Final = 0xFFFF
_MAPPED_PREFIX_BITS: Final = 96
_LONGEST_ADDRESS: Final = 96
# Only what looks like an address is worth the parser's exception: most subjects are names.
_ADDRESS: Final = re.compile(
    r"(?:([0-9]{1,3}(?:\.[0-9]{1,3}){3})|([0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)(?:%[^%/]+)?)(?:/([0-9]{1,3}))?"
)


class Block(NamedTuple):
    """
    An address (``prefix_bits == bits``) or a network.

    Attributes:
        bits: of an address of its family, 32 or 128.
        value: the address, or the network's; host bits may be set.
        prefix_bits: length of the prefix, ``0 <= prefix_bits <= bits``.
    """

    bits: int
    value: int
    prefix_bits: int


class _Network(NamedTuple):
    """A network on the list and the next larger one around it."""

    prefix_bits: int
    listed: Listed
    around: _Network | None


class BlockTable:
    """
    The entries of IPv4 or of IPv6.

    Networks are nested or apart, so they cut all addresses into stretches, each with one innermost network: a lookup
    is one binary search, however many networks and prefix lengths there are.

    Args:
        addresses: exact addresses -> verdict; they count before networks.
        networks: without host bits -> verdict.
    """

    __slots__ = ("_addresses", "_innermost", "_starts")

    def __init__(self, addresses: dict[int, Listed], networks: dict[Block, Listed]) -> None:
        self._addresses = addresses
        self._starts: list[int] = []
        self._innermost: list[_Network | None] = []
        open_networks: list[tuple[int, _Network]] = []
        # In this order a network comes after those around it.
        for block in sorted(networks):
            end = block.value + (1 << (block.bits - block.prefix_bits))
            self._close(open_networks, block.value)
            around = open_networks[-1][1] if open_networks else None
            network = _Network(block.prefix_bits, networks[block], around)
            self._begin_stretch(block.value, network)
            open_networks.append((end, network))
        self._close(open_networks, None)

    def _close(self, open_networks: list[tuple[int, _Network]], up_to: int | None) -> None:
        """End the networks that end at *up_to* or before, all if it is None."""
        while open_networks and (up_to is None or open_networks[-1][0] <= up_to):
            end, network = open_networks.pop()
            self._begin_stretch(end, network.around)

    def _begin_stretch(self, start: int, innermost: _Network | None) -> None:
        if self._starts and self._starts[-1] == start:
            self._innermost[-1] = innermost
        else:
            self._starts.append(start)
            self._innermost.append(innermost)

    def find(self, block: Block) -> Listed | None:
        """Return the verdict of the address that *block* is, else of the innermost network that has all of it."""
        bits, value, subject_bits = block
        if subject_bits == bits:
            exact = self._addresses.get(value)
            if exact is not None:
                return exact
        stretch = bisect_right(self._starts, value) - 1
        network = self._innermost[stretch] if stretch >= 0 else None
        while network is not None and network.prefix_bits > subject_bits:
            network = network.around
        return None if network is None else network.listed


def locate(text: str) -> Block | None:
    """
    Return the address or network that *text* is, or None.

    IPv4-mapped ones are the IPv4 that they are; a zone is left out. Forms that two readers take for two addresses are
    none: leading zeros (010.0.0.1), fewer than four numbers, hexadecimal (RFC 6943, section 3.1.1).

    Example:
        >>> locate("::ffff:192.0.2.0/120")
        Block(bits=32, value=3221225984, prefix_bits=24)
        >>> locate("010.0.0.1") is None
        True
    """
    if len(text) > _LONGEST_ADDRESS:
        return None
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return None
    v4, v6, prefix = match.groups()
    try:
        packed = inet_pton(AF_INET, v4) if v4 else inet_pton(AF_INET6, v6)
    except OSError:
        return None
    bits, value = 8 * len(packed), int.from_bytes(packed)
    prefix_bits = bits if prefix is None else int(prefix)
    if prefix_bits > bits:
        return None
    if bits == V6_BITS and value >> V4_BITS == _MAPPED_PREFIX and prefix_bits >= _MAPPED_PREFIX_BITS:
        return Block(V4_BITS, value & 0xFFFF_FFFF, prefix_bits - _MAPPED_PREFIX_BITS)
    return Block(bits, value, prefix_bits)
