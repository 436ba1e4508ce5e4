"""Reading pages: whoever asks while others wait shares their query."""

import asyncio

from parley.client_frames import Since
from parley.errors import Unavailable
from parley_gateway.core.kept_answers import Answer, JoinKey
from parley_gateway.core.page_answer import parts_of
from parley_gateway.shell.hub import Hub

#: Queries at the same time. The rest of the pool stays free for commits.
READS = 4


class PageReads:
    """Shares queries that have not begun: so an answer never misses what was committed before it was asked for.

    That is what lets a client go on from a part of an answer: the rest must know at least what the part's query knew,
    or a chat that moved on in between would be in neither.
    """

    def __init__(self, hub: Hub, waiting: int | None = None) -> None:
        """`waiting`: queries that may wait for their turn; None: as many as there are askers."""
        self._hub = hub
        self._most = waiting
        self._waiting: dict[JoinKey, asyncio.Task[Answer]] = {}
        self._running: dict[JoinKey, asyncio.Task[Answer]] = {}
        self._slots = asyncio.Semaphore(READS)

    async def read(self, tenant: str, page: str, since: Since | None) -> Answer:
        """Raises the database's errors, and `unavailable` when too many wait."""
        return await self.read_key((tenant, page, *cursor_of(since)))

    async def read_key(self, key: JoinKey) -> Answer:
        """The same, for a cursor that is one of ours."""
        while True:
            task = self._waiting.get(key)
            if task is None:
                if self._most is not None and len(self._waiting) >= self._most:
                    raise Unavailable("Too many readers are waiting.")
                task = self._waiting[key] = asyncio.create_task(self._in_turn(key))
                task.add_done_callback(_ended)
            # One who goes away must not cancel it for the others.
            answer = await asyncio.shield(task)
            if not self._hub.outdated(answer.epoch, answer.under):
                return answer

    async def _in_turn(self, key: JoinKey) -> Answer:
        # The next one for the same cursor waits for the one that runs: a crowd is at most two queries.
        if (running := self._running.get(key)) is not None:
            await asyncio.wait([running])
        async with self._slots:
            task = self._running[key] = self._waiting.pop(key)
            try:
                return await self._query(key)
            finally:
                if self._running.get(key) is task:
                    del self._running[key]

    async def _query(self, key: JoinKey) -> Answer:
        tenant, page, epoch, seq = key
        under = self._hub.epoch
        changes = await self._hub.store.changes(tenant, page, epoch, seq if epoch else None)
        kind = "snapshot" if changes.whole else "changes"
        return Answer(changes.epoch, changes.seq, kind, parts_of(changes, 0 if changes.whole else seq), under)


def cursor_of(since: Since | None) -> tuple[str | None, int]:
    """A cursor that can be one of ours; any other asks for everything (WIRE rule 6)."""
    if since is None or not 0 <= since.seq < 2**53 or not since.epoch.isalnum() or len(since.epoch) > 64:
        return None, 0
    return since.epoch, since.seq


def _ended(task: "asyncio.Task[Answer]") -> None:
    if not task.cancelled():
        task.exception()  # whoever still waits is told; when nobody does, it is nobody's problem
