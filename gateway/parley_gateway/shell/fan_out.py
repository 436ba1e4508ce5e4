"""Writing one page's frames to many sockets, in slices, tenant after tenant.

A large audience is written a slice at a time, with other work in between; tenants take turns, so that nobody waits for
the whole of another's broadcast. A small audience with nothing queued is written at once.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable

from parley_gateway.core.meter import Counter
from parley_gateway.core.prepared_frame import PreparedFrame
from parley_gateway.shell.audience import Audience, DirectPart, Part
from parley_gateway.shell.live_page import LivePage
from parley_gateway.shell.send_to_all import SendToAll, send_to_all
from parley_gateway.shell.subscriber import Subscriber

#: Sockets written in one go: about 1 ms.
SLICE = 200


class Broadcast:
    """Frames of one page on their way to those who were its members when it began.

    `after`: the seq before the first frame, or None for frames that carry no history. `events`: entries per frame.
    """

    __slots__ = ("_groupings", "_members", "_prepared", "_slices", "after", "done", "page", "skip")

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
        self._groupings = page.groupings
        self._slices = page.audience.slices(SLICE)

    def write_slice(self, send: SendToAll) -> bool:
        """Write the next slice; False when there was none."""
        if self.after is not None and self.page.members is not self._members:
            return False  # the page began anew: who is a member now knows more than this
        parts = next(self._slices, None)
        if parts is None:
            return False
        if self.skip or self.page.groupings != self._groupings:
            # Things are not as they were when this began: ask each, but only those of this slice.
            told = [one for part in parts for one in part.subscribers if self._is_for(one)]
            parts = next(Audience(told).slices(SLICE), [])
        for part in parts:
            messages, size = self._write(part, send)
            self._count(part.counter, messages, size)
        return True

    def _is_for(self, subscriber: Subscriber) -> bool:
        """Whether it has neither left nor joined anew since this began."""
        since = self.page.members.get(subscriber)
        if since is None or (self.after is not None and since > self.after):
            return False
        return not (self.skip and subscriber.client == self.skip)

    def _write(self, part: Part, send: SendToAll) -> tuple[int, int]:
        """Messages and bytes that count."""
        messages = size = 0
        if isinstance(part, DirectPart) and len(self._prepared) == 1:
            frame, events = self._prepared[0]
            incomplete = send(part.descriptors, frame.websocket)
            complete = len(part.subscribers) - len(incomplete)
            messages, size = complete * events, complete * len(frame.websocket)
            for place, taken in incomplete:
                if written := part.subscribers[place].send_rest(frame, taken):
                    messages += events
                    size += written
            return messages, size
        for subscriber in part.subscribers:
            for frame, events in self._prepared:
                written = subscriber.send(frame)
                if not written:
                    break
                messages += events
                size += written
        return messages, size

    def _count(self, counter: Counter, messages: int, size: int) -> None:
        if not messages:
            return
        if self.after is not None:
            counter.delivery(messages, size)
        else:
            counter.presence(messages, size)


class FanOut:
    """The queue of broadcasts: one line for each tenant."""

    def __init__(self, send: SendToAll = send_to_all) -> None:
        self._send_to_all = send
        self._lines: OrderedDict[str, deque[Broadcast]] = OrderedDict()
        self._wake = asyncio.Event()

    def submit(self, broadcast: Broadcast) -> None:
        """Write it now when it is small and its tenant has nothing queued; else in turn."""
        tenant = broadcast.page.tenant
        if tenant not in self._lines and len(broadcast.page.members) <= SLICE:
            broadcast.write_slice(self._send_to_all)
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
                if not broadcast.write_slice(self._send_to_all):
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
