"""A ledger, plans, subscriptions and accounts for tests of invoices."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import asyncpg

from kit.invoices import BERLIN, SELLER, TEAM
from parley.usage import UsageLine, UsageRecord, encode_record
from parley_billing.core.intake import take_in
from parley_billing.core.invoice.party import Account, Party
from parley_billing.core.rating.part import Holding
from parley_billing.core.subscription import Subscription
from parley_billing.shell.invoice_accounts import InvoiceAccounts
from parley_billing.shell.ledger_store import LedgerStore
from parley_billing.shell.plan_store import PlanStore
from parley_runtime.database import Pool

#: 2026-10-15T10:00Z in ms.
OCTOBER_15 = 1_792_058_400_000
#: 2026-11-02T10:00Z in ms.
NOVEMBER_2 = 1_793_613_600_000


async def settle_in(admin: Pool, tenants: Sequence[str], buyer: Party = BERLIN, **account: Any) -> None:
    """Tenants on the plan `team` since September, with accounts."""
    async with admin.acquire() as connection:
        accounts, plans = InvoiceAccounts(connection), PlanStore(connection)
        assert await accounts.put_seller(SELLER)
        await plans.publish(TEAM)
        for tenant in tenants:
            await accounts.put_account(tenant, Account(SELLER.name, buyer, **account))
            start = date(2026, 9, 1)
            await plans.begin(Subscription(tenant, start, "Europe/Berlin", (Holding(TEAM, start),)))


async def use(
    billing: Pool, run: str, number: int, tenants: Sequence[str], messages: int, at: int = OCTOBER_15
) -> None:
    """One record: each tenant had so many deliveries of 250 bytes each."""
    lines = [UsageLine(tenant, "", "delivery", at - at % 60_000, messages, messages * 250) for tenant in tenants]
    async with billing.acquire() as connection:
        await LedgerStore(connection).book(take_in([encode_record(UsageRecord(run, number, at, lines))]), NOVEMBER_2)


class Crash(BaseException):
    """Stands for the end of the process: nothing after it happens."""


class Mortal:
    """A connection that is cut before its `left`-th statement: what the server has of it, it rolls back."""

    def __init__(self, connection: Any, left: int) -> None:
        self._connection = connection
        self.left = left

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._connection, name)
        if name not in ("execute", "fetch", "fetchrow", "fetchval"):
            return found

        async def spend(*arguments: Any, **options: Any) -> Any:
            if self.left == 0:
                self._connection.terminate()
                raise Crash
            self.left -= 1
            return await found(*arguments, **options)

        return spend


async def connect_directly(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """As billing's pool would make it."""
    connection = await asyncpg.connect(url, server_settings={"role": "parley_billing", "timezone": "UTC"})
    return connection
