"""One page that somebody here listens to: its history, its subscribers, its readers, its timers."""

import asyncio
from typing import TYPE_CHECKING

from parley_gateway.core.flush_window import FlushWindow
from parley_gateway.core.page_channel import PageChannel
from parley_gateway.core.presence import PagePresence
from parley_gateway.shell.audience import Audience
from parley_gateway.shell.subscriber import Subscriber

if TYPE_CHECKING:
    from opentelemetry.trace import Span


class LivePage:
    """`members` maps a subscriber to the seq from which on it is told; `users` counts those who need the page to
    stay although they are no members (joins and polls under way). `groupings` counts how often what an audience says
    of somebody has become untrue."""

    def __init__(self, tenant: str, page: str, flush_window_ms: int) -> None:
        self.tenant = tenant
        self.page = page
        self.channel = PageChannel(tenant, page)
        self.window = FlushWindow(flush_window_ms)
        self.presence = PagePresence()
        self.members: dict[Subscriber, int] = {}
        self.groupings = 0
        self._audience: Audience | None = None
        self.users = 0
        self.sending = False
        #: Kinds of frames without history that are on their way to the members.
        self.telling: set[str] = set()
        #: Of traced operations that the members have not been told yet.
        self.spans: list[Span] = []
        self.flush_timer: asyncio.Handle | None = None
        self.hole_timer: asyncio.TimerHandle | None = None
        self.fill: asyncio.Task[None] | None = None
        #: For those who wait for the next count of its readers.
        self.count: asyncio.Future[None] | None = None
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def idle(self) -> bool:
        """Whether nobody needs this page any more."""
        return not (self.members or self.users or self.sending or self.presence.here or self.presence.dirty)

    def admit(self, subscriber: Subscriber, seq: int) -> None:
        """From `seq` on it is told."""
        if subscriber in self.members:
            self.groupings += 1
        self.members[subscriber] = seq
        self._audience = None

    def dismiss(self, subscriber: Subscriber) -> None:
        """It is told no more."""
        if self.members.pop(subscriber, None) is not None:
            self.regroup()

    def dismiss_all(self) -> list[Subscriber]:
        """Nobody is told any more; those who were."""
        dismissed, self.members = list(self.members), {}
        self.regroup()
        return dismissed

    def regroup(self) -> None:
        """Somebody left, or is written to in another way."""
        self.groupings += 1
        self._audience = None

    @property
    def audience(self) -> Audience:
        """The members in groups."""
        if self._audience is None:
            self._audience = Audience(self.members)
        return self._audience

    async def moved(self, timeout: float | None) -> bool:
        """Wait until the history moves on; False when it did not in time (seconds; None: however long)."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            # Not `wait_for`: before Python 3.12 it swallows a cancellation that comes together with the wake.
            async with asyncio.timeout(timeout):
                await future
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(future)
        return True

    def wake(self) -> None:
        """The history moved on."""
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def stop(self) -> None:
        """Cancel the timers."""
        for timer in (self.flush_timer, self.hole_timer):
            if timer is not None:
                timer.cancel()
