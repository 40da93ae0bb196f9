"""Text to date, time, datetime and duration, without third-party parsers unless one is already installed."""

from __future__ import annotations

import datetime as dt
import importlib
import re
from typing import Any

DATE_FORMAT = "%Y-%m-%d"
DATETIME_FORMAT = "%Y-%m-%d %H:%M:%S.%f %z"
TIME_FORMAT = "%H:%M:%S.%f %z"

#: No instant or duration is longer; lenient parsers take minutes to find nothing in a text that is.
LONGEST_TEXT = 100

_DURATION = re.compile(
    r"(?P<sign>[+-]?)P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)(?:[.,](?P<fraction>\d{1,9}))?S)?)?"
)
_NANOSECONDS = {"weeks": 604800 * 10**9, "days": 86400 * 10**9, "hours": 3600 * 10**9, "minutes": 60 * 10**9}


def parse_date(text: str) -> dt.date:
    """Read ``2020-01-31``; raise ``ValueError`` otherwise."""
    return dt.datetime.strptime(text, DATE_FORMAT).date()


def parse_datetime(text: str) -> dt.datetime:
    """Read ISO 8601, the format of the generated examples, or whatever ``dateutil`` reads where it is installed."""
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return dt.datetime.strptime(text, DATETIME_FORMAT)
    except ValueError:
        return _with_dateutil(text)


def parse_time(text: str) -> dt.time:
    """Read ``01:02:03``, the format of the generated examples, or the time of day of a full date and time."""
    try:
        return dt.time.fromisoformat(text)
    except ValueError:
        pass
    try:
        return dt.datetime.strptime(text, TIME_FORMAT).timetz()
    except ValueError:
        return parse_datetime(text).timetz()


def parse_iso_duration(text: str) -> int | None:
    """Return the nanoseconds of an ISO 8601 duration such as ``P1DT2H0M0.5S``, or None when it is not one."""
    match = _DURATION.fullmatch(text)
    if match is None or text.endswith(("P", "T")):
        return None
    parts = match.groupdict()
    total = sum(int(parts[name]) * size for name, size in _NANOSECONDS.items() if parts[name])
    total += int(parts["seconds"] or 0) * 10**9 + int((parts["fraction"] or "0").ljust(9, "0"))
    return -total if parts["sign"] == "-" else total


def _with_dateutil(text: str) -> dt.datetime:
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"Unknown date and time format: {text}")
    try:
        parser: Any = importlib.import_module("dateutil.parser")
    except ImportError:
        raise ValueError(f"Unknown date and time format: {text}; use ISO 8601, such as 2020-01-31T12:30:00Z") from None
    try:
        parsed: dt.datetime = parser.parse(text)
    except OverflowError as error:
        raise ValueError(str(error)) from error
    return parsed
