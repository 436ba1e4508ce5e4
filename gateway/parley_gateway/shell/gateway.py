"""All parts of one gateway, and the connections that it holds."""

import asyncio
import random
from contextlib import suppress
from typing import Protocol

from parley import metrics as names
from parley.claims import Claims
from parley.clock import Clock
from parley.errors import CloseCode, Refusal
from parley.tenants import Tenant
from parley_gateway.core.meter import Counter, Meter
from parley_gateway.core.revocation import Endings
from parley_gateway.shell.admission import Admission
from parley_gateway.shell.hub import Hub
from parley_gateway.shell.joins import Joins
from parley_gateway.shell.operations import Operations
from parley_gateway.shell.presence_loop import PresenceLoop
from parley_gateway.shell.subscriber import Subscriber
from parley_gateway.shell.typing_signals import TypingSignals
from parley_runtime.telemetry import Metrics

#: Seconds between two pings of one connection.
PING_EVERY = 25.0
#: Seconds without a sign of life after which a connection is taken for dead.
SILENCE = 65.0
#: Turns of the ping wheel: each turn pings its share of the connections.
WHEEL = 25
#: Connections that are closed in one go: some milliseconds.
ENDED_AT_ONCE = 100
#: Shares of the time for a drain: in the first all connections move; the second is for those who chose its very end,
#: the third for closing handshakes, each at most so many seconds. What is left is for usage, and for what does not
#: answer.
MOVING, LATECOMERS, CLOSING = 0.6, 0.1, 0.1
LATECOMERS_MOST, CLOSING_MOST = 1.0, 2.0
#: Seconds for closing handshakes at least, however little time there is.
CLOSING_LEAST = 0.2


class Admitted(Protocol):
    """Whoever is here for longer because of a token."""

    @property
    def claims(self) -> Claims | None: ...
    def move(self, within_ms: int) -> None: ...
    def end(self, code: CloseCode, refusal: Refusal) -> None: ...


class Pinged(Admitted, Protocol):
    """A connection that can be asked whether it is alive, and cut."""

    last_heard: float

    def ping(self) -> None: ...
    def abort(self) -> None: ...


class Gateway:
    """Holds the parts; each connection gets it whole."""

    def __init__(
        self,
        *,
        clock: Clock,
        metrics: Metrics,
        meter: Meter,
        hub: Hub,
        typing: TypingSignals,
        joins: Joins,
        presence: PresenceLoop,
        admission: Admission,
        operations: Operations,
    ) -> None:
        self.clock = clock
        self.metrics = metrics
        self.meter = meter
        self.hub = hub
        self.typing = typing
        self.joins = joins
        self.presence = presence
        self.admission = admission
        self.operations = operations
        self.draining = False
        self._counters: dict[tuple[str, str], Counter] = {}
        self._wheel: list[set[Pinged]] = [set() for _ in range(WHEEL)]
        #: Long polls that wait: no connections to be pinged, but there because of a token like those.
        self.polls: set[Admitted] = set()
        self._turn = 0
        self._ending: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()
        self._gauge = metrics.gauge(names.CONNECTIONS)

    def counter(self, tenant: str, site: str) -> Counter:
        """The shared counter of a tenant's site: connections of one site are counted together."""
        counter = self._counters.get((tenant, site))
        if counter is None:
            if len(self._counters) > 10_000:
                # Made-up origins are refused before this, so only very many real ones come here.
                self._counters.clear()
            counter = self._counters[(tenant, site)] = self.meter.counter(tenant, site)
        return counter

    def connected(self, connection: Pinged) -> None:
        """Spread over the wheel, so that pings never come all at once."""
        self._wheel[hash(connection) // 16 % WHEEL].add(connection)
        self._gauge.labels(_transport(connection)).inc()

    def disconnected(self, connection: Pinged) -> None:
        self._wheel[hash(connection) // 16 % WHEEL].discard(connection)
        self._gauge.labels(_transport(connection)).dec()
        self._look_whether_empty()

    def answered(self, poll: Admitted) -> None:
        """A long poll waits no longer."""
        self.polls.discard(poll)
        self._look_whether_empty()

    def _look_whether_empty(self) -> None:
        if self.draining and not self.connection_count:
            self._empty.set()

    @property
    def connection_count(self) -> int:
        """How many there are, long polls included."""
        return sum(map(len, self._wheel)) + len(self.polls)

    @property
    def connections(self) -> list[Pinged]:
        return [connection for share in self._wheel for connection in share]

    async def ping_share(self) -> None:
        """One turn of the wheel."""
        self._turn = (self._turn + 1) % WHEEL
        now = self.clock.monotonic()
        for connection in list(self._wheel[self._turn]):
            if now - connection.last_heard > SILENCE:
                connection.abort()
            else:
                connection.ping()

    def tenant_changed(self, old: Tenant | None, new: Tenant | None) -> None:
        """End whoever may not be here any more: of a deleted tenant, or with a revoked token."""
        if new is not None and (endings := Endings(old, new, self.clock.now_ms() / 1000)).any:
            task = asyncio.create_task(self._end(new.name, endings))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _end(self, tenant: str, endings: Endings) -> None:
        """In slices: when one tenant's thousands are closed, those of the others do not wait for all of it."""
        ended = 0
        for admitted in (*self.connections, *self.polls):
            claims = admitted.claims
            if claims is not None and claims.tenant == tenant and (ending := endings.of(claims)) is not None:
                admitted.end(*ending)
                ended += 1
                if ended % ENDED_AT_ONCE == 0:
                    await asyncio.sleep(0)

    async def drain(self, seconds: float) -> None:
        """Ask everybody to move within a share of the time, then close who is left."""
        self.draining = True
        within = MOVING * seconds
        for admitted in (*self.connections, *self.polls):
            admitted.move(round(within * 1000))
        await self._emptied(within + min(LATECOMERS * seconds, LATECOMERS_MOST))
        for connection in self.connections:
            retry = round(random.uniform(0, 2_000))  # noqa: S311 - jitter
            connection.end(CloseCode.RESTARTING, Refusal("unavailable", retry_in_ms=retry))
        await self._emptied(min(max(CLOSING * seconds, CLOSING_LEAST), CLOSING_MOST))
        for connection in self.connections:
            connection.abort()

    async def _emptied(self, seconds: float) -> None:
        """Wait until the last connection has gone, at most this long."""
        self._empty.clear()
        if self.connection_count:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._empty.wait()


def _transport(connection: Pinged) -> str:
    assert isinstance(connection, Subscriber)
    return connection.transport_name
