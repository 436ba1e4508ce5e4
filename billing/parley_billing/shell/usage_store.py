"""Reads one tenant's usage. Row-level security holds the reader to that tenant, whatever a statement says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parley_billing.core.usage_report import SITES_MOST, UsageFound, UsageQuestion, UsageRow
from parley_runtime.database import Connection, Pool

#: Parameters: tenant, start and end of the quarters, of the whole days among them, and the minutes.
PERIOD_ROWS = """
SELECT start, site, usage_class, messages, bytes FROM parley.usage_days
WHERE tenant = $1 AND start >= $4 AND start < $5
UNION ALL
SELECT start, site, usage_class, messages, bytes FROM parley.usage_quarter_hours
WHERE tenant = $1 AND ((start >= $2 AND start < $4) OR (start >= $5 AND start < $3))
UNION ALL
SELECT start, site, usage_class, messages, bytes FROM parley.usage_minutes
WHERE tenant = $1 AND start = ANY($6::bigint[])
"""

_BY_TIME = f"""
WITH used AS ({PERIOD_ROWS})
SELECT CASE WHEN $7::bigint > 0 THEN start - start % $7 END AS part, usage_class,
  sum(messages)::bigint AS messages, sum(bytes)::bigint AS bytes
FROM used GROUP BY 1, 2
"""  # noqa: S608

_BY_SITE = f"""
WITH used AS ({PERIOD_ROWS}),
most AS (SELECT site FROM used GROUP BY site ORDER BY sum(bytes) DESC, site LIMIT $7)
SELECT most.site AS part, usage_class, sum(messages)::bigint AS messages, sum(bytes)::bigint AS bytes
FROM used LEFT JOIN most USING (site) GROUP BY 1, 2
"""  # noqa: S608


class UsageStore:
    """Raises what asyncpg raises."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(self, tenant: str, question: UsageQuestion) -> UsageFound:
        """The rows that answer the question, or the question as it can be answered."""
        async with as_tenant(self._pool, tenant) as connection:
            progress = await connection.fetchrow("SELECT as_of, exact_since FROM parley.usage_progress")
            assert progress is not None  # the migration made the row
            question = question.kept(progress["exact_since"])
            cover = question.cover
            period = (tenant, *cover.quarter_hours, *cover.days, cover.minutes)
            if question.by == "site":
                rows = await connection.fetch(_BY_SITE, *period, SITES_MOST)
            else:
                rows = await connection.fetch(_BY_TIME, *period, question.step)
        found = [UsageRow(row["part"], row["usage_class"], row["messages"], row["bytes"]) for row in rows]
        return UsageFound(question, progress["as_of"], progress["exact_since"], found)


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
