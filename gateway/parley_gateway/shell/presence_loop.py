"""Keeps the count of readers right: local joins and leaves to Redis, the sum back to everybody.

Nothing here looks at every page: those that changed, those whose count is old, and those whose readers must be told are
known. All that is asked of Redis at one time goes in one go.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from contextlib import suppress

from parley.clock import Clock
from parley_gateway.core.bus_entry import Counted
from parley_gateway.shell.bus import BusWriter
from parley_gateway.shell.hub import Hub
from parley_gateway.shell.live_page import LivePage
from parley_gateway.shell.presence_store import PresenceStore, Touch
from parley_runtime.outage import REDIS_AWAY, Outage
from parley_runtime.settings import Settings

#: Seconds between looks at what changed.
TICK = 0.25
#: Seconds after which a count is read again although nothing changed here: a lost message heals.
REREAD = 5.0
#: Leases last for so many renewals at least.
RENEWALS = 2.5
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
        self._reread = min(REREAD, settings.presence_lease_ms / 1000 / RENEWALS)
        #: Pages by the time of their last count; with readers who came or left since; that perhaps nobody needs.
        self._counted: OrderedDict[LivePage, None] = OrderedDict()
        self._changed: set[LivePage] = set()
        self._perhaps_idle: set[LivePage] = set()
        #: (when a reader's grace ends, the page): the grace is the same for all, so they end in order.
        self._leavers: deque[tuple[float, LivePage]] = deque()
        #: Pages that wait for the next question to Redis, and whether one is under way.
        self._wanted: list[LivePage] = []
        self._asking: asyncio.Task[None] | None = None
        self._asking_from = float("-inf")
        self._outage = Outage("readers cannot be counted")
        self._leaving = False

    def join(self, live: LivePage, reader: str) -> None:
        live.presence.join(reader)
        self._changed.add(live)

    def leave(self, live: LivePage, reader: str) -> None:
        now = self._clock.monotonic()
        if live.presence.leave(reader, now, self._grace):
            self._leavers.append((now + self._grace, live))

    async def counted(self, live: LivePage) -> int:
        """The page's readers, with what just changed here."""
        if not live.presence.settle():
            with suppress(TimeoutError):
                async with asyncio.timeout(ANSWER_WAIT):
                    await asyncio.shield(self._counting(live))
        if not live.members:
            # The first one reads the count in its answer; there is nobody else to tell.
            live.presence.mark_told(self._clock.monotonic())
        else:
            self._hub.untold.add(live)
        return live.presence.best_total

    async def tick(self) -> None:
        """Count where something changed, tell where the count changed, forget pages without anybody."""
        if self._leaving:
            return
        if self._asking is not None and self._asking.done():
            self._asking.result()  # what nobody foresaw is not kept quiet
            self._asking = None
        self._expire(self._clock.monotonic())
        if due := self._due(self._clock.monotonic()):
            await asyncio.wait([self._counting(live) for live in due])
        now = self._clock.monotonic()
        for live in list(self._hub.untold):
            if live.presence.due(now):
                self._hub.tell_presence(live)
            if live.presence.told == live.presence.total:
                self._hub.untold.discard(live)
        for live in list(self._perhaps_idle):
            if live.presence.here or not self._is_held(live):
                self._perhaps_idle.discard(live)
            elif self._hub.drop_idle(live):
                self._forgotten(live)

    def _is_held(self, live: LivePage) -> bool:
        return self._hub.pages.get((live.tenant, live.page)) is live

    def _expire(self, now: float) -> None:
        while self._leavers and self._leavers[0][0] <= now:
            _, live = self._leavers.popleft()
            live.presence.expire(now)
            self._changed.add(live)
            if not live.presence.here:
                self._perhaps_idle.add(live)

    def _due(self, now: float) -> list[LivePage]:
        if now < self._asking_from:
            return []
        due = [live for live in self._changed if live.presence.dirty]
        self._changed.clear()
        for live in self._counted:
            if now - live.presence.counted_at < self._reread:
                break
            if live.presence.here and not live.presence.dirty:
                due.append(live)
        return due

    def _forgotten(self, live: LivePage) -> None:
        self._perhaps_idle.discard(live)
        self._counted.pop(live, None)
        self._changed.discard(live)
        self._hub.untold.discard(live)

    async def forget_all(self, seconds: float = FORGET_WAIT) -> None:
        """This gateway leaves: its readers count no longer, here or anywhere. Within `seconds`."""
        self._leaving = True
        with suppress(*REDIS_AWAY):  # the leases end by themselves
            async with asyncio.timeout(seconds):
                if self._asking is not None:
                    await self._asking  # a count under way would renew what is forgotten here
                await self._store.forget(list(self._hub.pages))

    def _counting(self, live: LivePage) -> "asyncio.Future[None]":
        """Several who ask before the question is put share it."""
        if live.count is None:
            live.count = asyncio.get_running_loop().create_future()
            self._wanted.append(live)
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask())
        return live.count

    async def _ask(self) -> None:
        while self._wanted:
            batch, self._wanted = self._wanted, []
            waiting = [live.count for live in batch]
            for live in batch:
                live.count = None
            try:
                await self._count(batch)
            finally:
                for future in waiting:
                    if future is not None and not future.done():
                        future.set_result(None)

    async def _count(self, batch: Sequence[LivePage]) -> None:
        if self._leaving:
            return
        if self._clock.monotonic() < self._asking_from:
            for live in batch:
                self._keep(live)
            return
        touches = [self._touch(live) for live in batch]
        wrong = []
        for live, touch, count in zip(batch, touches, await self._store.touch(touches), strict=True):
            presence = live.presence
            if isinstance(count, Exception):
                self._not_counted(live, touch, count)
                continue
            self._take(live, count.total, count.others)
            if count.wrong and presence.here and not presence.dirty:
                wrong.append(live)
        if wrong:
            # Redis forgot some, or kept some: say who is here from the beginning.
            touches = [
                Touch(live.tenant, live.page, list(live.presence.readers), (), -1, afresh=True) for live in wrong
            ]
            for live, count in zip(wrong, await self._store.touch(touches), strict=True):
                if not isinstance(count, Exception):  # else the next renewal finds the same
                    self._take(live, count.total, count.others)

    def _touch(self, live: LivePage) -> Touch:
        presence = live.presence
        touch = Touch(live.tenant, live.page, list(presence.added), list(presence.removed), presence.here)
        presence.added.clear()
        presence.removed.clear()
        return touch

    def _take(self, live: LivePage, total: int, others: int) -> None:
        self._outage.over()
        presence = live.presence
        presence.counted(total, others, self._clock.monotonic())
        self._note(live)
        if presence.announced != total:
            presence.announced = total
            if others:  # else nobody wants to know
                self._bus.publish(Counted(live.tenant, live.page, total))

    def _note(self, live: LivePage) -> None:
        """It was just counted, or tried to be."""
        if self._is_held(live):
            self._counted[live] = None
            self._counted.move_to_end(live)
            self._hub.untold.add(live)

    def _not_counted(self, live: LivePage, touch: Touch, problem: Exception) -> None:
        now = self._clock.monotonic()
        if now >= self._asking_from:
            self._asking_from = now + PAUSE
            self._outage.began(problem)
        presence = live.presence
        presence.added.update(reader for reader in touch.added if reader in presence.readers)
        # With nobody here the lease ends by itself: the page need not be held for the sake of who has left.
        if presence.here:
            presence.removed.update(reader for reader in touch.removed if reader not in presence.readers)
        self._keep(live)

    def _keep(self, live: LivePage) -> None:
        """Nobody left because Redis did: the last known count stays, and those who came are added."""
        presence = live.presence
        presence.total = presence.best_total
        presence.counted_at = self._clock.monotonic()
        self._changed.add(live)
        self._note(live)
