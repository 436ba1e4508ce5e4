"""The pages that somebody here listens to, and everything that moves them on."""

import asyncio
from collections.abc import Coroutine, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from parley import limits
from parley import metrics as names
from parley.clock import Clock
from parley.pages import partition_of
from parley.server_frames import Presence, Resync, TypingShown, encode
from parley_gateway.core.bus_entry import BusEntry, Changed, Counted, Typed
from parley_gateway.core.fill import changes_from
from parley_gateway.core.live_frames import live_frames
from parley_gateway.core.page_channel import LONGEST_FILL, Taken
from parley_gateway.core.prepared_frame import PreparedFrame
from parley_gateway.shell.fan_out import Broadcast, FanOut
from parley_gateway.shell.live_page import LivePage
from parley_gateway.shell.page_store import PageStore
from parley_gateway.shell.subscriber import Subscriber
from parley_runtime.outage import Outage
from parley_runtime.settings import Settings
from parley_runtime.telemetry import Metrics, get_logger

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from parley_gateway.shell.tracing import Tracing

#: Seconds. A hole on the bus: two gateways' entries crossed. Longer than that, and the database is asked.
HOLE_WAIT = 0.05
#: Pages in one comparison of heads.
HEADS = 5_000
#: Bytes. A slow client that has drained to this is told to resync.
DRAINED = 16_384
#: Seconds between looks at slow clients.
SLOW_TICK = 0.25


