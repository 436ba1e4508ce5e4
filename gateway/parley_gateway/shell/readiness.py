"""Ready means working: my own probe came back through the bus, and the database answers and takes writes."""

import asyncio

import asyncpg

from parley import metrics as names
from parley.clock import Clock
from parley_gateway.core.bus_entry import Probe
from parley_gateway.shell.bus import BusWriter
from parley_gateway.shell.page_store import PageStore
from parley_runtime.database import FAULTS
from parley_runtime.lifecycle import Background
from parley_runtime.telemetry import Metrics
from parley_runtime.tenant_view import TenantView

#: Seconds between probes.
PROBE_EVERY = 1.0
#: Seconds between probes before the first has come back.
PROBE_FIRST = 0.05
#: Seconds. An older newest probe, or an older answer of the database, means not ready.
STALE = 5.0

_NO_ANSWER: tuple[type[BaseException], ...] = (*FAULTS, asyncpg.PostgresError)


class Readiness:
    """What `/healthz/ready` says, and why."""

    def __init__(
        self,
        run: str,
        bus: BusWriter,
        store: PageStore,
        tenants: TenantView,
        background: Background,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._background = background
        self._tenants = tenants
        self._run = run
        self._bus = bus
        self._store = store
        self._clock = clock
        self._number = 0
        self._probe_seen = float("-inf")
        self._database_seen = float("-inf")
        self._age = metrics.gauge(names.PROBE_AGE)
        self._gauge = metrics.gauge(names.READY)
        self.draining = False

    def seen(self, probe: Probe) -> None:
        """A probe came back."""
        if probe.run == self._run:
            self._probe_seen = self._clock.monotonic()

    async def run(self) -> None:
        """Probe for ever; often until the first one has come back, so that a start is not waited out."""
        while True:
            await self.probe()
            await asyncio.sleep(PROBE_EVERY if self._probe_seen > float("-inf") else PROBE_FIRST)

    async def probe(self) -> None:
        """Send the next probe, each through another partition, and ask the database."""
        self._number += 1
        self._bus.publish(Probe(self._run, self._number))
        try:
            await self._store.alive()
            self._database_seen = self._clock.monotonic()
        except _NO_ANSWER:
            pass  # `missing` says so when it lasts
        self._age.set(min(self._clock.monotonic() - self._probe_seen, 1e9))
        self._gauge.set(0 if self.missing() else 1)

    def missing(self) -> list[str]:
        """What keeps this gateway from being ready; empty when it is."""
        now = self._clock.monotonic()
        missing = [f"the background task “{name}” has ended: restart this process" for name in self._background.dead]
        if self.draining:
            missing.append("this gateway is shutting down")
        if not self._tenants.ready:
            missing.append("the tenant registry has not been read yet")
        if now - self._probe_seen > STALE:
            missing.append("the own probe has not come back through the bus (Redis)")
        if now - self._database_seen > STALE:
            missing.append("the database (Postgres) does not answer, or takes no writes")
        return missing
