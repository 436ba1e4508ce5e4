"""Invoices in Postgres. A number is given, and its entry in the journal made, in the transaction that finalizes."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from msgspec.structs import replace

from parley.money import to_money
from parley_billing.core.invoice.basis import Basis, encode_basis
from parley_billing.core.invoice.chain import Entry, What, number_text
from parley_billing.core.invoice.checker import check
from parley_billing.core.invoice.invoice import Invoice, decode_invoice, encode_invoice
from parley_billing.core.invoice.tax import InvoiceProblem
from parley_billing.shell.webhook_outbox import queue
from parley_runtime.database import Connection

_COLUMNS = "id, tenant, seller, state, body, basis"
_DRAFT = """
INSERT INTO parley.invoices
  (id, tenant, seller, kind, state, period_start, period_end, currency, gross, cutoff, digest, original, body, basis)
VALUES ($1, $2, $3, $4, 'draft', $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
_SERIES = """
INSERT INTO parley.invoice_series AS held (seller) VALUES ($1)
ON CONFLICT (seller) DO UPDATE SET seller = excluded.seller RETURNING number, position, head
"""
_FINALIZE = """
UPDATE parley.invoices SET state = 'finalized', number = $2, number_text = $3, issued = $4, digest = $5, body = $6
WHERE id = $1 AND state = 'draft'
"""
_JOURNAL = """
INSERT INTO parley.invoice_journal (seller, position, what, invoice, number_text, digest, at, detail, previous, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_LIST = f"""
SELECT {_COLUMNS} FROM parley.invoices
WHERE ($1::text IS NULL OR tenant = $1) AND ($2::date IS NULL OR period_end > $2)
  AND ($3::date IS NULL OR period_end <= $3) AND ($4::text IS NULL OR state = $4)
ORDER BY period_end, seller, number NULLS LAST, tenant LIMIT $5
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Kept:
    """An invoice as it is stored. `basis` is empty for credit notes."""

    id: UUID
    tenant: str
    seller: str
    state: str
    invoice: Invoice
    body: bytes
    basis: bytes


@asynccontextmanager
async def tenant_lock(connection: Connection, tenant: str) -> AsyncIterator[None]:
    """Nobody else makes or changes invoices of this tenant meanwhile.

    A lock of the session, taken before the transaction: a snapshot that is older than the lock would miss what its
    last holder did.
    """
    await connection.execute("SELECT pg_advisory_lock(hashtextextended('invoice:' || $1, 0))", tenant)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock(hashtextextended('invoice:' || $1, 0))", tenant)


class InvoiceStore:
    """Over one connection, in the caller's transaction if there is one. Raises what asyncpg raises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def draft(self, seller: str, invoice: Invoice, basis: Basis | None) -> UUID:
        """Keep a draft; under the tenant's lock."""
        found, body = uuid4(), encode_invoice(invoice)
        original = None if invoice.original is None else UUID(invoice.original.id)
        cutoff = 0 if basis is None else basis.cutoff
        gross = to_money(invoice.totals.gross, invoice.currency).minor
        kept = "" if basis is None else encode_basis(basis).decode()
        await self._connection.execute(
            _DRAFT, found, invoice.tenant, seller, invoice.kind, invoice.period.start, invoice.period.end,
            invoice.currency, gross, cutoff, _digest(body), original, body.decode(), kept,
        )  # fmt: skip
        return found

    async def drop_draft(self, tenant: str, start: date) -> None:
        """Remove the draft of a period, if there is one: it is made anew."""
        await self._connection.execute(
            """DELETE FROM parley.invoices
               WHERE tenant = $1 AND period_start = $2 AND kind = 'invoice' AND state = 'draft'""",
            tenant,
            start,
        )

    async def finalize(self, id: UUID, prefix: str, today: date, now_ms: int, by: str) -> Invoice:
        """Give the next number and the dates, and chain it: one transaction. Raises `InvoiceProblem`."""
        async with self._connection.transaction():
            kept = await self.by_id(id)
            if kept is None or kept.state != "draft":
                raise InvoiceProblem("That draft is not there any more.")
            series = await self._connection.fetchrow(_SERIES, kept.seller)  # held to the end: the next one waits
            assert series is not None
            number = int(series["number"]) + 1
            invoice = replace(
                kept.invoice,
                number=number_text(prefix, number),
                issued=today,
                due=today + timedelta(days=kept.invoice.payment.days),
            )
            if problems := check(invoice):
                raise InvoiceProblem(f"{kept.tenant}: " + " ".join(map(str, problems)))
            body = encode_invoice(invoice)
            await self._connection.execute(_FINALIZE, id, number, invoice.number, today, _digest(body), body.decode())
            entry = Entry(
                kept.seller, int(series["position"]) + 1, "finalized", str(id), invoice.number, _digest(body), now_ms,
                by, bytes(series["head"]),
            )  # fmt: skip
            await self._chain(entry, number)
            kind = "invoice" if invoice.kind == "invoice" else "credit-note"
            await queue(self._connection, kept.tenant, f"{kind}.finalized", _told(invoice), now_ms)
        return invoice

    async def turn(self, kept: Kept, what: What, now_ms: int, detail: str) -> None:
        """Paid, or void. One transaction; under the tenant's lock. Raises `InvoiceProblem` when it cannot be."""
        if kept.state != "finalized":
            raise InvoiceProblem(f"{kept.invoice.number or 'The draft'} is {kept.state}: it cannot be {what}.")
        if what == "void" and await self.credits(kept.id):
            raise InvoiceProblem(f"{kept.invoice.number} has credit notes: credit the rest of it instead.")
        async with self._connection.transaction():
            series = await self._connection.fetchrow(_SERIES, kept.seller)
            assert series is not None
            await self._connection.execute("UPDATE parley.invoices SET state = $2 WHERE id = $1", kept.id, what)
            entry = Entry(
                kept.seller, int(series["position"]) + 1, what, str(kept.id), kept.invoice.number, _digest(kept.body),
                now_ms, detail, bytes(series["head"]),
            )  # fmt: skip
            await self._chain(entry, int(series["number"]))
            if what == "void":
                await queue(self._connection, kept.tenant, "invoice.voided", _told(kept.invoice), now_ms)

    async def _chain(self, entry: Entry, number: int) -> None:
        await self._connection.execute(
            _JOURNAL, entry.series, entry.position, entry.what, UUID(entry.invoice), entry.number, entry.digest,
            entry.at, entry.detail, entry.previous, entry.hash,
        )  # fmt: skip
        await self._connection.execute(
            "UPDATE parley.invoice_series SET number = $2, position = $3, head = $4 WHERE seller = $1",
            entry.series, number, entry.position, entry.hash,
        )  # fmt: skip

    async def by_id(self, id: UUID) -> Kept | None:
        """None: there is none."""
        return _kept(await self._connection.fetchrow(f"SELECT {_COLUMNS} FROM parley.invoices WHERE id = $1", id))  # noqa: S608

    async def by_number(self, number: str) -> Kept | None:
        """By the number that stands on it."""
        statement = f"SELECT {_COLUMNS} FROM parley.invoices WHERE number_text = $1"  # noqa: S608
        return _kept(await self._connection.fetchrow(statement, number))

    async def credits(self, original: UUID) -> list[Kept]:
        """The credit notes of an invoice, in the order of their numbers."""
        statement = f"SELECT {_COLUMNS} FROM parley.invoices WHERE original = $1 AND state <> 'void' ORDER BY number"  # noqa: S608
        rows = await self._connection.fetch(statement, original)
        return [kept for row in rows if (kept := _kept(row)) is not None]

    async def of_tenant(self, tenant: str, since: date) -> list[Kept]:
        """Numbered invoices (not credit notes, not void ones) whose period ends after `since`, the oldest first."""
        found = await self.list(tenant=tenant, after=since, most=1_000)
        return [one for one in found if one.invoice.kind == "invoice" and one.state in ("finalized", "paid")]

    async def list(
        self, *, tenant: str | None = None, after: date | None = None, until: date | None = None,
        state: str | None = None, most: int = 1_000,
    ) -> "list[Kept]":  # fmt: skip
        """Those whose period ends after `after` and not after `until`."""
        rows = await self._connection.fetch(_LIST, tenant, after, until, state, most)
        return [kept for row in rows if (kept := _kept(row)) is not None]


def _kept(row: Any) -> Kept | None:
    if row is None:
        return None
    body = row["body"].encode()
    return Kept(
        row["id"], row["tenant"], row["seller"], row["state"], decode_invoice(body), body, row["basis"].encode()
    )


def _told(invoice: Invoice) -> dict[str, str | None]:
    """What the tenant's servers learn of it."""
    return {
        "tenant": invoice.tenant,
        "number": invoice.number,
        "from": invoice.period.start.isoformat(),
        "to": invoice.period.end.isoformat(),
        "due": None if invoice.due is None else invoice.due.isoformat(),
        "net": str(invoice.totals.net),
        "gross": str(invoice.totals.gross),
        "currency": invoice.currency,
        "original": None if invoice.original is None else invoice.original.number,
    }


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()
