"""Fixtures of real servers: a Valkey and a Postgres for the session, private ones on request.

`redis_url` and `database_url` give every test an empty world on shared servers. A test that kills, suspends
or floods a server makes its own with `make_valkey()` / `make_postgres()`; they end with the test.
"""

import asyncio
import itertools
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, TypeVar

import asyncpg
import pytest
import redis

from parley_runtime.embedded import PostgresServer, ValkeyServer

T = TypeVar("T")

TEMPLATE = "parley_template"

_database_numbers = itertools.count(1)


class MakeValkey(Protocol):
    """``make_valkey(port=None, appendonly=False, config=None)`` → a running private server."""

    def __call__(
        self, port: int | None = None, *, appendonly: bool = False, config: dict[str, str] | None = None
    ) -> ValkeyServer: ...


class MakePostgres(Protocol):
    """``make_postgres(port=None, config=None)`` → a running private server without Parley's schema."""

    def __call__(self, port: int | None = None, *, config: dict[str, str] | None = None) -> PostgresServer: ...


def run_apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end from synchronous code, whatever event loop this thread may have."""
    results: list[T] = []
    problems: list[BaseException] = []

    def run() -> None:
        try:
            results.append(asyncio.run(work()))
        except BaseException as problem:
            problems.append(problem)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if problems:
        raise problems[0]
    return results[0]


async def execute(url: str, *statements: str) -> None:
    """Run statements one by one, outside a transaction (CREATE DATABASE wants that)."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """The session's Valkey. Shared: leave it running and use `redis_url` for an empty one."""
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """The session's Postgres. Shared: leave it running and use `database_url` for a database of your own."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def database_template(postgres_server: PostgresServer) -> str:
    """The name of a migrated database that the tests' databases are copied from."""
    from parley_runtime.database import migrate

    run_apart(lambda: execute(postgres_server.url, f"CREATE DATABASE {TEMPLATE}"))
    run_apart(lambda: migrate(postgres_server.database_url(TEMPLATE)))
    return TEMPLATE


@pytest.fixture
def redis_url(valkey_server: ValkeyServer) -> str:
    """The URL of an empty Valkey. It is emptied before each test that asks: one such test at a time."""
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
        client.function_flush()
    return valkey_server.url


@pytest.fixture
def database_url(postgres_server: PostgresServer, database_template: str) -> Iterator[str]:
    """The superuser's URL of a fresh, migrated database, dropped after the test."""
    name = f"parley_test_{next(_database_numbers)}"
    run_apart(lambda: execute(postgres_server.url, f"CREATE DATABASE {name} TEMPLATE {database_template}"))
    yield postgres_server.database_url(name)
    run_apart(lambda: execute(postgres_server.url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def make_valkey(tmp_path: Path) -> Iterator[MakeValkey]:
    """A factory of private Valkeys, ended with the test."""
    with ExitStack() as stack:
        numbers = itertools.count(1)

        def make(
            port: int | None = None, *, appendonly: bool = False, config: dict[str, str] | None = None
        ) -> ValkeyServer:
            directory = tmp_path / f"valkey-{next(numbers)}"
            server = ValkeyServer(directory, port, appendonly=appendonly, config=config)
            stack.callback(server.stop)
            return server

        yield make


@pytest.fixture
def make_postgres(tmp_path: Path) -> Iterator[MakePostgres]:
    """A factory of private Postgres servers, ended with the test."""
    with ExitStack() as stack:
        numbers = itertools.count(1)

        def make(port: int | None = None, *, config: dict[str, str] | None = None) -> PostgresServer:
            server = PostgresServer(tmp_path / f"postgres-{next(numbers)}", port, config=config)
            stack.callback(server.stop)
            return server

        yield make
