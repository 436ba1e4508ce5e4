"""One gateway for all HTTP tests; each test has tenants of its own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import aiohttp
import pytest

from kit.gateway import GatewayProcess
from kit.http_world import HttpWorld
from kit.servers import execute, run_apart
from parley_runtime.embedded import PostgresServer, ValkeyServer


@pytest.fixture(scope="session")
def http_servers(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, database_template: str
) -> Iterator[tuple[GatewayProcess, str]]:
    """A gateway and its Redis, which nobody else empties."""
    directory = tmp_path_factory.mktemp("http")
    run_apart(lambda: execute(postgres_server.url, f"CREATE DATABASE parley_http TEMPLATE {database_template}"))
    with ExitStack() as stack:
        valkey = ValkeyServer(directory / "valkey")
        stack.callback(valkey.stop)
        settings = {"PRESENCE_GRACE_MS": "200", "SEAL_INTERVAL_MS": "100"}
        gateway = GatewayProcess(directory, valkey.url, postgres_server.database_url("parley_http"), settings)
        stack.callback(gateway.end)
        yield gateway, valkey.url
    log = gateway.log.read_text()
    assert "Bearer" not in log and "eyJ" not in log, "a token is in the log"


@pytest.fixture
async def world(http_servers: tuple[GatewayProcess, str]) -> AsyncIterator[HttpWorld]:
    gateway, redis_url = http_servers
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=True) as session:
        yield HttpWorld(gateway, redis_url, session)
    # aiohttp closes its transports in the next turn of the loop.
    await asyncio.sleep(0)
