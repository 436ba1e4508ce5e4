"""Where pages are in the database, asked for many of them at once."""

import asyncio

from parley_gateway.shell.page_store import PageStore

_Head = tuple[str, int]


class PageHeads:
    """Shares queries that have not begun: a head is never older than the question for it."""

    def __init__(self, store: PageStore) -> None:
        self._store = store
        self._waiting: dict[tuple[str, str], asyncio.Future[_Head]] = {}
        self._task: asyncio.Task[None] | None = None

    async def read(self, tenant: str, page: str) -> _Head:
        """(epoch, head) of a page; 0 for one that has never been written. Raises the database's errors."""
        future = self._waiting.get((tenant, page))
        if future is None:
            future = self._waiting[tenant, page] = asyncio.get_running_loop().create_future()
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._ask())
        # One who goes away must not cancel it for the others.
        return await asyncio.shield(future)

    async def _ask(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting, {}
            try:
                epoch, heads = await self._store.heads(list(asked))
            except BaseException as problem:
                for future in asked.values():
                    future.set_exception(problem)
                    future.exception()  # whoever still waits is told; when nobody does, it is nobody's problem
                if not isinstance(problem, Exception):
                    raise
            else:
                for future, head in zip(asked.values(), heads, strict=True):
                    future.set_result((epoch, head))
