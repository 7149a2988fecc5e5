"""The time of day anywhere, from the machine's clock and its time zone data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import timezone as FixedZone
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from langchain_core.tools import StructuredTool, ToolException

CONTINENTS: Final = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/")
# Not strftime's, which speak the language of the process's locale.
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
OFFSET: Final = re.compile(r"(?:utc|gmt)?\s*([+-])(\d{1,2})(?::?([0-5]\d))?")
LONGEST: Final = 60  # characters of a name that are looked at; no zone's is half as long
UTC_NAMES: Final = frozenset({"", "utc", "gmt", "z", "zulu", "etc/utc"})

# Places and abbreviations that people name, but the time zone database does not.
ALSO: Final[Mapping[str, str]] = MappingProxyType(
    {
        "abu dhabi": "Asia/Dubai",
        "atlanta": "America/New_York",
        "bangalore": "Asia/Kolkata",
        "barcelona": "Europe/Madrid",
        "beijing": "Asia/Shanghai",
        "boston": "America/New_York",
        "cape town": "Africa/Johannesburg",
        "cologne": "Europe/Berlin",
        "delhi": "Asia/Kolkata",
        "edinburgh": "Europe/London",
        "frankfurt": "Europe/Berlin",
        "geneva": "Europe/Zurich",
        "hamburg": "Europe/Berlin",
        "hanoi": "Asia/Bangkok",
        "houston": "America/Chicago",
        "kyiv": "Europe/Kiev",
        "kyoto": "Asia/Tokyo",
        "las vegas": "America/Los_Angeles",
        "lyon": "Europe/Paris",
        "miami": "America/New_York",
        "milan": "Europe/Rome",
        "mumbai": "Asia/Kolkata",
        "munich": "Europe/Berlin",
        "new delhi": "Asia/Kolkata",
        "osaka": "Asia/Tokyo",
        "philadelphia": "America/New_York",
        "rio de janeiro": "America/Sao_Paulo",
        "san francisco": "America/Los_Angeles",
        "seattle": "America/Los_Angeles",
        "shenzhen": "Asia/Shanghai",
        "tel aviv": "Asia/Jerusalem",
        "washington": "America/New_York",
        "bst": "Europe/London",
        "cest": "Europe/Berlin",
        "edt": "America/New_York",
        "cst": "America/Chicago",
        "cdt": "America/Chicago",
        "est": "America/New_York",
        "jst": "Asia/Tokyo",
        "mdt": "America/Denver",
        "mst": "America/Denver",
        "pdt": "America/Los_Angeles",
        "pst": "America/Los_Angeles",
    }
)


def zone(name: str) -> tzinfo:
    """The time zone that a name, a city, an abbreviation or an offset such as UTC+2 means.

    Raises:
        ToolException: there is no such zone, or no time zone data on this machine.
    """
    wanted = _folded(name[:LONGEST])
    if wanted in UTC_NAMES:
        return UTC
    if offset := OFFSET.fullmatch(wanted):
        return _fixed(offset)
    known = _known()
    if not known:
        raise ToolException(
            "This machine has no time zone data, so only UTC and offsets such as UTC+2 are known. "
            "Install it with: pip install tzdata"
        )
    key = known.get(wanted)
    if key is None:
        raise ToolException(
            f"There is no time zone {name[:LONGEST]!r}. {_suggestion(wanted, known)}"
        )
    return ZoneInfo(key)


def _folded(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").split())


def _fixed(offset: re.Match[str]) -> FixedZone:
    sign, hours, minutes = offset.groups()
    distance = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if distance > timedelta(hours=14):
        raise ToolException(f"{offset[0]!r} is no offset in use: they go from -12:00 to +14:00.")
    return FixedZone(distance if sign == "+" else -distance)


@cache
def _known() -> Mapping[str, str]:
    """Zone keys by every name they go by. Read once: it walks a folder of 600 files."""
    keys = sorted(available_timezones(), key=lambda key: (key.startswith(CONTINENTS), key))
    # Later names win: of two zones that end alike the continent's, not a legacy "US/...".
    cities = {_folded(key.rpartition("/")[2]): key for key in keys}
    also = {name: key for name, key in ALSO.items() if key in keys}
    return MappingProxyType({**cities, **{_folded(key): key for key in keys}, **also})


def _suggestion(wanted: str, known: Mapping[str, str]) -> str:
    near = get_close_matches(wanted.rpartition("/")[2], known, n=5, cutoff=0.75)
    names = sorted({known[name] for name in near})
    if names:
        return f"Near it are: {', '.join(names)}."
    return "Name a large city in it, or a zone such as Europe/Paris."


def _tell(timezone: str = "UTC") -> str:
    """Tell the current date, time and weekday in a time zone.

    Args:
        timezone: A city ("Tokyo"), a zone ("Asia/Tokyo"), or an offset ("UTC+9").
    """
    now = datetime.now(zone(timezone))
    told = f"{WEEKDAYS[now.weekday()]}, {now:%Y-%m-%d %H:%M:%S} {now.tzname()}"
    if told.endswith("UTC") or isinstance(now.tzinfo, FixedZone):
        return told
    offset = f"{now:%z}"
    return f"{told} (UTC{offset[:3]}:{offset[3:5]})"


# Without a coroutine, so that LangChain calls it in a thread: it may read zone files.
clock: Final = StructuredTool.from_function(
    _tell, name="clock", parse_docstring=True, handle_tool_error=True
)
"""Takes a place or time zone and gives its date, time and weekday as text."""
