"""The schema's history: forward only, and safe to run by many at once."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import asyncpg
import pytest

from kit.gateway import ROOMS
from kit.servers import execute
from parley_runtime import database
from parley_runtime.embedded import PostgresServer
from parley_runtime.migrations import versions

#: Processes that migrate the same empty database at the same time.
PROCESSES = 4
MIGRATE = "import os; from parley_runtime.database import migrate_now; migrate_now(os.environ['U'])"

HISTORY = [import_module(f"{versions.__name__}.{module.name}") for module in iter_modules(versions.__path__)]


def test_the_history_is_one_line_without_a_way_back() -> None:
    assert [step.down_revision for step in HISTORY] == [None, *(step.revision for step in HISTORY[:-1])]
    assert not [step.__name__ for step in HISTORY if hasattr(step, "downgrade")]


async def _schema(url: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return [
            tuple(row)
            for row in await connection.fetch(
                "SELECT c.relname, c.relkind::text, c.relforcerowsecurity FROM pg_class c "
                "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'parley' ORDER BY 1"
            )
        ]
    finally:
        await connection.close()


@pytest.mark.servers
async def test_many_processes_may_migrate_at_once(postgres_server: PostgresServer, database_url: str) -> None:
    name = "parley_migrated_by_many"
    await execute(postgres_server.url, f"CREATE DATABASE {name}")
    url = postgres_server.database_url(name)
    try:
        running = [
            subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    "import os; from parley_runtime.database import migrate_now as m; m(os.environ['U'])",
                ],
                env={"PYTHONPATH": ROOMS, "U": url, "PATH": str(Path(sys.executable).parent)},
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(PROCESSES)
        ]
        said = [process.communicate(timeout=60)[1] for process in running]
        assert [process.returncode for process in running] == [0] * PROCESSES, said
        assert await _schema(url) == await _schema(database_url)
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT version_num FROM parley_schema_version") == HISTORY[-1].revision
        assert await connection.fetchval("SELECT count(*) FROM parley.history") == 1, "each step ran once"
        await connection.close()
    finally:
        await execute(postgres_server.url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.servers
async def test_migrating_what_is_up_to_date_changes_nothing(database_url: str) -> None:
    before = await _schema(database_url)
    await database.migrate(database_url)
    assert await _schema(database_url) == before
