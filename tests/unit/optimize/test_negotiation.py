"""Accept-Encoding as RFC 9110, section 12.5.3 has it, and what happens where it says nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.optimize.negotiation import CODINGS, Encoding, read_accept_encoding

ALL: tuple[Encoding, ...] = ("zstd", "br", "gzip")


def ranked(value: str | None, *, prefer_identity: bool = False) -> list[Encoding]:
    return read_accept_encoding(value).ranked(CODINGS, prefer_identity=prefer_identity)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # Examples of the RFC.
        ("compress, gzip", ["gzip", "identity"]),
        ("", ["identity"]),
        ("*", ["zstd", "br", "gzip", "identity"]),
        ("compress;q=0.5, gzip;q=1.0", ["gzip", "identity"]),
        ("gzip;q=1.0, identity; q=0.5, *;q=0", ["gzip", "identity"]),
        # Weights.
        ("gzip;q=0", ["identity"]),
        ("gzip;q=0.001", ["gzip", "identity"]),
        ("gzip;q=0.000", ["identity"]),
        ("gzip;q=0.5, br;q=0.6, zstd;q=0.4", ["br", "gzip", "zstd", "identity"]),
        ("gzip, br, zstd", ["zstd", "br", "gzip", "identity"]),
        ("gzip;q=0.5, identity", ["identity", "gzip"]),
        ("gzip, identity", ["gzip", "identity"]),
        ("gzip;q=0.5, *", ["zstd", "br", "identity", "gzip"]),
        ("gzip;q=1., br;q=1.000, zstd;q=0.", ["br", "gzip", "identity"]),
        # Identity refused.
        ("identity;q=0", []),
        ("*;q=0", []),
        ("gzip, identity;q=0", ["gzip"]),
        ("gzip, *;q=0", ["gzip"]),
        ("*;q=0, identity;q=0.2", ["identity"]),
        ("identity;q=0, *;q=0.1", ["zstd", "br", "gzip"]),
        ("deflate, identity;q=0", []),
        # Case and blanks.
        ("GZIP", ["gzip", "identity"]),
        ("gzip ; Q=0.5 ,\tBR", ["br", "gzip", "identity"]),
        (" ,, gzip ,", ["gzip", "identity"]),
        ("x-gzip", ["gzip", "identity"]),
        ("X-GZip;q=0", ["identity"]),
        # Twice: the refusal counts.
        ("gzip, gzip;q=0", ["identity"]),
        ("gzip;q=0, gzip", ["identity"]),
        ("gzip, x-gzip;q=0", ["identity"]),
        ("br;q=0.9, gzip, br;q=0.1", ["gzip", "br", "identity"]),
        # Malformed members neither grant nor forbid.
        ("gzip;q=2", ["identity"]),
        ("gzip;q=1.001", ["identity"]),
        ("gzip;q=0.0001", ["identity"]),
        ("gzip;q=-1", ["identity"]),
        ("gzip;q=.5", ["identity"]),
        ("gzip;q=", ["identity"]),
        ("gzip;q= 1", ["identity"]),
        ("gzip;level=9", ["identity"]),
        ("gzip;q=1;q=0", ["identity"]),
        ("gzip br", ["identity"]),
        ("identity;q=nan", ["identity"]),
        ('"gzip"', ["identity"]),
        ("gzip;q=２", ["identity"]),
        ("gzipped", ["identity"]),
        ("br;q=2, gzip", ["gzip", "identity"]),
    ],
)
def test_header_ranks_what_may_be_sent(value: str, expected: list[Encoding]) -> None:
    assert ranked(value) == expected


def test_without_header_anything_goes_and_identity_goes_first() -> None:
    assert ranked(None) == ["identity", "zstd", "br", "gzip"]


def test_preferred_identity_goes_first_only_where_it_may_be_sent() -> None:
    assert ranked("gzip, br", prefer_identity=True) == ["identity", "br", "gzip"]
    assert ranked("gzip, *;q=0", prefer_identity=True) == ["gzip"]


def test_header_of_megabytes_is_malformed_as_a_whole() -> None:
    assert ranked("gzip," * 1_000_000) == ["identity"]


@given(st.text(alphabet="gzipbr, ;=q01.5*identy\t", max_size=60))
def test_nothing_unnamed_and_nothing_refused_is_ever_ranked(value: str) -> None:
    accepted = read_accept_encoding(value)
    for encoding in ranked(value):
        assert accepted.weight(encoding) > 0
        assert encoding == "identity" or encoding in value.lower() or "*" in value
        refused = {member.replace(" ", "").replace("\t", "").lower() for member in value.split(",")}
        assert f"{encoding};q=0" not in refused


@given(
    st.dictionaries(st.sampled_from([*ALL, "identity", "*"]), st.integers(0, 1000), max_size=5),
    st.randoms(use_true_random=False),
)
def test_order_of_members_does_not_matter(weights: dict[str, int], random: object) -> None:
    members = [f"{coding};q={weight / 1000:.3f}" for coding, weight in weights.items()]
    expected = ranked(", ".join(members))
    random.shuffle(members)  # type: ignore[attr-defined]

    assert ranked(",".join(members)) == expected
    stated = [weights.get(encoding, weights.get("*", 0)) for encoding in expected if encoding != "identity"]
    assert stated == sorted(stated, reverse=True)
