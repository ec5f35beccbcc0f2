"""
Dates in HTTP's three formats (RFC 9110, section 5.6.7), without ``email`` or ``datetime``, which nothing else loads.

Senders write the first; the other two are obsolete and must still be read.
"""

from __future__ import annotations

import re
from typing import Final

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS_OF_MONTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTH: Final = rf"(?P<month>{'|'.join(_MONTHS)})"
_TIME: Final = r"(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9]|60)"
_SHORT: Final = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG: Final = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"

_FORMATS: Final = (
    re.compile(rf"{_SHORT}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT"),
    re.compile(rf"{_LONG}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"),
    re.compile(rf"{_SHORT} {_MONTH} (?P<day>[0-9]{{2}}| [0-9]) {_TIME} (?P<year>[0-9]{{4}})"),
)
_FEBRUARY: Final = 2
_CENTURY: Final = 100
_FUTURE_YEARS: Final = 50
_FOUR_CENTURIES_DAYS: Final = 146_097
_EPOCH_DAY: Final = 719_468
"""Days from 0000-03-01 to 1970-01-01."""


def read_http_date(text: str, *, now_ms: int) -> int | None:
    """
    Return the epoch seconds of *text*, or None if it is no date in any of the three formats.

    The name of the weekday has to be one; that it is the right one is not checked.

    Args:
        text: a field's value.
        now_ms: epoch milliseconds: a year of two digits is the last such that is not more than 50 years ahead.

    Example:
        >>> read_http_date("Sun, 06 Nov 1994 08:49:37 GMT", now_ms=0)
        784111777
    """
    found = next((match for form in _FORMATS if (match := form.fullmatch(text))), None)
    if found is None:
        return None
    year, month, day = int(found["year"]), _MONTHS.index(found["month"]) + 1, int(found["day"])
    if len(found["year"]) == 2:
        this_year = _year_of(now_ms)
        year += this_year - this_year % _CENTURY
        if year > this_year + _FUTURE_YEARS:
            year -= _CENTURY
        elif year + _CENTURY <= this_year + _FUTURE_YEARS:
            year += _CENTURY
    if not 1 <= day <= _days_of(year, month):
        return None
    clock = int(found["hour"]) * 3_600 + int(found["minute"]) * 60 + int(found["second"])
    return _days_since_epoch(year, month, day) * 86_400 + clock


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % _CENTURY != 0 or year % 400 == 0)


def _days_of(year: int, month: int) -> int:
    return 29 if month == _FEBRUARY and _is_leap(year) else _DAYS_OF_MONTHS[month - 1]


def _days_since_epoch(year: int, month: int, day: int) -> int:
    """Count in years that begin in March, so that the leap day is a year's last."""
    if month <= _FEBRUARY:
        year -= 1
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + day_of_year - _EPOCH_DAY


def _year_of(now_ms: int) -> int:
    """Return the year of *now_ms* in UTC."""
    days = now_ms // 86_400_000
    year = 1970 + days * 400 // _FOUR_CENTURIES_DAYS
    while _days_since_epoch(year + 1, 1, 1) <= days:
        year += 1
    while _days_since_epoch(year, 1, 1) > days:
        year -= 1
    return year
