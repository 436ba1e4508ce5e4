"""Real processes are killed, frozen, emptied and cut off while readers write: nothing acknowledged is lost.

After each fault every client comes to know everything within 5 seconds of the bus and the database being back, by
itself; where only the bus is away, also while it is away. The times are printed (`pytest -rP`, or `-s`).
"""

import asyncio
import random
import time

import pytest

from kit.faults.catalogue import FAULTS, QUICK
from kit.faults.fault import Fault
from kit.faults.under_load import AFTER, BAR, BEFORE, strike
from kit.gateway import GatewayProcess
from kit.installation import Installation, apart
from kit.load import Load
from kit.page_truth import check_all, converged
from kit.usage_audit import Audit
from kit.waiting import until

pytestmark = pytest.mark.servers


def named(fault: Fault) -> str:
    return fault.name.replace(" ", "-")


@pytest.fixture(scope="module")
def audit(installation: Installation) -> Audit:
    return Audit(installation)


async def under(fault: Fault, installation: Installation, audit: Audit, before: float = BEFORE) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    print(await strike(fault, installation, audit, seed=seed, before=before))


@pytest.mark.parametrize("fault", QUICK, ids=named)
async def test_nothing_acknowledged_is_lost(fault: Fault, installation: Installation, audit: Audit) -> None:
    await under(fault, installation, audit)


async def test_a_gateway_that_starts_later_serves_what_was_written_before(installation: Installation) -> None:
    tenant, database = installation.new_tenant(), installation.postgres.url
    seed = random.randrange(2**32)
    async with Load(installation.urls, tenant, seed=seed) as load:
        await asyncio.sleep(BEFORE)  # of load, as around every fault
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
        await until(lambda: apart(lambda: gateway.ready is ready), 3 * BAR)

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
@pytest.mark.parametrize("repeat", range(3))
@pytest.mark.parametrize("fault", FAULTS, ids=named)
async def test_nothing_acknowledged_is_lost_whenever_it_happens(
    fault: Fault, installation: Installation, audit: Audit, repeat: int
) -> None:
    await under(fault, installation, audit, 1.0 + random.uniform(0, 6))


@pytest.mark.nightly
@pytest.mark.parametrize("repeat", range(4))
async def test_nothing_acknowledged_is_lost_in_a_row_of_faults(installation: Installation, repeat: int) -> None:
    """One fault after the other at random moments, and the same clients all along."""
    tenant = installation.new_tenant()
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    async with Load(installation.urls, tenant, seed=seed) as load:
        for _ in range(12):
            fault = rng.choice([fault for fault in FAULTS if not fault.in_front])
            await asyncio.sleep(rng.uniform(0, 2))  # any moment of the load
            running = fault.begin(installation)
            await apart(running.__enter__)
            await asyncio.sleep(rng.uniform(0, fault.hold))  # and of the fault
            await apart(lambda running=running: running.__exit__(None, None, None))  # type: ignore[misc]
            database = installation.postgres.url
            seconds = await converged(load, database, tenant.name, time.monotonic(), BAR)
            print(f"{fault.name}: converged {seconds:.2f} s after the end")
        await check_all(load, installation.postgres.url, tenant.name)
