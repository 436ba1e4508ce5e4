"""``parley plan``: what things cost, in versions that never change."""

from pathlib import Path

import click
import msgspec

from parley.plan_rules import Problem
from parley.plans import Plan, decode_plan, encode_plan
from parley_billing.administrator import record, work
from parley_billing.shell.plan_store import PlanStore
from parley_runtime.database import Connection

#: Bytes. The largest plan, a hundred charges of a hundred tiers, has under 1 MiB.
LARGEST_FILE = 1024 * 1024


@click.group()
def plan() -> None:
    """Plans: what things cost, in versions that never change."""


@plan.command()
@click.argument("file", type=click.Path(path_type=Path))
def apply(file: Path) -> None:
    """Publish the plan in FILE (JSON; docs/rating.md says how it is written).

    The version in the file must be the one after the newest that is published, or 1. Publishing the same file again
    changes nothing.
    """
    wanted = read_plan(file)

    async def publish(connection: Connection) -> tuple[bool, list[Problem]]:
        new, problems = await PlanStore(connection).publish(wanted)
        if new:
            detail = {"plan": wanted.name, "version": wanted.version, "digest": wanted.digest().hex()}
            await record(connection, "publish-plan", "", detail)
        return new, problems

    new, problems = work(publish)
    if problems:
        raise click.ClickException("\n".join([f"{file} cannot be published:", *map(str, problems)]))
    click.echo(f"{'Published' if new else 'Unchanged:'} {wanted.name} version {wanted.version}.")


@plan.command("list")
def list_plans() -> None:
    """Every version: name, version, currency, period, number of charges, digest."""
    for held in work(lambda connection: PlanStore(connection).plans()):
        charges = f"{len(held.charges)} charge{'' if len(held.charges) == 1 else 's'}"
        digest = held.digest().hex()[:16]
        click.echo(f"{held.name}@{held.version}  {held.currency} a {held.period}  {charges}  {digest}")


@plan.command()
@click.argument("name")
def show(name: str) -> None:
    """Plan NAME as JSON; the newest version, or the one that NAME@VERSION says."""
    held = work(lambda connection: find_plan(connection, name))
    click.echo(msgspec.json.format(encode_plan(held), indent=2).decode())


def read_plan(file: Path) -> Plan:
    """The plan in a file. Raises `click.ClickException` when there is none."""
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST_FILE + 1)
    except OSError as problem:
        raise click.ClickException(f"{file} cannot be read: {problem.strerror}.") from None
    if len(data) > LARGEST_FILE:
        raise click.ClickException(f"{file} is larger than {LARGEST_FILE} bytes.")
    try:
        return decode_plan(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise click.ClickException(f"{file} is not a plan: {problem}.") from None


async def find_plan(connection: Connection, wanted: str) -> Plan:
    """`name` or `name@version`. Raises `click.ClickException` when it is not there."""
    name, at, version = wanted.partition("@")
    if at and not (version.isascii() and version.isdigit() and len(version) < 10):
        raise click.ClickException(f"{wanted[:80]!r} is no plan: write NAME or NAME@VERSION.")
    held = await PlanStore(connection).plan(name, int(version) if at else None) if "\0" not in name else None
    if held is None:
        raise click.ClickException(f"There is no plan {wanted[:80]!r}. `parley plan list` shows those there are.")
    return held
