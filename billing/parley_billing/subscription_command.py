"""``parley subscription``: which tenant is on which plan since when."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Any

import click

from parley_billing.administrator import must_exist, record, work
from parley_billing.core.rating.part import Holding
from parley_billing.core.subscription import Subscription, SubscriptionProblem, begin, change, current, finish
from parley_billing.plan_command import find_plan
from parley_billing.rate_command import zone as zone_of
from parley_billing.shell.budget_store import BudgetStore
from parley_billing.shell.plan_store import PlanStore
from parley_runtime.database import Connection

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def subscription() -> None:
    """Which tenant is on which plan since when. Days are local to the subscription's time zone."""


@subscription.command("begin")
@click.argument("tenant")
@click.argument("plan")
@click.option("--from", "day", type=_DAY, metavar="YYYY-MM-DD", help="Its first day. Default: today.")
@click.option("--zone", default="UTC", show_default=True, help="Where its days begin, like Europe/Berlin.")
def begin_one(tenant: str, plan: str, day: datetime | None, zone: str) -> None:
    """Let TENANT be on PLAN (NAME, the newest version of it, or NAME@VERSION)."""
    must_exist(tenant)
    today = _today(zone)

    async def task(connection: Connection) -> Subscription:
        store = PlanStore(connection)
        await store.lock_subscriptions(tenant)
        first = day.date() if day else today
        wanted = await find_plan(connection, plan)
        new = begin(
            await store.subscriptions([tenant]), Subscription(tenant, first, zone, (Holding(wanted, first),)), today
        )
        await store.begin(new)
        await BudgetStore(connection).touch(tenant)
        await record(connection, "begin-subscription", tenant, _told(new))
        return new

    click.echo(_sentence(_agreed(task)))


@subscription.command("change")
@click.argument("tenant")
@click.argument("plan")
@click.option("--from", "day", type=_DAY, metavar="YYYY-MM-DD", help="The first day on it. Default: today.")
def change_one(tenant: str, plan: str, day: datetime | None) -> None:
    """Let TENANT be on PLAN from a day on; both plans are charged for their own days of the period."""

    async def task(connection: Connection) -> Subscription:
        store, held, today = await _held(connection, tenant)
        first = day.date() if day else today
        changed = change(held, await find_plan(connection, plan), first, today)
        await store.hold(changed, first)
        await BudgetStore(connection).touch(tenant)
        await record(connection, "change-subscription", tenant, _told(changed))
        return changed

    click.echo(_sentence(_agreed(task)))


@subscription.command("end")
@click.argument("tenant")
@click.option("--on", "day", type=_DAY, metavar="YYYY-MM-DD", help="The first day without it. Default: today.")
def end_one(tenant: str, day: datetime | None) -> None:
    """End the subscription of TENANT. What it used until then is still charged."""

    async def task(connection: Connection) -> Subscription:
        store, held, today = await _held(connection, tenant)
        ended = finish(held, day.date() if day else today, today)
        await store.finish(ended)
        await BudgetStore(connection).touch(tenant)
        await record(connection, "end-subscription", tenant, _told(ended))
        return ended

    click.echo(_sentence(_agreed(task)))


@subscription.command()
@click.argument("tenant", required=False)
def show(tenant: str | None) -> None:
    """The subscriptions of TENANT, or of all."""
    wanted = None if tenant is None else [tenant]
    for held in work(lambda connection: PlanStore(connection).subscriptions(wanted)):
        click.echo(_sentence(held))


async def _held(connection: Connection, tenant: str) -> tuple[PlanStore, Subscription, date]:
    """(the store, the subscription that goes on or holds today, today in its zone), locked."""
    store = PlanStore(connection)
    await store.lock_subscriptions(tenant)
    all_of_it = await store.subscriptions([tenant])
    going_on = next((one for one in all_of_it if one.end is None), None)
    held = going_on or next((one for one in all_of_it if current([one], _today(one.zone))), None)
    if held is None:
        raise SubscriptionProblem(f"{tenant} has no subscription: `parley subscription begin` makes one.")
    return store, held, _today(held.zone)


def _agreed(task: Callable[[Connection], Awaitable[Subscription]]) -> Subscription:
    try:
        return work(task)
    except SubscriptionProblem as problem:
        raise click.ClickException(str(problem)) from None


def _today(zone: str) -> date:
    try:
        return datetime.now(zone_of(zone)).date()
    except KeyError:
        raise click.ClickException(f"There is no time zone {zone[:80]!r}: write it like Europe/Berlin.") from None


def _told(held: Subscription) -> dict[str, Any]:
    return {
        "start": str(held.start),
        "end": None if held.end is None else str(held.end),
        "zone": held.zone,
        "plans": [f"{one.plan.name}@{one.plan.version} from {one.begin}" for one in held.holdings],
    }


def _sentence(held: Subscription) -> str:
    plans = ", ".join(f"{one.plan.name}@{one.plan.version} from {one.begin}" for one in held.holdings)
    until = "" if held.end is None else f" until {held.end}"
    return f"{held.tenant}: {plans}{until} ({held.zone})"
