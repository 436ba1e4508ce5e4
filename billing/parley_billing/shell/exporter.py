"""The ledger's totals for Prometheus: read what changed, keep the text ready."""

from parley_billing.core.exposition import Exposition
from parley_runtime.database import Pool

#: Seconds between looks at the ledger: every process exports the same numbers, whoever books.
REFRESH_EVERY = 1.0

_CHANGED = """
SELECT t.tenant, s.ordinal, t.usage_class, t.messages, t.bytes
FROM parley.usage_totals t JOIN parley.usage_series s USING (tenant) WHERE t.batch > $1 ORDER BY s.ordinal
"""


class LedgerExporter:
    """`refresh` every second or so; `text` whenever it is scraped."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._exposition = Exposition()
        self._batch = -1

    def text(self) -> bytes:
        """The series as of the last refresh."""
        return self._exposition.text()

    async def refresh(self) -> None:
        """Take over what was booked since the last time. Raises what asyncpg raises."""
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            batch = int(await connection.fetchval("SELECT batch FROM parley.usage_progress"))
            if batch < self._batch:  # the database was restored to an earlier time
                self._exposition, self._batch = Exposition(), -1
            rows = await connection.fetch(_CHANGED, self._batch) if batch > self._batch else []
        for row in rows:
            self._exposition.put(row["tenant"], row["ordinal"], row["usage_class"], row["messages"], row["bytes"])
        self._batch = batch
        self._exposition.text()
