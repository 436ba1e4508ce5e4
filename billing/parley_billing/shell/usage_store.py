"""Reads one tenant's usage. Row-level security holds the reader to that tenant, whatever a statement says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parley_billing.core.usage_report import SITES_MOST, UsageQuestion, UsageRow
from parley_runtime.database import Connection, Pool

#: Parameters: tenant, from, to, start and end of the whole days, step of the series.
_ROWS = """
SELECT start, site, usage_class, messages, bytes FROM parley.usage_days
WHERE tenant = $1 AND start >= $4 AND start < $5
UNION ALL
SELECT start, site, usage_class, messages, bytes FROM parley.usage_quarter_hours
WHERE tenant = $1 AND ((start >= $2 AND start < $4) OR (start >= $5 AND start < $3))
"""

_BY_TIME = f"""
WITH used AS ({_ROWS})
SELECT CASE WHEN $6::bigint > 0 THEN start - start % $6 END AS part, usage_class,
  sum(messages)::bigint AS messages, sum(bytes)::bigint AS bytes
FROM used GROUP BY 1, 2
"""  # noqa: S608

_BY_SITE = f"""
WITH used AS ({_ROWS}),
most AS (SELECT site FROM used GROUP BY site ORDER BY sum(bytes) DESC, site LIMIT $6)
SELECT most.site AS part, usage_class, sum(messages)::bigint AS messages, sum(bytes)::bigint AS bytes
FROM used LEFT JOIN most USING (site) GROUP BY 1, 2
"""  # noqa: S608


class UsageStore:
    """Raises what asyncpg raises."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(self, tenant: str, question: UsageQuestion) -> tuple[int, list[UsageRow]]:
        """What the ledger is complete up to (ms since the epoch), and the rows that answer the question."""
        first_day, last_day = (question.to_ms, question.to_ms) if question.by == "hour" else question.whole_days
        period = (tenant, question.from_ms, question.to_ms, first_day, last_day)
        async with as_tenant(self._pool, tenant) as connection:
            as_of = await connection.fetchval("SELECT as_of FROM parley.usage_progress")
            if question.by == "site":
                rows = await connection.fetch(_BY_SITE, *period, SITES_MOST)
            else:
                rows = await connection.fetch(_BY_TIME, *period, question.step)
        found = [UsageRow(row["part"], row["usage_class"], row["messages"], row["bytes"]) for row in rows]
        return int(as_of), found


@asynccontextmanager
async def as_tenant(pool: Pool, tenant: str) -> AsyncIterator[Connection]:
    """A connection in a read-only transaction that sees the sums of one tenant, at one moment, and nothing else."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute("SET LOCAL ROLE parley_usage")
        await connection.execute("SELECT set_config('parley.tenant', $1, true)", tenant)
        yield connection
