import sys
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from langchain_core.tools import ToolException

from graphwright_tools import clock as clocks
from graphwright_tools.clock import WEEKDAYS, clock, zone


@pytest.fixture
def no_time_zones(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without time zone data."""
    path = zoneinfo.TZPATH
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zoneinfo.reset_tzpath(to=[])
    clocks._known.cache_clear()
    yield
    zoneinfo.reset_tzpath(to=path)
    clocks._known.cache_clear()


def test_tells_the_time_and_the_weekday_in_utc() -> None:
    day, date, time, name = clock.invoke({}).split()

    told = datetime.fromisoformat(f"{date}T{time}+00:00")
    assert abs(datetime.now(UTC) - told) < timedelta(seconds=30)
    assert (day, name) == (f"{WEEKDAYS[told.weekday()]},", "UTC")


async def test_tells_the_time_elsewhere_with_its_offset() -> None:
    told = await clock.ainvoke({"timezone": "Tokyo"})

    assert told.endswith(" JST (UTC+09:00)")
    assert f"{datetime.now(ZoneInfo('Asia/Tokyo')):%Y-%m-%d}" in told


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Asia/Tokyo", "Asia/Tokyo"),
        ("asia/tokyo", "Asia/Tokyo"),
        ("  Tokyo ", "Asia/Tokyo"),
        ("new york", "America/New_York"),
        ("New_York", "America/New_York"),
        ("San Francisco", "America/Los_Angeles"),
        ("Munich", "Europe/Berlin"),
        ("PST", "America/Los_Angeles"),
        ("Buenos Aires", "America/Buenos_Aires"),
        ("Japan", "Japan"),
    ],
)
def test_finds_a_zone_by_what_people_call_it(name: str, key: str) -> None:
    assert zone(name) == ZoneInfo(key)


@pytest.mark.parametrize(
    ("name", "offset"),
    [
        ("UTC+2", "+0200"),
        ("GMT-3:30", "-0330"),
        ("+0545", "+0545"),
        ("-8", "-0800"),
        ("Z", "+0000"),
    ],
)
def test_takes_an_offset(name: str, offset: str) -> None:
    assert f"{datetime.now(zone(name)):%z}" == offset


@pytest.mark.parametrize("city", sorted(clocks.ALSO))
def test_every_further_name_leads_to_a_zone(city: str) -> None:
    assert ZoneInfo(clocks.ALSO[city])
    assert zone(city) is not UTC


def test_names_what_is_near_to_an_unknown_zone() -> None:
    assert clock.invoke({"timezone": "Tokio"}) == (
        "There is no time zone 'Tokio'. Near it are: Asia/Tokyo."
    )


@pytest.mark.parametrize("name", ["xqzzy", "../../etc/passwd", "America/", "\x00", "UTC+25"])
def test_refuses_what_is_no_zone(name: str) -> None:
    with pytest.raises(ToolException, match=r"There is no time zone|no offset in use"):
        zone(name)


def test_says_that_the_machine_has_no_time_zones(no_time_zones: None) -> None:
    assert "pip install tzdata" in clock.invoke({"timezone": "Tokyo"})
    assert clock.invoke({"timezone": "UTC+1"}).endswith("UTC+01:00")
    assert clock.invoke({}).endswith("UTC")
