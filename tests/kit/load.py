"""Readers and writers under load, over one or more gateways."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence

from kit.load_clients import Reader, Writer
from kit.tenants import KitTenant

#: How often the load looks whether a condition holds. Seconds.
LOOK_EVERY = 0.02


class Load:
    """`writers` and `watchers` spread over gateways and pages. Every other one is patient: it keeps a silent gateway.

    `urls` may change while it runs. `rate`: operations a second of one writer.
    """

    def __init__(
        self,
        urls: Sequence[str],
        tenant: KitTenant,
        *,
        seed: int,
        pages: int = 4,
        writers: int = 6,
        watchers: int = 8,
        rate: float = 12.0,
        patience: tuple[float, float] = (2.5, 60.0),
    ) -> None:
        self.urls = list(urls)
        self.tenant = tenant
        self.seed = seed
        self.pages = [f"https://acme.test/{seed}/{number}" for number in range(pages)]
        self.broken: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._writing: list[asyncio.Task[None]] = []
        self.writers = [
            Writer(self, f"writer{n}", [self.pages[n % pages], self.pages[(n + 1) % pages]], patience[n % 2], n, rate)
            for n in range(writers)
        ]
        watched = [self.pages[n % pages : n % pages + 2] for n in range(watchers)]
        self.watchers = [Reader(self, f"watcher{n}", watched[n], patience[n // 2 % 2], n) for n in range(watchers)]

    @property
    def clients(self) -> list[Reader]:
        return [*self.writers, *self.watchers]

    def keep(self, task: "asyncio.Task[None]") -> None:
        """Hold a task until it is done."""
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            self.broken.append(f"a client failed: {problem!r}")

    async def __aenter__(self) -> "Load":
        for client in self.clients:
            self.keep(asyncio.create_task(client.run()))
        await self.until(lambda: all(copy.joined for client in self.clients for copy in client.copies.values()), 15)
        self.resume_writing()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_writing()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def resume_writing(self) -> None:
        """Let the writers write."""
        self._writing = [asyncio.create_task(writer.write()) for writer in self.writers]
        for task in self._writing:
            self.keep(task)

    async def stop_writing(self) -> None:
        """No new operations; what is in the outboxes still goes out."""
        for task in self._writing:
            task.cancel()
        await asyncio.gather(*self._writing, return_exceptions=True)
        self._writing = []

    async def until(self, true: Callable[[], bool], seconds: float) -> float:
        """Wait for a condition; the seconds that it took. Fails, with how all clients stand, when it takes longer."""
        started = time.monotonic()
        while not true():
            assert not self.broken, self.broken
            assert time.monotonic() - started < seconds, f"not within {seconds} s:\n{self.standing()}"
            await asyncio.sleep(LOOK_EVERY)
        return time.monotonic() - started

    def reached(self, heads: dict[str, int]) -> bool:
        """Whether every client knows its pages at least up to these."""
        return all(
            copy.joined and copy.seq >= heads.get(copy.page, 0)
            for client in self.clients
            for copy in client.copies.values()
        )

    @property
    def acknowledged(self) -> int:
        return sum(len(writer.acked) for writer in self.writers)

    def sums(self) -> Counter[tuple[str, str]]:
        """What a bill must say by the clients' own count: (class, "messages" or "bytes") → sum."""
        sums: Counter[tuple[str, str]] = Counter()
        for client in self.clients:
            for one in client.received:
                sums[one.usage_class, "messages"] += one.messages
                sums[one.usage_class, "bytes"] += one.bytes
        for writer in self.writers:
            sums["publish", "messages"] += len(writer.acked)
            sums["publish", "bytes"] += sum(writer.published[identity] for identity in writer.acked)
        return +sums

    def standing(self) -> str:
        """How every client stands, for a message."""
        lines = []
        for client in self.clients:
            outbox = f" outbox {len(client.outbox)}" if isinstance(client, Writer) else ""
            where = [f"{copy.page[-1]}:{copy.seq}{'' if copy.joined else '?'}" for copy in client.copies.values()]
            state = "connected to" if client.socket is not None else "away from"
            lines.append(f"{client.name} {state} {client.url} {' '.join(where)}{outbox} {dict(client.errors)}")
        return "\n".join(lines)
