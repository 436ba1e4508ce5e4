"""Postgres: reachable, migrated, durable, and with tenants kept apart by it too."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import get_args

import asyncpg
from alembic.config import Config
from alembic.script import ScriptDirectory

from parley_runtime.cli.doctor.address import shown
from parley_runtime.cli.doctor.clock import check_skew
from parley_runtime.cli.doctor.finding import Finding
from parley_runtime.database import Connection, DatabaseRole
from parley_runtime.settings import Settings

OLDEST_VERSION = 16

# Everything asked here takes milliseconds. Seconds.
PATIENCE = 5.0

SUBJECT = "Postgres"

_ROLE = """
SELECT rolsuper, rolbypassrls, pg_has_role(current_user, oid, 'MEMBER') AS ours,
       (SELECT count(*) FROM pg_class WHERE relowner = r.oid AND relnamespace = to_regnamespace('parley')
                                      AND relkind = 'r') AS owned
FROM pg_roles r WHERE rolname = $1
"""

# Tables of all tenants that a gateway can read.
_OPEN_TABLES = """
SELECT relname FROM pg_class c
WHERE relnamespace = to_regnamespace('parley') AND relkind IN ('r', 'p')
  AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant' AND NOT attisdropped)
  AND has_table_privilege('parley_gateway', c.oid, 'SELECT')
  AND NOT (relrowsecurity AND relforcerowsecurity)
