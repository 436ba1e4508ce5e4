"""Writing one page's frames to many sockets, in slices, tenant after tenant.

A large audience is written a slice at a time, with other work in between; tenants take turns, so that nobody waits for
the whole of another's broadcast. A small audience with nothing queued is written at once.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator

from parley_gateway.core.meter import Counter
from parley_gateway.core.prepared_frame import PreparedFrame
from parley_gateway.shell.live_page import LivePage
from parley_gateway.shell.subscriber import Subscriber

#: Sockets written in one go: about 1 ms.
SLICE = 100


class Broadcast:
    """Frames of one page on their way to those who were its members when it began.

    `after`: the seq before the first frame, or None for frames that carry no history. `events`: entries per frame.
    """

    __slots__ = ("_members", "_prepared", "_rest", "after", "done", "page", "skip")

    def __init__(
        self,
        page: LivePage,
        frames: list[PreparedFrame],
        events: list[int],
        *,
        after: int | None,
        done: Callable[[], None] | None = None,
        skip: str = "",
    ) -> None:
        self.page = page
        self.after = after
        self.done = done
        self.skip = skip
        self._prepared = list(zip(frames, events, strict=True))
        self._members = page.members
        self._rest: Iterator[Subscriber] = iter(list(page.members))

    def write_slice(self) -> bool:
        """Write the next slice; False when that was the last."""
        members, after, skip = self.page.members, self.after, self.skip
        if after is not None and members is not self._members:
            return False  # the page began anew: who is a member now knows more than this
        # Who is next to whom mostly counts with the same counter: a sum for each run of them is one addition, not many.
        counter: Counter | None = None
        messages = size = 0
        left = SLICE
        prepared = self._prepared
        for subscriber in self._rest:
            since = members.get(subscriber)
            if since is None or (after is not None and since > after) or (skip and subscriber.client == skip):
                continue  # left, or joined anew, since this began
            if subscriber.counter is not counter:
                self._count(counter, messages, size)
                counter, messages, size = subscriber.counter, 0, 0
            for frame, events in prepared:
                written = subscriber.send(frame)
                if not written:
                    break
                messages += events
                size += written
            left -= 1
            if not left:
                break
        self._count(counter, messages, size)
        return not left

    def _count(self, counter: Counter | None, messages: int, size: int) -> None:
        if counter is None or not messages:
            return
        if self.after is not None:
            counter.delivery(messages, size)
        else:
            counter.presence(messages, size)


class FanOut:
    """The queue of broadcasts: one line for each tenant."""

    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[Broadcast]] = OrderedDict()
        self._wake = asyncio.Event()

    def submit(self, broadcast: Broadcast) -> None:
        """Write it now when it is small and its tenant has nothing queued; else in turn."""
        tenant = broadcast.page.tenant
        if tenant not in self._lines and len(broadcast.page.members) <= SLICE:
            broadcast.write_slice()
            if broadcast.done:
                broadcast.done()
            return
        self._lines.setdefault(tenant, deque()).append(broadcast)
        self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._lines:
                tenant, line = self._lines.popitem(last=False)
                broadcast = line[0]
                if not broadcast.write_slice():
                    line.popleft()
                    if broadcast.done:
                        broadcast.done()
                if line:
                    # `done` may have submitted more for this tenant, which opened a new line.
                    more = self._lines.pop(tenant, None)
                    if more:
                        line.extend(more)
                    self._lines[tenant] = line
                await asyncio.sleep(0)
