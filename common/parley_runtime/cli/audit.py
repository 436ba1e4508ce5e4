"""``parley audit``: what administrators did."""

import asyncio
from datetime import UTC, datetime

import click

from parley_runtime import audit as log
from parley_runtime import database, settings
from parley_runtime.administration import LOG_FAULTS


@click.command()
@click.option("--tenant", help="Only what was done to this tenant.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), default="1970-01-01", help="UTC. Default: ever."
)
@click.option("--most", type=click.IntRange(1, 10_000), default=100, show_default=True, help="The newest so many.")
def audit(tenant: str | None, since: datetime, most: int) -> None:
    """List admin actions, the newest first: id, time, who, what, tenant, and what it changed as JSON."""

    async def read() -> list[log.Entry]:
        url = settings.load().database_url.get_secret_value()
        pool = await database.connect(url, "parley_admin", size=1)
        try:
            async with pool.acquire() as connection:
                return await log.entries(connection, tenant, since.replace(tzinfo=UTC), most)
        finally:
            await database.close(pool)

    try:
        found = asyncio.run(read())
    except settings.SettingsError as error:
        raise click.ClickException(str(error)) from error
    except LOG_FAULTS as error:
        raise click.ClickException(
            f"The administrators' log cannot be read ({type(error).__name__}). `parley doctor` says what is wrong."
        ) from error
    for entry in found:
        at = entry.at.astimezone(UTC).isoformat(timespec="seconds")
        click.echo(f"{entry.id}  {at}  {entry.actor}  {entry.action}  {entry.tenant}  {bytes(entry.detail).decode()}")
