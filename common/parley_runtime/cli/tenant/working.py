"""What every command on tenants does around its own work: connect, record, say in a sentence what went wrong."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click
import redis

from parley.tenants import Tenant
from parley_runtime import settings
from parley_runtime.administration import Administration, ChangedMeanwhile, NoSuchTenant, NotRecorded, administration

T = TypeVar("T")


def work(task: Callable[[Administration], Awaitable[T]], *, recorded: bool) -> T:
    """Do it. `recorded`: whether what it changes has to be in the administrators' log first."""

    async def run() -> T:
        async with administration(settings.load(), recorded=recorded) as admin:
            return await task(admin)

    try:
        return asyncio.run(run())
    except settings.SettingsError as error:
        raise click.ClickException(str(error)) from error
    except NotRecorded as error:
        raise click.ClickException(
            f"The administrators' log in the database does not take the entry ({error}), so nothing was changed. "
            "`parley migrate` makes the log, `parley doctor` says what is wrong with the database. If it cannot wait: "
            "`parley tenant --unrecorded …` leaves a line on stderr only; keep that."
        ) from error
    except (redis.RedisError, OSError) as error:
        raise click.ClickException(
            f"The registry does not answer ({type(error).__name__}). `parley doctor` says what is wrong with Redis."
        ) from error


def change(action: str, name: str, changed: Callable[[Tenant], Tenant]) -> Tenant:
    """Change a tenant's record, recorded unless `parley tenant --unrecorded` was asked for."""
    try:
        return work(lambda admin: admin.change(action, name, changed), recorded=is_recorded())
    except NoSuchTenant:
        raise click.ClickException(f"There is no tenant {name}.") from None
    except ChangedMeanwhile:
        raise click.ClickException(f"{name} was changed by somebody else meanwhile. Try again.") from None


def is_recorded() -> bool:
    """False under `parley tenant --unrecorded`."""
    return bool(click.get_current_context().find_root().meta.get("parley.recorded", True))
