"""Sellers and accounts in Postgres."""

import msgspec

from parley_billing.core.invoice.party import Account, Seller
from parley_runtime.database import Connection

_seller, _account, _encoder = msgspec.json.Decoder(Seller), msgspec.json.Decoder(Account), msgspec.json.Encoder()


class InvoiceAccounts:
    """Over one connection. Raises what asyncpg raises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def put_seller(self, seller: Seller) -> bool:
        """False when it has another prefix already: the numbers of a series all begin alike."""
        status = await self._connection.execute(
            """INSERT INTO parley.invoice_sellers AS held (name, prefix, body) VALUES ($1, $2, $3)
               ON CONFLICT (name) DO UPDATE SET body = excluded.body, changed_at = now()
               WHERE held.prefix = excluded.prefix""",
            seller.name, seller.prefix, _encoder.encode(seller).decode(),
        )  # fmt: skip
        return bool(status != "INSERT 0 0")

    async def put_account(self, tenant: str, account: Account) -> None:
        """Raises `asyncpg.ForeignKeyViolationError` when there is no such seller."""
        await self._connection.execute(
            """INSERT INTO parley.invoice_accounts (tenant, seller, body) VALUES ($1, $2, $3) ON CONFLICT (tenant)
               DO UPDATE SET seller = excluded.seller, body = excluded.body, changed_at = now()""",
            tenant, account.seller, _encoder.encode(account).decode(),
        )  # fmt: skip

    async def seller(self, name: str) -> Seller | None:
        """None: there is none."""
        body = await self._connection.fetchval("SELECT body FROM parley.invoice_sellers WHERE name = $1", name)
        return None if body is None else _seller.decode(body)

    async def account(self, tenant: str) -> Account | None:
        """None: that tenant is not invoiced."""
        body = await self._connection.fetchval("SELECT body FROM parley.invoice_accounts WHERE tenant = $1", tenant)
        return None if body is None else _account.decode(body)

    async def tenants(self, one: str | None = None) -> list[str]:
        """Those with an account, in order."""
        rows = await self._connection.fetch(
            "SELECT tenant FROM parley.invoice_accounts WHERE $1::text IS NULL OR tenant = $1 ORDER BY tenant", one
        )
        return [row["tenant"] for row in rows]
