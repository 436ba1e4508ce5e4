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
from parley_runtime.settings import Settings

#: Seconds between looks at what changed.
TICK = 0.25
#: Seconds after which a count is read again although nothing changed here: a lost message heals.
REREAD = 5.0
#: Calls to Redis at the same time.
CONCURRENT = 32
#: Seconds for which the answer to a join waits for the count. Longer, and Redis is in trouble: the page matters more,
#: and the count follows as a frame of its own.
ANSWER_WAIT = 0.3


class PresenceLoop:
    """Presence of all live pages."""

    def __init__(self, hub: Hub, store: PresenceStore, bus: BusWriter, clock: Clock, settings: Settings) -> None:
        self._hub = hub
        self._store = store
        self._bus = bus
        self._clock = clock
        self._grace = settings.presence_grace_ms / 1000
        self._slots = asyncio.Semaphore(CONCURRENT)

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
        now = self._clock.monotonic()
        counts = []
        for live in list(self._hub.pages.values()):
            presence = live.presence
            presence.expire(now)
            if presence.dirty or (presence.here and now - presence.counted_at >= REREAD):
                counts.append(self._count_once(live))
        if counts:
            await asyncio.gather(*counts)
        now = self._clock.monotonic()
        for live in list(self._hub.pages.values()):
            if live.presence.due(now):
                self._hub.tell_presence(live)
            self._hub.drop_idle(live)

    async def forget_all(self) -> None:
        """This gateway leaves: its readers count no longer."""
        for live in list(self._hub.pages.values()):
            try:
                await self._store.forget(live.tenant, live.page)
            except (RedisError, OSError, TimeoutError):
                return  # the leases end by themselves

    async def _count_once(self, live: LivePage) -> None:
        """Several who ask at once share one count."""
        if live.count is None or live.count.done():
            live.count = asyncio.create_task(self._count(live))
        await asyncio.shield(live.count)

    async def _count(self, live: LivePage) -> None:
        presence = live.presence
        added, removed = list(presence.added), list(presence.removed)
        presence.added.clear()
        presence.removed.clear()
        async with self._slots:
            try:
                total, wrong = await self._store.touch(live.tenant, live.page, added, removed, presence.here)
                if wrong and presence.here and not presence.dirty:
                    # Redis forgot (or kept) some: say all of them again.
                    total, _ = await self._store.touch(live.tenant, live.page, list(presence.readers), [], -1)
            except (RedisError, OSError, TimeoutError):
                presence.added.update(reader for reader in added if reader in presence.readers)
                presence.removed.update(reader for reader in removed if reader not in presence.readers)
                total = presence.best_total  # nobody left because Redis did
        presence.counted_at = self._clock.monotonic()
        presence.total = total
        if presence.announced != total:
            presence.announced = total
            self._bus.publish(Counted(live.tenant, live.page, total))
