"""The administrators' log: it grows, and nobody who writes it can change, forge or hide an entry."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
import pytest

from parley_runtime import audit
from parley_runtime.database import DatabaseRole, connect

pytestmark = pytest.mark.servers

ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[Any]:
    pool = await connect(database_url, "parley_admin", size=1)
    yield pool
    await pool.close()


@pytest.fixture
async def gateway(database_url: str) -> AsyncIterator[Any]:
    pool = await connect(database_url, "parley_gateway", size=1)
    yield pool
    await pool.close()


async def test_entries_are_listed_newest_first_and_by_tenant(admin: Any, gateway: Any) -> None:
    async with admin.acquire() as connection:
        await audit.record(connection, "root", "suspend", "acme", {"before": {"state": "active"}})
    async with gateway.acquire() as connection:
        await audit.record(connection, "reader mod", "ban-reader", "acme", {"reader": "u1"})
        await audit.record(connection, "reader ops", "export", "globex", {})
    async with admin.acquire() as connection:
        every = await audit.entries(connection, None, ALWAYS, 100)
        acme = await audit.entries(connection, "acme", ALWAYS, 100)
        assert await audit.entries(connection, None, datetime(2999, 1, 1, tzinfo=UTC), 100) == []
        assert len(await audit.entries(connection, None, ALWAYS, 2)) == 2
    assert [(one.tenant, one.action) for one in every] == [
        ("globex", "export"),
        ("acme", "ban-reader"),
        ("acme", "suspend"),
    ]
    assert [one.action for one in acme] == ["ban-reader", "suspend"]
    assert msgspec.json.decode(acme[1].detail) == {"before": {"state": "active"}}


async def test_an_entry_is_part_of_the_callers_transaction(admin: Any, gateway: Any) -> None:
    async with gateway.acquire() as connection:
        with pytest.raises(ZeroDivisionError):
            async with connection.transaction():
                await audit.record(connection, "ops", "import", "acme", {})
                raise ZeroDivisionError
    async with admin.acquire() as connection:
        assert await audit.entries(connection, None, ALWAYS, 100) == []


async def test_a_detail_that_is_too_long_leaves_its_names(admin: Any) -> None:
    async with admin.acquire() as connection:
        await audit.record(connection, "ops", "import", "acme", {"pages": "x" * audit.LONGEST_DETAIL, "at": 1})
        (entry,) = await audit.entries(connection, None, ALWAYS, 1)
    assert msgspec.json.decode(entry.detail) == {"tooLong": ["at", "pages"]}


@pytest.mark.parametrize("role", ["parley_admin", "parley_gateway"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE parley.admin_log SET actor = 'somebody else'",
        "DELETE FROM parley.admin_log",
        "TRUNCATE parley.admin_log",
        "INSERT INTO parley.admin_log (actor, action, tenant, detail, at) VALUES ('a', 'b', 'acme', '{}', now())",
        "INSERT INTO parley.admin_log (id, actor, action, tenant, detail) OVERRIDING SYSTEM VALUE "
        "VALUES (1, 'a', 'b', 'acme', '{}')",
    ],
)
async def test_no_role_changes_or_forges_an_entry(database_url: str, role: DatabaseRole, statement: str) -> None:
    pool = await connect(database_url, role, size=1)
    try:
        async with pool.acquire() as connection:
            await audit.record(connection, "ops", "suspend", "acme", {})
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await pool.close()


async def test_a_gateway_reads_no_entry_and_writes_only_for_the_tenant_that_is_set(gateway: Any) -> None:
    async with gateway.acquire() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM parley.admin_log")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(
                "INSERT INTO parley.admin_log (actor, action, tenant, detail) VALUES ('a', 'b', 'acme', '{}')"
            )
