"""What the ledger says for invoices, in the caller's snapshot."""

from collections.abc import Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from parley_billing.core.cover import cover
from parley_billing.core.invoice.basis import Metered
from parley_billing.core.invoice.charging import parts_of
from parley_billing.core.invoice.invoice import Span
from parley_billing.core.period_usage import metered
from parley_billing.core.rating.periods import day_start_ms
from parley_billing.core.rollup import DAY_MS
from parley_billing.shell.usage_store import PERIOD_ROWS
from parley_runtime.database import Connection

_SUMS = f"""
SELECT usage_class, sum(messages)::bigint AS messages, sum(bytes)::bigint AS bytes FROM ({PERIOD_ROWS}) used GROUP BY 1
"""  # noqa: S608
_PROGRESS = "SELECT batch, as_of FROM parley.usage_progress"
_CHANGED = """
SELECT DISTINCT start FROM parley.usage_days WHERE tenant = $1 AND start >= $2 AND start < $3 AND batch > $4
"""


class InvoiceUsage:
    """Over one connection, in a transaction with one snapshot. Raises what asyncpg raises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def progress(self) -> tuple[int, int]:
        """(batch up to which this snapshot counts, ms up to which it is complete)."""
        row = await self._connection.fetchrow(_PROGRESS)
        assert row is not None  # the migration made the row
        return int(row["batch"]), int(row["as_of"])

    async def measure(self, tenant: str, wanted: Metered, zone: str) -> list[dict[str, int]]:
        """The meters of each part of the period."""
        found = []
        for part in parts_of(wanted):
            first, end = (day_start_ms(day, ZoneInfo(zone)) for day in (part.stretch.start, part.stretch.end))
            asked = cover(first, end, by_days=True)
            rows = await self._connection.fetch(_SUMS, tenant, *asked.quarter_hours, *asked.days, asked.minutes)
            used = {row["usage_class"]: (int(row["messages"]), int(row["bytes"])) for row in rows}
            found.append({str(meter): number for meter, number in metered(used).items()})
        return found

    async def touched(self, tenant: str, periods: Sequence[Span], cutoff: int) -> list[Span]:
        """Which of these periods may hold usage booked after batch `cutoff`; some without any are among them."""
        if not periods:
            return []
        first, end = min(one.start for one in periods), max(one.end for one in periods)
        rows = await self._connection.fetch(_CHANGED, tenant, _utc_ms(first) - DAY_MS, _utc_ms(end) + DAY_MS, cutoff)
        days = [date(1970, 1, 1) + timedelta(milliseconds=int(row["start"])) for row in rows]
        near = timedelta(days=1)
        return [one for one in periods if any(one.start - near <= day < one.end + near for day in days)]


def _utc_ms(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY_MS
