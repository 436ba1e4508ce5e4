"""Periods by the calendar and by anniversary; days and instants in time zones whose clocks change."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.profiles import SHORT
from parley_billing.core.rating.amount import RatingProblem
from parley_billing.core.rating.periods import Cycle, Period, Stretch, add_months, cycle, day_start, day_start_ms
from parley_billing.core.rating.portion import Portion


def on(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-03-31", -1, "2026-02-28"),
        ("2026-11-30", 3, "2027-02-28"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2026-01-15", -1, "2025-12-15"),
    ],
)
def test_months_later(day: str, months: int, later: str) -> None:
    assert add_months(on(day), months) == on(later)


def test_there_is_no_month_after_the_calendars_end() -> None:
    with pytest.raises(RatingProblem, match="outside of the calendar"):
        add_months(date(9999, 12, 1), 1)


#: Start of the subscription, kind, day, the period with that day.
HOLDING = [
    ("2026-01-20", "month", "calendar", "2026-02-10", ("2026-02-01", "2026-03-01")),
    ("2026-01-20", "month", "anniversary", "2026-02-10", ("2026-01-20", "2026-02-20")),
    ("2026-01-31", "month", "anniversary", "2026-02-27", ("2026-01-31", "2026-02-28")),
    ("2026-01-31", "month", "anniversary", "2026-02-28", ("2026-02-28", "2026-03-31")),
    ("2026-01-31", "month", "anniversary", "2026-04-30", ("2026-04-30", "2026-05-31")),
    ("2026-05-20", "year", "calendar", "2026-05-20", ("2026-01-01", "2027-01-01")),
    ("2028-02-29", "year", "anniversary", "2029-03-01", ("2029-02-28", "2030-02-28")),
    ("2028-02-29", "year", "anniversary", "2032-02-29", ("2032-02-29", "2033-02-28")),
    ("2026-01-20", "month", "anniversary", "2025-12-25", ("2025-12-20", "2026-01-20")),
]


@pytest.mark.parametrize("row", HOLDING, ids=[f"{row[0]} {row[1]} {row[2]} {row[3]}" for row in HOLDING])
def test_the_period_with_a_day(row: tuple[str, str, str, str, tuple[str, str]]) -> None:
    start, length, anchor, day, period = row
    found = cycle(
        "year" if length == "year" else "month", "anniversary" if anchor == "anniversary" else "calendar", on(start)
    ).holding(on(day))
    assert found == Period(on(period[0]), on(period[1]))


@SHORT
@given(
    st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.sampled_from([1, 12])
)
def test_periods_follow_each_other_without_holes(anchor: date, day: date, months: int) -> None:
    periods = Cycle(anchor, months)
    held = periods.holding(day)
    assert held.start <= day < held.end
    assert periods.holding(held.end).start == held.end


def test_an_empty_period_is_refused() -> None:
    with pytest.raises(RatingProblem, match="has no day"):
        Period(on("2026-02-01"), on("2026-02-01"))


@pytest.mark.parametrize(
    ("start", "end"), [("2026-01-31", "2026-02-10"), ("2026-02-10", "2026-03-02"), ("2026-02-10", "2026-02-09")]
)
def test_a_stretch_is_inside_its_period(start: str, end: str) -> None:
    with pytest.raises(RatingProblem, match="is not inside 2026-02-01 to 2026-03-01"):
        Stretch(Period(on("2026-02-01"), on("2026-03-01")), on(start), on(end))


#: Zone, day, the instant at which it begins.
DAYS = [
    ("UTC", "2026-03-29", "2026-03-29T00:00"),
    ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00"),
    ("Europe/Berlin", "2026-03-30", "2026-03-29T22:00"),  # the day before had 23 hours
    ("America/New_York", "2026-11-02", "2026-11-02T05:00"),  # the day before had 25 hours
    ("Asia/Kathmandu", "2026-01-01", "2025-12-31T18:15"),
    ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00"),  # midnight did not exist
    ("America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00"),  # 23:00 to 24:00 came twice, midnight once
    ("America/Havana", "2026-11-01", "2026-11-01T04:00"),  # midnight to 1:00 comes twice: the first of them
    ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00"),  # a day that did not exist: it has no length
    ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00"),
    ("America/Toronto", "1919-03-31", "1919-03-31T04:30"),  # clocks went from 23:30 to 0:30
]


@pytest.mark.parametrize(("zone", "day", "instant"), DAYS)
def test_a_day_begins(zone: str, day: str, instant: str) -> None:
    begin = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert day_start(on(day), ZoneInfo(zone)) == begin
    assert day_start_ms(on(day), ZoneInfo(zone)) == int(begin.timestamp()) * 1000


@pytest.mark.parametrize(("month", "hours"), [("2026-03", 31 * 24 - 1), ("2026-10", 31 * 24 + 1), ("2026-05", 31 * 24)])
def test_clock_changes_count_in_seconds_and_not_in_days(month: str, hours: int) -> None:
    start = on(f"{month}-01")
    period = Period(start, add_months(start, 1))
    stretch = Stretch(period, start, period.end)
    assert stretch.by_days == Portion(0, 31, 31)
    assert stretch.by_seconds(ZoneInfo("Europe/Berlin")) == Portion(0, hours * 3600, hours * 3600)
