"""``parley usage``: the ledger checked by whoever wants to."""

import asyncio
import json
from datetime import UTC, datetime

import click

from parley_billing.core.reconciliation import Difference, Scope
from parley_billing.shell.ledger_check import Checked, check
from parley_runtime.database import close, connect
from parley_runtime.settings import SettingsError, load

#: Exit codes, as those of `diff`.
UNEQUAL = 1
TROUBLE = 2

_DAY = click.DateTime(["%Y-%m-%d"])


class _Trouble(click.ClickException):
    exit_code = TROUBLE


@click.group()
def usage() -> None:
    """The usage ledger."""


@usage.command()
@click.option("--tenant", metavar="NAME", help="This tenant only.")
@click.option("--from", "first", type=_DAY, metavar="YYYY-MM-DD", help="From this day (UTC) on.")
@click.option("--to", "end", type=_DAY, metavar="YYYY-MM-DD", help="Before this day (UTC).")
@click.option("--show", type=click.IntRange(0, 100_000), default=20, show_default=True, help="Differences to print.")
def verify(tenant: str | None, first: datetime | None, end: datetime | None, show: int) -> None:
    """Add up the usage records that the ledger keeps, and compare with each of its sums, and with what invoices say.

    Exit code 0: all are equal. 1: some are not; they are printed, one line of JSON each. 2: it could not be told.
    Sums over all time, and invoices, are left out when a period is given.
    """
    scope = Scope(tenant, _ms(first), _ms(end))
    if scope.from_ms is not None and scope.to_ms is not None and scope.from_ms >= scope.to_ms:
        raise click.UsageError("--to must be after --from.")
    if tenant is not None and (not tenant or "\0" in tenant):
        raise click.UsageError("--tenant must be the name of a tenant.")
    try:
        url = load().database_url.get_secret_value()
    except SettingsError as problem:
        raise _Trouble(str(problem)) from None
    try:
        checked = asyncio.run(_check(url, scope, show))
    except Exception as problem:
        raise _Trouble(
            f"The ledger could not be read to its end ({type(problem).__name__}). `parley doctor` says what is wrong "
            "with the database."
        ) from None
    for difference in checked.differences:
        click.echo(line(difference))
    click.echo(summary(checked, scope))
    if checked.differing:
        raise SystemExit(UNEQUAL)


async def _check(url: str, scope: Scope, show: int) -> Checked:
    pool = await connect(url, "parley_billing", size=1)
    try:
        async with pool.acquire() as connection:
            return await check(connection, scope, show)
    finally:
        await close(pool)


def _ms(day: datetime | None) -> int | None:
    return None if day is None else int(day.replace(tzinfo=UTC).timestamp()) * 1000


def line(difference: Difference) -> str:
    """One line of JSON: `table`, `key`, `expected`, `found`."""
    return json.dumps(
        {
            "table": difference.table,
            "key": difference.key,
            "expected": difference.expected,
            "found": difference.found,
        }
    )


def summary(checked: Checked, scope: Scope) -> str:
    """A few sentences: what was compared, and whether it is equal."""
    rows = ", ".join(f"{table} {number:,}" for table, number in checked.tables.items())
    said = [
        f"Compared {checked.lines:,} lines of {checked.records:,} records with {sum(checked.tables.values()):,} sums "
        f"({rows}), up to batch {checked.batch:,}.",
    ]
    if scope.tenant is not None and not checked.lines and not checked.differing:
        said.append("There is no usage of that tenant in that time.")
    if checked.differing:
        more = checked.differing - len(checked.differences)
        said.append(f"NOT EQUAL: {checked.differing:,} differences" + (f", {more:,} not shown." if more else "."))
    else:
        said.append(f"Equal. Digest {checked.digest.hex()}.")
    return "\n".join(said)
