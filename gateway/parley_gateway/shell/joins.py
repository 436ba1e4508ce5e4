"""Answering a join: what the page holds, then a seamless start of what happens."""

from functools import partial

import msgspec

from parley.client_frames import Since
from parley.server_frames import Page, Resync, encode
from parley_gateway.core.kept_answers import Answer, KeptAnswers
from parley_gateway.core.live_frames import live_frames
from parley_gateway.core.page_answer import Part
from parley_gateway.core.prepared_frame import PreparedFrame
from parley_gateway.shell.hub import Hub
from parley_gateway.shell.live_page import LivePage
from parley_gateway.shell.page_heads import PageHeads
from parley_gateway.shell.page_reads import PageReads, cursor_of
from parley_gateway.shell.presence_loop import PresenceLoop
from parley_gateway.shell.subscriber import Subscriber

#: Seconds for which a join waits for the bus to reach what the database said, before it asks the database.
CATCH_UP = 0.1


class Joins:
    """Opens pages for subscribers."""

    def __init__(self, hub: Hub, presence: PresenceLoop) -> None:
        self._hub = hub
        self._presence = presence
        self._reads = PageReads(hub)
        self._heads = PageHeads(hub.store)
        self._kept = KeptAnswers()

    def open(self, subscriber: Subscriber, page: str) -> LivePage:
        """Count the reader in and hold the page; `answer` must follow."""
        live = self._hub.open(subscriber.tenant, page)
        if page not in subscriber.pages:
            subscriber.pages[page] = live
            self._presence.join(live, subscriber.reader)
        self._hub.detach(live, subscriber)
        return live

    def close(self, subscriber: Subscriber, page: str) -> None:
        """The subscriber leaves the page."""
        live = subscriber.pages.pop(page, None)
        if live is not None:
            self._hub.detach(live, subscriber)
            self._presence.leave(live, subscriber.reader)

    async def answer(self, live: LivePage, subscriber: Subscriber, since: Since | None) -> None:
        """Send the `page` frames, then attach. Raises the database's errors; nothing is attached then."""
        live.users += 1
        try:
            await self._answer(live, subscriber, since)
        finally:
            live.users -= 1

    async def _answer(self, live: LivePage, subscriber: Subscriber, since: Since | None) -> None:
        readers = await self._presence.counted(live)
        epoch, seq = cursor_of(since)
        kind = None
        while True:
            answer = await self._read(live, epoch, seq)
            if kind is not None and answer.kind == "snapshot":
                # The history changed between two parts: what was sent so far belongs to another one.
                subscriber.send(PreparedFrame("resync", encode(Resync(live.page, "epoch"))))
                return
            kind = kind or answer.kind
            channel = live.channel
            if not channel.started:
                self._hub.begin(live, answer.epoch, answer.seq)
            elif channel.epoch != answer.epoch:
                self._hub.restart(live, answer.epoch, answer.seq, "epoch")
            for part in answer.parts:
                if part.more:
                    await self._send(live, subscriber, answer, kind, part, readers)
            last = answer.parts[-1]
            epoch, seq = answer.epoch, last.seq
            if not last.more and await self._reached(live, answer):
                # Nothing waits between here and `attach`: no change can slip through.
                missed = channel.since(last.seq)
                if missed is not None:
                    break
            # The page moved on by more than is held here: what was sent so far is a part, the rest follows.
            if not last.more:
                await self._send(live, subscriber, answer, kind, msgspec.structs.replace(last, more=True), readers)
        # The write must not wait, or changes could pass it: the frame is small or the socket was drained above.
        self._send_now(live, subscriber, answer, kind, last, readers)
        if missed:
            assert channel.epoch is not None
            for frame in live_frames(live.page, channel.epoch, last.seq, channel.head, missed):
                prepared = PreparedFrame("live", frame.payload, f"{channel.epoch}:{frame.seq}")
                if size := subscriber.send(prepared):
                    subscriber.counter.delivery(frame.events, size)
        if live.page in subscriber.pages and subscriber.slow_since is None:
            self._hub.attach(live, subscriber, channel.head)
            if live.presence.joined(readers):
                self._hub.untold.add(live)

    async def _reached(self, live: LivePage, answer: Answer) -> bool:
        """Wait until the channel's head is at least the answer's; the database fills what the bus does not bring."""
        channel = live.channel
        asked = False
        while channel.epoch == answer.epoch and channel.head < answer.seq:
            if not await live.moved(CATCH_UP):
                if asked:
                    return False
                self._hub.fill(live, "hole")
                asked = True
        return channel.epoch == answer.epoch

    async def _read(self, live: LivePage, epoch: str | None, seq: int) -> Answer:
        """What the database says after a cursor; not older than the question, though perhaps kept from earlier."""
        key = (live.tenant, live.page, epoch, seq)
        while (kept := self._kept.get(key)) is not None:
            under = self._hub.epoch
            head = await self._heads.read(live.tenant, live.page)
            if self._hub.outdated(head[0], under):
                continue
            if head == (kept.epoch, kept.seq):
                return kept
            self._kept.drop(key)
        answer = await self._reads.read_key(key)
        self._kept.put(key, answer)
        return answer

    async def _send(
        self, live: LivePage, subscriber: Subscriber, answer: Answer, kind: str, part: Part, readers: int
    ) -> None:
        frame = page_frame(live.page, answer.epoch, kind, part, readers)
        await subscriber.send_paced(frame, partial(subscriber.counter.replay, 1))

    def _send_now(
        self, live: LivePage, subscriber: Subscriber, answer: Answer, kind: str, part: Part, readers: int
    ) -> None:
        size = subscriber.send(page_frame(live.page, answer.epoch, kind, part, readers))
        if size:
            subscriber.counter.replay(1, size)


def page_frame(page: str, epoch: str, kind: str, part: Part, readers: int) -> PreparedFrame:
    """One `page` frame."""
    more: bool | msgspec.UnsetType = True if part.more else msgspec.UNSET
    frame = Page(
        page, epoch, part.seq, "snapshot" if kind == "snapshot" else "changes", part.chats, part.gone, readers, more
    )
    return PreparedFrame("page", encode(frame), f"{epoch}:{part.seq}")
