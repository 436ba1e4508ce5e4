"""``parley invoice``: closing months, and everything that is done with an invoice afterwards."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import click
import msgspec

from parley.plan_rules import Problem
from parley_billing.administrator import must_exist, record, work
from parley_billing.core.invoice.chain import What
from parley_billing.core.invoice.crediting import credit as credit_note
from parley_billing.core.invoice.focus import focus
from parley_billing.core.invoice.page import page
from parley_billing.core.invoice.party import Account, Seller, account_problems, seller_problems
from parley_billing.core.invoice.tax import InvoiceProblem
from parley_billing.shell.invoice_accounts import InvoiceAccounts
from parley_billing.shell.invoice_check import verify
from parley_billing.shell.invoice_closing import PROBLEMS, close_tenant, month_named
from parley_billing.shell.invoice_documents import Format, document, make_missing, processes
from parley_billing.shell.invoice_store import InvoiceStore, Kept, tenant_lock
from parley_runtime.admin import who
from parley_runtime.administration import LOG_FAULTS
from parley_runtime.database import Connection, close, connect
from parley_runtime.settings import SettingsError, load

T = TypeVar("T")
S = TypeVar("S", Seller, Account)

#: Exit code of `verify` when something is wrong; `close` has it when a tenant could not be closed.
UNEQUAL = 1


@click.group()
def invoice() -> None:
    """Invoices: close a month, look at them, hand them out, check them."""


@invoice.command("seller")
@click.argument("file", type=click.File("rb"))
def put_seller(file: Any) -> None:
    """Set who sends invoices, from FILE (JSON, docs/invoices.md)."""
    seller = _read(file, Seller, seller_problems)

    async def task(connection: Connection) -> None:
        try:
            kept = await InvoiceAccounts(connection).put_seller(seller)
        except asyncpg.UniqueViolationError:
            raise click.ClickException(f"Another seller has the prefix {seller.prefix}.") from None
        if not kept:
            raise click.ClickException(f"{seller.name} has numbers with another prefix: give a new series a new name.")
        await record(connection, "set-invoice-seller", "", {"seller": seller.name, "prefix": seller.prefix})

    work(task)
    click.echo(f"{seller.name} sends invoices {seller.prefix}-000001 and on.")


@invoice.command("account")
@click.argument("tenant")
@click.argument("file", type=click.File("rb"))
def put_account(tenant: str, file: Any) -> None:
    """Set how TENANT is invoiced, from FILE (JSON, docs/invoices.md). Invoices that are finalized stay as they are."""
    must_exist(tenant)
    account = _read(file, Account, account_problems)

    async def task(connection: Connection) -> None:
        accounts = InvoiceAccounts(connection)
        if await accounts.seller(account.seller) is None:
            raise click.ClickException(f"There is no seller {account.seller!r}: `parley invoice seller` sets one.")
        await accounts.put_account(tenant, account)
        await record(connection, "set-invoice-account", tenant, {"seller": account.seller, "buyer": account.buyer.name})

    work(task)
    click.echo(f"{tenant} is invoiced by {account.seller} as {account.buyer.name}.")


@invoice.command("close")
@click.option("--month", required=True, metavar="YYYY-MM", help="Periods that end in this month.")
@click.option("--tenant", help="This tenant only.")
@click.option("--draft", is_flag=True, help="Only drafts: nothing gets a number.")
@click.option("--documents/--no-documents", default=True, help="Also make PDF and UBL, and keep them.")
def close_month(month: str, tenant: str | None, draft: bool, documents: bool) -> None:
    """Invoice a month: every period that ends in it, of every tenant with an account.

    Run it again after whatever ended it: what is finalized stays as it is, what is missing is made. Exit code 1: some
    tenants could not be closed; each is named with the reason, the others are done.
    """

    async def task(connection: Connection) -> tuple[int, int]:
        wanted, today, now_ms = month_named(month), datetime.now(UTC).date(), _now_ms()
        made = failed = 0
        for each in await InvoiceAccounts(connection).tenants(tenant):
            try:
                for one in await close_tenant(connection, each, wanted, today, now_ms, who(), finalize=not draft):
                    made += 1
                    click.echo(f"{one.number or 'draft':<14} {each:<24} {one.totals.gross} {one.currency}")
            except PROBLEMS as problem:
                failed += 1
                click.echo(f"{each}: {problem}", err=True)
        if documents and not draft:
            with processes() as pool:
                for sentence in await make_missing(connection, pool):
                    failed += 1
                    click.echo(sentence, err=True)
        return made, failed

    made, failed = _billing(task)
    click.echo(f"{made} made, {failed} not.")
    if failed:
        raise SystemExit(UNEQUAL)


@invoice.command("list")
@click.option("--tenant", help="This tenant only.")
@click.option("--month", metavar="YYYY-MM", help="Periods that end in this month.")
@click.option("--state", type=click.Choice(["draft", "finalized", "paid", "void"]))
@click.option("--csv", "as_csv", is_flag=True, help="Every line of them, as CSV with FOCUS columns.")
def list_them(tenant: str | None, month: str | None, state: str | None, as_csv: bool) -> None:
    """List invoices and credit notes, at most 100,000."""

    async def task(connection: Connection) -> list[Kept]:
        period = None if month is None else month_named(month)
        first, end = (None, None) if period is None else (period.start, period.end)
        return await InvoiceStore(connection).list(tenant=tenant, after=first, until=end, state=state, most=100_000)

    found = _billing(task)
    if as_csv:
        click.echo(focus(one.invoice for one in found if one.state != "void"), nl=False)
        return
    for one in found:
        it = one.invoice
        about = f" for {it.original.number}" if it.original is not None else ""
        click.echo(
            f"{it.number or 'draft':<14} {one.state:<10} {it.tenant:<24} {it.period.start} – {it.period.last} "
            f"{it.totals.gross:>14} {it.currency}{about}"
        )


@invoice.command("show")
@click.argument("number")
@click.option("--format", "form", type=click.Choice(["text", "json", "html", "csv"]), default="text")
def show(number: str, form: str) -> None:
    """Print an invoice: as text, as the JSON its digest is of, as HTML to print, or as CSV with FOCUS columns."""
    kept = _billing(lambda connection: _find(connection, number))
    it = kept.invoice
    if form == "json":
        click.echo(kept.body, nl=False)
    elif form == "html":
        click.echo(page(it), nl=False)
    elif form == "csv":
        click.echo(focus([it]), nl=False)
    else:
        click.echo(f"{it.number}  {kept.state}  {it.tenant}  {it.buyer.name}  {it.period.start} – {it.period.last}")
        for line in it.lines:
            click.echo(f"{line.net:>14}  {line.name}  {line.formula}")
        for allowance in it.allowances:
            click.echo(f"{-allowance.amount:>14}  {allowance.reason}")
        for group in it.taxes:
            click.echo(f"{group.amount:>14}  VAT {group.tax.category} {group.tax.rate or 0} % on {group.base}")
        click.echo(f"{it.totals.due:>14}  {it.currency}")


@invoice.command("verify")
def verify_all() -> None:
    """Check every invoice: its sums, the journal's chain, its documents, and that its basis makes it again.

    Exit code 0: all is right. 1: something is not; each thing is a line. The last hash of each journal is printed: keep
    it elsewhere, and you can prove that nothing was taken off the end.
    """
    found = _billing(verify)
    for sentence in found.wrong:
        click.echo(sentence)
    for seller, (entries, head) in found.heads.items():
        click.echo(f"{seller}: {entries} entries, last hash {head.hex()}")
    click.echo(f"{found.invoices} invoices: " + ("NOT RIGHT." if found.wrong else "right."))
    if found.wrong:
        raise SystemExit(UNEQUAL)


@invoice.command("paid")
@click.argument("number")
def paid(number: str) -> None:
    """Say that an invoice is paid."""
    _turn(number, "paid")


@invoice.command("void")
@click.argument("number")
def void(number: str) -> None:
    """Make an invoice void: it keeps its number, and its period can be closed again."""
    _turn(number, "void")


@invoice.command("credit")
@click.argument("number")
@click.option("--reason", required=True, help="Stands on the credit note.")
@click.option("--amount", help="Before tax, in the invoice's currency. Default: all that is left.")
def credit(number: str, reason: str, amount: str | None) -> None:
    """Make a credit note for an invoice. It has a number of its own, in the same series."""
    wanted = None if amount is None else _decimal(amount)

    async def task(connection: Connection) -> str:
        tenant = (await _find(connection, number)).tenant
        async with tenant_lock(connection, tenant), connection.transaction():
            kept, store = await _find(connection, number), InvoiceStore(connection)
            if kept.state not in ("finalized", "paid"):
                raise InvoiceProblem(f"{number} is {kept.state}: it cannot be credited.")
            before = [one.invoice for one in await store.credits(kept.id)]
            note = credit_note(kept.invoice, str(kept.id), before, reason, wanted)
            seller = await InvoiceAccounts(connection).seller(kept.seller)
            assert seller is not None  # sellers are never removed
            id = await store.draft(kept.seller, note, None)
            made = await store.finalize(id, seller.prefix, datetime.now(UTC).date(), _now_ms(), who())
        return f"{made.number} credits {made.totals.gross} {made.currency} of {number}."

    click.echo(_billing(task))


@invoice.command("pdf")
@click.argument("number")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: NUMBER.pdf")
def write_pdf(number: str, output: Path | None) -> None:
    """Write the PDF/A-3 of an invoice, with its Factur-X inside."""
    _write(number, "pdf", output or Path(f"{number}.pdf"))


@invoice.command("xml")
@click.argument("number")
@click.option("--form", type=click.Choice(["ubl", "cii"]), default="ubl", show_default=True)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: NUMBER.xml")
def write_xml(number: str, form: Format, output: Path | None) -> None:
    """Write the XML of an invoice by EN 16931."""
    _write(number, form, output or Path(f"{number}.xml"))


def _write(number: str, form: Format, path: Path) -> None:
    async def task(connection: Connection) -> bytes:
        return await document(connection, await _find(connection, number), form)

    data = _billing(task)
    try:
        path.write_bytes(data)
    except OSError as problem:
        raise click.ClickException(f"{path} cannot be written: {problem.strerror}.") from None
    click.echo(f"{path}: {len(data)} bytes")


def _turn(number: str, what: What) -> None:
    async def task(connection: Connection) -> None:
        tenant = (await _find(connection, number)).tenant
        async with tenant_lock(connection, tenant):
            await InvoiceStore(connection).turn(await _find(connection, number), what, _now_ms(), who())

    _billing(task)
    click.echo(f"{number} is {what}.")


async def _find(connection: Connection, number: str) -> Kept:
    kept = None if "\0" in number else await InvoiceStore(connection).by_number(number)
    if kept is None:
        raise InvoiceProblem(f"There is no invoice {number[:40]!r}. `parley invoice list` shows those there are.")
    return kept


def _billing(task: Callable[[Connection], Awaitable[T]]) -> T:
    """Do it as billing does, outside of a transaction. What cannot be done is a sentence."""

    async def run(url: str) -> T:
        pool = await connect(url, "parley_billing", size=1)
        try:
            async with pool.acquire() as connection:
                return await task(connection)
        finally:
            await close(pool)

    try:
        return asyncio.run(run(load().database_url.get_secret_value()))
    except (SettingsError, *PROBLEMS) as problem:
        raise click.ClickException(str(problem)) from None
    except LOG_FAULTS as problem:
        raise click.ClickException(
            f"The database does not do it ({type(problem).__name__}). `parley doctor` says what is wrong with it."
        ) from None


def _read(file: Any, kind: type[S], problems_of: Callable[[S], Sequence[Problem]]) -> S:
    try:
        read = msgspec.json.decode(file.read(1_000_001)[:1_000_000], type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise click.ClickException(f"{file.name}: {problem}") from None
    problems: Sequence[Problem] = problems_of(read)
    if problems:
        raise click.ClickException("\n".join([f"{file.name}:", *map(str, problems)]))
    return read


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise click.ClickException(f"{json.dumps(text[:40])} is not an amount.") from None


def _now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)
