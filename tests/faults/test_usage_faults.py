"""What clients received = what was counted = what was sealed = what is in the ledger = what the tenant is told.

The clients count for themselves, from the bytes of their frames. Sealed records are read off the gateways' connections
to Redis, and off the spools of killed gateways. From there on equality is exact, whatever is killed. Clients' sums are
exact as long as no connection ends; when one does, the bounds of the protocol's counting rule hold, in both directions.
"""

import asyncio
import random
import time
from collections.abc import Callable
from functools import partial

import pytest
from _pytest.mark import ParameterSet

from kit.faults.catalogue import FAULTS
from kit.installation import Installation, apart
from kit.load import Load
from kit.page_truth import check_all
from kit.tenants import KitTenant
from kit.usage_audit import UNSEALED, WHAT, Audit, Kills, Window, check_bounds, in_doubt
from kit.usage_sums import Sums
from parley.redis_keys import Keys
from parley.usage import USAGE_CLASSES

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def audit(installation: Installation) -> Audit:
    return Audit(installation)


async def start(installation: Installation) -> tuple[KitTenant, int]:
    """A tenant of its own and a seed; billing runs."""
    await apart(lambda: installation.billing.wait_ready())
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    return installation.new_tenant(), seed


async def finish(load: Load, installation: Installation, tenant: KitTenant) -> None:
    """No more writing; everybody knows everything."""
    await check_all(load, installation.postgres.url, tenant.name)
    assert not installation.new_errors()
    await apart(installation.billing.wait_ready)


Strike = Callable[[Installation], None]


def lose_usage(installation: Installation) -> None:
    with installation.redis() as client:
        client.delete(Keys().usage, Keys().usage_confirmed)


def at_once(name: str) -> Strike:
    """A fault of the catalogue, mended as soon as it has struck."""
    [fault] = [fault for fault in FAULTS if fault.name == name]

    def strike(installation: Installation) -> None:
        with fault.begin(installation):
            pass

    return strike


BEHIND: dict[str, Strike] = {
    "no-fault": lambda _: None,
    "billing-killed": at_once("billing is killed"),
    "Valkey-emptied": at_once("FLUSHALL"),
    "usage-stream-lost": lose_usage,
    "Valkey-killed": at_once("Redis is killed and comes back empty"),
}
DATABASE: dict[str, Strike] = {
    "Postgres-restarted": at_once("Postgres is restarted"),
    "Postgres-killed": at_once("Postgres is killed"),
}
#: For `make test`: the rest is for the night.
QUICK = {"Postgres-killed"}


def parameters(strikes: dict[str, Strike]) -> list[ParameterSet]:
    return [
        pytest.param(strike, id=name, marks=[] if name in QUICK else pytest.mark.nightly)
        for name, strike in strikes.items()
    ]


async def strike_often(strikes: list[Strike], installation: Installation, rng: random.Random) -> list[Window]:
    """Each of these, at random moments. When commits were in doubt."""
    windows = []
    for strike in strikes:
        await asyncio.sleep(rng.uniform(0.1, 0.9))  # any moment of the load
        began = time.monotonic()
        await apart(partial(strike, installation))
        if strike in DATABASE.values():
            windows.append((began, time.monotonic()))
    await asyncio.sleep(0.5)  # load goes on after the last
    return windows


async def kill_gateway(installation: Installation, audit: Audit, kills: Kills, number: int) -> Window:
    """Kill it, read what it left, and start it again: it adopts that. When publishes may have gone uncounted."""
    gateway = installation.gateways[number]
    began = time.monotonic()
    kills.killed.append((began, gateway.live_url))
    await apart(gateway.kill)
    ended = time.monotonic()
    audit.take_spool(number)
    await apart(gateway.restart)
    return began - UNSEALED, ended


async def check_exact(strikes: list[Strike], installation: Installation, audit: Audit) -> None:
    """No client notices: every class to the message and to the byte."""
    tenant, seed = await start(installation)
    async with Load(installation.urls, tenant, seed=seed, patience=(60, 60)) as load:
        await strike_often(strikes, installation, random.Random(seed))
        await finish(load, installation, tenant)
        counted, _ = await audit.settle_to(tenant, load)
        assert all(client.connections == 1 for client in load.clients)
    assert all(counted[usage_class, "messages"] for usage_class in USAGE_CLASSES)
    print(f"counted and received: {dict(counted)}")


