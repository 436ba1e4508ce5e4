"""Every night the ledger is compared with its records, by one process of all, and a metric says the outcome."""

import asyncio

from parley.clock import Clock
from parley.metrics import RECONCILED, RECONCILIATION_UNEQUAL
from parley_billing.core.reconciliation import Scope, next_night
from parley_billing.shell.ledger_check import check
from parley_runtime.database import Connection, close, connect
from parley_runtime.outage import Outage
from parley_runtime.telemetry import Metrics, get_logger

#: Key of the advisory lock of the one process that reconciles ("reconc" in ASCII).
RECONCILER_LOCK = 0x7265636F6E63
#: Hour (UTC) of the nightly run: when least is read and written, mostly.
NIGHT_HOUR = 2
#: Seconds from becoming the one that reconciles to the first run: who has just started or been upgraded learns soon
#: whether the sums are right, and a process that dies again and again does not read the whole ledger each time.
FIRST_AFTER = 60.0
#: Seconds between attempts to become the one, while another process is; and after a fault.
STANDBY_EVERY = 60.0
#: Differences that are logged one by one.
LOGGED_MOST = 20


class Reconciliation:
    """Runs until cancelled. Has its own connection, for the lock lives as long as that, and a run may take an hour."""

    def __init__(self, database_url: str, clock: Clock, metrics: Metrics, first_after: float = FIRST_AFTER) -> None:
        self._url = database_url
        self._clock = clock
        self._metrics = metrics
        self._first_after = first_after
        self._outage = Outage("reconciliation waits")

    async def run(self) -> None:
        """Reconcile each night, or stand by while another process does. Every fault is waited out."""
        while True:
            try:
                await self._take_turn()
                self._outage.over()
            except Exception as problem:
                self._outage.began(problem)
            await asyncio.sleep(STANDBY_EVERY)

    async def _take_turn(self) -> None:
        pool = await connect(self._url, "parley_billing", size=1)
        try:
            async with pool.acquire() as connection:
                if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", RECONCILER_LOCK):
                    return
                await asyncio.sleep(self._first_after)
                while True:
                    await self.reconcile(connection)
                    self._outage.over()
                    night = next_night(self._clock.now_ms(), NIGHT_HOUR)
                    while (left := night - self._clock.now_ms()) > 0:
                        await asyncio.sleep(min(left / 1000, STANDBY_EVERY))
                        await connection.fetchval("SELECT 1")  # lost with its lock? Then another process may have it.
        finally:
            await close(pool)

    async def reconcile(self, connection: Connection) -> None:
        """Compare once, and say the outcome as metrics and in the log. Raises what `check` raises; then neither."""
        started = self._clock.monotonic()
        checked = await check(connection, Scope(), LOGGED_MOST)
        # Made here, so that a process that never reconciled says nothing, rather than that all is equal.
        self._metrics.gauge(RECONCILIATION_UNEQUAL).set(checked.differing)
        self._metrics.gauge(RECONCILED).set(self._clock.now_ms() / 1000)
        for difference in checked.differences:
            get_logger().error(
                "a sum of the ledger is not that of its records",
                table=difference.table,
                key=difference.key,
                expected=difference.expected,
                found=difference.found,
            )
        get_logger().info(
            "reconciled",
            records=checked.records,
            sums=sum(checked.tables.values()),
            unequal=checked.differing,
            digest=checked.digest.hex(),
            seconds=round(self._clock.monotonic() - started, 1),
        )
