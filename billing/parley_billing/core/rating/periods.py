"""Billing periods as local calendar days, and the instants at which they begin in a time zone.

A period is a half-open pair of dates. Dates and not instants decide what is charged: a day of 23 or 25 hours is one
day, and a month in which the clocks change costs what any other does. Only what the ledger is asked for needs instants.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal

from parley_billing.core.rating.amount import RatingProblem
from parley_billing.core.rating.portion import Portion


@dataclass(frozen=True, slots=True)
class Period:
    """[`start`, `end`) in local days; `start` before `end`, else `RatingProblem`."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise RatingProblem(f"A period from {self.start} to {self.end} has no day.")

    @property
    def days(self) -> int:
        """Its length."""
        return (self.end - self.start).days


@dataclass(frozen=True, slots=True)
class Cycle:
    """Periods of `months` (1 or 12) that begin on the anchor's day; in a month too short for it, on its last day.

    Calendar billing has the first of January as its anchor, anniversary billing the day the subscription began.
    """

    anchor: date
    months: int

    def boundary(self, number: int) -> date:
        """Where period `number` begins; 0 is the anchor itself. Counted from the anchor, so a 31st comes back."""
        return add_months(self.anchor, number * self.months)

    def holding(self, day: date) -> Period:
        """The period with this day in it."""
        apart = (day.year - self.anchor.year) * 12 + day.month - self.anchor.month
        number = apart // self.months
        if self.boundary(number) > day:
            number -= 1
        return Period(self.boundary(number), self.boundary(number + 1))

    def schedule(self, start: date, end: date | None, until: date) -> Iterator["Stretch"]:
        """What a subscription from `start` to `end` (None: it goes on) is charged for in advance, up to `until`.

        A first part that does not begin on a boundary is measured against the whole `months` that lead to the first
        boundary: 14 February to a 28th is 14 of the 31 days from 28 January.
        """
        held = self.holding(start)
        at = start
        while at <= until and (end is None or at < end):
            if at == start != held.start:
                period = Period(add_months(held.end, -self.months), held.end)
            else:
                period = self.holding(at)
            yield Stretch(period, at, period.end if end is None else min(end, period.end))
            at = period.end


def cycle(period: Literal["month", "year"], anchor: Literal["calendar", "anniversary"], start: date) -> Cycle:
    """The cycle of a subscription that begins on `start`."""
    return Cycle(start if anchor == "anniversary" else date(start.year, 1, 1), 12 if period == "year" else 1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some days of a period: [`start`, `end`) inside it, else `RatingProblem`."""

    period: Period
    start: date
    end: date

    def __post_init__(self) -> None:
        if not self.period.start <= self.start <= self.end <= self.period.end:
            raise RatingProblem(f"{self.start} to {self.end} is not inside {self.period.start} to {self.period.end}.")

    @property
    def by_days(self) -> Portion:
        """Its part of the period in days."""
        first = self.period.start
        return Portion((self.start - first).days, (self.end - first).days, self.period.days)

    def by_seconds(self, zone: tzinfo) -> Portion:
        """Its part of the period in seconds that really pass: days on which the clocks change are 23 or 25 hours."""
        first = day_start(self.period.start, zone)
        begin, end, whole = (
            (day_start(day, zone) - first) // timedelta(seconds=1) for day in (self.start, self.end, self.period.end)
        )
        return Portion(begin, end, whole)


def add_months(day: date, months: int) -> date:
    """The same day that many months later (or earlier); the month's last day where it has no such day."""
    month = day.year * 12 + day.month - 1 + months
    year, month = month // 12, month % 12 + 1
    if not 1 <= year <= 9999:
        raise RatingProblem(f"{months} months from {day} is outside of the calendar.")
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def day_start(day: date, zone: tzinfo) -> datetime:
    """The first instant (UTC) of a local day.

    Where clocks go back over midnight it is the first of the two; where they skip midnight, the instant they do.
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    try:
        before = midnight.astimezone(UTC)
        after = midnight.replace(fold=1).astimezone(UTC)
    except OverflowError:
        raise RatingProblem(f"{day} begins outside of the calendar there.") from None
    if before <= after:
        return before
    # Skipped: somewhere between the two readings the local clock jumps from before midnight to after it.
    low, high = after, before
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).date() < day:
            low = middle
        else:
            high = middle
    return high


def day_start_ms(day: date, zone: tzinfo) -> int:
    """`day_start` in ms since the epoch, as the ledger wants it."""
    return (day_start(day, zone) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
