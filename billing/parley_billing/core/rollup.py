"""Records folded into sums. Order, grouping and lateness make no difference: it is addition."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from parley.usage import UsageClass, UsageRecord

QUARTER_HOUR_MS = 15 * 60_000
DAY_MS = 24 * 60 * 60_000
#: Days for which sums by minute are kept: a month of 31 days, and four in which its usage is looked into. After that a
#: period that begins or ends within a quarter of an hour is widened to whole quarters, and the answer says so.
MINUTES_KEPT_DAYS = 35

#: (tenant, site, class).
SumKey: TypeAlias = tuple[str, str, UsageClass]
#: [messages, bytes].
Sum: TypeAlias = list[int]
Sums: TypeAlias = dict[SumKey, Sum]


@dataclass(slots=True)
class Rollup:
    """What a batch adds to the ledger's sums: by start of the minute, quarter of an hour or day, in ms; and in all.

    To be read only: where a quarter has one minute, as it mostly has, the two are one object; so are its day's sums.
    """

    minutes: dict[int, Sums] = field(default_factory=dict)
    quarter_hours: dict[int, Sums] = field(default_factory=dict)
    days: dict[int, Sums] = field(default_factory=dict)
    totals: dict[tuple[str, UsageClass], Sum] = field(default_factory=dict)


def exact_since_at(now_ms: int) -> int:
    """Before this moment (ms, a whole quarter of an hour) sums by minute are given up at `now_ms`."""
    kept = now_ms - MINUTES_KEPT_DAYS * DAY_MS
    return max(0, kept - kept % QUARTER_HOUR_MS)


def fold(records: Iterable[UsageRecord], exact_since: int = 0) -> Rollup:
    """The sums over these records; `minutes` leaves out what is before `exact_since` (ms, a whole quarter)."""
    minutes: dict[int, Sums] = {}
    for record in records:
        for line in record.lines:
            sums = minutes.get(line.minute)
            if sums is None:
                sums = minutes[line.minute] = {}
            key = (line.tenant, line.site, line.usage_class)
            held = sums.get(key)
            if held is None:
                sums[key] = [line.messages, line.bytes]
            else:
                held[0] += line.messages
                held[1] += line.bytes
    quarter_hours = _coarser(minutes, QUARTER_HOUR_MS)
    days = _coarser(quarter_hours, DAY_MS)
    totals: dict[tuple[str, UsageClass], Sum] = {}
    for sums in days.values():
        for (tenant, _, usage_class), (messages, size) in sums.items():
            total = totals.setdefault((tenant, usage_class), [0, 0])
            total[0] += messages
            total[1] += size
    kept = {start: sums for start, sums in minutes.items() if start >= exact_since}
    return Rollup(kept, quarter_hours, days, totals)


def _coarser(finer: dict[int, Sums], step: int) -> dict[int, Sums]:
    parts: dict[int, list[Sums]] = {}
    for start, sums in finer.items():
        parts.setdefault(start - start % step, []).append(sums)
    return {start: each[0] if len(each) == 1 else _added(each) for start, each in parts.items()}


def _added(parts: list[Sums]) -> Sums:
    added = {key: counted.copy() for key, counted in parts[0].items()}
    for part in parts[1:]:
        for key, (messages, size) in part.items():
            held = added.get(key)
            if held is None:
                added[key] = [messages, size]
            else:
                held[0] += messages
                held[1] += size
    return added
