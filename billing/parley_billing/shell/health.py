"""Whether this process works, and what it measures."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from aiohttp import web

from parley.clock import Clock
from parley.metrics import BILLING_READY
from parley_billing.shell.problem import json_response, problems
from parley_runtime.database import Pool
from parley_runtime.redis_client import Client
from parley_runtime.telemetry import Metrics

#: Seconds between probes of Redis and the database, and how long an answer counts.
PROBE_EVERY = 1.0
PROBE_VALID = 5.0


class Health:
    """Ready means: Redis and the database answered just now, and usage is being read, here or elsewhere."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._gauge = metrics.gauge(BILLING_READY)
        self._gauge.set(0)
        self._answered = {"redis": float("-inf"), "database": float("-inf")}
        #: Set when the parts exist.
        self.reader_works: Callable[[], bool] = lambda: False
        self.ledger_text: Callable[[], bytes] = lambda: b""

    def state(self) -> dict[str, bool]:
        """What works, by part; all true is ready."""
        now = self._clock.monotonic()
        state = {part: now - at < PROBE_VALID for part, at in self._answered.items()}
        return {**state, "reader": self.reader_works()}

    async def probe_redis(self, client: Client) -> None:
        """Ask once. Raises what the client raises."""
        await cast(Any, client.ping())
        self._answered["redis"] = self._clock.monotonic()

    async def probe_database(self, pool: Pool) -> None:
        """Ask once. Raises what asyncpg raises."""
        await pool.fetchval("SELECT 1")
        self._answered["database"] = self._clock.monotonic()

    async def probe(self, client: Client, pool: Pool) -> None:
        """Ask both once."""
        await asyncio.gather(self.probe_redis(client), self.probe_database(pool))

    def add_routes(self, application: web.Application) -> None:
        """`/healthz/live` and `/healthz/ready`."""
        application.router.add_get("/healthz/live", self._live)
        application.router.add_get("/healthz/ready", self._ready)

    def application(self) -> web.Application:
        """Health and `/metrics`, for the port that only the operator reaches."""
        application = web.Application(middlewares=[problems])
        self.add_routes(application)
        application.router.add_get("/metrics", self._show_metrics)
        return application

    async def _live(self, _request: web.Request) -> web.Response:
        return json_response({"live": True})

    async def _ready(self, _request: web.Request) -> web.Response:
        state = self.state()
        ready = all(state.values())
        self._gauge.set(ready)
        return json_response({"ready": ready, **state}, status=200 if ready else 503)

    async def _show_metrics(self, _request: web.Request) -> web.Response:
        self._gauge.set(all(self.state().values()))
        return web.Response(
            body=self._metrics.text() + self.ledger_text(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )
