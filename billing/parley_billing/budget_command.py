"""``parley budget``: what a tenant may use in a billing period, and what happens then."""

from decimal import Decimal, InvalidOperation

import click

from parley.money import MINOR_UNITS, Money, minor_units, plain
from parley.plan_rules import LARGEST_AMOUNT
from parley_billing.administrator import must_exist, record, work
from parley_billing.core.budget import ACTIONS, Action, Budget, Subject
from parley_billing.core.period_usage import whole_number
from parley_billing.shell.budget_store import BudgetStore
from parley_billing.shell.plan_store import PlanStore
from parley_runtime.database import Connection

#: As people call it → as the API does.
SUBJECTS: dict[str, Subject] = {"messages": "pubSubMessageCount", "bandwidth": "pubSubBandwidth", "cost": "cost"}
LARGEST = 2**63 - 1

_SUBJECT = click.argument("subject", type=click.Choice(list(SUBJECTS)))


@click.group()
def budget() -> None:
    """What a tenant may use in a billing period, and what happens when it is used up."""


# What looks like an option is an amount below zero, and is answered as one.
@budget.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("tenant")
@_SUBJECT
@click.argument("amount")
@click.option("--currency", help="Of a cost: that of the tenant's plan.")
@click.option(
    "--action", type=click.Choice(ACTIONS), default="notify", show_default=True, help="What happens at 100 %."
)
def set_one(tenant: str, subject: str, amount: str, currency: str | None, action: Action) -> None:
    """Let TENANT use AMOUNT: messages, bytes (`5e9` is fine), or a cost in the currency of its plan.

    At 50, 80 and 100 % its webhooks are told. At 100 % writing goes on (`notify`), is slowed down (`throttle`) or
    refused (`refuse`, with the code `over-quota`); reading always goes on. Effective on gateways within seconds.
    """
    wanted = Budget(tenant, SUBJECTS[subject], _amount(subject, amount, currency), action, currency)
    must_exist(tenant)

    async def task(connection: Connection) -> None:
        if currency is not None:
            pays_in = {one.plan.currency for one in await PlanStore(connection).subscriptions([tenant]) if not one.end}
            if pays_in != {currency}:
                said = f"pays in {pays_in.pop()}, not in {currency}" if pays_in else "has no subscription, so no cost"
                raise click.ClickException(f"{tenant} {said}.")
        await BudgetStore(connection).set(wanted)
        await record(
            connection, "set-budget", tenant, {"subject": wanted.subject, "amount": _text(wanted), "action": action}
        )

    work(task)
    click.echo(_sentence(wanted))


@budget.command()
@click.argument("tenant")
@_SUBJECT
def remove(tenant: str, subject: str) -> None:
    """No longer bound what TENANT uses of it."""

    async def task(connection: Connection) -> None:
        if not await BudgetStore(connection).remove(tenant, SUBJECTS[subject]):
            raise click.ClickException(f"{tenant} has no budget of {subject}.")
        await record(connection, "remove-budget", tenant, {"subject": SUBJECTS[subject]})

    work(task)
    click.echo(f"{tenant} has no budget of {subject} any more.")


@budget.command()
@click.argument("tenant", required=False)
def show(tenant: str | None) -> None:
    """The budgets of TENANT, or of all."""
    wanted = None if tenant is None else [tenant]
    for held in work(lambda connection: BudgetStore(connection).budgets(wanted)):
        click.echo(_sentence(held))


def _amount(subject: str, text: str, currency: str | None) -> int:
    if subject != "cost":
        if currency is not None:
            raise click.ClickException("Only a cost has a currency.")
        found = whole_number(text, LARGEST)
        if found is None:
            raise click.ClickException(f"{text[:40]!r} is not a whole number from 0 to {LARGEST}.")
        return found
    if currency not in MINOR_UNITS:
        raise click.ClickException("A cost needs --currency, an active currency of ISO 4217, like EUR.")
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not 0 <= value <= LARGEST_AMOUNT:
        raise click.ClickException(f"{text[:40]!r} is not an amount from 0 to {plain(LARGEST_AMOUNT)}.")
    minor = value.scaleb(minor_units(currency))
    if minor != minor.to_integral_value():
        raise click.ClickException(f"{text[:40]!r} has more decimals than {currency} ({minor_units(currency)}).")
    return int(minor)


def _text(held: Budget) -> str:
    return str(held.amount) if held.currency is None else str(Money(held.currency, held.amount))


def _sentence(held: Budget) -> str:
    name = next(name for name, subject in SUBJECTS.items() if subject == held.subject)
    unit = {"messages": " messages", "bandwidth": " bytes", "cost": ""}[name]
    return f"{held.tenant}: {_text(held)}{unit} a period, then {held.action}"