ORDER BY relname
"""


async def check_postgres(settings: Settings) -> AsyncIterator[Finding]:
    """Ask the server that PARLEY_DATABASE_URL names."""
    url = settings.database_url.get_secret_value()
    try:
        async with asyncio.timeout(PATIENCE):
            connection = await asyncpg.connect(url)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        yield _unreachable(url, error)
        return
    try:
        async with asyncio.timeout(PATIENCE):
            for check in (_version, _durability, _connections):
                for finding in await check(connection, settings):
                    yield finding
            before = time.time()
            theirs = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
            yield check_skew(SUBJECT, theirs, before, time.time())
            migrated = await _migrated(connection)
            yield migrated
            for role in get_args(DatabaseRole):
                for finding in await _role(connection, role):
                    yield finding
            for finding in await _row_security(connection):
                yield finding
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        yield _unreachable(url, error)
    finally:
        connection.terminate()


def _unreachable(url: str, error: Exception) -> Finding:
    helps: dict[type[Exception], str] = {
        asyncpg.InvalidPasswordError: "Correct user and password in PARLEY_DATABASE_URL.",
        asyncpg.InvalidAuthorizationSpecificationError: "Correct the user in PARLEY_DATABASE_URL.",
        asyncpg.InvalidCatalogNameError: "Create the database (`createdb`), or correct its name in the URL.",
        asyncpg.InsufficientPrivilegeError: "Grant the user what docs/settings.md lists.",
        asyncpg.TooManyConnectionsError: "Raise max_connections, or lower PARLEY_DATABASE_POOL.",
    }
    if isinstance(error, asyncpg.ClientConfigurationError):
        # The URL is not shown: what cannot be read may have its password anywhere.
        return Finding.problem(
            SUBJECT,
            "PARLEY_DATABASE_URL cannot be used as it is written.",
            "Write it as postgresql://user:password@host:port/database; certificates that it names must exist.",
        )
    help = next(
        (help for kind, help in helps.items() if isinstance(error, kind)),
        "See that the server runs, that this machine may reach it, and that PARLEY_DATABASE_URL is right.",
    )
    return Finding.problem(SUBJECT, f"{shown(url)} does not answer as it should ({type(error).__name__}).", help)


async def _version(connection: Connection, settings: Settings) -> list[Finding]:
    version = connection.get_server_version()
    findings = [
        Finding.ok(SUBJECT, f"Postgres {version.major}.{version.minor}")
        if version.major >= OLDEST_VERSION
        else Finding.problem(SUBJECT, f"Postgres {version.major} is too old.", f"Use {OLDEST_VERSION} or newer.")
    ]
    if await connection.fetchval("SELECT pg_is_in_recovery()"):
        findings.append(
            Finding.problem(SUBJECT, "The server is a standby: it takes no writes.", "Name the primary in the URL.")
        )
    return findings


async def _durability(connection: Connection, settings: Settings) -> list[Finding]:
    findings = [
        Finding.problem(
            SUBJECT, f"{name} is off: a crash can lose comments that were acknowledged.", f"Set {name} to on."
        )
        for name in ("fsync", "synchronous_commit", "full_page_writes")
        if await connection.fetchval("SELECT current_setting($1)", name) == "off"
    ]
    if not await connection.fetchval("SELECT current_setting('synchronous_standby_names')"):
        findings.append(
            Finding.warning(
                SUBJECT,
                "There is no synchronous standby: a failover can lose the last acknowledged comments.",
                "Set synchronous_standby_names, or accept it where the disk itself is replicated.",
            )
        )
    return findings


async def _connections(connection: Connection, settings: Settings) -> list[Finding]:
    most = int(await connection.fetchval("SELECT current_setting('max_connections')"))
    # One gateway and one billing; a rolling deploy has two of each for a moment.
    wanted = 4 * settings.database_pool
    if wanted <= most:
        return []
    return [
        Finding.warning(
            SUBJECT,
            f"max_connections is {most}; gateway and billing want up to {wanted} during a deploy.",
            "Raise it, or lower PARLEY_DATABASE_POOL.",
        )
    ]


async def _migrated(connection: Connection) -> Finding:
    config = Config()
    config.set_main_option("script_location", "parley_runtime:migrations")
    newest = ScriptDirectory.from_config(config).get_current_head()
    help = "Run `parley migrate`; gateway and billing do it when they start, too."
    if await connection.fetchval("SELECT to_regclass('parley_schema_version') IS NULL"):
        return Finding.problem("Schema", "The database has no tables of Parley.", help)
    held = await connection.fetchval("SELECT max(version_num) FROM parley_schema_version")
    if held == newest:
        return Finding.ok("Schema", f"migrated to {held}")
    if held is not None and newest is not None and held > newest:
        return Finding.problem(
            "Schema", f"The database is at {held}, this Parley knows {newest}.", "Install the newer Parley."
        )
    return Finding.problem("Schema", f"The database is at {held or 'nothing'}, {newest} is wanted.", help)


async def _role(connection: Connection, role: str) -> list[Finding]:
    row = await connection.fetchrow(_ROLE, role)
    if row is None:
        return [Finding.problem("Roles", f"The role {role} does not exist.", "Migrating creates it.")]
    if not row["ours"]:
        return [Finding.problem("Roles", f"Our user may not act as {role}.", f"GRANT {role} TO that user.")]
    if row["rolsuper"] or row["rolbypassrls"]:
        which = "a superuser" if row["rolsuper"] else "BYPASSRLS"
        return [
            Finding.problem(
                "Roles",
                f"{role} is {which}: nothing but our own code would keep tenants apart.",
                f"ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS.",
            )
        ]
    if role == "parley_gateway" and row["owned"]:
        return [
            Finding.problem("Roles", f"{role} owns tables and could lift their row security.", "Change their owner.")
        ]
    return [Finding.ok("Roles", f"{role} cannot pass row security")]


async def _row_security(connection: Connection) -> list[Finding]:
    if await connection.fetchval("SELECT to_regclass('parley.pages') IS NULL OR to_regrole('parley_gateway') IS NULL"):
        return []
    tables = [row["relname"] for row in await connection.fetch(_OPEN_TABLES)]
    if tables:
        return [
            Finding.problem(
                "Row security",
                f"Not forced on {', '.join(tables)}: tenants could see each other's rows.",
                "ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY for each.",
            )
        ]
    return [Finding.ok("Row security", "forced on every table a gateway can read")]
