"""Closing a month: a draft for each tenant with an account, from one snapshot of the ledger; then its number.

Each tenant is by itself: whatever ends the process, the next run makes the missing ones and no other. What was
finalized stays as it is; a draft that was left is made anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from msgspec.structs import replace

from parley.money import MoneyProblem
from parley_billing.core.invoice.basis import Agreed, Basis, Earlier, Metered, decode_basis
from parley_billing.core.invoice.drafting import draft
from parley_billing.core.invoice.invoice import Invoice, Span
from parley_billing.core.invoice.tax import InvoiceProblem
from parley_billing.core.rating.amount import RatingProblem
from parley_billing.core.rating.periods import Period
from parley_billing.core.subscription import Subscription
from parley_billing.shell.invoice_accounts import InvoiceAccounts
from parley_billing.shell.invoice_store import InvoiceStore, Kept, tenant_lock
from parley_billing.shell.invoice_usage import InvoiceUsage
from parley_billing.shell.plan_store import PlanStore
from parley_runtime.database import Connection

#: Days. How far back usage that comes late is looked for: what is older
#: than this is settled.
LATE_DAYS = 400

PROBLEMS = (InvoiceProblem, RatingProblem, MoneyProblem)


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft, not yet committed for good: it has no number."""

    id: UUID
    prefix: str
    invoice: Invoice


async def close_tenant(
    connection: Connection, tenant: str, month: Period, today: date, now_ms: int, by: str, *, finalize: bool
) -> list[Invoice]:
    """Invoices of this tenant's periods that end in the month; those that are finalized already are left out.

    Raises `InvoiceProblem`, `RatingProblem` or `MoneyProblem`; then of the period that it says nothing was made.
    """
    made = []
    async with tenant_lock(connection, tenant):
        for subscription, period in await _periods(connection, tenant, month):
            drafted = await _draft(connection, tenant, subscription, period)
            if drafted is None:
                continue
            invoice = drafted.invoice
            if finalize:
                if period.end > today:
                    raise InvoiceProblem(f"The period of {tenant} ends on {period.end}: it cannot be finalized before.")
                invoice = await InvoiceStore(connection).finalize(drafted.id, drafted.prefix, today, now_ms, by)
            made.append(invoice)
    return made


async def _periods(connection: Connection, tenant: str, month: Period) -> list[tuple[Subscription, Period]]:
    """Each period that ends in the month, with its subscription; one that ended meanwhile has its last one, too."""
    found = []
    for subscription in await PlanStore(connection).subscriptions([tenant]):
        day = month.start
        while day < month.end:
            period = subscription.cycle.holding(day)
            held = subscription.start < period.end and (subscription.end is None or subscription.end > period.start)
            if held and month.start < period.end <= month.end:
                found.append((subscription, period))
            day = period.end
    return found


async def _draft(connection: Connection, tenant: str, subscription: Subscription, period: Period) -> Drafted | None:
    """None: that period is invoiced already."""
    async with connection.transaction(isolation="repeatable_read"):
        accounts, store = InvoiceAccounts(connection), InvoiceStore(connection)
        account = await accounts.account(tenant)
        seller = None if account is None else await accounts.seller(account.seller)
        if account is None or seller is None:
            raise InvoiceProblem(f"{tenant} has no invoice account: `parley invoice account` sets it.")
        before = await store.of_tenant(tenant, period.start - timedelta(days=LATE_DAYS))
        if any(one.invoice.period == Span(period.start, period.end) for one in before):
            return None
        usage = InvoiceUsage(connection)
        cutoff, as_of = await usage.progress()
        stretch = subscription.stretch(period.start if subscription.start <= period.start else subscription.start)
        metered = Metered(
            Span(period.start, period.end),
            stretch.start,
            stretch.end,
            [Agreed(holding.begin, holding.plan) for holding in subscription.holdings if holding.begin < stretch.end],
            subscription.trial_end,
            [],
        )
        basis = Basis(
            tenant=tenant,
            seller=seller,
            account=account,
            time_zone=subscription.zone,
            cutoff=cutoff,
            as_of=as_of,
            period=metered.period,
            metered=replace(metered, usage=await usage.measure(tenant, metered, subscription.zone)),
            earlier=await _late(usage, tenant, before, cutoff),
        )
        await store.drop_draft(tenant, period.start)
        invoice = draft(basis)
        return Drafted(await store.draft(seller.name, invoice, basis), seller.prefix, invoice)


async def _late(usage: InvoiceUsage, tenant: str, before: Sequence[Kept], cutoff: int) -> list[Earlier]:
    """Periods that were invoiced, whose usage is not what it was then."""
    latest: dict[date, Earlier] = {}
    zones: dict[date, str] = {}
    for kept in before:
        basis = decode_basis(kept.basis)
        metered = {one.period.start: (one, basis.account) for one in [basis.metered] if one is not None}
        metered |= {one.metered.period.start: (one.metered, one.account) for one in basis.earlier}
        for covered in kept.invoice.covers:
            one, account = metered[covered.period.start]
            latest[covered.period.start] = Earlier(one, covered, kept.invoice.number, account)
            zones[covered.period.start] = basis.time_zone
    if not latest:
        return []
    oldest = min(one.billed.cutoff for one in latest.values())
    touched = await usage.touched(tenant, [one.billed.period for one in latest.values()], oldest)
    found = []
    for period in sorted(touched, key=lambda one: one.start):
        earlier = latest[period.start]
        measured = await usage.measure(tenant, earlier.metered, zones[period.start])
        if measured != earlier.billed.usage:
            found.append(replace(earlier, metered=replace(earlier.metered, usage=measured)))
    return found


def month_named(text: str) -> Period:
    """`2026-10`. Raises `InvoiceProblem`."""
    try:
        start = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise InvoiceProblem(f"{text[:20]!r} is not a month like 2026-10.") from None
    if len(text) != 7 or start.year >= 9999:
        raise InvoiceProblem(f"{text[:20]!r} is not a month like 2026-10.")
    return Period(start, (start.replace(day=28) + timedelta(days=4)).replace(day=1))
