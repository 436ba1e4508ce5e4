"""A gateway is told to stop while it commits: what is in Postgres is counted, and nothing else, over each transport."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import aiohttp
import asyncpg
import pytest

from kit.faults.under_load import BAR
from kit.gateway import MakeGateway
from kit.http_world import HttpWorld, anchor, new_chat
from kit.installation import apart
from kit.site_world import SiteServer
from kit.tenants import ORIGIN, add_tenant
from kit.usage_sums import spooled, sums_of_bodies
from kit.waiting import until
from kit.wire_client import WireClient
from parley.pages import partition_of
from parley_gateway.shell.writer import LANES

pytestmark = pytest.mark.servers

TENANT = "acme"
#: One page in each lane, so that none waits for another: three that stick in their commit, one that comes to none.
SOCKET, POST, BULK, LOCKED = (
    next(page for n in count() if partition_of(TENANT, page := f"https://acme.test/{n}") % LANES == lane)
    for lane in range(LANES)
)
#: Postgres calls this at the very COMMIT of a new operation, and there it waits for us.
STICK = f"""
CREATE FUNCTION public.stick() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER stick AFTER INSERT ON parley.operations DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.page <> '{LOCKED}') EXECUTE FUNCTION public.stick();
"""
_WAITING = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"


@asynccontextmanager
async def stuck(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Commits stick, and changes of `LOCKED` before their commit, until this ends."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(STICK)
        await connection.execute("SELECT pg_advisory_lock(1)")
        async with connection.transaction():
            assert await connection.fetch("SELECT 1 FROM parley.pages WHERE page = $1 FOR UPDATE", LOCKED)
            yield connection
    finally:
        await connection.close()


async def test_what_was_committed_is_counted_and_what_was_not_is_refused(
    redis_url: str, database_url: str, make_gateway: MakeGateway
) -> None:
    """No billing runs here, so what was counted must be on the spool."""
    tenant = add_tenant(redis_url, TENANT)
    gateway = make_gateway(redis_url, database_url, DRAIN_SECONDS="6")
    async with aiohttp.ClientSession() as session:
        world = HttpWorld(gateway, redis_url, session)
        await world.known(tenant)
        await world.reader(tenant, page=LOCKED).done(new_chat())
        client = await WireClient.open(gateway.live_url, tenant.token("socket"), origin=ORIGIN)
        async with stuck(database_url) as database:
            await client.submit(SOCKET, "new-chat", anchor=anchor(), text="Why?")
            posted = asyncio.create_task(world.reader(tenant, page=POST).do(new_chat()))
            bulk = asyncio.create_task(SiteServer(world, tenant).many({"page": BULK, **new_chat()}))
            locked = asyncio.create_task(world.reader(tenant, page=LOCKED).do(new_chat()))

            async def all_stick() -> bool:
                return bool(await database.fetchval(_WAITING) >= LANES)

            await until(all_stick, BAR)
            queued = asyncio.create_task(world.reader(tenant, page=POST).do(new_chat()))
            gateway.ask_to_stop()
            await client.until(lambda: client.of("move"))
            await client.close()  # it has moved, and will send the same again elsewhere
            # What waits for its turn is given up; nothing more is taken, and the commits still stick.
            assert ((await locked).status, (await locked).json["code"]) == (503, "unavailable")
            late = await world.reader(tenant, page=LOCKED).do(new_chat())
            assert (late.status, late.json["code"]) == (503, "unavailable")
            assert not posted.done() and not bulk.done()
        assert (await posted).status == 200 and (await bulk)[0]["seq"] == 1
        assert (await queued).status == 503
    assert await apart(gateway.ended) == 0
    connection = await asyncpg.connect(database_url)
    try:
        done = await connection.fetch("SELECT page FROM parley.operations")
    finally:
        await connection.close()
    assert sorted(row["page"] for row in done) == sorted([SOCKET, POST, BULK, LOCKED])
    sums = sums_of_bodies(spooled(gateway.spool).values(), tenant.name)
    assert sums["publish", "messages"] == len(done)
