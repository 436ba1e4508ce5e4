"""Reading pages for HTTP: whoever asks while others wait shares their query."""

import asyncio
from typing import TypeAlias

import msgspec

from parley.client_frames import Since
from parley.errors import Unavailable
from parley_gateway.core.page_answer import Part
from parley_gateway.shell.joins import cursor_of, whole_part
from parley_gateway.shell.page_store import PageStore

#: Queries at the same time. The rest of the pool stays free for commits.
READS = 4
#: Queries waiting for their turn. More: `unavailable` at once, rather than an answer after everybody has gone.
WAITING = 1_000

_Key: TypeAlias = "tuple[str, str, str | None, int]"


class PageRead(msgspec.Struct, frozen=True):
    """What a page holds after a cursor. `seq`: the page's head at that moment."""

    epoch: str
    seq: int
    kind: str
    part: Part


class PageReads:
    """Shares queries that have not begun: so an answer never misses what was committed before it was asked for."""

    def __init__(self, store: PageStore) -> None:
        self._store = store
        self._waiting: dict[_Key, asyncio.Task[PageRead]] = {}
        self._slots = asyncio.Semaphore(READS)

    async def read(self, tenant: str, page: str, since: Since | None) -> PageRead:
        """Raises the database's errors, and `unavailable` when too many wait."""
        epoch, seq = cursor_of(since)
        key = (tenant, page, epoch, seq)
        task = self._waiting.get(key)
        if task is None:
            if len(self._waiting) >= WAITING:
                raise Unavailable("Too many readers are waiting.")
            task = self._waiting[key] = asyncio.create_task(self._query(key))
            task.add_done_callback(_ended)
        # One who goes away must not cancel it for the others.
        return await asyncio.shield(task)

    async def _query(self, key: _Key) -> PageRead:
        tenant, page, epoch, seq = key
        async with self._slots:
            del self._waiting[key]
            changes = await self._store.changes(tenant, page, epoch, seq if epoch else None)
        kind = "snapshot" if changes.whole else "changes"
        return PageRead(changes.epoch, changes.seq, kind, whole_part(changes, 0 if changes.whole else seq))


def _ended(task: "asyncio.Task[PageRead]") -> None:
    if not task.cancelled():
        task.exception()  # whoever still waits is told; when nobody does, it is nobody's problem
