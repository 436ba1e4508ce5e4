"""Who is writing, on its way to the others on the page: unless the reader is banned, which the database knows."""

import asyncio

import asyncpg

from parley.clock import Clock
from parley_gateway.core.bus_entry import Typed
from parley_gateway.shell.bus import BusWriter
from parley_gateway.shell.page_store import PageStore
from parley_runtime.database import FAULTS
from parley_runtime.outage import Outage

#: Seconds between two questions to the database: so many signals share one. A first one is not held back.
EVERY = 0.05
#: Seconds for its answer. A signal that is older than that says nothing any more, and is dropped.
PATIENCE = 1.0
#: Signals that wait for the next question. More are dropped: each is a hint, and the writer's next one comes soon.
WAITING = 5_000

_TROUBLE: tuple[type[BaseException], ...] = (*FAULTS, asyncpg.PostgresError)


class TypingSignals:
    """Passes them on in the order in which they came."""

    def __init__(self, store: PageStore, bus: BusWriter, clock: Clock) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._waiting: list[Typed] = []
        self._wake = asyncio.Event()
        self._outage = Outage("nobody is shown who writes")

    def show(self, typed: Typed) -> None:
        """Tell the others on its page, soon."""
        if len(self._waiting) < WAITING:
            self._waiting.append(typed)
            self._wake.set()

    async def run(self) -> None:
        """As long as the gateway."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            signals, self._waiting = self._waiting, []
            try:
                async with asyncio.timeout(PATIENCE):
                    banned = await self._store.banned(
                        {(one.tenant, one.reader) for one in signals}, self._clock.now_ms()
                    )
            except _TROUBLE as problem:
                self._outage.began(problem)
            else:
                self._outage.over()
                for one in signals:
                    if (one.tenant, one.reader) not in banned:
                        self._bus.publish(one)
            await asyncio.sleep(EVERY)
