"""One gateway for all HTTP tests; each test has tenants of its own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from kit.gateway import GatewayProcess
from kit.http_world import HttpWorld, gateway_alone, http_world
from parley_runtime.embedded import PostgresServer


@pytest.fixture(scope="session")
def http_servers(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, database_template: str
) -> Iterator[tuple[GatewayProcess, str]]:
    """A gateway and its Redis, which nobody else empties."""
    settings = {"PRESENCE_GRACE_MS": "200", "SEAL_INTERVAL_MS": "100"}
    with gateway_alone(
        tmp_path_factory.mktemp("http", numbered=False), postgres_server, database_template, settings
    ) as alone:
        yield alone
    log = alone[0].log.read_text()
    assert "Bearer" not in log and "eyJ" not in log, "a token is in the log"


@pytest.fixture
async def world(http_servers: tuple[GatewayProcess, str]) -> AsyncIterator[HttpWorld]:
    async with http_world(http_servers) as world:
        yield world
