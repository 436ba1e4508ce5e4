"""The pages in Postgres. Every call is one round trip, but for `commit`: two and the commit itself."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence, Set
from contextlib import suppress
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

import msgspec

from parley_gateway.core.batch import Decided
from parley_gateway.core.rows import Changes, Events, Loaded, is_banned
from parley_runtime.database import Pool

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
_loaded: msgspec.json.Decoder[Loaded] = msgspec.json.Decoder(Loaded)
_changes: msgspec.json.Decoder[Changes] = msgspec.json.Decoder(Changes)
_events: msgspec.json.Decoder[Events] = msgspec.json.Decoder(Events)


class OutcomeUnknown(Exception):
    """The connection broke while the commit was on its way: it is in, or it is not."""


class PageStore:
    """Reads and writes pages as the role `parley_gateway`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def commit(self, wanted: list[dict[str, Any]], decide: Callable[[Loaded], Decided]) -> Decided:
        """Lock and read what is wanted, decide, write, commit: one transaction.

        Cancelled before the commit, nothing is written; a commit that was sent is waited for all the same.

        Raises `OutcomeUnknown` when it broke during the commit; whatever else is raised, nothing was written.
        """
        async with self._pool.acquire() as connection:
            transaction = connection.transaction()
            committing = False
            try:
                await transaction.start()
                text = await connection.fetchval("SELECT page_load($1::jsonb)", _encode(wanted).decode())
                decided = decide(_loaded.decode(text))
                if decided.writes:
                    await connection.execute("SELECT page_store($1::jsonb)", _encode(decided.writes).decode())
                    committing = True
                    await _to_its_end(transaction.commit())
                else:
                    await transaction.rollback()
            except BaseException as problem:
                if committing:
                    # Not back into the pool as it is: giving it back could fail, and hide what is unknown.
                    connection.terminate()
                    raise OutcomeUnknown from problem
                if isinstance(problem, asyncio.CancelledError):
                    connection.terminate()  # who stops must not wait for a database that may hang
                elif not connection.is_closed():
                    try:
                        await transaction.rollback()
                    except Exception:
                        connection.terminate()
                raise
            return decided

    async def changes(self, tenant: str, page: str, epoch: str | None, seq: int | None) -> Changes:
        """What changed after a cursor; everything without one, or with one that does not fit."""
        text = await self._pool.fetchval("SELECT page_changes($1, $2, $3, $4)", tenant, page, epoch, seq)
        return _changes.decode(text)

    async def events(self, tenant: str, page: str, after: int, longest: int) -> Events:
        """What happened after a seq, as events."""
        text = await self._pool.fetchval("SELECT page_events($1, $2, $3, $4)", tenant, page, after, longest)
        return _events.decode(text)

    async def heads(self, pages: Sequence[tuple[str, str]]) -> tuple[str, list[int]]:
        """(epoch, head of each page in the order given; 0 for one that has never been written)."""
        rows = await self._pool.fetch(
            "SELECT epoch() AS epoch, h.place, h.seq FROM (SELECT) one LEFT JOIN page_heads($1, $2) h ON true",
            [tenant for tenant, _ in pages],
            [page for _, page in pages],
        )
        found = [0] * len(pages)
        for row in rows:
            if row["place"] is not None:
                found[row["place"] - 1] = row["seq"]
        return rows[0]["epoch"], found

    async def banned(self, readers: Set[tuple[str, str]], now_ms: int) -> set[tuple[str, str]]:
        """Which of these (tenant, reader) may not write now."""
        asked = [
            {"tenant": tenant, "authors": [reader for _, reader in of_tenant]}
            for tenant, of_tenant in groupby(sorted(readers), key=itemgetter(0))
        ]
        loaded = _loaded.decode(await self._pool.fetchval("SELECT page_load($1::jsonb)", _encode(asked).decode()))
        return {
            (part.tenant, reader)
            for part in loaded.tenants
            for banned in (dict(part.banned),)
            for reader in banned
            if is_banned(banned, reader, now_ms)
        }

    async def alive(self) -> None:
        """Raises when the database does not answer or takes no writes."""
        # A standby says so, and so does a database that was set read-only.
        if await self._pool.fetchval("SELECT current_setting('transaction_read_only')") == "on":
            raise OSError("this database is read-only")


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Whoever is cancelled meanwhile must still learn what came of it."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    task.result()
