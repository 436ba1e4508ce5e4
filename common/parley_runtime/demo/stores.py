"""The demo's Redis and Postgres: the user's own where named, else embedded ones."""

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg

from parley_runtime.demo.background import in_thread
from parley_runtime.embedded import PostgresServer, ValkeyServer
from parley_runtime.settings import Settings

DATABASE = "parley"

# What a store may take to write down its data when the demo ends; ctrl-C promises 3 s for everything. Seconds.
STOP_SECONDS = 0.8


@dataclass(slots=True)
class EmbeddedStore:
    """An embedded server as the supervisor sees it."""

    name: str
    server: ValkeyServer | PostgresServer

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self.server.running

    def restart(self) -> None:
        """Start it again on its port, with its data."""
        self.server.restart()

    def why_ended(self) -> str:
        """Where to read about it."""
        return f"its log is in {self.server.directory}"


@dataclass(frozen=True, slots=True)
class Stores:
    """The two URLs, and the servers among them that are ours."""

    redis_url: str
    database_url: str
    embedded: list[EmbeddedStore]


async def open_stores(settings: Settings, directory: Path) -> Stores:
    """Start what the user does not have. Raises SetupProblem."""
    own_redis = "redis_url" in settings.model_fields_set
    own_database = "database_url" in settings.model_fields_set
    valkey, postgres = await asyncio.gather(
        _nothing() if own_redis else in_thread(lambda: ValkeyServer(directory / "valkey", appendonly=True)),
        _nothing() if own_database else in_thread(lambda: PostgresServer(directory / "postgres")),
    )
    embedded = []
    redis_url = settings.redis_url.get_secret_value()
    database_url = settings.database_url.get_secret_value()
    if valkey is not None:
        redis_url = valkey.url
        embedded.append(EmbeddedStore("Valkey", valkey))
    if postgres is not None:
        database_url = postgres.database_url(DATABASE)
        embedded.append(EmbeddedStore("Postgres", postgres))
        await _create_database(postgres.url)
    return Stores(redis_url, database_url, embedded)


async def close_stores(stores: Stores) -> None:
    """End the embedded servers, all at once."""
    await asyncio.gather(*(in_thread(partial(store.server.stop, STOP_SECONDS)) for store in stores.embedded))


async def _nothing() -> None:
    return None


async def _create_database(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()
