"""Reaching the database at the start of a process, however long it takes to come."""

import asyncio
import random

from parley_runtime.database import DatabaseRole, Pool, connect, migrate
from parley_runtime.lifecycle import RETRY_LONGEST
from parley_runtime.outage import Outage
from parley_runtime.settings import Settings


async def reach_database(settings: Settings, role: DatabaseRole, *, migrating: bool = False) -> Pool:
    """A pool that acts as `role`, after bringing the schema up to date if `migrating`. Every fault is waited out.

    One that is no absence of the database (a role that nobody has made yet, a migration that fails) is in the log.
    """
    url = settings.database_url.get_secret_value()
    outage = Outage("waiting for the database", role=role)
    while True:
        try:
            if migrating:
                await migrate(url)
            pool = await connect(url, role, size=settings.database_pool)
        except Exception as problem:
            outage.began(problem)
            await asyncio.sleep(random.uniform(RETRY_LONGEST / 4, RETRY_LONGEST))  # noqa: S311 - jitter
        else:
            outage.over()
            return pool
