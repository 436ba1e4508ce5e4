"""Waiting for a page to move on, for clients that can hold neither a socket nor a stream open."""

import asyncio
import random
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from parley import metrics as names
from parley.client_frames import Since
from parley.errors import CloseCode, Refusal
from parley.server_frames import TypingShown
from parley_gateway.core.kept_answers import Answer
from parley_gateway.core.prepared_frame import PreparedFrame
from parley_gateway.shell.gateway import Gateway
from parley_gateway.shell.http_access import Caller
from parley_gateway.shell.live_page import LivePage
from parley_gateway.shell.page_reads import PageReads
from parley_gateway.shell.subscriber import Subscriber
from parley_runtime.tokens import LEEWAY

#: Seconds until the database is asked again when it knows less than the bus said: its history is being repaired.
DISAGREEMENT = 0.25

_typing = msgspec.json.Decoder(TypingShown)


class Polled(NamedTuple):
    """What a poll is answered with: what changed, the page's readers, and who began to write meanwhile."""

    read: Answer
    readers: int
    typing: list[TypingShown]


class _Poll(Subscriber):
    """One request that waits for its page. `known`: the readers that its client shows; None when it shows none.

    One that shows them is a member of the page like any other, who is told by an early answer instead of a frame.
    `deadline` is on the loop's clock.
    """

    transport_name = "long-poll"

    def __init__(self, caller: Caller, live: LivePage, since: Since, deadline: float, known: int | None) -> None:
        super().__init__(caller.claims.tenant, caller.claims.reader, caller.client, caller.counter)
        self.claims = caller.claims
        self.live = live
        self.since = since
        self.deadline = deadline
        self.known = known
        self.typing: list[TypingShown] = []
        self._ended: Refusal | None = None
        self._wait: asyncio.Timeout | None = None

    def send(self, frame: PreparedFrame) -> int:
        """Nothing is written: what there is to say is in the answer, and counts there."""
        if frame.kind == "typing":
            self.typing.append(_typing.decode(frame.payload))
        self.live.wake()
        return 0

    async def send_paced(self, frame: PreparedFrame, written: Callable[[int], None]) -> None:
        self.send(frame)

    @property
    def buffered(self) -> int:
        return 0

    def close_slow(self) -> None:
        """Nothing waits to be written to a poll."""

    @property
    def shows_otherwise(self) -> bool:
        """Whether the client shows other readers than there are, or does not know who writes."""
        return self.known is not None and (bool(self.typing) or self.known != self.live.presence.best_total)

    async def wait(self, seconds: float) -> None:
        """Until there may be something to say, at most so long."""
        try:
            async with asyncio.timeout(seconds) as self._wait:
                await self.live.moved(None)
        except TimeoutError:
            pass
        finally:
            self._wait = None

    def move(self, within_ms: int) -> None:
        """Answer at a random moment of this time, with news or without: the client asks again elsewhere."""
        leave = asyncio.get_running_loop().time() + random.uniform(0, within_ms / 1000)  # noqa: S311 - jitter
        self.deadline = min(self.deadline, leave)
        if self._wait is not None and (until := self._wait.when()) is not None:
            self._wait.reschedule(min(until, leave))

    def end(self, code: CloseCode, refusal: Refusal) -> None:
        """Let it answer with this refusal at once."""
        self._ended = refusal
        self.live.wake()

    def check(self) -> None:
        """Raises the refusal with which it was ended."""
        if self._ended is not None:
            raise self._ended


class LongPolls:
    """The polls of this gateway. While one waits it is a connection of its tenant, and its reader is present."""

    def __init__(self, gateway: Gateway, reads: PageReads) -> None:
        self._gateway = gateway
        self._reads = reads
        self._gauge = gateway.metrics.gauge(names.CONNECTIONS).labels("long-poll")

    async def wait(self, caller: Caller, since: Since, seconds: float, known: int | None) -> Polled:
        """What changed after `since`: as soon as there is something, after `seconds` in any case.

        With `known`, the readers that the client shows, also as soon as that is another number or somebody writes.

        Raises `over-limit`, `token-invalid` when the token is revoked meanwhile, and the database's errors.
        """
        gateway, claims = self._gateway, caller.claims
        gateway.admission.enter(claims)
        live = gateway.hub.open(claims.tenant, caller.page)
        live.users += 1
        gateway.presence.join(live, claims.reader)
        self._gauge.inc()
        token_left = claims.expires_at + LEEWAY - gateway.clock.now_ms() / 1000
        deadline = asyncio.get_running_loop().time() + min(seconds, token_left)
        poll = _Poll(caller, live, since, deadline, known)
        gateway.polls.add(poll)
        try:
            if known is not None:
                await gateway.presence.counted(live)
            read = await self._changed(poll)
            return Polled(read, await gateway.presence.counted(live), poll.typing)
        finally:
            gateway.hub.detach(live, poll)
            gateway.answered(poll)
            self._gauge.dec()
            gateway.presence.leave(live, claims.reader)
            live.users -= 1
            gateway.admission.leave(claims)

    async def _changed(self, poll: _Poll) -> Answer:
        gateway, live, since = self._gateway, poll.live, poll.since
        channel = live.channel
        while True:
            poll.check()
            read = await self._reads.read(live.tenant, live.page, since)
            poll.check()
            if read.kind == "snapshot" or read.part.seq > since.seq:
                return read
            if not channel.started:
                gateway.hub.begin(live, read.epoch, read.seq)
            elif channel.epoch != read.epoch:
                gateway.hub.restart(live, read.epoch, read.seq, "epoch")
            left = poll.deadline - asyncio.get_running_loop().time()
            if left <= 0 or poll.shows_otherwise:
                return read
            if poll.known is not None and poll not in live.members:
                gateway.hub.attach(live, poll, channel.head)
            if channel.head > since.seq:
                left = min(left, DISAGREEMENT)
            await poll.wait(left)
