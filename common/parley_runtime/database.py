"""Postgres: pools that act as a least-privilege role, and migrations.

Whoever logs in, a pool acts as one of Parley's roles, so that row-level security holds for it even when the login is
the owner of the tables.
"""

import asyncio
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import asyncpg

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine import URL

DatabaseRole: TypeAlias = Literal["parley_gateway", "parley_billing", "parley_admin"]
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

#: Seconds for one statement. Longer means that the database is in trouble: say so, rather than queue.
STATEMENT_TIMEOUT = 5.0
#: Seconds for giving the connections back when a process stops.
CLOSE_WAIT = 2.0
#: Key of the advisory lock that lets one process at a time migrate ("parley" in ASCII).
_MIGRATION_LOCK = 0x7061726C6579

#: What a caller sees when the database is away or answers too late.
FAULTS: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    # A connection that broke in the middle of a query says "another operation is in progress" to the next one.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.CannotConnectNowError,
    asyncpg.ReadOnlySQLTransactionError,
)


async def _keep(_connection: object) -> None:
    """Nothing to reset. A transaction that was left open, asyncpg ends anyway."""


async def connect(url: str, role: DatabaseRole, *, size: int) -> Pool:
    """A pool whose connections act as `role`. Raises `OSError` or `asyncpg.PostgresError` when out of reach."""
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        command_timeout=STATEMENT_TIMEOUT,
        timeout=STATEMENT_TIMEOUT,
        max_inactive_connection_lifetime=60,
        # What a gateway sets ends with its transaction, and it asks thousands of times a second: a reset after each
        # would double the round trips. The others do not ask often, and may hold locks of the session.
        reset=_keep if role == "parley_gateway" else None,
        server_settings={"role": role, "search_path": "parley", "application_name": role, "timezone": "UTC"},
    )


async def close(pool: Pool, seconds: float = CLOSE_WAIT) -> None:
    """Give the connections back; those that do not end in time are cut."""
    try:
        async with asyncio.timeout(seconds):
            await pool.close()
    except TimeoutError:
        pool.terminate()


# Alembic and SQLAlchemy are loaded by who migrates: it takes half a second, and a gateway never does.


def _sqlalchemy_url(url: str) -> "URL":
    from sqlalchemy.engine import make_url

    return make_url(url).set(drivername="postgresql+asyncpg")


async def migrate(url: str) -> None:
    """Bring the schema to the newest version. Forward only; any number of processes may call it at once."""
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(_sqlalchemy_url(url))
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql(f"SELECT pg_advisory_lock({_MIGRATION_LOCK})")
            await connection.commit()
            await connection.run_sync(_upgrade)
            await connection.commit()
            await connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_MIGRATION_LOCK})")
            await connection.commit()
    finally:
        await engine.dispose()


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "parley_runtime:migrations")
    return config


def _upgrade(connection: Any) -> None:
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def migrate_now(url: str) -> None:
    """`migrate` for callers without an event loop."""
    asyncio.run(migrate(url))
