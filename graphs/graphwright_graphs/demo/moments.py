"""Places and days in a request: which time zone is meant, and how far from today.

The clock tool only tells the present. A day like "in 3 weeks" is counted from what it answered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from graphwright_graphs.demo import arithmetic

# Places whose name is not the last part of an IANA zone.
ZONES: Final = {
    "austria": "Europe/Vienna",
    "bangalore": "Asia/Kolkata",
    "barcelona": "Europe/Madrid",
    "beijing": "Asia/Shanghai",
    "boston": "America/New_York",
    "brazil": "America/Sao_Paulo",
    "california": "America/Los_Angeles",
    "china": "Asia/Shanghai",
    "cologne": "Europe/Berlin",
    "delhi": "Asia/Kolkata",
    "england": "Europe/London",
    "france": "Europe/Paris",
    "geneva": "Europe/Zurich",
    "germany": "Europe/Berlin",
    "gmt": "UTC",
    "greece": "Europe/Athens",
    "hamburg": "Europe/Berlin",
    "india": "Asia/Kolkata",
    "ireland": "Europe/Dublin",
    "israel": "Asia/Jerusalem",
    "italy": "Europe/Rome",
    "japan": "Asia/Tokyo",
    "kyoto": "Asia/Tokyo",
    "milan": "Europe/Rome",
    "montreal": "America/Toronto",
    "mumbai": "Asia/Kolkata",
    "munich": "Europe/Berlin",
    "netherlands": "Europe/Amsterdam",
    "new delhi": "Asia/Kolkata",
    "new zealand": "Pacific/Auckland",
    "norway": "Europe/Oslo",
    "nyc": "America/New_York",
    "osaka": "Asia/Tokyo",
    "poland": "Europe/Warsaw",
    "portugal": "Europe/Lisbon",
    "rio": "America/Sao_Paulo",
    "rio de janeiro": "America/Sao_Paulo",
    "russia": "Europe/Moscow",
    "san francisco": "America/Los_Angeles",
    "scotland": "Europe/London",
    "seattle": "America/Los_Angeles",
    "south korea": "Asia/Seoul",
    "spain": "Europe/Madrid",
    "sweden": "Europe/Stockholm",
    "switzerland": "Europe/Zurich",
    "texas": "America/Chicago",
    "turkey": "Europe/Istanbul",
    "uk": "Europe/London",
    "ukraine": "Europe/Kyiv",
    "utc": "UTC",
    "washington": "America/New_York",
}
REGIONS: Final = (
    "Europe",
    "America",
    "Asia",
    "Africa",
    "Australia",
    "Pacific",
    "Atlantic",
    "Indian",
)

PLACE: Final = re.compile(
    r"\b(?:in|for|at|of)\s+(?:the\s+)?([^\W\d_][\w/ .'-]*?)\s*(?:$|[?!.,]|\bnow\b|\bright\b)", re.I
)
DAYS: Final = {"day": 1, "week": 7}
AHEAD: Final = re.compile(
    r"\bin (\d+|an?) (day|week)s?\b|\b(\d+|an?) (day|week)s? from (?:now|today)\b"
)
AGO: Final = re.compile(r"\b(\d+|an?) (day|week)s? ago\b")
NAMED_DAYS: Final = {
    "day after tomorrow": 2,
    "day before yesterday": -2,
    "tomorrow": 1,
    "yesterday": -1,
    "next week": 7,
    "last week": -7,
}
ISO_DATE: Final = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
FEASTS: Final = {
    "christmas eve": (12, 24),
    "christmas": (12, 25),
    "new year's eve": (12, 31),
    "new years eve": (12, 31),
    "new year": (1, 1),
    "halloween": (10, 31),
    "valentine": (2, 14),
}


@dataclass(frozen=True)
class Day:
    """A day that is asked for: so many days from today, or the distance to a date."""

    offset: int = 0
    until: date | None = None
    feast: tuple[int, int] | None = None  # month and day of a yearly date

    def answer(self, today: date) -> str:
        """Say the day, or how far it is, given what the clock calls today."""
        target = self.until or (_next(self.feast, today) if self.feast else None)
        if target is None:
            return _spoken(today, self.offset)
        days = (target - today).days
        unit = "day" if abs(days) == 1 else "days"
        if days < 0:
            return f"{target.isoformat()} was {-days} {unit} ago."
        return f"It is {days} {unit} until {target:%A}, {target.isoformat()}."


def zones(text: str) -> list[str | None]:
    """Return the time zone of each place that the text names, None for one that is not known.

    Without a place the list is empty.
    """
    parts = [part for part in re.split(r",|\band\b", text) if part.strip()]
    named = (
        [part if place_in(part) else f"in {part.strip()}" for part in parts[1:]] if parts else []
    )
    if not place_in(parts[0] if parts else ""):
        first = zone(text)
        return [first] if first else [None] if place_in(text) else []
    return [zone(part) for part in [parts[0], *named]]


def zone(text: str) -> str | None:
    """Return the IANA time zone of the place that the text names, if it names one that is known."""
    if "/" in text and (named := re.search(r"\b[A-Z][A-Za-z]+/[A-Z][A-Za-z_/]+", text)):
        return named[0] if _exists(named[0]) else None
    place = place_in(text)
    if place is None:
        return "UTC" if re.search(r"\b(?:utc|gmt)\b", text, re.I) else None
    known = ZONES.get(place.casefold())
    if known:
        return known
    city = "_".join(part.capitalize() for part in place.split())
    return next((f"{region}/{city}" for region in REGIONS if _exists(f"{region}/{city}")), None)


def place_in(text: str) -> str | None:
    """Return the words after "in", "for" or "at", where those are no span of time."""
    found = PLACE.search(text)
    return (
        found[1].strip()
        if found and not re.match(r"(?:an?|the|my|your)\b", found[1], re.I)
        else None
    )


def day(text: str) -> Day | None:
    """Return the other day that the text asks for, or None where it means today."""
    spoken = arithmetic.numerals(text.casefold())
    if re.search(r"\b(?:until|till|to|before)\b", spoken) and (goal := _goal(spoken)):
        return goal
    if ahead := AHEAD.search(spoken):
        return Day(_count(ahead[1] or ahead[3]) * DAYS[ahead[2] or ahead[4]])
    if ago := AGO.search(spoken):
        return Day(-_count(ago[1]) * DAYS[ago[2]])
    return next((Day(days) for name, days in NAMED_DAYS.items() if name in spoken), None)


def today(told: str) -> date | None:
    """Return the date in a clock's answer, written YYYY-MM-DD."""
    found = ISO_DATE.search(told)
    return _date(*map(int, found.groups())) if found else None


def _goal(spoken: str) -> Day | None:
    if found := ISO_DATE.search(spoken):
        until = _date(*map(int, found.groups()))
        return Day(until=until) if until else None
    return next((Day(feast=when) for name, when in FEASTS.items() if name in spoken), None)


def _next(feast: tuple[int, int], today: date) -> date:
    this_year = date(today.year, *feast)
    return this_year if this_year >= today else date(today.year + 1, *feast)


def _spoken(today: date, offset: int) -> str:
    try:
        target = today + timedelta(days=offset)
    except OverflowError:
        return "That day is further away than a calendar reaches."
    verb = "was" if offset < 0 else "will be" if offset > 0 else "is"
    return f"That {verb} {target:%A}, {target.isoformat()}."


def _count(word: str) -> int:
    # More digits than any calendar has would only cost time to convert.
    return int(word[:9]) if word.isdigit() else 1


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
