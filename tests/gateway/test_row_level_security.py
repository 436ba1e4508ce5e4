"""Postgres itself keeps tenants apart, also when every WHERE about the tenant is gone."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from kit.operations import PAGE, claims, operation
from parley_gateway.core.batch import decide, wanted
from parley_gateway.core.operation import Operation
from parley_gateway.core.portable import BanLine
from parley_gateway.core.site_query import SiteQuery
from parley_gateway.shell import exports
from parley_gateway.shell.page_store import PageStore
from parley_gateway.shell.site_store import SiteStore
from parley_runtime.database import connect

pytestmark = pytest.mark.servers

TABLES = ("pages", "chats", "comments", "reactions", "operations", "bans")
FUNCTIONS = ("page_load", "page_store", "page_changes", "page_events", "shown_reactions")
#: A comparison of a row's tenant with the one who asks.
PREDICATE = re.compile(r"\b(?:\w+\.)?tenant = (?:part->>'tenant'|me\b)")


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Any]:
    """As the gateway's role, with the same page of the same ids in two tenants."""
    pool = await connect(database_url, "parley_gateway", size=1)
    for tenant in ("acme", "globex"):
        await write(pool, tenant, 1)
    yield pool
    await pool.close()


async def write(pool: Any, tenant: str, first: int) -> None:
    """A chat, a reply, a reaction to it."""
    ann = claims("ann", tenant=tenant)
    operations = [
        operation(first, "new-chat", ann, text=f"secret of {tenant}"),
        operation(first + 1, "reply", ann, chat=first, text=f"reply of {tenant}"),
        operation(first + 2, "react", ann, chat=first, comment=first + 1),
    ]
    await commit(pool, operations)
    store = SiteStore(pool)
    async with store.of(tenant) as connection:
        await store.ban(connection, tenant, BanLine("zed", 1, f"reason of {tenant}"))


async def commit(pool: Any, operations: list[Operation]) -> list[Any]:
    decided = await PageStore(pool).commit(wanted(operations), lambda loaded: decide(operations, loaded, 1_000, {}))
    return decided.outcomes


async def rows_of(url: str, tenant: str) -> dict[str, list[str]]:
    """Everything of one tenant, read past row-level security."""
    connection = await asyncpg.connect(url)
    try:
        return {
            table: sorted(
                row[0]
                for row in await connection.fetch(f"SELECT t::text FROM parley.{table} t WHERE tenant = $1", tenant)
            )
            for table in TABLES
        }
    finally:
        await connection.close()


@pytest.mark.parametrize("table", TABLES)
async def test_a_select_without_where_returns_only_the_tenant_that_is_set(pool: Any, table: str) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('parley.tenant', 'acme', true)")
        found = await connection.fetch(f"SELECT DISTINCT tenant FROM parley.{table}")
    assert [row["tenant"] for row in found] == ["acme"]


@pytest.mark.parametrize("table", TABLES)
async def test_without_a_tenant_there_is_nothing(pool: Any, table: str) -> None:
    assert await pool.fetchval(f"SELECT count(*) FROM parley.{table}") == 0


async def test_a_tenant_does_not_outlive_its_transaction(pool: Any) -> None:
    await PageStore(pool).changes("acme", PAGE, None, None)
    assert await pool.fetchval("SELECT count(*) FROM parley.chats") == 0


@pytest.mark.parametrize("table", TABLES)
async def test_an_update_or_delete_without_where_spares_other_tenants(pool: Any, database_url: str, table: str) -> None:
    before = await rows_of(database_url, "globex")
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('parley.tenant', 'acme', true)")
        await connection.execute(f"UPDATE parley.{table} SET tenant = tenant")
        assert await connection.execute(f"DELETE FROM parley.{table}") != "DELETE 0"
    assert await rows_of(database_url, "globex") == before


@pytest.mark.parametrize("table", TABLES)
async def test_rows_cannot_be_given_to_another_tenant(pool: Any, table: str) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('parley.tenant', 'acme', true)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"UPDATE parley.{table} SET tenant = 'initech'")


async def test_rows_of_another_tenant_cannot_be_inserted(pool: Any) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('parley.tenant', 'acme', true)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("INSERT INTO parley.pages (tenant, page) VALUES ('globex', 'new')")


