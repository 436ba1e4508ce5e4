"""Looking up whether authors are banned costs each batch the same, however many are."""

import pytest

from kit.servers import execute
from parley_gateway.shell.page_store import PageStore
from parley_runtime.database import connect

pytestmark = pytest.mark.servers

READ = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'bans'"


async def test_a_batch_reads_no_more_bans_than_it_has_authors(database_url: str) -> None:
    await execute(
        database_url,
        "INSERT INTO parley.bans SELECT 'acme', 'r' || n, NULL, NULL, 1 FROM generate_series(1, 10000) n",
        "VACUUM ANALYZE parley.bans",
    )
    pool = await connect(database_url, "parley_gateway", size=1)
    try:
        before = await pool.fetchval(READ)
        asked = {("acme", f"r{number}") for number in range(1, 31)} | {
            ("acme", f"good {number}") for number in range(30)
        }
        assert len(await PageStore(pool).banned(asked, 1)) == 30
        await pool.execute("SELECT pg_stat_force_next_flush()")
        assert await pool.fetchval(READ) - before <= 30
    finally:
        await pool.close()
