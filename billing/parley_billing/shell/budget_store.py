"""Budgets, and where they stand, in Postgres."""

from collections.abc import Sequence
from typing import Any

from parley_billing.core.budget import Budget, State, Subject
from parley_billing.core.cover import cover
from parley_billing.core.period_usage import ByClass, Span
from parley_runtime.database import Connection

_TOUCH = """
WITH next AS (UPDATE parley.budget_progress SET changed = changed + 1 RETURNING changed)
UPDATE parley.budgets SET changed = next.changed FROM next WHERE tenant = $1
"""
_SET = """
INSERT INTO parley.budgets (tenant, subject, amount, currency, action, changed)
SELECT $1, $2, $3, $4, $5, changed FROM parley.budget_progress
ON CONFLICT (tenant, subject) DO UPDATE SET amount = excluded.amount, currency = excluded.currency,
  action = excluded.action, changed = excluded.changed
"""
_REMOVE = "DELETE FROM parley.budgets WHERE tenant = $1 AND subject = $2 RETURNING subject"
_BUDGETS = """
SELECT tenant, subject, amount, action, currency FROM parley.budgets
WHERE $1::text[] IS NULL OR tenant = ANY($1) ORDER BY tenant, subject
"""
_STATES = """
SELECT tenant, subject, period_start, amount, action, level, told FROM parley.budget_states WHERE tenant = ANY($1)
"""
_PROGRESS = "SELECT u.batch, b.changed FROM parley.usage_progress u, parley.budget_progress b"
_USED_SINCE = """
SELECT DISTINCT t.tenant FROM parley.usage_totals t JOIN parley.budgets b USING (tenant) WHERE t.batch > $1
"""
#: Also those that had a budget, and have none now.
_CHANGED_SINCE = """
SELECT tenant FROM parley.budgets WHERE changed > $1
UNION
SELECT tenant FROM parley.budget_states s
WHERE NOT EXISTS (SELECT FROM parley.budgets b WHERE (b.tenant, b.subject) = (s.tenant, s.subject))
"""
_KEEP = """
INSERT INTO parley.budget_states (tenant, subject, period_start, amount, action, level, told)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (tenant, subject) DO UPDATE SET period_start = excluded.period_start, amount = excluded.amount,
  action = excluded.action, level = excluded.level, told = excluded.told, changed_at = now()
"""
_FORGET = "DELETE FROM parley.budget_states WHERE tenant = $1 AND subject = $2"

_USED = """
SELECT asked.place, used.usage_class, sum(used.messages)::bigint AS messages, sum(used.bytes)::bigint AS bytes
FROM unnest($1::int[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
  AS asked(place, tenant, first, day, last_day, last)
CROSS JOIN LATERAL (
  SELECT usage_class, messages, bytes FROM parley.usage_days
  WHERE tenant = asked.tenant AND start >= asked.day AND start < asked.last_day
  UNION ALL
  SELECT usage_class, messages, bytes FROM parley.usage_quarter_hours
  WHERE tenant = asked.tenant
    AND ((start >= asked.first AND start < asked.day) OR (start >= asked.last_day AND start < asked.last))) AS used
GROUP BY 1, 2
"""


class BudgetStore:
    """Over one connection, in the caller's transaction if there is one. Raises what asyncpg raises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def touch(self, tenant: str) -> None:
        """Something changed that decides about this tenant's budgets: look at them again."""
        await self._connection.execute(_TOUCH, tenant)

    async def set(self, budget: Budget) -> None:
        """Make it so; whoever follows sees it when the transaction commits."""
        await self.touch(budget.tenant)
        await self._connection.execute(
            _SET, budget.tenant, budget.subject, budget.amount, budget.currency, budget.action
        )

    async def remove(self, tenant: str, subject: Subject) -> bool:
        """Whether there was one."""
        await self.touch(tenant)
        return await self._connection.fetchval(_REMOVE, tenant, subject) is not None

    async def budgets(self, tenants: Sequence[str] | None = None) -> list[Budget]:
        """Those of some tenants, or all."""
        rows = await self._connection.fetch(_BUDGETS, None if tenants is None else list(tenants))
        return [Budget(**row) for row in rows]

    async def states(self, tenants: Sequence[str]) -> dict[tuple[str, Subject], State]:
        """By tenant and subject."""
        rows = await self._connection.fetch(_STATES, list(tenants))
        return {(row["tenant"], row["subject"]): State(*list(row.values())[2:]) for row in rows}

    async def keep(self, tenant: str, subject: Subject, state: State | None) -> None:
        """The state as it is now; None: the budget is gone."""
        if state is None:
            await self._connection.execute(_FORGET, tenant, subject)
            return
        await self._connection.execute(
            _KEEP, tenant, subject, state.period_start, state.amount, state.action, state.level, state.told
        )

    async def progress(self) -> tuple[int, int]:
        """(newest batch of the ledger, newest change of a budget)."""
        row = await self._connection.fetchrow(_PROGRESS)
        assert row is not None  # the migrations made both rows
        return row["batch"], row["changed"]

    async def used_since(self, batch: int) -> list[str]:
        """Tenants with budgets and usage after that batch."""
        return [row["tenant"] for row in await self._connection.fetch(_USED_SINCE, batch)]

    async def changed_since(self, change: int) -> list[str]:
        """Tenants whose budgets changed after that change, or went."""
        return [row["tenant"] for row in await self._connection.fetch(_CHANGED_SINCE, change)]

    async def used(self, asked: Sequence[tuple[str, Span]]) -> list[ByClass]:
        """What each of these tenants used in its span, which begins and ends at whole quarters of an hour."""
        columns: list[list[Any]] = [[], [], [], [], [], []]
        for place, (tenant, span) in enumerate(asked):
            covered = cover(span.from_ms, span.to_ms, by_days=True)
            assert not covered.minutes
            (first, last), (day, last_day) = covered.quarter_hours, covered.days
            for column, value in zip(columns, (place, tenant, first, day, last_day, last), strict=True):
                column.append(value)
        found: list[dict[str, tuple[int, int]]] = [{} for _ in asked]
        for row in await self._connection.fetch(_USED, *columns):
            found[row["place"]][row["usage_class"]] = (row["messages"], row["bytes"])
        return found  # type: ignore[return-value]
