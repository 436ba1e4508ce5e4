"""Whether billing works."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from parley.clock import Clock
from parley.metrics import BILLING_READY
from parley_runtime.database import Pool
from parley_runtime.lifecycle import Background
from parley_runtime.redis_client import Client
from parley_runtime.telemetry import Metrics

#: Seconds between probes of Redis and the database, and how long an answer counts.
PROBE_EVERY = 1.0
PROBE_VALID = 5.0


class Health:
    """Ready means: Redis and the database answered just now, and usage is being read, here or elsewhere."""

    def __init__(self, clock: Clock, metrics: Metrics, background: Background) -> None:
        self._clock = clock
        self._background = background
        self._gauge = metrics.gauge(BILLING_READY)
        self._gauge.set(0)
        self._redis_seen = float("-inf")
        self._database_seen = float("-inf")
        #: Set when the reader exists.
        self.reader_works: Callable[[], bool] = lambda: False

    def missing(self) -> list[str]:
        """What keeps this process from being ready; empty when it is."""
        now = self._clock.monotonic()
        missing = [f"the background task “{name}” has ended: restart this process" for name in self._background.dead]
        if now - self._redis_seen > PROBE_VALID:
            missing.append("Redis does not answer")
        if now - self._database_seen > PROBE_VALID:
            missing.append("the database (Postgres) does not answer")
        if not self.reader_works():
            missing.append("usage is not being read")
        self._gauge.set(not missing)
        return missing

    async def probe_redis(self, client: Client) -> None:
        """Ask once. Raises what the client raises."""
        await cast(Any, client.ping())
        self._redis_seen = self._clock.monotonic()

    async def probe_database(self, pool: Pool) -> None:
        """Ask once. Raises what asyncpg raises."""
        await pool.fetchval("SELECT 1")
        self._database_seen = self._clock.monotonic()

    async def probe(self, client: Client, pool: Pool) -> None:
        """Ask both once."""
        try:
            await asyncio.gather(self.probe_redis(client), self.probe_database(pool))
        finally:
            self.missing()  # the metric tells it, whoever asks
