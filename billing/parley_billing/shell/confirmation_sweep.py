"""Removes confirmations of runs that are long over, so that Redis does not keep one for each gateway that ever ran.

A gateway removes its own when it ends in order; this is for those that did not. One removed too early does no harm: the
gateway sends the record again, it is a repeat, and repeats are confirmed again.
"""

from typing import Any, cast

from parley.redis_keys import Keys
from parley_runtime.database import Pool
from parley_runtime.redis_client import Client

#: Seconds between sweeps.
SWEEP_EVERY = 3_600.0
#: Days after a run's last new record.
KEEP_DAYS = 7

_OVER = """
SELECT named.run FROM unnest($1::text[]) AS named(run) LEFT JOIN parley.usage_runs USING (run)
WHERE coalesce(changed_at, '-infinity') < now() - make_interval(days => $2)
"""


async def sweep(pool: Pool, client: Client, keys: Keys) -> int:
    """Number of confirmations removed. Raises what the two clients raise."""
    held = await cast(Any, client.hkeys(keys.usage_confirmed))
    if not held:
        return 0
    rows = await pool.fetch(_OVER, [run.decode(errors="replace").replace("\0", "") for run in held], KEEP_DAYS)
    over = [row["run"] for row in rows]
    return int(await cast(Any, client.hdel(keys.usage_confirmed, *over))) if over else 0
