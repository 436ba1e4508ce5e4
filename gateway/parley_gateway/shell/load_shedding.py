"""Refuses newcomers while there is too much to do: before anything is read of their tokens."""

import random

from aiohttp import web

from parley import metrics as names
from parley.clock import Clock
from parley.errors import Unavailable
from parley_gateway.core.load_shed import LoadShed
from parley_gateway.shell.own_load import OwnLoad
from parley_runtime.http.problem import Handler, problem
from parley_runtime.settings import Settings
from parley_runtime.telemetry import Metrics, get_logger

#: Seconds between looks.
LOOK_EVERY = 0.5
#: Milliseconds after which a refused one may try again: spread, so that they do not all come at once.
RETRY_MS = (2_000, 8_000)


class LoadShedding:
    """A middleware, and the look at the process's load that decides for it."""

    def __init__(self, settings: Settings, clock: Clock, metrics: Metrics) -> None:
        self._shed = LoadShed(settings.shed_cpu_percent / 100, settings.shed_memory_percent / 100)
        self._load = OwnLoad(settings.memory_limit_mb * 1024 * 1024)
        self._clock = clock
        self._gauge = metrics.gauge(names.SHEDDING)
        self._refused = metrics.counter(names.SHED)

    async def look(self) -> None:
        """Read the load."""
        before = self._shed.why
        self._shed.read(self._clock.monotonic(), self._load.cpu(), self._load.memory())
        if self._shed.why != before:
            get_logger().warning("newcomers are refused" if self._shed.why else "newcomers are taken again",
                                 over=self._shed.why or before)  # fmt: skip
        self._gauge.set(0 if self._shed.why is None else 1)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Lasting connections are refused; single requests are mostly of those who have one already."""
        why = self._shed.why
        lasting = request.path == "/v1/live" or request.path.endswith("/events")
        if why is None or not lasting or request.method != "GET":
            return await handler(request)
        self._refused.labels(why).inc()
        retry = random.randint(*RETRY_MS)  # noqa: S311 - jitter
        answer = problem(Unavailable("This gateway has too much to do.", retry_in_ms=retry))
        answer.force_close()
        return answer
