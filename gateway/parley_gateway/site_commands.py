"""``parley export``, ``import`` and ``erase-reader``: a tenant's data by the operator's hand, without a token.

The same core as the server API, straight on the database. Gateways notice what changed when they next compare their
pages with it, within seconds.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import BinaryIO, TypeVar

import click
import msgspec
import redis

from parley.errors import Refusal
from parley.redis_keys import Keys
from parley_gateway.shell.page_store import PageStore
from parley_gateway.shell.site import MEDIA, ImportAnswer, Site
from parley_gateway.shell.site_store import SiteStore
from parley_gateway.shell.writer import Writer
from parley_runtime import database, redis_client, settings
from parley_runtime.admin import who
from parley_runtime.administration import LOG_FAULTS
from parley_runtime.clock import SystemClock
from parley_runtime.telemetry import Metrics
from parley_runtime.tenant_view import TenantView

T = TypeVar("T")

#: Connections to the database: one reads, the others commit.
CONNECTIONS = 5
#: Bytes that are read at a time.
PIECE = 65_536

_FAULTS: tuple[type[BaseException], ...] = (*LOG_FAULTS, redis.RedisError)
_FORMAT = click.option(
    "--format", "form", type=click.Choice(list(MEDIA)), default="jsonl", show_default=True, help="Of the file."
)


@asynccontextmanager
async def _site(tenant: str) -> AsyncIterator[Site]:
    wanted = settings.load()
    keys, clock, metrics = Keys(wanted.redis_prefix), SystemClock(), Metrics()
    client = redis_client.connect(wanted.redis_url.get_secret_value())
    try:
        tenants = TenantView(client, keys)
        await tenants.load()
        if tenants.get(tenant) is None:
            raise click.ClickException(f"There is no tenant {tenant}.")
        url = wanted.database_url.get_secret_value()
        pool = await database.connect(url, "parley_gateway", size=CONNECTIONS)
        try:
            writer = Writer(
                PageStore(pool), tenants, clock, metrics, committed=lambda _: None, doubtful=lambda *_: None
            )
            yield Site(SiteStore(pool), writer, client, keys, clock)
            await writer.close()
        finally:
            await database.close(pool)
    finally:
        await client.aclose()


def _work(tenant: str, work: Callable[[Site], Awaitable[T]]) -> T:
    async def run() -> T:
        async with _site(tenant) as site:
            return await work(site)

    try:
        return asyncio.run(run())
    except settings.SettingsError as error:
        raise click.ClickException(str(error)) from error
    except Refusal as refusal:
        raise click.ClickException(f"{refusal.message} {refusal.help}") from refusal
    except _FAULTS as error:
        # Only its kind: the text may quote an address with its password.
        raise click.ClickException(
            f"Redis or the database does not answer ({type(error).__name__}). `parley doctor` says what is wrong."
        ) from error


@click.command("export")
@click.argument("tenant")
@_FORMAT
def export(tenant: str, form: str) -> None:
    """Write everything of TENANT, as of now, to stdout."""
    out = sys.stdout.buffer

    async def work(site: Site) -> None:
        async for chunk in site.export(who(), tenant, form):
            out.write(chunk)

    _work(tenant, work)


@click.command("import")
@click.argument("tenant")
@click.argument("file", type=click.File("rb"), default="-")
@_FORMAT
def import_(tenant: str, file: BinaryIO, form: str) -> None:
    """Take FILE (or stdin) in, as `parley export` wrote it. What TENANT has already stays as it is."""

    async def pieces() -> AsyncIterator[bytes]:
        while piece := file.read(PIECE):
            yield piece

    async def work(site: Site) -> ImportAnswer:
        return await site.take(who(), tenant, form, pieces())

    answer = _work(tenant, work)
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
    if answer.refused or not answer.complete:
        sys.exit(1)


@click.command("erase-reader")
@click.argument("tenant")
@click.argument("reader")
def erase_reader(tenant: str, reader: str) -> None:
    """Erase everything that READER (`sub`) wrote at TENANT, the reader's name and reactions."""
    told = _work(tenant, lambda site: site.erase(who(), tenant, reader))
    click.echo(f"Erased {reader}: something was in {told['chats']} discussions.")
