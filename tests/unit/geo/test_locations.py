"""Where the client is: the order of sources, and headers that anybody can forge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.geo.locations import Location, came_through_cdn, locate, place_of_country

TOKYO = {
    "cloudfront-viewer-latitude": "35.6895",
    "cloudfront-viewer-longitude": "139.6917",
    "cloudfront-viewer-country": "JP",
}


def locate_by_headers(headers: dict[str, str]) -> Location | None:
    return locate(coordinates=None, country=None, headers=headers, headers_trusted=True)


def test_sources_in_order() -> None:
    body, country = (48.86, 2.35), "BR"

    assert locate(coordinates=body, country=country, headers=TOKYO, headers_trusted=True) == (*body, "body")
    assert locate(coordinates=None, country=country, headers=TOKYO, headers_trusted=True) == (
        35.6895,
        139.6917,
        "cloudfront",
    )
    found = locate(coordinates=None, country=country, headers={}, headers_trusted=True)
    assert found is not None and found.source == "country" and found.latitude < 0
    found = locate_by_headers({"cloudfront-viewer-country": "JP"})
    assert found is not None and found.source == "cloudfront-country" and found.longitude > 130
    assert locate_by_headers({}) is None


def test_forged_location_headers_are_not_believed() -> None:
    assert locate(coordinates=None, country=None, headers=TOKYO, headers_trusted=False) is None
    found = locate(coordinates=None, country="FR", headers=TOKYO, headers_trusted=False)
    assert found is not None and found.source == "country" and found.longitude < 10


@pytest.mark.parametrize(
    "latitude",
    ["", " 1", "1 ", "+1", "1e1", "nan", "NaN", "inf", "-inf", "90.0000001", "-90.1", "1_0", "0x10", "١", "1,5",
     "1" * 400, "1." + "1" * 400, ".", "-", "1.", "1\n", "\ud800"],
)  # fmt: skip
def test_a_latitude_that_the_cdn_would_not_send_is_no_latitude(latitude: str) -> None:
    assert (
        locate_by_headers({**TOKYO, "cloudfront-viewer-latitude": latitude, "cloudfront-viewer-country": ""})
        is None
    )


def test_longitude_reaches_farther_than_latitude_and_both_are_needed() -> None:
    assert locate_by_headers({**TOKYO, "cloudfront-viewer-longitude": "-180"}) == (
        35.6895,
        -180.0,
        "cloudfront",
    )
    for longitude in ("180.001", "-180.001", "999"):
        found = locate_by_headers({**TOKYO, "cloudfront-viewer-longitude": longitude})
        assert found is not None and found.source == "cloudfront-country"
    assert locate_by_headers({"cloudfront-viewer-latitude": "35.7"}) is None


def test_negative_zero_is_zero() -> None:
    places = [
        locate(coordinates=(-0.0, -0.0), country=None, headers={}, headers_trusted=False),
        locate_by_headers({"cloudfront-viewer-latitude": "-0.0", "cloudfront-viewer-longitude": "-0"}),
    ]

    for place in places:
        assert place is not None
        assert (str(place.latitude), str(place.longitude)) == ("0.0", "0.0")


@pytest.mark.parametrize("code", ["", "XX", "T1", "A1", "fr", "FRA", "F", "__", None])
def test_what_is_no_country_is_nowhere(code: str | None) -> None:
    assert place_of_country(code) is None


def test_only_the_secret_proves_the_cdn() -> None:
    assert came_through_cdn("s3cret", "s3cret")
    for presented in (None, "", "s3cre", "s3cret ", "S3CRET", "s3crét", "\ud800"):
        assert not came_through_cdn(presented, "s3cret")


@given(st.none() | st.text(max_size=4))
def test_without_a_secret_nothing_came_through_the_cdn(presented: str | None) -> None:
    assert not came_through_cdn(presented, "")
