"""The same client for code without an event loop: a thread of its own runs one."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Mapping
from typing import Any, Self, TypeVar

from parley.client.asynchronous import AsyncClient
from parley.client.http_calls import Imported, Outcome, SiteChat, Token
from parley.client.page_copy import PageCopy
from parley.objects import Chat
from parley.server_frames import Ack, Event

T = TypeVar("T")


class Client:
    """See `AsyncClient`: the same methods, which wait. May be used from several threads.

    `token` may be a plain function; it is called in the client's own thread.
    """

    def __init__(self, url: str, token: Token) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="parley client", daemon=True)
        self._thread.start()
        self._client = self._wait(_made(lambda: AsyncClient(url, token)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection and the thread."""
        self._wait(self._client.close())
        self._wait(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise

    def join(self, page: str) -> PageCopy:
        return self._wait(self._client.join(page))

    def leave(self, page: str) -> None:
        self._wait(self._client.leave(page))

    def do(self, page: str, op: str, *, id: str | None = None, **members: Any) -> Ack:
        return self._wait(self._client.do(page, op, id=id, **members))

    def events(self, page: str) -> Generator[Event, None, None]:
        """What happens from the first `next` on."""
        return self._iterate(self._client.events(page))

    def chats(self, page: str) -> list[Chat]:
        return self._wait(self._client.chats(page))

    def perform(self, page: str, op: str, *, id: str | None = None, **members: Any) -> Ack:
        return self._wait(self._client.perform(page, op, id=id, **members))

    def perform_many(self, operations: Iterable[Mapping[str, Any]]) -> list[Outcome]:
        return self._wait(self._client.perform_many(operations))

    def site_chats(self, **query: Any) -> Iterator[SiteChat]:
        return self._iterate(self._client.site_chats(**query))

    def ban(self, reader: str, *, reason: str | None = None, until: int | None = None) -> None:
        self._wait(self._client.ban(reader, reason=reason, until=until))

    def unban(self, reader: str) -> None:
        self._wait(self._client.unban(reader))

    def erase_reader(self, reader: str) -> int:
        return self._wait(self._client.erase_reader(reader))

    def export(self, form: str = "jsonl") -> Iterator[bytes]:
        return self._iterate(self._client.export(form))

    def import_(self, data: bytes, form: str = "jsonl") -> Imported:
        return self._wait(self._client.import_(data, form))

    def _iterate(self, items: Any) -> Generator[Any, None, None]:
        try:
            while True:
                try:
                    yield self._wait(items.__anext__())
                except StopAsyncIteration:
                    return
        finally:
            if not self._loop.is_closed():
                self._wait(items.aclose())


async def _made(make: Callable[[], T]) -> T:
    """Made where its loop is."""
    return make()