async def test_with_every_predicate_removed_the_functions_still_keep_tenants_apart(
    pool: Any, database_url: str
) -> None:
    """All ids of both tenants are the same, so without a predicate each function would touch both."""
    await remove_predicates(database_url)
    globex = await rows_of(database_url, "globex")
    store = PageStore(pool)

    changes = await store.changes("acme", PAGE, None, None)
    assert "acme" in repr(changes) and "globex" not in repr(changes)
    assert len(changes.chats) == 1 and len(changes.chats[0].rows or []) == 2 and len(changes.reactions) == 1
    events = await store.events("acme", PAGE, 0, 500)
    assert events.operations is not None and len(events.operations) == 3
    assert "acme" in repr(events) and "globex" not in repr(events)

    ann = claims("ann")
    operations = [
        operation(10, "reply", ann, chat=1),
        operation(11, "edit", ann, chat=1, comment=2, text="edited"),
        operation(12, "react", ann, chat=1, comment=2, on=False),
        operation(13, "resolve", ann, chat=1),
        operation(14, "react", ann, chat=1, comment=1),
        operation(15, "remove-comment", ann, chat=1, comment=2),
        operation(16, "delete-chat", ann, chat=1),
    ]
    for one in operations:
        async with pool.acquire() as connection, connection.transaction():
            loaded = json.loads(
                await connection.fetchval("SELECT parley.page_load($1::jsonb)", json.dumps(wanted([one])))
            )
        assert "globex" not in json.dumps(loaded)
        assert [repr(outcome) for outcome in await commit(pool, [one]) if not hasattr(outcome, "seq")] == []
    assert await rows_of(database_url, "globex") == globex


async def test_with_every_predicate_removed_a_sites_statements_still_keep_tenants_apart(pool: Any) -> None:
    """Their comparison of the tenant is replaced by `true` on the way to the database."""

    class Loose:
        def __init__(self, connection: Any) -> None:
            self._connection = connection

        def __getattr__(self, name: str) -> Any:
            method = getattr(self._connection, name)

            def call(sql: str, *arguments: Any) -> Any:
                loose, removed = re.subn(r"(?:\w+\.)?tenant = \$1", "$1::text IS NOT NULL", sql)
                assert removed or "set_config" in sql, sql
                return method(loose, *arguments)

            return call if name in ("fetch", "fetchrow", "execute") else method

    class LooseStore(SiteStore):
        @asynccontextmanager
        async def of(self, tenant: str, isolation: Any = None, *, readonly: bool = False) -> AsyncIterator[Any]:
            async with super().of(tenant, isolation, readonly=readonly) as connection:
                yield Loose(connection)

    store = LooseStore(pool)
    told = []
    for query in (SiteQuery(), SiteQuery(text="e", author="ann"), SiteQuery(page=PAGE, state="open", limit=1)):
        told.append(repr(await store.chats("acme", query)))
    told.append(repr([line async for line in exports.lines(store, "acme", 0)]))
    assert all("of acme" in one and "globex" not in one for one in told), told
    assert "reason of acme" in told[-1]
    assert len(await store.traces("acme", "ann", 10)) == 1
    async with store.of("acme") as connection:
        assert await store.unban(connection, "acme", "zed")
    async with SiteStore(pool).of("globex") as connection:
        assert [ban.reason for ban in await store.bans(connection, "globex", "", 10)] == ["reason of globex"]


async def remove_predicates(url: str) -> None:
    """Every function anew, with `true` for each comparison of the tenant."""
    connection = await asyncpg.connect(url)
    try:
        for name in FUNCTIONS:
            source = await connection.fetchval("SELECT pg_get_functiondef(('parley.' || $1)::regproc)", name)
            without, removed = PREDICATE.subn("true", source)
            assert removed, f"{name} has no predicate: this test proves nothing"
            assert "tenant = " not in without, without
            await connection.execute(without)
    finally:
        await connection.close()


async def test_heads_of_any_tenant_are_told_and_nothing_else(pool: Any, database_url: str) -> None:
    rows = await pool.fetch("SELECT * FROM parley.page_heads($1, $2)", ["acme", "globex", "acme"], [PAGE, PAGE, "none"])
    assert [dict(row) for row in rows] == [{"place": 1, "seq": 3}, {"place": 2, "seq": 3}]
    connection = await asyncpg.connect(database_url)
    try:
        granted = await connection.fetch(
            "SELECT table_name, column_name, privilege_type FROM information_schema.column_privileges"
            " WHERE grantee = 'parley_heads' AND table_schema = 'parley' AND table_name <> 'history'"
        )
    finally:
        await connection.close()
    assert {tuple(row) for row in granted} == {("pages", name, "SELECT") for name in ("tenant", "page", "seq")}


@pytest.mark.parametrize("role", ["parley_gateway", "parley_heads"])
async def test_the_role_can_switch_row_level_security_off_in_no_way(database_url: str, role: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        row = await connection.fetchrow(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles WHERE rolname = $1",
            role,
        )
        owned = await connection.fetchval("SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = $1", role)
        guarded = await connection.fetch(
            "SELECT relname, relrowsecurity AND relforcerowsecurity AS guarded FROM pg_class"
            " WHERE relnamespace = 'parley'::regnamespace AND relkind = 'r'"
        )
        memberships = await connection.fetchval("SELECT count(*) FROM pg_auth_members WHERE member = $1::regrole", role)
    finally:
        await connection.close()
    assert row is not None and not any(row.values())
    assert owned == 0 and memberships == 0
    assert {one["relname"] for one in guarded if one["guarded"]} >= set(TABLES)


async def test_the_gateway_cannot_turn_row_level_security_off(pool: Any) -> None:
    for statement in ("ALTER TABLE parley.chats DISABLE ROW LEVEL SECURITY", "DROP POLICY one_tenant ON parley.chats"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL row_security = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM parley.chats")
