"""Keeps the count of readers right: local joins and leaves to Redis, the sum back to everybody."""

import asyncio
from contextlib import suppress

from redis.exceptions import RedisError

from parley.clock import Clock
from parley_gateway.core.bus_entry import Counted
from parley_gateway.shell.bus import BusWriter
from parley_gateway.shell.hub import Hub
from parley_gateway.shell.live_page import LivePage
from parley_gateway.shell.presence_store import PresenceStore
from parley_runtime.outage import Outage
from parley_runtime.settings import Settings

#: Seconds between looks at what changed.
TICK = 0.25
#: Seconds after which a count is read again although nothing changed here: a lost message heals.
REREAD = 5.0
#: Pages that are counted at the same time; what is asked of Redis then shares pipelines.
CONCURRENT = 256
#: Seconds for which the answer to a join waits for the count. Longer, and Redis is in trouble: the page matters more,
#: and the count follows as a frame of its own.
ANSWER_WAIT = 0.3
#: Seconds without another question after one that Redis did not answer: many pages must not wait for it one by one.
PAUSE = 1.0
#: Seconds for which leaving may take; what is not forgotten by then ends with its lease.
FORGET_WAIT = 2.0


class PresenceLoop:
    """Presence of all live pages."""

    def __init__(self, hub: Hub, store: PresenceStore, bus: BusWriter, clock: Clock, settings: Settings) -> None:
        self._hub = hub
        self._store = store
        self._bus = bus
        self._clock = clock
        self._grace = settings.presence_grace_ms / 1000
        self._slots = asyncio.Semaphore(CONCURRENT)
        self._asking_from = float("-inf")
        self._outage = Outage("readers cannot be counted")
        self._leaving = False

    def join(self, live: LivePage, reader: str) -> None:
        live.presence.join(reader)

    def leave(self, live: LivePage, reader: str) -> None:
        live.presence.leave(reader, self._clock.monotonic(), self._grace)

    async def counted(self, live: LivePage) -> int:
        """The page's readers, with what just changed here."""
        if live.presence.dirty or live.presence.told is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(ANSWER_WAIT):
                    await self._count_once(live)
        if not live.members:
            # The first one reads the count in its answer; there is nobody else to tell.
            live.presence.mark_told(self._clock.monotonic())
        return live.presence.best_total

    async def tick(self) -> None:
        """Count where something changed, tell where the count changed, forget pages without anybody."""
        if self._leaving:
            return
        now = self._clock.monotonic()
        counts = []
        for live in list(self._hub.pages.values()):
            presence = live.presence
            presence.expire(now)
            due = presence.dirty or (presence.here and now - presence.counted_at >= REREAD)
            if due and now >= self._asking_from:
                counts.append(self._counting(live))
        if counts:
            done, _ = await asyncio.wait(counts)
            for count in done:
                count.result()
        now = self._clock.monotonic()
        for live in list(self._hub.pages.values()):
            if live.presence.due(now):
                self._hub.tell_presence(live)
            self._hub.drop_idle(live)

    async def forget_all(self, seconds: float = FORGET_WAIT) -> None:
        """This gateway leaves: its readers count no longer, here or anywhere. Within `seconds`."""
        self._leaving = True
        with suppress(RedisError, OSError, TimeoutError):  # the leases end by themselves
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(self._forget(live) for live in list(self._hub.pages.values())))

    async def _forget(self, live: LivePage) -> None:
        if live.count is not None:
            await live.count  # a count under way would renew what is forgotten here
        async with self._slots:
            await self._store.forget(live.tenant, live.page)

    async def _count_once(self, live: LivePage) -> None:
        await asyncio.shield(self._counting(live))

    def _counting(self, live: LivePage) -> "asyncio.Task[None]":
        """Several who ask at once share one count."""
        if live.count is None or live.count.done():
            live.count = asyncio.create_task(self._count(live))
        return live.count

    async def _count(self, live: LivePage) -> None:
        presence = live.presence
        added, removed = list(presence.added), list(presence.removed)
        presence.added.clear()
        presence.removed.clear()
        async with self._slots:
            try:
                if self._clock.monotonic() < self._asking_from:
                    raise TimeoutError
                total, wrong = await self._store.touch(live.tenant, live.page, added, removed, presence.here)
                if wrong and presence.here and not presence.dirty:
                    # Redis forgot some, or kept some: say who is here from the beginning.
                    total, _ = await self._store.touch(
                        live.tenant, live.page, list(presence.readers), [], -1, afresh=True
                    )
                self._outage.over()
            except (RedisError, OSError, TimeoutError) as problem:
                now = self._clock.monotonic()
                if now >= self._asking_from:
                    self._asking_from = now + PAUSE
                    self._outage.began(problem)
                presence.added.update(reader for reader in added if reader in presence.readers)
                # With nobody here the lease ends by itself: the page need not be held for the sake of who has left.
                if presence.here:
                    presence.removed.update(reader for reader in removed if reader not in presence.readers)
                else:
                    presence.removed.clear()
                total = presence.best_total  # nobody left because Redis did
        presence.counted_at = self._clock.monotonic()
        presence.total = total
        if presence.announced != total:
            presence.announced = total
            self._bus.publish(Counted(live.tenant, live.page, total))
