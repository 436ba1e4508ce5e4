"""Real processes are killed, frozen, emptied and cut off while readers write: nothing acknowledged is lost.

After each fault every client comes to know everything within 5 seconds of the bus and the database being back, by
itself; where only the bus is away, also while it is away. The times are printed (`pytest -rP`, or `-s`).
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import asyncpg
import pytest

from kit.gateway import GatewayProcess
from kit.installation import Installation, apart
from kit.load import Load
from kit.page_truth import check_all, converged
from kit.servers import run_apart
from parley.pages import PARTITIONS
from parley.redis_keys import Keys

pytestmark = pytest.mark.servers

#: Seconds. What the design promises.
BAR = 5.0
#: Seconds of load before a fault, and after everybody has converged.
BEFORE, AFTER = 1.0, 0.7


@dataclass(frozen=True)
class Fault:
    """`strike` begins it and `mend` ends it, `hold` seconds later.

    `bus_only`: the database answers all the time, so clients must converge while it lasts, too.
    `moved`: the fault is over for clients as soon as it has happened; it is mended after they converged.
    `told`: the clients of that gateway are asked to move beforehand.
    """

    name: str
    strike: Callable[[Installation], None]
    mend: Callable[[Installation], None]
    hold: float = 0.0
    bus_only: bool = False
    moved: bool = False
    told: bool = False


def nothing(_: Installation) -> None:
    """It is over by itself."""


def stop_and_start(installation: Installation) -> None:
    assert installation.gateways[0].terminate() == 0
    installation.gateways[0].restart()


def lose_streams(installation: Installation) -> None:
    with installation.redis() as client:
        for partition in range(PARTITIONS):
            client.delete(Keys().bus(partition))


def trim_streams(installation: Installation) -> None:
    with installation.redis() as client:
        for partition in range(PARTITIONS):
            client.xtrim(Keys().bus(partition), maxlen=0, approximate=False)


def flush(installation: Installation) -> None:
    with installation.redis() as client:
        client.flushall()


def cut_connections(installation: Installation) -> None:
    """End all sessions of the gateways in Postgres, again and again, whatever they are doing: a commit, too."""

    async def cut() -> None:
        connection = await asyncpg.connect(installation.postgres.url)
        try:
            for _ in range(15):
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'parley_gateway'"
                )
                await asyncio.sleep(0.05)
        finally:
            await connection.close()

    run_apart(cut)


def lose_behind(lose: Callable[[Installation], None]) -> Callable[[Installation], None]:
    """What a frozen gateway has not read yet is lost before it goes on."""

    def mend(installation: Installation) -> None:
        lose(installation)
        installation.gateways[1].resume()

    return mend


FAULTS = [
    Fault("gateway killed", lambda i: i.gateways[0].kill(), lambda i: i.gateways[0].restart(), moved=True),
    Fault("gateway asked to stop", lambda i: i.gateways[0].ask_to_stop(), stop_and_start, moved=True, told=True),
    Fault("gateway frozen", lambda i: i.gateways[0].suspend(), lambda i: i.gateways[0].resume(), hold=3.0),
    Fault("Valkey killed", lambda i: i.valkey.kill(), lambda i: i.valkey.restart(), hold=2.0, bus_only=True),
    Fault("Valkey frozen", lambda i: i.valkey.suspend(), lambda i: i.valkey.resume(), hold=4.0, bus_only=True),
    Fault("Valkey emptied", flush, nothing),
    Fault("streams deleted", lose_streams, nothing),
    Fault("streams trimmed", trim_streams, nothing),
    Fault("streams trimmed behind a gateway", lambda i: i.gateways[1].suspend(), lose_behind(trim_streams), hold=1.5),
    Fault("Valkey emptied behind a gateway", lambda i: i.gateways[1].suspend(), lose_behind(flush), hold=1.5),
    Fault("database connections cut", cut_connections, nothing),
    Fault("Postgres restarted", lambda i: i.postgres.restart(), nothing),
    Fault("Postgres killed", lambda i: i.postgres.kill(), lambda i: i.postgres.restart(), hold=0.5),
    Fault("Postgres frozen", lambda i: i.postgres.suspend(), lambda i: i.postgres.resume(), hold=3.0),
    Fault("bus cut from one gateway", lambda i: i.proxies[0].cut(), lambda i: i.proxies[0].heal(), 2.0, bus_only=True),
    Fault(
        "bus silent for one gateway", lambda i: i.proxies[0].hole(), lambda i: i.proxies[0].heal(), 4.0, bus_only=True
    ),
]


async def under(fault: Fault, installation: Installation, seed: int, before: float) -> None:
    """Strike while there is load, mend, and hold every client against the database."""
    tenant, database = installation.new_tenant(), installation.postgres.url
    told = {"seed": str(seed)}
    async with Load(installation.urls, tenant, seed=seed) as load:
        await asyncio.sleep(before)
        acknowledged, struck = load.acknowledged, time.monotonic()
        assert acknowledged, "no load"
        there = [client for client in load.clients if client.url == installation.gateways[0].live_url]
        await apart(lambda: fault.strike(installation))
        mended = fault.moved
        try:
            if fault.moved:
                await load.until(lambda: not fault.told or all(client.moves for client in there), BAR)
                told["converged"] = f"{await converged(load, database, tenant.name, struck, BAR):.2f} s after it"
            if fault.bus_only:
                seconds = await meanwhile(load, database, tenant.name, struck + fault.hold)
                told["meanwhile at most"] = f"{seconds:.2f} s behind"
            await asyncio.sleep(max(0.0, struck + fault.hold - time.monotonic()))
        finally:
            await apart(lambda: fault.mend(installation))
        if not mended:
            seconds = await converged(load, database, tenant.name, time.monotonic(), BAR)
            told["converged"] = f"{seconds:.2f} s after the end"
        await asyncio.sleep(AFTER)
        truth = await check_all(load, database, tenant.name)
        assert load.acknowledged > acknowledged, "nothing was written after the fault"
        told["acknowledged"] = str(load.acknowledged)
        told["in the database"] = str(len(truth.operations))
    assert not installation.new_errors()
    print(f"{fault.name}: {', '.join(f'{name} {what}' for name, what in told.items())}")


async def meanwhile(load: Load, database: str, tenant: str, end: float) -> float:
    """Look again and again, until `end`, how long what is written takes to reach everybody, those who just came too."""
    longest = 0.0
    for client in load.clients[::3]:
        await client.cut()
    while (now := time.monotonic()) < end:
        longest = max(longest, await converged(load, database, tenant, now, BAR))
    return longest


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
async def test_nothing_acknowledged_is_lost(fault: Fault, installation: Installation) -> None:
    await under(fault, installation, random.randrange(2**32), BEFORE)


async def test_a_gateway_that_starts_later_serves_what_was_written_before(installation: Installation) -> None:
    tenant, database = installation.new_tenant(), installation.postgres.url
    seed = random.randrange(2**32)
    async with Load(installation.urls, tenant, seed=seed) as load:
        await asyncio.sleep(BEFORE)
        gateway = await apart(installation.add_gateway)
        started = time.monotonic()
        load.urls = [gateway.live_url]
        for client in load.clients[::2]:
            await client.cut()
        await load.until(lambda: all(client.url == gateway.live_url for client in load.clients[::2]), BAR)
        seconds = await converged(load, database, tenant.name, started, BAR)
        await asyncio.sleep(AFTER)
        await check_all(load, database, tenant.name)
    print(f"gateway started later: seed {seed}, converged {seconds:.2f} s after it was ready")


async def test_a_gateway_is_ready_as_long_as_bus_and_database_answer(installation: Installation) -> None:
    """Green means working: each gateway says so for itself, and again when what it needs is back."""
    here, there = installation.gateways[:2]

    async def until_ready_is(ready: bool, gateway: GatewayProcess) -> None:
        async with asyncio.timeout(3 * BAR):
            while await apart(lambda: gateway.ready) is not ready:
                await asyncio.sleep(0.05)

    try:
        await apart(installation.proxies[0].hole)
        await until_ready_is(False, here)
        assert await apart(lambda: there.ready)
    finally:
        await apart(installation.proxies[0].heal)
    await until_ready_is(True, here)
    try:
        await apart(installation.postgres.suspend)
        await until_ready_is(False, here)
        await until_ready_is(False, there)
        assert here.running and there.running
    finally:
        await apart(installation.postgres.resume)
    await until_ready_is(True, here)
    await until_ready_is(True, there)


@pytest.mark.nightly
@pytest.mark.parametrize("repeat", range(6))
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
async def test_nothing_acknowledged_is_lost_whenever_it_happens(
    fault: Fault, installation: Installation, repeat: int
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    await under(fault, installation, seed, 1.0 + random.Random(seed).uniform(0, 6))


@pytest.mark.nightly
@pytest.mark.parametrize("repeat", range(4))
async def test_nothing_acknowledged_is_lost_in_a_row_of_faults(installation: Installation, repeat: int) -> None:
    """One fault after the other at random moments, and the same clients all along."""
    tenant, database = installation.new_tenant(), installation.postgres.url
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    async with Load(installation.urls, tenant, seed=seed) as load:
        for _ in range(12):
            fault = rng.choice(FAULTS)
            await asyncio.sleep(rng.uniform(0, 2))
            await apart(partial(fault.strike, installation))
            await asyncio.sleep(rng.uniform(0, fault.hold))
            await apart(partial(fault.mend, installation))
            seconds = await converged(load, database, tenant.name, time.monotonic(), BAR)
            print(f"{fault.name}: converged {seconds:.2f} s after the end")
        await check_all(load, database, tenant.name)
