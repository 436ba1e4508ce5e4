"""How long a month takes to close: drafts, numbers, PDF with Factur-X, UBL; killed in the middle and started again."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

from bench.report import Bar, Figure, Report
from bench.world import BenchProblem, World
from parley.plans import Charge, Flat, Graduated, Package, Plan, Tier
from parley.usage import UsageLine, UsageRecord, encode_record
from parley_billing.core.intake import take_in
from parley_billing.core.invoice.party import Account, Party, Seller
from parley_billing.core.rating.part import Holding
from parley_billing.core.subscription import Subscription
from parley_billing.shell.invoice_accounts import InvoiceAccounts
from parley_billing.shell.invoice_check import Verified, verify
from parley_billing.shell.ledger_store import LedgerStore
from parley_billing.shell.plan_store import PlanStore
from parley_runtime.database import connect

#: 10,000 invoices in ten minutes on two cores: CPU of the command, its processes and Postgres for each, in ms.
INVOICES, SECONDS, CORES = 10_000, 600, 2
TENANTS_IN_RECORD = 500
#: 2026-10-15T10:00Z, ms.
OCTOBER_15 = 1_792_058_400_000

_COMMAND = "from parley_billing.invoice_command import invoice; invoice()"

D = Decimal
PLAN = Plan(
    "team", 1, "EUR",
    [
        Charge("base-fee", Flat(D(29))),
        Charge("messages", Graduated([Tier(D(10**7), D("0.000003")), Tier(None, D("0.000002"))]), "pubSubMessageCount"),
        Charge("bandwidth", Package(D(10**9), D("0.10")), "pubSubBandwidth", D(10**10)),
    ],
)  # fmt: skip
SELLER = Seller(
    "seller", Party("Hosting GmbH", "DE", vat_id="DE123456788", company_id="HRB 1"), "INV", {"DE": D(19)},
    iban="DE89370400440532013000",
)  # fmt: skip


def run(world: World, quick: bool) -> Report:
    """One month, killed when a third of the invoices have their numbers, and again amid the documents."""
    count = 60 if quick else INVOICES
    asyncio.run(_fill(world, count))
    before = _postgres_cpu(world)
    began = time.monotonic()
    _close(world, lambda: _number(world, "invoices WHERE state <> 'draft'") >= count // 3)
    _close(world, lambda: _number(world, "invoice_documents") >= count // 3)
    _close(world, None)
    wall = time.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime + _postgres_cpu(world) - before
    found = asyncio.run(_verify(world))
    documents = _number(world, "invoice_documents")
    if found.wrong or found.invoices != count or documents != 2 * count:
        raise BenchProblem(f"{found.invoices} invoices, {documents} documents: {found.wrong[:3]}")
    report = Report("invoices")
    most = SECONDS * CORES / INVOICES * 1_000
    report.figures = [
        Figure("an invoice with PDF and UBL, CPU of all", "ms", [cpu / count * 1_000], bar=Bar(most, of="value")),
        Figure("invoices by the clock", "/s", [count / wall]),
    ]
    report.notes.append(
        f"{count:,} invoices, killed twice (kill -9) and started again: no gap, no double, every hash and every sum "
        f"right. {CORES} cores make {INVOICES:,} in {SECONDS // 60} minutes when one costs at most {most:.0f} ms."
    )
    return report


def _close(world: World, until: Callable[[], bool] | None) -> None:
    """The command; killed as soon as `until` says so."""
    command = [sys.executable, "-c", _COMMAND, "close", "--month", "2026-10"]
    env = {**os.environ, "PARLEY_DATABASE_URL": world.database_url}
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while process.poll() is None:
            if until is not None and until():
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.05)
        _, said = process.communicate()
    if until is None and process.returncode:
        raise BenchProblem(said.decode()[-300:])


async def _fill(world: World, count: int) -> None:
    tenants = [f"tenant-{number}" for number in range(count)]
    buyer = Party("Beispiel AG", "DE", "Hauptstraße 1", post_code="20095", city="Hamburg", vat_id="DE987654321")
    start = date(2026, 9, 1)
    admin = await connect(world.database_url, "parley_admin", size=2)
    async with admin.acquire() as connection, connection.transaction():
        accounts, plans = InvoiceAccounts(connection), PlanStore(connection)
        await accounts.put_seller(SELLER)
        await plans.publish(PLAN)
        for tenant in tenants:
            await accounts.put_account(tenant, Account(SELLER.name, buyer, "de"))
            await plans.begin(Subscription(tenant, start, "Europe/Berlin", (Holding(PLAN, start),)))
    await admin.close()
    billing = await connect(world.database_url, "parley_billing", size=2)
    async with billing.acquire() as connection:
        for number, place in enumerate(range(0, count, TENANTS_IN_RECORD), start=1):
            part = tenants[place : place + TENANTS_IN_RECORD]
            lines = [UsageLine(name, "", "delivery", OCTOBER_15, 12_345_678, 123_456_789_012) for name in part]
            record = UsageRecord("bench", number, OCTOBER_15, lines)
            await LedgerStore(connection).book(take_in([encode_record(record)]), OCTOBER_15)
    await billing.close()


async def _verify(world: World) -> Verified:
    pool = await connect(world.database_url, "parley_billing", size=2)
    try:
        async with pool.acquire() as connection:
            return await verify(connection)
    finally:
        await pool.close()


def _number(world: World, what: str) -> int:
    return int(world.query(world.database_url, f"SELECT count(*) FROM parley.{what}"))  # noqa: S608


def _postgres_cpu(world: World) -> float:
    """Seconds of every process of the server, and of those that have ended."""
    tick = os.sysconf("SC_CLK_TCK")
    found = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        if world.postgres.pid in (int(path.parent.name), int(fields[1])):
            found += sum(map(int, fields[11:13]))
            if int(path.parent.name) == world.postgres.pid:
                found += sum(map(int, fields[13:15]))
    return found / tick
