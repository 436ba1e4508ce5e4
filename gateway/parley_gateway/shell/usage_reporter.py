"""Takes what the meter counted to billing: seal, keep on disk, put on the stream, let go when confirmed."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar, cast

from prometheus_client import Counter
from redis.exceptions import RedisError

from parley.clock import Clock
from parley.metrics import (
    DELIVERIES,
    SPOOL_ADOPTED,
    SPOOL_FAULTS,
    SPOOL_RECORDS,
    USAGE_SITES_FOLDED,
    USAGE_UNCOUNTED,
)
from parley.redis_keys import BODY, Keys
from parley_gateway.core.meter import Meter
from parley_gateway.core.resend_window import ResendWindow
from parley_gateway.shell.spool import Spool
from parley_gateway.shell.spool_file import SpoolFile
from parley_runtime.lifecycle import Background
from parley_runtime.outage import Outage
from parley_runtime.redis_client import Client
from parley_runtime.settings import Settings
from parley_runtime.telemetry import Metrics, get_logger

T = TypeVar("T")

#: Seconds between looks at what billing confirmed.
CONFIRM_EVERY = 1.0
#: The same while a process that stops, or one with much behind it, waits for it.
CONFIRM_SOON = 0.1
#: Seconds between looks for spools of dead runs: gateways may share a directory.
ADOPT_EVERY = 10.0
#: Records in one round trip: a few MB at most.
SEND_AT_ONCE = 50
#: Entries. The windows of gateways bound the stream; this is for when there are very many gateways. What is trimmed
#: comes again.
STREAM_LENGTH = 50_000

_FAULTS = (RedisError, OSError, TimeoutError)

#: For each entry id, whether the stream still has it. A script, so that no body travels.
_LOOK = """
local found = {}
for place, id in ipairs(ARGV) do found[place] = #redis.call('XRANGE', KEYS[1], id, id) end
return found
"""


class Held(Protocol):
    """Unconfirmed records `first`..`last` of one run."""

    run: str

    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...
    def get(self, number: int) -> bytes: ...
    def confirm(self, number: int) -> None: ...


@dataclass(slots=True)
class _Outbox:
    """One run on its way to billing; `executor` is the one thread that touches its file."""

    held: Held
    executor: Executor
    window: ResendWindow = field(default_factory=ResendWindow)

    async def on_disk(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.executor, work)

    @property
    def unconfirmed(self) -> int:
        return self.held.last - self.held.first + 1


class UsageReporter:
    """`start` once, `close` once. The event loop never waits for the disk."""

    def __init__(
        self,
        meter: Meter,
        spool: Spool,
        client: Client,
        keys: Keys,
        clock: Clock,
        settings: Settings,
        metrics: Metrics,
    ) -> None:
        self._meter = meter
        self._spool = spool
        self._client = client
        self._keys = keys
        self._clock = clock
        self._seal_every = settings.seal_interval_ms / 1000
        # The own spool has a thread of its own: reading a large one of a dead run must not delay sealing.
        self._own_disk = ThreadPoolExecutor(1, "spool")
        self._adopted_disk = ThreadPoolExecutor(1, "adopted-spools")
        self._own = _Outbox(spool, self._own_disk)
        self._adopted: dict[str, _Outbox] = {}
        self._wake = asyncio.Event()
        self._next_confirm = 0.0
        self._confirm_every = CONFIRM_EVERY
        self._background = Background()
        self._sealing = Background()
        self._records_gauge = metrics.gauge(SPOOL_RECORDS)
        self._adopted_count = metrics.counter(SPOOL_ADOPTED)
        self._totals: list[tuple[Counter, Callable[[], int]]] = [
            (metrics.counter(SPOOL_FAULTS), lambda: spool.faults),
            (metrics.counter(DELIVERIES), lambda: meter.delivered),
            (metrics.counter(USAGE_UNCOUNTED), lambda: meter.uncounted),
            (metrics.counter(USAGE_SITES_FOLDED), lambda: meter.folded),
        ]
        self._told = [0] * len(self._totals)

    @property
    def unconfirmed(self) -> int:
        """Sealed records that billing has not confirmed, of this run and of adopted ones."""
        return sum(outbox.unconfirmed for outbox in self._outboxes())

    def start(self) -> None:
        """Begin to seal, send and adopt."""
        self._background.repeat("adopt spools", self._adopt, ADOPT_EVERY)
        self._background.run("send usage", self._send_for_ever())
        self._sealing.repeat("seal usage", self.seal, self._seal_every)

    async def close(self, seconds: float) -> int:
        """Seal the rest and wait at most `seconds` for billing to confirm it. Number of records left on the spool."""
        await self._sealing.close()
        await self.seal()
        self._confirm_every = CONFIRM_SOON
        deadline = self._clock.monotonic() + seconds
        while self._own.unconfirmed and self._clock.monotonic() < deadline:
            self._wake.set()
            await asyncio.sleep(CONFIRM_SOON / 2)
        await self._background.close()
        left = self.unconfirmed
        if left:
            get_logger().info("usage stays on the spool until a gateway adopts it", records=left)
        if not self._own.unconfirmed:
            await self._forget_confirmed(self._spool.run)
        # The threads finish what they were doing before the files are closed under them.
        await asyncio.to_thread(self._close_files)
        return left

    async def seal(self) -> None:
        """Seal what was counted since the last time, and keep it."""
        spool, now_ms = self._spool, self._clock.now_ms()
        if spool.full:
            await self._own.on_disk(spool.write)
        else:
            # One step with the taking: no moment in which a cancelled task holds lines that nobody keeps.
            lines = self._meter.seal(now_ms)
            await asyncio.shield(asyncio.wrap_future(self._own_disk.submit(spool.put, lines, now_ms)))
        self._wake.set()
        self._show()

    async def _send_for_ever(self) -> None:
        outage = Outage("usage waits on the spool")
        while True:
            try:
                if self._clock.monotonic() >= self._next_confirm:
                    self._next_confirm = self._clock.monotonic() + self._confirm_every
                    await self._take_confirmations()
                for outbox in self._outboxes():
                    await self._look_for_doubtful(outbox)
                    await self._send(outbox)
                outage.over()
            except Exception as problem:  # whatever it is, what is counted goes on being kept
                outage.began(problem)
                await asyncio.sleep(self._confirm_every)
            self._wake.clear()
            try:
                async with asyncio.timeout(max(0.0, self._next_confirm - self._clock.monotonic())):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _send(self, outbox: _Outbox) -> None:
        held, window = outbox.held, outbox.window
        while numbers := window.due(held.first, held.last, SEND_AT_ONCE):
            bodies = await outbox.on_disk(partial(_bodies, held, numbers))
            pipeline = self._client.pipeline(transaction=False)
            for body in bodies:
                pipeline.xadd(self._keys.usage, {BODY: body}, maxlen=STREAM_LENGTH, approximate=True)
            entries: list[bytes] = await pipeline.execute()
            for number, entry in zip(numbers, entries, strict=True):
                window.sent(number, entry.decode(), self._clock.monotonic())
        if window.full(held.first, held.last):
            self._next_confirm = min(self._next_confirm, self._clock.monotonic() + CONFIRM_SOON)

    async def _look_for_doubtful(self, outbox: _Outbox) -> None:
        doubtful = outbox.window.doubtful(self._clock.monotonic())
        if not doubtful:
            return
        found = await cast(Any, self._client.eval(_LOOK, 1, self._keys.usage, *doubtful.values()))
        for number, there in zip(doubtful, found, strict=True):
            if there:
                outbox.window.found(number, self._clock.monotonic())
            else:
                outbox.window.lost(number)

    async def _take_confirmations(self) -> None:
        outboxes = self._outboxes()
        runs = [outbox.held.run for outbox in outboxes]
        confirmed = await cast(Any, self._client.hmget(self._keys.usage_confirmed, runs))
        for outbox, text in zip(outboxes, confirmed, strict=True):
            if text is None or (number := int(text)) < outbox.held.first:
                continue
            await outbox.on_disk(partial(outbox.held.confirm, number))
            outbox.window.confirmed(number)
            if outbox is not self._own and not outbox.unconfirmed:
                del self._adopted[outbox.held.run]
                await outbox.on_disk(cast(SpoolFile, outbox.held).remove)
                await self._forget_confirmed(outbox.held.run)
        self._show()

    async def _adopt(self) -> None:
        known = set(self._adopted)
        loop = asyncio.get_running_loop()
        for spool in await loop.run_in_executor(self._adopted_disk, self._spool.adopt, known):
            self._adopted[spool.run] = _Outbox(spool, self._adopted_disk)
            self._adopted_count.inc()
            records = spool.last - spool.first + 1
            get_logger().info("adopted the spool of a dead run", run=spool.run, records=records)
        self._wake.set()

    async def _forget_confirmed(self, run: str) -> None:
        """The run is over: its confirmation is of no more use."""
        try:
            await cast(Any, self._client.hdel(self._keys.usage_confirmed, run))
        except _FAULTS:
            get_logger().info("a finished run's confirmation stays in Redis", run=run)

    def _close_files(self) -> None:
        self._own_disk.shutdown()
        self._adopted_disk.shutdown()
        self._spool.close()
        for outbox in self._adopted.values():
            cast(SpoolFile, outbox.held).close()

    def _outboxes(self) -> list[_Outbox]:
        return [self._own, *self._adopted.values()]

    def _show(self) -> None:
        self._records_gauge.set(self.unconfirmed)
        for place, (counter, total) in enumerate(self._totals):
            now = total()
            counter.inc(now - self._told[place])
            self._told[place] = now


def _bodies(held: Held, numbers: list[int]) -> list[bytes]:
    return [held.get(number) for number in numbers]
