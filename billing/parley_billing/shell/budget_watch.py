"""Follows what tenants use against their budgets: tells them, and lets gateways slow or refuse their writing.

One process of all does it. What a state says is written with the webhooks that tell it, in one transaction; what
gateways shall do is compared with the registry at every look, so neither a crash between the two nor a Redis that
forgot leaves a tenant refused, or free, for longer than a look.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from parley.clock import Clock
from parley.money import MoneyProblem
from parley_billing.core.budget import Action, Budget
from parley_billing.core.budget_exposition import BudgetExposition
from parley_billing.core.budget_look import look
from parley_billing.core.period_usage import Span, local_day, spans
from parley_billing.core.rating.amount import RatingProblem
from parley_billing.core.subscription import Subscription, current
from parley_billing.shell.budget_store import BudgetStore
from parley_billing.shell.plan_store import PlanStore
from parley_billing.shell.webhook_outbox import queue
from parley_runtime.database import Connection, Pool
from parley_runtime.outage import Outage
from parley_runtime.registry import Registry
from parley_runtime.telemetry import get_logger
from parley_runtime.tenant_view import TenantView

#: Key of the advisory lock of the one process that follows budgets ("budget" in ASCII).
WATCHER_LOCK = 0x627564676574
#: Seconds between looks. With half a second until usage is sealed and as much until it is booked, a budget that is
#: used up is effective on gateways in about two.
LOOK_EVERY = 0.5
#: Seconds between attempts to become the one that looks, while another process is; and after a fault.
STANDBY_EVERY = 1.0
#: Tenants of one transaction.
AT_ONCE = 100


class BudgetWatch:
    """Runs until cancelled."""

    def __init__(self, pool: Pool, registry: Registry, tenants: TenantView, clock: Clock) -> None:
        self._pool = pool
        self._registry = registry
        self._tenants = tenants
        self._clock = clock
        self._outage = Outage("budgets wait")
        self._begin_afresh()

    def _begin_afresh(self) -> None:
        self._batch = self._change = -1
        self._until: dict[str, int] = {}
        self._actions: dict[str, Action | None] = {}
        self._exposition = BudgetExposition()

    def text(self) -> bytes:
        """What there is to say for Prometheus; nothing while another process follows the budgets."""
        return self._exposition.text()

    async def run(self) -> None:
        """Look, or stand by while another process does. Every fault is waited out."""
        while True:
            try:
                async with self._pool.acquire() as connection:
                    if await connection.fetchval("SELECT pg_try_advisory_lock($1)", WATCHER_LOCK):
                        self._begin_afresh()
                        await self._look_for_ever(connection)
                self._outage.over()
            except Exception as problem:
                self._outage.began(problem)
            await asyncio.sleep(STANDBY_EVERY)

    async def _look_for_ever(self, connection: Connection) -> None:
        try:
            while True:
                await self.look(connection)
                await self.enforce()
                self._outage.over()
                await asyncio.sleep(LOOK_EVERY)
        finally:
            self._begin_afresh()  # what another process now says must not be said twice

    async def look(self, connection: Connection) -> int:
        """At every tenant about whom something may have changed. Their number."""
        store, now_ms = BudgetStore(connection), self._clock.now_ms()
        batch, change = await store.progress()
        due = {tenant for tenant, until in self._until.items() if until <= now_ms}
        if batch != self._batch:
            due.update(await store.used_since(min(self._batch, batch)))
        if change != self._change:
            due.update(await store.changed_since(min(self._change, change)))
        tenants = sorted(due)
        for start in range(0, len(tenants), AT_ONCE):
            await self._look_at(connection, tenants[start : start + AT_ONCE], now_ms)
        self._batch, self._change = batch, change  # only now: what failed is looked at again
        return len(tenants)

    async def _look_at(self, connection: Connection, tenants: Sequence[str], now_ms: int) -> None:
        async with connection.transaction():
            store = BudgetStore(connection)
            budgets: dict[str, list[Budget]] = {tenant: [] for tenant in tenants}
            for budget in await store.budgets(tenants):
                budgets[budget.tenant].append(budget)
            held = await store.states(tenants)
            periods = await _periods(connection, tenants, now_ms)
            asked = [(tenant, span) for tenant in tenants for span in periods[tenant]]
            answers = iter(await store.used(asked))
            for tenant in tenants:
                used = [(span, next(answers)) for span in periods[tenant]]
                states = {subject: state for (name, subject), state in held.items() if name == tenant}
                try:
                    found = look(budgets[tenant], states, used, now_ms)
                except (RatingProblem, MoneyProblem) as problem:
                    get_logger().error("a tenant's budgets cannot be looked at", tenant=tenant, why=str(problem))
                    continue
                for subject, state in found.changed.items():
                    await store.keep(tenant, subject, state)
                for type, payload in found.told:
                    await queue(connection, tenant, type, payload, now_ms)
                self._exposition.put(tenant, found.standings)
                self._actions[tenant] = found.action
                self._until[tenant] = periods[tenant][-1].to_ms
                if not budgets[tenant]:
                    del self._until[tenant]

    async def enforce(self) -> int:
        """Let the registry say of every tenant what shall be done about it. The number of records written."""
        written = 0
        for tenant in list(self._tenants.all().values()):
            wanted = self._actions.get(tenant.name) or "notify"
            if tenant.budget != wanted:
                record = replace(tenant, version=tenant.version + 1, budget=wanted)
                if await self._registry.put(record):  # else somebody else's change was there first: look again
                    get_logger().info("a tenant's budget decides about its writing", tenant=tenant.name, action=wanted)
                    written += 1
        return written


async def _periods(connection: Connection, tenants: Sequence[str], now_ms: int) -> dict[str, list[Span]]:
    """Of each tenant the spans of its billing period."""
    held: dict[str, list[Subscription]] = {}
    for one in await PlanStore(connection).subscriptions(tenants):
        held.setdefault(one.tenant, []).append(one)
    found = {}
    for tenant in tenants:
        candidates = held.get(tenant, [])
        now = next((one for one in candidates if current([one], local_day(now_ms, _zone(one.zone)))), None)
        found[tenant] = spans(now, now_ms, UTC if now is None else _zone(now.zone))
    return found


def _zone(name: str) -> tzinfo:
    return ZoneInfo(name)  # was checked when it was agreed