class Hub:
    """All live pages of this gateway."""

    def __init__(self, store: PageStore, clock: Clock, settings: Settings, metrics: Metrics, fan_out: FanOut) -> None:
        self.store = store
        self.pages: dict[tuple[str, str], LivePage] = {}
        #: Pages whose subscribers perhaps know another count of readers than is known here.
        self.untold: set[LivePage] = set()
        #: What the database's latest answer said.
        self.epoch: str | None = None
        self._clock = clock
        self._settings = settings
        self._fan_out = fan_out
        #: Set where operations are traced.
        self.tracing: Tracing | None = None
        self._slow: set[Subscriber] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._outage = Outage("pages cannot be mended yet")
        self._doubtful: set[LivePage] = set()
        self._comparing: asyncio.Task[None] | None = None
        self._entries = metrics.counter(names.BUS_ENTRIES)
        self._filled = metrics.counter(names.GAPS_FILLED)
        self._resyncs = metrics.counter(names.RESYNCS)
        self._page_gauge = metrics.gauge(names.PAGES)

    # Pages come and go

    def open(self, tenant: str, page: str) -> LivePage:
        """The live page, made when nobody listened before."""
        key = (tenant, page)
        live = self.pages.get(key)
        if live is None:
            live = self.pages[key] = LivePage(tenant, page, self._settings.flush_window_ms)
            self._page_gauge.set(len(self.pages))
        return live

    def drop_idle(self, live: LivePage) -> bool:
        """Forget a page that nobody needs."""
        if not live.idle or self.pages.get((live.tenant, live.page)) is not live:
            return False
        live.stop()
        del self.pages[(live.tenant, live.page)]
        self._page_gauge.set(len(self.pages))
        return True

    # What arrives

    def receive(self, entry: BusEntry) -> None:
        """An entry from the bus."""
        if isinstance(entry, Changed):
            self._entries.labels(self.apply(entry)).inc()
        elif isinstance(entry, Counted):
            live = self.pages.get((entry.tenant, entry.page))
            if live is not None:
                live.presence.heard(entry.readers)
                self.untold.add(live)
        elif isinstance(entry, Typed):
            live = self.pages.get((entry.tenant, entry.page))
            if live is not None and live.members:
                frame = PreparedFrame("typing", encode(TypingShown(entry.page, entry.chat, entry.reader)))
                self._tell_all(live, frame, skip=entry.client)

    def apply(self, entry: Changed) -> str:
        """Changes of a page, from a commit here or from the bus. Returns what became of them."""
        live = self.pages.get((entry.tenant, entry.page))
        if live is None:
            return "no-subscriber"
        taken = live.channel.receive(entry)
        if entry.traces and self.tracing is not None and taken in (Taken.APPLIED, Taken.HELD) and live.members:
            live.spans += self.tracing.arrived(entry.traces)
        if taken is Taken.APPLIED:
            live.window.count(len(entry.changes), self._clock.monotonic())
        elif taken is Taken.FOREIGN_EPOCH:
            self._doubt([live])
        self._advanced(live)
        return taken.value

    def begin(self, live: LivePage, epoch: str, seq: int) -> None:
        """The page stands there; what had arrived before that was known goes on from it."""
        self.epoch = epoch
        live.channel.start(epoch, seq)
        self._advanced(live)

    def _advanced(self, live: LivePage) -> None:
        if not live.channel.started:
            return
        if not live.channel.has_hole:
            if live.hole_timer is not None:
                live.hole_timer.cancel()
                live.hole_timer = None
        elif live.hole_timer is None:
            live.hole_timer = asyncio.get_running_loop().call_later(HOLE_WAIT, self._hole_stays, live)
        self._schedule_flush(live)

    def _hole_stays(self, live: LivePage) -> None:
        live.hole_timer = None
        if live.channel.has_hole:
            self.fill(live, "hole")

    # What goes out

    def _schedule_flush(self, live: LivePage) -> None:
        if live.sending or live.flush_timer is not None or not live.channel.has_pending:
            return
        loop = asyncio.get_running_loop()
        wait = live.window.wait(self._clock.monotonic())
        # Even "at once" lets what was read in the same go join in.
        flush = partial(self._flush, live)
        live.flush_timer = loop.call_later(wait, flush) if wait > 0 else loop.call_soon(flush)

    def _flush(self, live: LivePage) -> None:
        live.flush_timer = None
        channel = live.channel
        if channel.epoch is None or not channel.has_pending:
            return
        after, seq, changes = channel.flush()
        live.window.flushed(self._clock.monotonic())
        live.wake()
        spans, live.spans = live.spans, []
        if not live.members:
            return
        frames = live_frames(live.page, channel.epoch, after, seq, changes)
        live.sending = True
        self._fan_out.submit(
            Broadcast(
                live,
                [PreparedFrame("live", frame.payload, f"{channel.epoch}:{frame.seq}") for frame in frames],
                [frame.events for frame in frames],
                after=after,
                done=partial(self._sent, live, spans),
            )
        )

    def _sent(self, live: LivePage, spans: "list[Span]") -> None:
        if spans and self.tracing is not None:
            self.tracing.delivered(spans, len(live.members))
        live.sending = False
        self._schedule_flush(live)

    def tell_presence(self, live: LivePage) -> None:
        """Send the page's count of readers to its subscribers; later, when an earlier count is still being told."""
        frame = PreparedFrame("presence", encode(Presence(live.page, live.presence.total)))
        if not live.members or self._tell_all(live, frame):
            live.presence.mark_told(self._clock.monotonic())

    def _tell_all(self, live: LivePage, frame: PreparedFrame, skip: str = "") -> bool:
        """Send what carries no history, unless the page's last frame of this kind still waits for its turn.

        So however much is typed on a page with a large audience, its frames do not pile up.
        """
        if frame.kind in live.telling:
            return False
        live.telling.add(frame.kind)
        done = partial(live.telling.discard, frame.kind)
        self._fan_out.submit(Broadcast(live, [frame], [1], after=None, done=done, skip=skip))
        return True

    # What the database knows better

    def outdated(self, epoch: str, under: str | None) -> bool:
        """Whether an answer is from before a failover that another answer has told of since it was asked for.

        `under`: this gateway's `epoch` when it asked. Such an answer would set a page back to a history that ended.
        """
        return epoch != self.epoch and self.epoch != under

    def fill(self, live: LivePage, by: str) -> None:
        """Read the page's missing events from the database, unless that is being done."""
        if live.fill is None or live.fill.done():
            live.fill = self._start(self._fill(live, by))

    async def _fill(self, live: LivePage, by: str) -> None:
        channel = live.channel
        after, epoch = channel.received, channel.epoch
        events = await self.store.events(live.tenant, live.page, after, LONGEST_FILL)
        if channel.epoch != epoch:
            return  # it began anew meanwhile
        self._filled.labels(by).inc()
        received = channel.received
        if events.epoch != epoch:
            self.restart(live, events.epoch, events.seq, "epoch")
        elif events.seq < after:
            self.restart(live, events.epoch, events.seq, "rollback")
        elif events.seq <= received:
            return  # all of it came by another way meanwhile
        elif (changes := changes_from(events, received)) is None:
            self.restart(live, events.epoch, events.seq, "behind")
        else:
            self.apply(Changed(live.tenant, live.page, epoch, received, events.seq, changes))

    async def compare(self, pages: Iterable[LivePage]) -> None:
        """Compare the pages' heads with the database, and mend what differs."""
        started = [live for live in pages if live.channel.started]
        for first in range(0, len(started), HEADS):
            group = started[first : first + HEADS]
            known, under = [(live.channel.epoch, live.channel.received) for live in group], self.epoch
            epoch, heads = await self.store.heads([(live.tenant, live.page) for live in group])
            if self.outdated(epoch, under):
                return  # the next comparison is soon
            for live, (old_epoch, received), head in zip(group, known, heads, strict=True):
                channel = live.channel
                if channel.epoch != old_epoch:
                    continue
                if epoch != old_epoch:
                    self.restart(live, epoch, head, "epoch")
                elif head > channel.received:
                    # Most likely the entry is on its way.
                    asyncio.get_running_loop().call_later(HOLE_WAIT, self._behind, live, head)
                elif head < received:
                    self.restart(live, epoch, head, "rollback")

    def _behind(self, live: LivePage, head: int) -> None:
        if live.channel.started and live.channel.received < head:
            self.fill(live, "heads")

    async def compare_all(self) -> None:
        """The guarantee behind the bus: every page that somebody listens to is compared."""
        if self.pages:
            await self.compare(list(self.pages.values()))

    def compare_soon(self, partitions: set[int]) -> None:
        """The bus has lost something there."""
        self._doubt(live for live in self.pages.values() if partition_of(live.tenant, live.page) in partitions)

    def _doubt(self, pages: Iterable[LivePage]) -> None:
        """Compare these soon. Many doubts at once (a stream read again from its beginning) share a few queries."""
        self._doubtful.update(pages)
        if self._doubtful and (self._comparing is None or self._comparing.done()):
            self._comparing = self._start(self._compare_doubtful())

    async def _compare_doubtful(self) -> None:
        while self._doubtful:
            pages, self._doubtful = self._doubtful, set()
            await self.compare(pages)

    def doubtful(self, tenant: str, page: str) -> None:
        """A commit may have happened unseen."""
        live = self.pages.get((tenant, page))
        if live is not None and live.channel.started:
            self.fill(live, "heads")

    def restart(self, live: LivePage, epoch: str, seq: int, why: str) -> None:
        """The history changed under us, or too much was missed: everybody on the page joins again."""
        self.begin(live, epoch, seq)
        frame = PreparedFrame("resync", encode(Resync(live.page, why)))
        members = live.dismiss_all()
        for subscriber in members:
            subscriber.send(frame)
        self._resyncs.labels(why).inc(len(members))
        live.wake()
        get_logger().warning("a page began anew", tenant=live.tenant, why=why, subscribers=len(members))

    # Slow clients

    def mark_slow(self, subscriber: Subscriber) -> None:
        """Its buffer is full: tell it nothing more until it has drained."""
        if subscriber.slow_since is None:
            subscriber.slow_since = self._clock.monotonic()
            self._slow.add(subscriber)
            for live in subscriber.pages.values():
                live.dismiss(subscriber)

    async def look_at_slow(self) -> None:
        """One resync for those who have drained; the end for those who do not."""
        now = self._clock.monotonic()
        for subscriber in list(self._slow):
            assert subscriber.slow_since is not None
            if subscriber.buffered <= DRAINED:
                self._slow.discard(subscriber)
                subscriber.slow_since = None
                for page in subscriber.pages:
                    self._resyncs.labels("slow").inc()
                    subscriber.send(PreparedFrame("resync", encode(Resync(page, "slow"))))
            elif now - subscriber.slow_since > limits.SLOW_GRACE.default / 1000:
                self._slow.discard(subscriber)
                subscriber.close_slow()

    # Subscribers

    def attach(self, live: LivePage, subscriber: Subscriber, seq: int) -> None:
        """From `seq` on it is told."""
        live.admit(subscriber, seq)

    def detach(self, live: LivePage, subscriber: Subscriber) -> None:
        """It is told no more."""
        live.dismiss(subscriber)

    def gone(self, subscriber: Subscriber) -> None:
        """Its connection ended."""
        self._slow.discard(subscriber)

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        if (problem := task.exception()) is None:
            self._outage.over()
        else:
            self._outage.began(problem)  # the next comparison of heads tries again
