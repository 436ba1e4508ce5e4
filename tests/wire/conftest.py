"""Two real gateways and billing on one Valkey and one Postgres, for all tests of the protocol; and their clients.

Each test takes pages (and, where it changes a tenant's record, a tenant) of its own, so that the gateways can stay.
"""

import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from kit.billing_process import BillingProcess
from kit.gateway import GatewayProcess
from kit.servers import execute, run_apart
from kit.tenants import ORIGIN, KitTenant, add_tenant
from kit.wire_client import WireClient
from kit.wire_tap import Tally
from kit.wire_world import Clients, Dial, Enter, World
from parley_runtime.embedded import PostgresServer, ValkeyServer

DATABASE = "parley_wire"
SETTINGS = {
    "PRESENCE_GRACE_MS": "1000",  # still a moment, but tests of leaving need not wait long
    "SEAL_INTERVAL_MS": "100",
    "DRAIN_SECONDS": "0",
}

_pages = itertools.count(1)


@pytest.fixture(scope="session")
def world(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, database_template: str
) -> Iterator[World]:
    """The gateways, ended with the session."""
    directory = tmp_path_factory.mktemp("wire")
    valkey = ValkeyServer(directory / "valkey")
    run_apart(lambda: execute(postgres_server.url, f"CREATE DATABASE {DATABASE} TEMPLATE {database_template}"))
    database_url = postgres_server.database_url(DATABASE)
    gateways: list[GatewayProcess] = []
    billing = BillingProcess(directory, valkey.url, database_url)
    try:
        acme, globex, sentinel = (add_tenant(valkey.url, name) for name in ("acme", "globex", "sentinel"))
        billing.start()
        for number in (1, 2):
            gateways.append(GatewayProcess(directory / f"gateway-{number}", valkey.url, database_url, SETTINGS))
        billing.wait_ready()
        yield World(valkey.url, database_url, gateways, acme, globex, billing, sentinel)
    finally:
        billing.kill()
        for gateway in gateways:
            gateway.end()
        valkey.stop()
        run_apart(lambda: execute(postgres_server.url, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)"))


@pytest.fixture
def page() -> str:
    """A page that no other test has."""
    return f"https://acme.test/post/{next(_pages)}"


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    """The test's clients; they end with it, and none of them may have seen a rule broken."""
    made = Clients()
    yield made
    await made.end()


@pytest.fixture
def dial(world: World, clients: Clients) -> Dial:
    """A factory of clients that said nothing yet."""

    async def make(*, gateway: int = 0, **options: Any) -> WireClient:
        client = await WireClient.dial(world.gateways[gateway].live_url, **options)
        clients.append(client)
        return client

    return make


@pytest.fixture
def enter(world: World, dial: Dial) -> Enter:
    """A factory of welcomed clients."""

    async def make(
        reader: str = "ann",
        *,
        gateway: int = 0,
        tenant: KitTenant | None = None,
        joined: str | None = None,
        tally: Tally | None = None,
        origin: str | None = ORIGIN,
        **claims: Any,
    ) -> WireClient:
        client = await dial(gateway=gateway, origin=origin, tally=tally)
        await client.hello((tenant or world.acme).token(reader, **{"name": reader.title(), **claims}))
        if joined is not None:
            await client.join(joined)
        return client

    return make
