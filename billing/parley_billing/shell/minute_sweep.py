"""Gives up the sums by minute of long ago.

First the ledger is told since when it is exact, then what is older goes, in parts. So a reader never takes minutes of
which some are gone for all there were, and a record that comes late adds none to them. A clock that is ahead makes
answers about the past coarser, never wrong.
"""

from parley_billing.core.rollup import exact_since_at
from parley_runtime.database import Pool

#: Seconds between sweeps.
SWEEP_EVERY = 3_600.0
#: Rows that one statement deletes: well under a second, so that booking never waits long for the disk.
ROWS_AT_ONCE = 10_000

_EXACT_SINCE = "UPDATE parley.usage_progress SET exact_since = greatest(exact_since, $1) RETURNING exact_since"

_DELETE = """
WITH gone AS (DELETE FROM parley.usage_minutes WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM parley.usage_minutes WHERE start < $1 ORDER BY start LIMIT $2)) RETURNING 1)
SELECT count(*) FROM gone
"""


async def sweep_minutes(pool: Pool, now_ms: int) -> int:
    """Number of sums deleted. Raises what asyncpg raises; the next sweep goes on from there."""
    exact_since = await pool.fetchval(_EXACT_SINCE, exact_since_at(now_ms))
    deleted = 0
    while True:
        part = int(await pool.fetchval(_DELETE, exact_since, ROWS_AT_ONCE))
        deleted += part
        if part < ROWS_AT_ONCE:
            return deleted
