"""Budgets on real servers: usage in the ledger becomes a state, webhooks, and a word to the gateways."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from msgspec import structs

from kit.clock import FrozenClock
from kit.crash import die_everywhere
from kit.tenants import add_tenant
from kit.usage import NOON
from parley.redis_keys import Keys
from parley.usage import UsageLine, UsageRecord, encode_record
from parley_billing.core.budget import Budget
from parley_billing.core.intake import take_in
from parley_billing.shell.budget_store import BudgetStore
from parley_billing.shell.budget_watch import BudgetWatch
from parley_billing.shell.ledger_store import LedgerStore
from parley_runtime.database import Connection, Pool, connect
from parley_runtime.redis_client import connect as connect_redis
from parley_runtime.registry import Registry
from parley_runtime.tenant_view import TenantView

pytestmark = pytest.mark.servers

BUDGET = Budget("acme", "pubSubMessageCount", 1_000, "refuse")


class Watching:
    """A watch with a clock of its own, and what it is asked to look at."""

    def __init__(self, pool: Pool, admin: Pool, client: Any) -> None:
        self.clock = FrozenClock(NOON)
        self.registry = Registry(client, Keys())
        self.view = TenantView(client, Keys())
        self.watch = BudgetWatch(pool, self.registry, self.view, self.clock)
        self.pool = pool
        self.admin = admin
        self._numbers = iter(range(1, 1_000))

    async def use(self, messages: int, tenant: str = "acme") -> None:
        """Book usage."""
        minute = self.clock.now_ms() - self.clock.now_ms() % 60_000
        record = UsageRecord("r", next(self._numbers), NOON, [UsageLine(tenant, "", "publish", minute, messages, 10)])
        async with self.pool.acquire() as connection:
            await LedgerStore(connection).book(take_in([encode_record(record)]), NOON)

    async def set(self, budget: Budget) -> None:
        async with self.admin.acquire() as connection, connection.transaction():
            await BudgetStore(connection).set(budget)

    async def look(self) -> str:
        """One look, and what the registry then says of acme."""
        await self.view.load()
        async with self.pool.acquire() as connection:
            await self.watch.look(connection)
        await self.watch.enforce()
        record = await self.registry.get("acme")
        assert record is not None
        return record.budget

    async def told(self) -> list[Any]:
        """(type, threshold or why) of every webhook, in order."""
        rows = await self.pool.fetch("SELECT body FROM parley.webhook_messages ORDER BY created_at, ctid")
        bodies = [json.loads(row["body"]) for row in rows]
        return [(body["type"], body["data"].get("threshold")) for body in bodies]


@pytest.fixture
async def watching(redis_url: str, database_url: str) -> AsyncIterator[Watching]:
    add_tenant(redis_url, "acme")
    add_tenant(redis_url, "globex")
    pool = await connect(database_url, "parley_billing", size=3)
    admin = await connect(database_url, "parley_admin", size=1)
    client = connect_redis(redis_url)
    await admin.execute(
        "INSERT INTO parley.webhook_endpoints (id, tenant, url, secret) VALUES ('ep', 'acme', 'https://a.test/', 'x')"
    )
    yield Watching(pool, admin, client)
    await client.aclose()
    await pool.close()
    await admin.close()


async def test_usage_is_told_then_refused_and_free_again_when_the_budget_is_raised(watching: Watching) -> None:
    await watching.set(BUDGET)
    assert await watching.look() == "notify"
    await watching.use(500)
    assert await watching.look() == "notify"
    await watching.use(499)
    assert await watching.look() == "notify"
    await watching.use(1)
    assert await watching.look() == "refuse"
    await watching.use(2_000, "globex")
    assert await watching.look() == "refuse"
    other = await watching.registry.get("globex")
    assert other is not None and other.budget == "notify"
    await watching.set(replace(BUDGET, amount=1_001))
    assert await watching.look() == "notify"
    threshold = "budget.threshold"
    assert await watching.told() == [
        (threshold, 50), (threshold, 80), (threshold, 100), (threshold, 50), (threshold, 80), ("budget.lifted", None),
    ]  # fmt: skip


async def test_the_next_period_begins_free(watching: Watching) -> None:
    await watching.set(BUDGET)
    await watching.use(1_000)
    assert await watching.look() == "refuse"
    watching.clock.advance(86_400 * 7 + 3_600 * 8 - 1)  # to the last second of November
    assert await watching.look() == "refuse"
    watching.clock.advance(1)
    assert await watching.look() == "notify"
    assert (await watching.told())[-1] == ("budget.lifted", None)


async def test_what_a_crash_or_a_lost_redis_left_is_mended_at_the_next_look(watching: Watching) -> None:
    await watching.set(BUDGET)
    await watching.use(1_000)
    await watching.view.load()
    async with watching.pool.acquire() as connection:
        await watching.watch.look(connection)  # and dies before it tells the registry
    told = await watching.told()
    after = BudgetWatch(watching.pool, watching.registry, watching.view, watching.clock)
    watching.watch = after
    assert await watching.look() == "refuse"
    assert await watching.told() == told, "nothing is told twice"
    record = await watching.registry.get("acme")
    assert record is not None
    await watching.registry.put(structs.replace(record, version=record.version + 1, budget="notify"))
    assert await watching.look() == "refuse"


async def test_a_budget_that_is_removed_no_longer_decides(watching: Watching) -> None:
    await watching.set(BUDGET)
    await watching.use(1_000)
    assert await watching.look() == "refuse"
    assert b'parley_billing_budget_used{tenant="acme",subject="pubSubMessageCount"} 1000' in watching.watch.text()
    async with watching.admin.acquire() as connection, connection.transaction():
        assert await BudgetStore(connection).remove("acme", "pubSubMessageCount")
    assert await watching.look() == "notify"
    assert watching.watch.text() == b""
    assert await watching.pool.fetchval("SELECT count(*) FROM parley.budget_states") == 0


async def test_a_change_of_the_record_at_the_same_moment_is_not_undone(watching: Watching) -> None:
    await watching.set(BUDGET)
    await watching.use(1_000)
    await watching.view.load()
    record = watching.view.get("acme")
    assert record is not None
    changed = structs.replace(record, version=record.version + 1, state="suspended")
    await watching.registry.put(changed)
    async with watching.pool.acquire() as connection:
        await watching.watch.look(connection)
    assert await watching.watch.enforce() == 0
    assert await watching.look() == "refuse"
    held = await watching.registry.get("acme")
    assert held is not None and held.state == "suspended"


@asynccontextmanager
async def as_usage(pool: Pool, tenant: str) -> AsyncIterator[Connection]:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE parley_usage")
        await connection.execute("SELECT set_config('parley.tenant', $1, true)", tenant)
        yield connection


async def test_a_tenant_sees_its_own_budgets_and_no_webhook_secret(watching: Watching) -> None:
    await watching.set(BUDGET)
    await watching.set(replace(BUDGET, tenant="globex"))
    async with as_usage(watching.pool, "globex") as connection:
        assert [budget.tenant for budget in await BudgetStore(connection).budgets()] == ["globex"]
    async with as_usage(watching.pool, "acme") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT secret FROM parley.webhook_endpoints")


async def look_once(database_url: str, redis_url: str) -> None:
    """What dies: one look of a new process, and telling the registry."""
    pool, client = await connect(database_url, "parley_billing", size=2), connect_redis(redis_url)
    view = TenantView(client, Keys())
    await view.load()
    watch = BudgetWatch(pool, Registry(client, Keys()), view, FrozenClock(NOON))
    async with pool.acquire() as connection:
        await watch.look(connection)
    await watch.enforce()
    await client.aclose()
    await pool.close()


async def test_whoever_dies_at_any_await_tells_everything_once(
    watching: Watching, database_url: str, redis_url: str
) -> None:
    await watching.set(BUDGET)
    await watching.use(1_000)
    places = await asyncio.to_thread(die_everywhere, "test_budget_watch:look_once", database_url, redis_url)
    assert places > 10
    assert await watching.look() == "refuse"
    assert [threshold for _, threshold in await watching.told()] == [50, 80, 100]
