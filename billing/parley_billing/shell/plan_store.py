"""Plans and subscriptions in Postgres."""

from collections.abc import Sequence
from datetime import date

import asyncpg

from parley.plan_rules import Problem, succession, validate
from parley.plans import Plan, decode_plan, encode_plan
from parley_billing.core.rating.part import Holding
from parley_billing.core.subscription import Subscription
from parley_runtime.database import Connection

_NEWEST = "SELECT body FROM parley.plans WHERE name = $1 ORDER BY version DESC LIMIT 1"
_ONE = "SELECT body FROM parley.plans WHERE name = $1 AND version = $2"
_ALL = "SELECT body FROM parley.plans ORDER BY name, version"
_PUBLISH = "INSERT INTO parley.plans (name, version, digest, body) VALUES ($1, $2, $3, $4)"

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('subscription:' || $1, 0))"

_SUBSCRIPTIONS = """
SELECT s.tenant, s.start, s.ended, s.zone, h.begin, p.body FROM parley.subscriptions s
JOIN parley.subscription_plans h USING (tenant, start)
JOIN parley.plans p ON p.name = h.plan AND p.version = h.version
WHERE $1::text[] IS NULL OR s.tenant = ANY($1) ORDER BY s.tenant, s.start, h.begin
"""

_BEGIN = "INSERT INTO parley.subscriptions (tenant, start, zone) VALUES ($1, $2, $3)"
_HOLDING = """
INSERT INTO parley.subscription_plans (tenant, start, begin, plan, version) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant, start, begin) DO UPDATE
SET plan = excluded.plan, version = excluded.version, agreed_at = excluded.agreed_at
"""
_END = "UPDATE parley.subscriptions SET ended = $3 WHERE tenant = $1 AND start = $2"


class PlanStore:
    """Over one connection, in the caller's transaction if there is one. Raises what asyncpg raises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def publish(self, plan: Plan) -> tuple[bool, list[Problem]]:
        """(whether it is new, what is wrong with it). The same version with the same content again is no problem."""
        if problems := validate(plan):
            return False, problems
        held = await self.plan(plan.name)
        if problems := succession(held, plan):
            return False, problems
        if held is not None and held.version == plan.version:
            return False, []
        try:
            async with self._connection.transaction():
                await self._connection.execute(
                    _PUBLISH, plan.name, plan.version, plan.digest(), encode_plan(plan).decode()
                )
        except asyncpg.UniqueViolationError:  # somebody else was quicker: what they published decides
            return await self.publish(plan)
        return True, []

    async def plan(self, name: str, version: int | None = None) -> Plan | None:
        """That version, or the newest; None: there is none."""
        if version is None:
            body = await self._connection.fetchval(_NEWEST, name)
        else:
            body = await self._connection.fetchval(_ONE, name, version)
        return None if body is None else decode_plan(body)

    async def plans(self) -> list[Plan]:
        """Every version of every plan."""
        return [decode_plan(row["body"]) for row in await self._connection.fetch(_ALL)]

    async def lock_subscriptions(self, tenant: str) -> None:
        """Until the end of the transaction nobody else changes the subscriptions of this tenant."""
        await self._connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('subscription:' || $1, 0))", tenant
        )

    async def subscriptions(self, tenants: Sequence[str] | None = None) -> list[Subscription]:
        """Those of some tenants, or of all; in order of tenant and time."""
        rows = await self._connection.fetch(_SUBSCRIPTIONS, None if tenants is None else list(tenants))
        plans: dict[str, Plan] = {}
        found: dict[tuple[str, date], list[asyncpg.Record]] = {}
        for row in rows:
            found.setdefault((row["tenant"], row["start"]), []).append(row)
            if row["body"] not in plans:
                plans[row["body"]] = decode_plan(row["body"])
        return [
            Subscription(
                tenant,
                start,
                held[0]["zone"],
                tuple(Holding(plans[row["body"]], row["begin"]) for row in held),
                held[0]["ended"],
            )
            for (tenant, start), held in found.items()
        ]

    async def begin(self, new: Subscription) -> None:
        """A subscription that `core.subscription.begin` allowed, under the lock."""
        await self._connection.execute(_BEGIN, new.tenant, new.start, new.zone)
        await self.hold(new, new.start)

    async def hold(self, changed: Subscription, day: date) -> None:
        """What `core.subscription.change` made of it: the plan that begins on that day."""
        plan = next(holding.plan for holding in changed.holdings if holding.begin == day)
        await self._connection.execute(_HOLDING, changed.tenant, changed.start, day, plan.name, plan.version)

    async def finish(self, ended: Subscription) -> None:
        """What `core.subscription.finish` made of it."""
        await self._connection.execute(_END, ended.tenant, ended.start, ended.end)