async def check_gateway_kills(kills_wanted: int, installation: Installation, audit: Audit) -> None:
    """Faults of every kind in a row, gateways killed among them."""
    tenant, seed = await start(installation)
    rng = random.Random(seed)
    kills = Kills()
    async with Load(installation.urls, tenant, seed=seed) as load:
        windows = []
        for _ in range(kills_wanted):
            windows += await strike_often([rng.choice([*BEHIND.values(), *DATABASE.values()])], installation, rng)
            windows.append(await kill_gateway(installation, audit, kills, rng.randrange(2)))
            await load.until(lambda: all(client.socket is not None for client in load.clients), 5)
        await finish(load, installation, tenant)
        least = kills.unsealed(load) + in_doubt(load, windows)

        def within(counted: Sums, received: Sums) -> bool:
            return all(counted[key] >= received[key] - least[key] for key in received)

        counted, received = await audit.settle_to(tenant, load, within)
        check_bounds(load, counted, received, least)
    print(f"received {dict(received)}\ncounted  {dict(counted)}\nmay be missing {dict(least)}")


@pytest.mark.parametrize("strike", parameters(BEHIND))
async def test_clients_count_what_the_tenant_is_told(strike: Strike, installation: Installation, audit: Audit) -> None:
    await check_exact([strike, strike], installation, audit)


@pytest.mark.parametrize("strike", parameters(DATABASE))
async def test_an_operation_in_doubt_is_counted_once_or_not_at_all(
    strike: Strike, installation: Installation, audit: Audit
) -> None:
    """All else is exact: a database that fails costs no tenant anything."""
    tenant, seed = await start(installation)
    async with Load(installation.urls, tenant, seed=seed, patience=(60, 60)) as load:
        await asyncio.sleep(0.7)  # of load before it, and as long as the next after it
        began = time.monotonic()
        await apart(partial(strike, installation))
        ended = time.monotonic()
        await asyncio.sleep(0.5)
        await finish(load, installation, tenant)
        least = in_doubt(load, [(began, ended)])

        def others_equal(counted: Sums, received: Sums) -> bool:
            return all(counted[key] == received[key] for key in received if key[0] != "publish")

        counted, received = await audit.settle_to(tenant, load, others_equal)
        check_bounds(load, counted, received, least)
    missing = received["publish", "messages"] - counted["publish", "messages"]
    print(f"operations in doubt {least['publish', 'messages']}, not counted {missing}")


async def test_a_cut_client_received_at_most_what_was_counted(installation: Installation, audit: Audit) -> None:
    """Who stops reading and goes away leaves counted frames unread, and nothing else differs."""
    tenant, seed = await start(installation)
    async with Load(installation.urls, tenant, seed=seed, patience=(60, 60)) as load:
        for _ in range(3):
            for client in load.watchers[::2]:
                client.stall()
            await asyncio.sleep(0.5)  # of frames that nobody reads
            for client in load.watchers[::2]:
                await client.cut()
            await load.until(lambda: all(client.socket is not None for client in load.clients), 5)
        await finish(load, installation, tenant)

        def nothing_missing(counted: Sums, received: Sums) -> bool:
            return all(counted[key] >= received[key] for key in received)

        counted, received = await audit.settle_to(tenant, load, nothing_missing)
        check_bounds(load, counted, received, Sums())
        unread = counted["delivery", "messages"] - received["delivery", "messages"]
        assert unread > 0, "this test cut nothing off"
        assert [counted["publish", what] for what in WHAT] == [received["publish", what] for what in WHAT]
    print(f"counted and not received: {unread} messages")


async def test_a_killed_gateway_costs_at_most_its_last_second(installation: Installation, audit: Audit) -> None:
    await check_gateway_kills(2, installation, audit)


@pytest.mark.nightly
@pytest.mark.parametrize("repeat", range(8))
async def test_whatever_crashes_and_whenever(installation: Installation, audit: Audit, repeat: int) -> None:
    await check_gateway_kills(8, installation, audit)


@pytest.mark.nightly
@pytest.mark.parametrize("repeat", range(8))
async def test_clients_count_what_the_tenant_is_told_after_many_faults(
    installation: Installation, audit: Audit, repeat: int
) -> None:
    rng = random.Random(random.randrange(2**32))
    await check_exact(rng.choices(list(BEHIND.values()), k=12), installation, audit)
