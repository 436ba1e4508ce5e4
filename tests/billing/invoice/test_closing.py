"""Closing a month in a real Postgres: no gap, no double, whoever else closes and wherever it dies."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from kit.invoice_world import NOVEMBER_2, OCTOBER_15, Crash, Mortal, connect_directly, settle_in, use
from kit.invoices import BERLIN
from parley_billing.core.invoice.crediting import credit
from parley_billing.core.invoice.invoice import Invoice
from parley_billing.core.invoice.tax import InvoiceProblem
from parley_billing.core.reconciliation import Scope
from parley_billing.shell.invoice_check import verify
from parley_billing.shell.invoice_closing import close_tenant, month_named
from parley_billing.shell.invoice_documents import make_missing
from parley_billing.shell.invoice_store import InvoiceStore, Kept, tenant_lock
from parley_billing.shell.ledger_check import check
from parley_runtime.database import Pool, connect

pytestmark = pytest.mark.servers

TODAY = date(2026, 11, 2)


@pytest.fixture
async def billing(database_url: str) -> AsyncIterator[Pool]:
    pool = await connect(database_url, "parley_billing", size=8)
    yield pool
    await pool.close()


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[Pool]:
    pool = await connect(database_url, "parley_admin", size=2)
    yield pool
    await pool.close()


async def close(connection: Any, tenant: str, month: str = "2026-10", today: date = TODAY) -> list[Invoice]:
    return await close_tenant(connection, tenant, month_named(month), today, NOVEMBER_2, "test", finalize=True)


async def billing_is_asked_to_tell(admin: Pool, tenant: str) -> None:
    await admin.execute(
        "INSERT INTO parley.webhook_endpoints (id, tenant, url, secret) VALUES ('ep', $1, 'https://acme.test/', $2)",
        tenant,
        bytes(32),
    )


async def numbers(pool: Pool) -> list[str]:
    rows = await pool.fetch("SELECT number_text FROM parley.invoices WHERE number IS NOT NULL ORDER BY number")
    return [row["number_text"] for row in rows]


async def wrong(pool: Pool) -> list[str]:
    async with pool.acquire() as connection:
        return (await verify(connection)).wrong


async def kept(pool: Pool, number: str) -> Kept:
    async with pool.acquire() as connection:
        found = await InvoiceStore(connection).by_number(number)
    assert found is not None
    return found


async def test_an_invoice_has_what_the_ledger_has(billing: Pool, admin: Pool) -> None:
    await settle_in(admin, ["acme"])
    await use(billing, "r", 1, ["acme", "other"], 3_000_000)
    async with billing.acquire() as connection:
        (invoice,) = await close(connection, "acme")
        assert await close(connection, "acme") == [], "it is closed"
    assert [(line.name, str(line.net), str(line.quantity)) for line in invoice.lines] == [
        ("base-fee", "29.00", "None"),
        ("messages", "5.00", "3000000"),
        ("bandwidth", "0.00", "750000000"),
    ]
    assert (invoice.number, invoice.issued, invoice.due) == ("PRL-000001", TODAY, date(2026, 11, 16))
    assert (str(invoice.totals.net), str(invoice.totals.tax), str(invoice.totals.gross)) == ("34.00", "6.46", "40.46")
    assert await wrong(billing) == []


async def test_a_process_that_dies_before_any_of_its_statements_leaves_no_gap_and_no_double(
    billing: Pool, admin: Pool, database_url: str
) -> None:
    await settle_in(admin, ["acme"])
    await use(billing, "r", 1, ["acme"], 3_000_000)
    await billing_is_asked_to_tell(admin, "acme")
    for left in range(1_000):
        mortal = Mortal(await connect_directly(database_url), left)
        try:
            made = await close(mortal, "acme")
        except (Crash, asyncpg.InterfaceError):
            assert await numbers(billing) in ([], ["PRL-000001"])
            continue
        finally:
            mortal.terminate()
        break
    assert left == 16, "each statement was the last one once"
    assert len(made) <= 1
    assert await numbers(billing) == ["PRL-000001"]
    assert await wrong(billing) == []
    assert await billing.fetchval("SELECT count(*) FROM parley.invoices") == 1, "no draft was left"
    told = await billing.fetch("SELECT type, body FROM parley.webhook_messages")
    assert [row["type"] for row in told] == ["invoice.finalized"], "told once, with the number"
    assert '"number":"PRL-000001"' in told[0]["body"] and '"gross":"40.46"' in told[0]["body"]


async def test_many_who_close_at_once_number_without_gaps_and_each_tenant_once(billing: Pool, admin: Pool) -> None:
    tenants = [f"tenant-{number}" for number in range(12)]
    await settle_in(admin, tenants)
    await use(billing, "r", 1, tenants, 2_000_000)

    async def closer(order: list[str]) -> int:
        made = 0
        for tenant in order:
            async with billing.acquire() as connection:
                made += len(await close(connection, tenant))
        return made

    made = await asyncio.gather(*(closer(tenants[place:] + tenants[:place]) for place in (0, 0, 3, 6, 9, 11)))
    assert sum(made) == len(tenants)
    assert await numbers(billing) == [f"PRL-{number:06d}" for number in range(1, 13)]
    assert await wrong(billing) == []


async def test_late_usage_is_a_named_difference_on_the_next_invoice_and_the_first_one_stays(
    billing: Pool, admin: Pool
) -> None:
    await settle_in(admin, ["acme"])
    await use(billing, "r", 1, ["acme"], 3_000_000)
    async with billing.acquire() as connection:
        (first,) = await close(connection, "acme")
        await use(billing, "r", 2, ["acme"], 1_000_000)
        (second,) = await close(connection, "acme", "2026-11", date(2026, 12, 1))
        await use(billing, "r", 3, ["acme"], 400)
        (third,) = await close(connection, "acme", "2026-12", date(2027, 1, 2))
    late = [line for line in second.lines if line.kind == "late"]
    assert [(line.name, str(line.net), line.period) for line in late] == [("messages", "2.50", first.period)]
    assert late[0].formula.endswith("7.5 − 5 (PRL-000001) = 2.50")
    assert [line.kind for line in third.lines] == ["charge"] * 3, "a difference of nothing is no line"
    assert third.covers[-1].usage[0]["pubSubMessageCount"] == 4_000_400
    assert (await kept(billing, "PRL-000001")).invoice == first
    assert await wrong(billing) == []


async def test_nobody_changes_or_removes_what_is_finalized(billing: Pool, admin: Pool, database_url: str) -> None:
    await settle_in(admin, ["acme"])
    async with billing.acquire() as connection:
        await close(connection, "acme")
    owner = await asyncpg.connect(database_url)
    for statement in (
        "UPDATE parley.invoices SET body = body || ' '",
        "UPDATE parley.invoices SET number = 7",
        "UPDATE parley.invoices SET state = 'draft'",
        "DELETE FROM parley.invoices",
        "TRUNCATE parley.invoices CASCADE",
        "UPDATE parley.invoice_journal SET detail = 'x'",
        "DELETE FROM parley.invoice_journal",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await owner.execute(statement)
    await owner.execute("SET session_replication_role = replica")  # who owns the machine can do anything: it shows
    for statement, said in (
        ("UPDATE parley.invoices SET body = replace(body, 'Berlin', 'Bremen')", "not what the journal says"),
        ("UPDATE parley.invoices SET state = 'paid'", "it is paid, but finalized in the journal"),
        ("UPDATE parley.invoice_journal SET at = at + 1", "its hash is not that of its content"),
        ("UPDATE parley.invoices SET basis = replace(basis, '\"29.00\"', '\"28.00\"')", "made again from its basis"),
        ("DELETE FROM parley.invoice_journal", "does not end with the entry"),
    ):
        transaction = owner.transaction(isolation="repeatable_read")
        await transaction.start()
        await owner.execute(statement)
        assert any(said in sentence for sentence in (await verify(owner)).wrong), statement
        await transaction.rollback()
    await owner.close()
    assert await wrong(billing) == []


async def test_paid_void_and_credited_are_chained_and_exclude_one_another(billing: Pool, admin: Pool) -> None:
    await settle_in(admin, ["acme", "beta", "gamma"])
    async with billing.acquire() as connection:
        store = InvoiceStore(connection)
        for tenant in ("acme", "beta", "gamma"):
            await close(connection, tenant)
        await store.turn(await kept(billing, "PRL-000001"), "paid", NOVEMBER_2, "test")
        with pytest.raises(InvoiceProblem, match="is paid: it cannot be void"):
            await store.turn(await kept(billing, "PRL-000001"), "void", NOVEMBER_2, "test")
        await store.turn(await kept(billing, "PRL-000002"), "void", NOVEMBER_2, "test")
        (again,) = await close(connection, "beta")
        assert again.number == "PRL-000004", "a void number is never given again"
        third = await kept(billing, "PRL-000003")
        async with tenant_lock(connection, "gamma"):
            note = credit(third.invoice, str(third.id), [], "Outage", Decimal("3.00"))
            id = await store.draft(third.seller, note, None)
            finalized = await store.finalize(id, "PRL", TODAY, NOVEMBER_2, "test")
        assert finalized.original is not None and finalized.original.number == "PRL-000003"
        with pytest.raises(InvoiceProblem, match="has credit notes"):
            await store.turn(third, "void", NOVEMBER_2, "test")
    assert await wrong(billing) == []


async def test_a_tenant_sees_its_own_finalized_invoices_and_nothing_else(billing: Pool, admin: Pool) -> None:
    await settle_in(admin, ["acme", "beta"])
    async with billing.acquire() as connection:
        await close(connection, "acme")
        await close(connection, "beta")
        await close_tenant(connection, "beta", month_named("2026-09"), TODAY, NOVEMBER_2, "test", finalize=False)
        async with connection.transaction():
            await connection.execute("SET LOCAL ROLE parley_usage")
            await connection.execute("SELECT set_config('parley.tenant', 'beta', true)")
            seen = await connection.fetch("SELECT tenant, state FROM parley.invoices")
    assert [tuple(row) for row in seen] == [("beta", "finalized")]


async def test_a_month_that_is_not_over_is_not_finalized(billing: Pool, admin: Pool) -> None:
    await settle_in(admin, ["acme"])
    await use(billing, "r", 1, ["acme"], 1, OCTOBER_15)
    async with billing.acquire() as connection:
        with pytest.raises(InvoiceProblem, match="cannot be finalized before"):
            await close(connection, "acme", "2026-11")
        assert await numbers(billing) == []


async def test_usage_verify_compares_invoices_with_the_records_at_their_own_cut_offs(
    billing: Pool, admin: Pool, database_url: str
) -> None:
    await settle_in(admin, ["acme", "beta"])
    await use(billing, "r", 1, ["acme", "beta"], 3_000_000)
    async with billing.acquire() as connection:
        await close(connection, "acme")
        await close(connection, "beta")
        await use(billing, "r", 2, ["acme"], 1_000_000)
        assert (await check(connection, Scope(), 10)).differing == 0, "late usage is none of the first invoice"
        await close(connection, "acme", "2026-11", date(2026, 12, 1))
        checked = await check(connection, Scope(), 10)
        assert (checked.differing, checked.tables["invoices"]) == (0, 4)
        owner = await asyncpg.connect(database_url)
        await owner.execute("SET session_replication_role = replica")
        changed = "UPDATE parley.invoices SET body = replace(body, ':3000000,', ':3000001,') WHERE tenant = 'beta'"
        await owner.execute(changed)
        await owner.close()
        (found,) = (await check(connection, Scope(), 10)).differences
    assert (found.table, found.key["number"]) == ("invoices", "PRL-000002")
    assert (found.expected or {})["pubSubMessageCount"] == 3_000_000
    assert (found.found or {})["pubSubMessageCount"] == 3_000_001


async def test_a_document_that_cannot_be_made_keeps_no_other_from_being_made(billing: Pool, admin: Pool) -> None:
    await settle_in(admin, ["acme"])
    await settle_in(admin, ["beta"], replace(BERLIN, name="Hieroglyphs \U00013000"))
    await settle_in(admin, ["gamma"])
    async with billing.acquire() as connection:
        for tenant in ("acme", "beta", "gamma"):
            await close(connection, tenant)
        with ThreadPoolExecutor(1) as pool:
            (problem,) = await make_missing(connection, pool)
        made = await connection.fetch("SELECT count(*) FROM parley.invoice_documents GROUP BY invoice")
    assert "PRL-000002 cannot be set" in problem
    assert sorted(row["count"] for row in made) == [1, 2, 2], "its XML is there"
