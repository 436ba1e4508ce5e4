"""Changes of tenants' records by administrators: each is in the administrators' log before it takes effect.

So no change is without an entry, whatever crashes. One that then could not be made leaves a second entry that says so.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from msgspec.structs import replace

from parley.redis_keys import Keys
from parley.tenant_changes import difference
from parley.tenants import Tenant
from parley_runtime import audit, database, redis_client
from parley_runtime.admin import log_line, who
from parley_runtime.database import FAULTS, Pool
from parley_runtime.registry import Registry
from parley_runtime.settings import Settings

#: What the log says when it takes no entry: it is away, or was never made.
LOG_FAULTS: tuple[type[BaseException], ...] = (*FAULTS, asyncpg.PostgresError)


class NotRecorded(Exception):
    """The administrators' log does not take the entry, so nothing was changed. The text says why."""


class NoSuchTenant(Exception):
    """The registry knows no tenant of that name."""


class ChangedMeanwhile(Exception):
    """Somebody else's change, or a tenant of that name, was there first; nothing was changed."""


class Administration:
    """`log` None: entries are only written to stderr, for the hour in which the database is away."""

    def __init__(self, registry: Registry, log: "Pool | None") -> None:
        self.registry = registry
        self._log = log

    async def add(self, record: Tenant) -> None:
        """Raises `ChangedMeanwhile` when there is such a tenant already."""
        await self._put("add", None, record)

    async def change(self, action: str, name: str, change: Callable[[Tenant], Tenant]) -> Tenant:
        """The record as `change` made it, one version newer. Raises `NoSuchTenant`, `ChangedMeanwhile`."""
        held = await self.registry.get(name)
        if held is None:
            raise NoSuchTenant
        new = replace(change(held), version=held.version + 1)
        await self._put(action, held, new)
        return new

    async def record(self, action: str, tenant: str, detail: Mapping[str, Any]) -> None:
        """An entry of its own. Raises `NotRecorded`."""
        if self._log is not None:
            try:
                async with self._log.acquire() as connection:
                    await audit.record(connection, who(), action, tenant, detail)
            except LOG_FAULTS as problem:
                raise NotRecorded(type(problem).__name__) from problem
        log_line(action, tenant, detail)

    async def _put(self, action: str, old: Tenant | None, new: Tenant) -> None:
        if old is None and await self.registry.get(new.name) is not None:
            raise ChangedMeanwhile
        await self.record(action, new.name, difference(old, new))
        if not await self.registry.put(new):
            await self.record(action, new.name, {"notDone": "the record was changed meanwhile", "version": new.version})
            raise ChangedMeanwhile


@asynccontextmanager
async def administration(settings: Settings, *, recorded: bool = True) -> AsyncIterator[Administration]:
    """For the time of one command. Raises `NotRecorded` when the log is out of reach, and what Redis raises."""
    client = redis_client.connect(settings.redis_url.get_secret_value())
    log = None
    try:
        if recorded:
            try:
                log = await database.connect(settings.database_url.get_secret_value(), "parley_admin", size=1)
            except LOG_FAULTS as problem:
                raise NotRecorded(type(problem).__name__) from problem
        yield Administration(Registry(client, Keys(settings.redis_prefix)), log)
    finally:
        if log is not None:
            await database.close(log)
        await client.aclose()
