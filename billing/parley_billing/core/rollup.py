"""Records folded into sums. Order, grouping and lateness make no difference: it is addition."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from parley.usage import UsageClass, UsageRecord

QUARTER_HOUR_MS = 15 * 60_000
DAY_MS = 24 * 60 * 60_000

#: (tenant, start in ms since the epoch, site, class).
SumKey: TypeAlias = tuple[str, int, str, UsageClass]
#: [messages, bytes].
Sum: TypeAlias = list[int]


@dataclass(slots=True)
class Rollup:
    """What a batch adds to the ledger's sums."""

    quarter_hours: dict[SumKey, Sum] = field(default_factory=dict)
    days: dict[SumKey, Sum] = field(default_factory=dict)
    totals: dict[tuple[str, UsageClass], Sum] = field(default_factory=dict)


def fold(records: Iterable[UsageRecord]) -> Rollup:
    """The sums over these records."""
    rollup = Rollup()
    quarter_hours = rollup.quarter_hours
    for record in records:
        for line in record.lines:
            key = (line.tenant, line.minute - line.minute % QUARTER_HOUR_MS, line.site, line.usage_class)
            held = quarter_hours.get(key)
            if held is None:
                quarter_hours[key] = [line.messages, line.bytes]
            else:
                held[0] += line.messages
                held[1] += line.bytes
    for (tenant, start, site, usage_class), (messages, size) in quarter_hours.items():
        day = rollup.days.setdefault((tenant, start - start % DAY_MS, site, usage_class), [0, 0])
        day[0] += messages
        day[1] += size
    for (tenant, _, _, usage_class), (messages, size) in rollup.days.items():
        total = rollup.totals.setdefault((tenant, usage_class), [0, 0])
        total[0] += messages
        total[1] += size
    return rollup
