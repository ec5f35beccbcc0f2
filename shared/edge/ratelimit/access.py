"""
Lists of subjects that are always let in or never, asked before the limiter is: no write, whatever the verdict.

A document, later one DynamoDB item, has up to four members, each a list of texts::

    {"allow_subjects": ["partner-7", "203.0.113.7"], "allow_networks": ["198.51.100.0/24"],
     "deny_subjects":  ["user-666"],                 "deny_networks":  ["198.51.100.128/25", "2001:db8:bad::/48"]}

Which entry decides: an exact subject before any network; of the networks that contain the subject the longest prefix;
deny before allow where these are equal. So a partner can be let in from a network that is denied, and one abuser
denied in a network that is let in.

A subject that is an IP address, in any form that RFC 4291 and dotted decimal know, is compared as an address: ``::1``
is ``0:0::1``, an IPv4-mapped ``::ffff:192.0.2.1`` is ``192.0.2.1`` (and no IPv6 network has it), a zone (``%eth0``) is
left out. A subject that is itself a network, such as a client's ``2001:db8::/64``, is within the networks that contain
all of it. Everything else is compared letter by letter. The limiter still counts a subject as it is spelled.

It does not fetch the document (:mod:`edge.ratelimit.cached_access` does) and it does not expire entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from edge.ratelimit.networks import V4_BITS, V6_BITS, Block, BlockTable, Listed, locate
from edge.ratelimit.subjects import BadSubject, check_subject

MAX_ENTRIES: Final = 10_000
"""In all four lists together: parsing so many takes 0.1 s, of one request's time, when the list changed."""

_VERDICTS: Final[dict[str, Listed]] = {
    "allow_subjects": "allow",
    "allow_networks": "allow",
    "deny_subjects": "deny",
    "deny_networks": "deny",
}


class AccessListInvalid(ValueError):
    """
    A document is no access list. The message has no text of the document: that may be hostile, or long.

    Attributes:
        member: one of the four lists, or ``""`` if the document as a whole is at fault.
        index: of the entry in that list; None if the list as a whole is at fault.
        reason: ``not_an_object``, ``unknown_member``, ``not_a_list``, ``too_many_entries``, ``not_text``,
            ``not_a_network``, ``host_bits_set``, ``network_among_subjects``, or that of a
            :class:`~edge.ratelimit.subjects.BadSubject`.
    """

    def __init__(self, reason: str, *, member: str = "", index: int | None = None) -> None:
        place = member if index is None else f"{member}[{index}]"
        super().__init__(f"{place}: {reason}" if place else reason)
        self.member = member
        self.index = index
        self.reason = reason


class AccessList:
    """
    Parsed lists; immutable, so threads share it. Make one by :meth:`parse`.

    Example:
        >>> listed = AccessList.parse({"deny_networks": ["203.0.113.0/24"], "allow_subjects": ["203.0.113.7"]})
        >>> listed.verdict("203.0.113.8"), listed.verdict("::ffff:203.0.113.7"), listed.verdict("user-42")
        ('deny', 'allow', None)
        >>> AccessList.parse({"deny_networks": ["10.0.0.0/8", "10.0.0.1/8"]})
        Traceback (most recent call last):
        edge.ratelimit.access.AccessListInvalid: deny_networks[1]: host_bits_set
    """

    __slots__ = ("_families", "_lists", "_names")

    def __init__(self, lists: Mapping[str, tuple[str, ...]]) -> None:
        names: dict[str, Listed] = {}
        addresses: dict[int, dict[int, Listed]] = {V4_BITS: {}, V6_BITS: {}}
        networks: dict[int, dict[Block, Listed]] = {V4_BITS: {}, V6_BITS: {}}
        # Deny comes last in _VERDICTS and so stays where both lists have an entry.
        for member, listed in _VERDICTS.items():
            for index, entry in enumerate(lists.get(member, ())):
                if member.endswith("networks"):
                    block = _parse_network(entry, member, index)
                    networks[block.bits][block] = listed
                else:
                    subject = _parse_subject(entry, member, index)
                    if isinstance(subject, Block):
                        addresses[subject.bits][subject.value] = listed
                    else:
                        names[subject] = listed
        self._lists = lists
        self._names = names
        self._families = {bits: BlockTable(addresses[bits], networks[bits]) for bits in (V4_BITS, V6_BITS)}

    @classmethod
    def parse(cls, document: Mapping[str, object]) -> AccessList:
        """
        Return the list that *document* states, see the module; a member that is missing is an empty list.

        Raises:
            AccessListInvalid: it states none: the first thing that is wrong, and where.
        """
        return cls(_checked_lists(document))

    def states(self, document: Mapping[str, object]) -> bool:
        """
        Return whether *document* states just this list, entry by entry; far cheaper than parsing it.

        Raises:
            AccessListInvalid: it states none.
        """
        return _checked_lists(document) == self._lists

    def verdict(self, subject: str) -> Listed | None:
        """
        Return what the lists say of *subject*, or None if they do not name it; never raises, whatever the text.

        Args:
            subject: as the limiter is asked about.
        """
        block = locate(subject)
        if block is None:
            return self._names.get(subject)
        return self._families[block.bits].find(block)

    def __len__(self) -> int:
        """Return the number of entries."""
        return sum(map(len, self._lists.values()))


def _checked_lists(document: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """Return copies of the lists in *document*, of texts only and not too many, before any is looked into."""
    # Types are checked although they are declared: the document comes from outside.
    if not isinstance(document, Mapping):
        raise AccessListInvalid("not_an_object")
    # A deny list with a slip in its name would deny nobody.
    if not document.keys() <= _VERDICTS.keys():
        raise AccessListInvalid("unknown_member")
    lists: dict[str, tuple[str, ...]] = {}
    left = MAX_ENTRIES
    for member, entries in document.items():
        if not isinstance(entries, (list, tuple)):
            raise AccessListInvalid("not_a_list", member=member)
        left -= len(entries)
        if left < 0:
            raise AccessListInvalid("too_many_entries", member=member)
        for index, entry in enumerate(entries):
            if not isinstance(entry, str):
                raise AccessListInvalid("not_text", member=member, index=index)
        if entries:
            lists[member] = tuple(entries)
    return lists


def _parse_subject(entry: str, member: str, index: int) -> Block | str:
    try:
        check_subject(entry)
    except BadSubject as bad:
        raise AccessListInvalid(bad.reason, member=member, index=index) from None
    block = locate(entry)
    if block is None:
        return entry
    if block.prefix_bits < block.bits:
        raise AccessListInvalid("network_among_subjects", member=member, index=index)
    return block


def _parse_network(entry: str, member: str, index: int) -> Block:
    """Return the network; a single address is one of a single address, as published block lists mix them."""
    block = None if "%" in entry else locate(entry)
    if block is None:
        raise AccessListInvalid("not_a_network", member=member, index=index)
    if block.value & ((1 << (block.bits - block.prefix_bits)) - 1):
        # 10.0.0.1/8 is a slip: of the address, or of the prefix. Guessing which could lock out a continent.
        raise AccessListInvalid("host_bits_set", member=member, index=index)
    return block
