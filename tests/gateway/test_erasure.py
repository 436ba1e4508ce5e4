"""An erasure that Redis breaks off is told, and the next one ends it, though the database holds no trace any more."""

import pytest
import redis

from kit.operations import claims, operation
from kit.tenants import add_tenant
from parley.errors import Unavailable
from parley.pages import PARTITIONS
from parley.redis_keys import BODY, Keys
from parley_gateway.core.batch import decide, wanted
from parley_gateway.shell.page_store import PageStore
from parley_gateway.shell.site import Site
from parley_gateway.shell.site_store import SiteStore
from parley_gateway.shell.writer import Writer
from parley_runtime import redis_client
from parley_runtime.clock import SystemClock
from parley_runtime.database import connect
from parley_runtime.telemetry import Metrics
from parley_runtime.tenant_view import TenantView

pytestmark = pytest.mark.servers


async def test_an_erasure_is_ended_by_the_next_one(redis_url: str, database_url: str) -> None:
    add_tenant(redis_url, "acme")
    keys, pool = Keys(), await connect(database_url, "parley_gateway", size=2)
    here, nowhere = redis_client.connect(redis_url), redis_client.connect("redis://127.0.0.1:1")
    try:
        store = PageStore(pool)
        tenants = TenantView(here, keys)
        writer = Writer(store, tenants, SystemClock(), Metrics(), committed=lambda _: None, doubtful=lambda *_: None)
        made = [operation(1, "new-chat", claims("ann"), text="by ann")]
        await store.commit(wanted(made), lambda loaded: decide(made, loaded, 1, {}))
        streams = [keys.bus(partition) for partition in range(PARTITIONS)]
        for stream in streams:  # what was told of her, in discussions that are gone since
            await here.xadd(stream, {BODY: b"by ann"})
        with pytest.raises(Unavailable, match="erase the reader again"):
            await Site(SiteStore(pool), writer, nowhere, keys, SystemClock()).erase("me", "acme", "ann")
        site = Site(SiteStore(pool), writer, here, keys, SystemClock())
        assert await site.erase("me", "acme", "ann") == {"chats": 0}
        with redis.from_url(redis_url) as client:
            assert [client.xlen(stream) for stream in streams] == [0] * PARTITIONS
        await writer.close()
    finally:
        await pool.close()
        await here.aclose()
        await nowhere.aclose()
