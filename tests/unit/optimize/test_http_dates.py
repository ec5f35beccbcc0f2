"""The three formats of RFC 9110, section 5.6.7, against the standard library's calendar."""

from __future__ import annotations

import calendar
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.optimize.http_dates import read_http_date

NOW_MS = 1_795_179_600_000  # November 2026
SECONDS = st.integers(0, 4_102_444_800)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def parts(seconds: int) -> tuple[time.struct_time, str, str]:
    moment = time.gmtime(seconds)
    return moment, MONTHS[moment.tm_mon - 1], f"{moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02}"


@given(SECONDS)
def test_preferred_format_round_trips(seconds: int) -> None:
    moment, month, clock = parts(seconds)
    text = f"{DAYS[moment.tm_wday]}, {moment.tm_mday:02} {month} {moment.tm_year} {clock} GMT"

    assert read_http_date(text, now_ms=NOW_MS) == seconds


@given(SECONDS)
def test_asctime_round_trips(seconds: int) -> None:
    moment, month, clock = parts(seconds)
    text = f"{DAYS[moment.tm_wday]} {month} {moment.tm_mday:2} {clock} {moment.tm_year}"

    assert read_http_date(text, now_ms=NOW_MS) == seconds


@given(SECONDS, st.integers(-49, 49))
def test_year_of_two_digits_is_the_nearest(seconds: int, years_off: int) -> None:
    moment, month, clock = parts(seconds)
    text = f"{LONG_DAYS[moment.tm_wday]}, {moment.tm_mday:02}-{month}-{moment.tm_year % 100:02} {clock} GMT"
    now = calendar.timegm((moment.tm_year + years_off, 6, 1, 0, 0, 0))

    found = read_http_date(text, now_ms=now * 1000)
    assert found == seconds or (moment.tm_mon, moment.tm_mday) == (2, 29)


@pytest.mark.parametrize(
    ("now_year", "year"), [(1999, 2005), (2026, 2005), (2054, 2005), (2055, 2105), (2056, 2105)]
)
def test_year_of_two_digits_over_fifty_years_ahead_is_past(now_year: int, year: int) -> None:
    now = calendar.timegm((now_year, 1, 1, 0, 0, 0))
    assert read_http_date("Friday, 02-Jan-05 00:00:00 GMT", now_ms=now * 1000) == calendar.timegm(
        (year, 1, 2, 0, 0, 0)
    )


@pytest.mark.parametrize(("digits", "year"), [(76, 2076), (77, 1977), (26, 2026), (99, 1999), (0, 2000)])
def test_fifty_years_ahead_is_the_furthest(digits: int, year: int) -> None:
    text = f"Friday, 02-Jan-{digits:02} 00:00:00 GMT"
    assert read_http_date(text, now_ms=NOW_MS) == calendar.timegm((year, 1, 2, 0, 0, 0))


def test_leap_second_and_leap_day_are_dates() -> None:
    assert read_http_date("Sat, 31 Dec 2016 23:59:60 GMT", now_ms=NOW_MS) == 1_483_228_800
    assert read_http_date("Tue, 29 Feb 2000 00:00:00 GMT", now_ms=NOW_MS) == 951_782_400


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "784111777",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "sun, 06 nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Mon, 29 Feb 1900 00:00:00 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sun Nov 06 08:49:37 1994 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Xyz, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT\n",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_http_date(text, now_ms=NOW_MS) is None
