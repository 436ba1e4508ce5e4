"""A gateway that is told to stop: not ready, everybody moves, usage is sealed, and out within the time it was given."""

import time

import pytest

from kit.gateway import GatewayProcess, MakeGateway
from kit.installation import apart
from kit.servers import MakePostgres, MakeValkey
from kit.tenants import ORIGIN, add_tenant
from kit.usage_sums import spooled, sums_of_bodies
from kit.waiting import until
from kit.wire_client import WireClient
from parley_runtime.database import migrate

pytestmark = pytest.mark.servers

PAGE = "https://acme.test/post"
QUOTE = {"quote": {"exact": "a", "prefix": "b", "suffix": "c"}, "position": {"start": 1, "end": 2}}
#: Seconds beyond the drain for the process itself to end, on a machine that does much else.
ENDING = 2.5


async def ended(gateway: GatewayProcess, seconds: float) -> float:
    """Wait until the process has gone. When that was."""
    await until(lambda: not gateway.running, seconds)
    return time.monotonic()


async def test_sigterm_moves_everybody_over_the_time_and_leaves_all_usage_sealed(
    redis_url: str, database_url: str, make_gateway: MakeGateway
) -> None:
    """No billing runs here, so what was counted must be on the spool."""
    tenant = add_tenant(redis_url)
    gateway = make_gateway(redis_url, database_url, DRAIN_SECONDS="4")
    clients = [await WireClient.open(gateway.live_url, tenant.token(f"r{n}"), origin=ORIGIN) for n in range(3)]
    for client in clients:
        await client.join(PAGE)
    await clients[0].do(PAGE, "new-chat", anchor=QUOTE, text="Why?")
    for client in clients:
        await client.until(lambda client=client: bool(client.of("live")))  # type: ignore[misc]
    began = time.monotonic()
    gateway.ask_to_stop()
    for client in clients:
        await client.until(lambda client=client: bool(client.of("move")))  # type: ignore[misc]
        assert client.of("move")[0]["withinMs"] == 2_400
    assert not await apart(lambda: gateway.ready), "whoever drains is not ready"
    with pytest.raises(Exception, match="HTTP 503"):
        await WireClient.open(gateway.live_url, tenant.token("late"), origin=ORIGIN)
    # Those who have not moved yet are served as before.
    await clients[1].do(PAGE, "new-chat", anchor=QUOTE, text="Still here?")
    for client in clients:
        await client.close()
    assert await ended(gateway, 4 + ENDING) - began <= 4 + ENDING
    sums = sums_of_bodies(spooled(gateway.spool).values(), tenant.name)
    assert sums["publish", "messages"] == 2 and sums["delivery", "messages"] == 6


async def test_it_ends_in_time_whatever_hangs(
    make_valkey: MakeValkey, make_postgres: MakePostgres, make_gateway: MakeGateway
) -> None:
    """Redis and Postgres answer nothing, an operation waits for its commit, and a client neither moves nor reads."""
    valkey, postgres = make_valkey(), make_postgres()
    await migrate(postgres.url)
    tenant = add_tenant(valkey.url)
    gateway = make_gateway(valkey.url, postgres.url, DRAIN_SECONDS="3")
    stuck = await WireClient.open(gateway.live_url, tenant.token("ann"), origin=ORIGIN)
    await stuck.join(PAGE)
    try:
        postgres.suspend()
        valkey.suspend()
        await stuck.submit(PAGE, "new-chat", anchor=QUOTE, text="Is it?")
        stuck.socket.transport.pause_reading()
        began = time.monotonic()
        gateway.ask_to_stop()
        took = await ended(gateway, 3 + 10 * ENDING) - began
        assert took <= 3 + ENDING, f"it took {took:.1f} s"
    finally:
        postgres.resume()
        valkey.resume()
        stuck.socket.transport.abort()
