"""Times and durations of conditions, as functions that exported Python brings along.

They are exact to the microsecond, as Python's are; CEL's are to the nanosecond.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

UNITS = ("hours", "minutes", "seconds", "milliseconds")
"""What durations are asked for, by the words of `timedelta`."""


def timestamp(value: str | int) -> datetime:
    """A time in UTC: of text such as `2026-01-02T03:04:05Z`, or of seconds since 1970."""
    if isinstance(value, int):
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value)
    if not re.fullmatch(r"[\d-]{10}[Tt][\d:]{8}(\.\d+)?([Zz]|[+-]\d\d:\d\d)", value):
        raise ValueError(f"{value!r} is no time such as 2026-01-02T03:04:05Z")
    return datetime.fromisoformat(value.upper()).astimezone(UTC)


# In microseconds.
_UNITS = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0.001}


def duration(text: str) -> timedelta:
    """A length of time: of text such as `1h30m`, `-1.5s`, `20ms`."""
    part = r"(\d+\.?\d*|\.\d+)(ns|us|ms|h|m|s)"
    if not re.fullmatch(rf"[+-]?(0|({part})+)", text):
        raise ValueError(f"{text!r} is no duration such as 1h30m or 2.5s")
    parts = re.findall(part, text)
    total = sum(Decimal(number) * Decimal(str(_UNITS[unit])) for number, unit in parts)
    return timedelta(microseconds=int(-total if text.startswith("-") else total))


def in_zone(moment: datetime, zone: str) -> datetime:
    """A time on the clocks of a zone: `Europe/Berlin`, `+05:30`."""
    if not (found := re.fullmatch(r"([+-]?)(\d\d):(\d\d)", zone)):
        return moment.astimezone(ZoneInfo(zone))
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return moment.astimezone(timezone(-offset if found[1] == "-" else offset))


def whole(length: timedelta, **unit: int) -> int:
    """How many of a unit (`hours=1`) a duration has, rounded towards zero."""
    count = abs(length) // timedelta(**unit)
    return -count if length < timedelta() else count


def time_text(value: datetime | timedelta) -> str:
    """A time or a duration as text: `2026-01-02T03:04:05.250Z`, `5400s`."""
    if isinstance(value, datetime):
        second = value.replace(microsecond=0, tzinfo=None).isoformat()
        return f"{second}{_fraction(value.microsecond)}Z"
    count, rest = divmod(abs(value), timedelta(seconds=1))
    sign = "-" if value < timedelta() else ""
    return f"{sign}{count}{_fraction(rest.microseconds)}s"


def _fraction(microseconds: int) -> str:
    """Of a second, in three digits or six."""
    if not microseconds:
        return ""
    return f".{microseconds:06}" if microseconds % 1000 else f".{microseconds // 1000:03}"
