"""Lists over a site of 100,000 discussions: each takes an index, under row-level security."""

import re
import time
from typing import Any

import pytest

from kit.operations import uuid
from kit.servers import execute
from parley_gateway.core.site_query import Place, SiteQuery
from parley_gateway.shell import exports
from parley_gateway.shell.site_store import SiteChat, SiteStore
from parley_runtime.database import connect

pytestmark = pytest.mark.servers

CHATS = 100_000
PAGES = 1_000

_ID = "format('00000000-0000-4000-8000-%s', lpad(to_hex(n), 12, '0'))::uuid"
_BY = "jsonb_build_object('id', 'u' || n % 5000, 'name', 'Reader')"
_ANCHOR = """'{"quote":{"exact":"x"},"position":{"start":0,"end":1}}'::jsonb"""
_AT = 1_700_000_000_000
#: A tenth belongs to another tenant.
_TENANT = "CASE WHEN n % 10 = 9 THEN 'globex' ELSE 'acme' END"
FILL = (
    f"INSERT INTO parley.pages SELECT t, 'https://site' || n % 10 || '.test/' || n, 1000, 100 "
    f"FROM generate_series(0, {PAGES - 1}) n, unnest(ARRAY['acme', 'globex']) t",
    f"""INSERT INTO parley.chats (tenant, page, id, seq, state, anchor, author, created_at, comments, deleted, hidden)
        SELECT {_TENANT}, 'https://site' || n % 10 || '.test/' || n % {PAGES}, {_ID}, n, 'open', {_ANCHOR}, {_BY},
          {_AT} + n, 1, n % 1000 = 0, n % 1000 = 0 FROM generate_series(1, {CHATS}) n""",
    f"""INSERT INTO parley.comments (tenant, chat, id, born, author, created_at, text, edited, deleted)
        SELECT {_TENANT}, {_ID}, {_ID}, n, {_BY}, {_AT} + n, 'It reads well, but number ' || n || ' says the opposite'
          ' of what the figure beside it is showing us.', false, false FROM generate_series(1, {CHATS}) n""",
    "VACUUM ANALYZE parley.chats",
    "VACUUM ANALYZE parley.comments",
)

QUERIES = {
    "newest": SiteQuery(),
    "far behind": SiteQuery(after=Place(_AT + 1_000, uuid(1_000))),
    "one page": SiteQuery(page="https://site1.test/501"),
    "one site": SiteQuery(site="https://site3.test"),
    "hidden": SiteQuery(state="hidden"),
    "one author": SiteQuery(author="u777"),
    "a time": SiteQuery(since=_AT + 40_000, until=_AT + 40_500),
    "a frequent text": SiteQuery(text="FIGURE"),
    "a rare text": SiteQuery(text="number 98765 "),
    "a text that is nowhere": SiteQuery(text="nowhere"),
    "a text of one author": SiteQuery(text="number 777 ", author="u777"),
}


async def test_lists_of_a_large_site(database_url: str) -> None:
    await execute(database_url, *FILL)
    pool = await connect(database_url, "parley_gateway", size=1)
    try:
        plans: list[str] = []

        class Explained(SiteStore):
            """Also asks how the database goes about it."""

            def of(self, tenant: str, isolation: Any = None, *, readonly: bool = False) -> Any:
                return _Watched(super().of(tenant, isolation, readonly=readonly), plans)

        for name, query in QUERIES.items():
            plans.clear()
            found = await Explained(pool).chats("acme", query)
            started = time.perf_counter()
            await SiteStore(pool).chats("acme", query)
            took = 1_000 * (time.perf_counter() - started)
            indexes = sorted(set(re.findall(r"Index (?:Only )?Scan(?: Backward)? (?:using|on) (\w+)", plans[0])))
            print(f"{name:24} {len(found.chats):3} found  {took:7.1f} ms  {', '.join(indexes)}")
            assert "Seq Scan" not in plans[0], plans[0]
            assert took < 2_000
            assert all(chat.page and "9.test" not in chat.id for chat in found.chats)
        await _whole_search(SiteStore(pool))
        await _export(SiteStore(pool))
    finally:
        await pool.close()


async def _whole_search(store: SiteStore) -> None:
    """A search that finds nothing in one look goes on until it has seen all."""
    looks, after = 0, None
    found: list[SiteChat] = []
    while True:
        part = await store.chats("acme", SiteQuery(text="number 1234 ", after=after))
        looks, after, found = looks + 1, part.after, found + part.chats
        if after is None:
            break
    assert [chat.text[:27] for chat in found] == ["It reads well, but number 1"] and looks == 5


async def _export(store: SiteStore) -> None:
    started, size = time.perf_counter(), 0
    async for chunk in exports.as_lines(store, "acme", 0):
        size += len(chunk)
        assert len(chunk) < 200_000
    print(f"export: {size / 1e6:.1f} MB in {time.perf_counter() - started:.1f} s")


class _Watched:
    """A transaction whose first `fetch` is explained, too."""

    def __init__(self, inner: Any, plans: list[str]) -> None:
        self._inner = inner
        self._plans = plans

    async def __aenter__(self) -> Any:
        self._connection = await self._inner.__aenter__()
        return self

    async def __aexit__(self, *problem: Any) -> Any:
        return await self._inner.__aexit__(*problem)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def fetch(self, sql: str, *arguments: Any) -> Any:
        rows = await self._connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", *arguments)
        self._plans.append("\n".join(row[0] for row in rows))
        return await self._connection.fetch(sql, *arguments)
