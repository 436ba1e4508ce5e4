"""Somebody who is told what happens on pages, over whichever transport."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeGuard

from parley_gateway.core.meter import Counter
from parley_gateway.core.prepared_frame import PreparedFrame

if TYPE_CHECKING:
    import asyncio

    from parley_gateway.shell.live_page import LivePage


class Subscriber(ABC):
    """One connection. `pages` are those that it has joined, `joins` the answers that are on their way."""

    #: What the metrics call it.
    transport_name = ""
    #: Where frames may be written past `send` now, if it is a `DirectSubscriber`; -1: nowhere.
    descriptor = -1

    def __init__(self, tenant: str, reader: str, client: str, counter: Counter) -> None:
        self.tenant = tenant
        self.reader = reader
        self.client = client
        self.counter = counter
        self.pages: dict[str, LivePage] = {}
        self.joins: dict[str, asyncio.Task[None]] = {}
        self.slow_since: float | None = None

    @abstractmethod
    def send(self, frame: PreparedFrame) -> int:
        """Write without waiting. Bytes that count, or 0 when it was not written (closing, or too slow)."""

    @abstractmethod
    async def send_paced(self, frame: PreparedFrame, written: Callable[[int], None]) -> None:
        """Write, and wait while the socket is full.

        `written` is told the bytes that count as soon as they are written, so also when the wait is cancelled; it is
        not called when the client has gone.
        """

    @property
    @abstractmethod
    def buffered(self) -> int:
        """Bytes that wait unsent."""

    @abstractmethod
    def close_slow(self) -> None:
        """End it: it did not drain in time."""


class DirectSubscriber(Subscriber):
    """One whose socket's `descriptor` takes WebSocket frames past its transport, while nothing waits in that."""

    @abstractmethod
    def send_rest(self, frame: PreparedFrame, taken: int) -> int:
        """Write what the descriptor did not take, before anything else is written. As `send`."""

    def redirect(self, descriptor: int) -> None:
        """From now on frames may be written there; or, with -1, through `send` only."""
        if descriptor != self.descriptor:
            self.descriptor = descriptor
            for live in self.pages.values():
                live.regroup()


def is_direct(subscriber: Subscriber) -> TypeGuard[DirectSubscriber]:
    """Whether its descriptor may be written to now."""
    return subscriber.descriptor >= 0
