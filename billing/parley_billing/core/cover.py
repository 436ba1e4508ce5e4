"""Which of the ledger's sums make up a period."""

from dataclasses import dataclass

from parley.usage import MINUTE_MS
from parley_billing.core.rollup import DAY_MS, QUARTER_HOUR_MS


@dataclass(frozen=True, slots=True)
class Cover:
    """Times in ms since the epoch. Each moment of the period is in exactly one of these sums.

    `minutes` are the starts of single minutes, at most 28: the parts of quarters of an hour at the two ends. What is
    between them is `quarter_hours` (half-open; both ends alike when there are none), and `days` is the part of that
    which is taken by whole days instead (UTC).
    """

    minutes: tuple[int, ...]
    quarter_hours: tuple[int, int]
    days: tuple[int, int]


def cover(from_ms: int, to_ms: int, *, by_days: bool) -> Cover:
    """The fewest sums for a half-open period of whole minutes; without `by_days`, none longer than a quarter."""
    first, end = round_up(from_ms, QUARTER_HOUR_MS), round_down(to_ms, QUARTER_HOUR_MS)
    if first > end:  # it begins and ends within the same quarter
        return Cover(tuple(range(from_ms, to_ms, MINUTE_MS)), (to_ms, to_ms), (to_ms, to_ms))
    minutes = (*range(from_ms, first, MINUTE_MS), *range(end, to_ms, MINUTE_MS))
    days = (round_up(first, DAY_MS), round_down(end, DAY_MS))
    return Cover(minutes, (first, end), days if by_days and days[0] < days[1] else (end, end))


def round_down(time_ms: int, step: int) -> int:
    """To a multiple of `step`."""
    return time_ms - time_ms % step


def round_up(time_ms: int, step: int) -> int:
    """To a multiple of `step`."""
    return time_ms + -time_ms % step
