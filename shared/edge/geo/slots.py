"""
How samples of callers that nobody vouches for become one number that none of them can bend.

The callers of a cell are dealt into :data:`SLOTS` slots by a hash of who they are, and a region's average is kept for
each slot apart, under ``<region>.<slot>``. What is believed is the median of the slots' averages (median of means:
Nemirovski and Yudin, 1983; Alon, Matias and Szegedy, 1999), from :data:`LEAST_SLOTS` slots on. One caller fills one
slot, however much it sends: it can carry the median no farther than to another slot's average, so never out of the
range of what the others measured. It takes as many colluding callers as there are honest slots to do more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.geo.cells import MOST_SAMPLES, Average

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SLOTS: Final = 8
LEAST_SLOTS: Final = 3
"""With two, either could be the liar."""

LEAST_SLOT_SAMPLES: Final = 0.5
"""A slot counts while it weighs this, one sample for a week: forgotten ones do not hold the median back."""

_MARK: Final = "."


def slot_name(region: str, client: str, cell: int) -> str:
    """
    Return under which name *client*'s samples of *region* are kept in *cell*; another cell deals its callers anew.

    Example:
        >>> slot_name("cdg1", "key:4fTq0ZkB91xM", 2043)
        'cdg1.3'
    """
    import zlib  # deferred: few requests teach

    # Fibonacci hashing: a CRC's low bits are uneven over ids that differ in a few digits.
    mixed = zlib.crc32(f"{cell}/{client}".encode("utf-8", "replace")) * 0x9E37_79B1
    return f"{region}{_MARK}{(mixed >> 29) % SLOTS}"


def is_slot_name(name: str, regions: Iterable[str]) -> bool:
    """Tell whether *name* is one that :func:`slot_name` gives for one of *regions*."""
    region, mark, slot = name.partition(_MARK)
    return bool(mark) and len(slot) == 1 and "0" <= slot < str(SLOTS) and region in regions


def agreed(averages: Mapping[str, Average], *, now_ms: int) -> dict[str, Average]:
    """
    Return what the slots agree on, by region.

    Args:
        averages: by slot name.
        now_ms: epoch milliseconds, which is when the answer is of.
    """
    by_region: dict[str, list[tuple[float, float]]] = {}
    for name, average in averages.items():
        samples = average.samples_at(now_ms)
        if samples >= LEAST_SLOT_SAMPLES:
            by_region.setdefault(name.partition(_MARK)[0], []).append((average.ms, samples))
    found: dict[str, Average] = {}
    for region, slots in by_region.items():
        if len(slots) >= LEAST_SLOTS:
            slots.sort()
            middle = len(slots) // 2
            ms = slots[middle][0] if len(slots) % 2 else (slots[middle - 1][0] + slots[middle][0]) / 2
            total = sum([samples for _, samples in slots])
            found[region] = Average(ms, min(total, MOST_SAMPLES), now_ms)
    return found
