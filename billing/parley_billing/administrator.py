"""What billing's administrative commands do around their own work: connect, record, say what went wrong."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import click
import redis

from parley.redis_keys import Keys
from parley_runtime import audit, redis_client
from parley_runtime.admin import log_line, who
from parley_runtime.administration import LOG_FAULTS
from parley_runtime.database import Connection, close, connect
from parley_runtime.registry import Registry
from parley_runtime.settings import Settings, SettingsError, load

T = TypeVar("T")


def work(task: Callable[[Connection], Awaitable[T]]) -> T:
    """Do it in one transaction, as `parley_admin`: what it changes and what it records are both there, or neither."""

    async def run(settings: Settings) -> T:
        pool = await connect(settings.database_url.get_secret_value(), "parley_admin", size=1)
        try:
            async with pool.acquire() as connection, connection.transaction():
                return await task(connection)
        finally:
            await close(pool)

    try:
        return asyncio.run(run(load()))
    except SettingsError as problem:
        raise click.ClickException(str(problem)) from None
    except LOG_FAULTS as problem:
        raise click.ClickException(
            f"The database does not do it ({type(problem).__name__}), so nothing was changed. `parley migrate` makes "
            "the tables, `parley doctor` says what is wrong with the database."
        ) from None


async def record(connection: Connection, action: str, tenant: str, detail: Mapping[str, Any]) -> None:
    """An entry in the administrators' log, in the transaction, and on stderr. `tenant` "": it concerns none alone."""
    await audit.record(connection, who(), action, tenant, detail)
    log_line(action, tenant, detail)


def must_exist(tenant: str) -> None:
    """Raises when the registry knows no such tenant."""

    async def known() -> bool:
        settings = load()
        client = redis_client.connect(settings.redis_url.get_secret_value())
        try:
            return await Registry(client, Keys(settings.redis_prefix)).get(tenant) is not None
        finally:
            await client.aclose()

    try:
        found = asyncio.run(known())
    except SettingsError as problem:
        raise click.ClickException(str(problem)) from None
    except (redis.RedisError, OSError) as problem:
        raise click.ClickException(
            f"The registry does not answer ({type(problem).__name__}). `parley doctor` says what is wrong with Redis."
        ) from None
    if not found:
        raise click.ClickException(f"There is no tenant {tenant[:80]!r}. `parley tenant list` shows those there are.")
