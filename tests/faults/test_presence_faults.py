"""Readers of a gateway that died stop counting when its lease ends, and only then; those of the others go on."""

import pytest

from kit.gateway import MakeGateway
from kit.tenants import ORIGIN, add_tenant
from kit.wire_client import WireClient

pytestmark = pytest.mark.servers

PAGE = "https://acme.test/post"
#: The shortest that the setting allows, so that the test need not wait for the default of 10 s.
LEASE = {"PRESENCE_LEASE_MS": "2000", "PRESENCE_GRACE_MS": "200"}


async def test_a_crashed_gateways_readers_are_gone_when_its_lease_ends(
    redis_url: str, database_url: str, make_gateway: MakeGateway
) -> None:
    tenant = add_tenant(redis_url)
    lasting, dying = (make_gateway(redis_url, database_url, **LEASE) for _ in range(2))
    ann = await WireClient.open(lasting.live_url, tenant.token("ann"), origin=ORIGIN)
    others = [
        await WireClient.open(dying.live_url, tenant.token(reader), origin=ORIGIN) for reader in ("ann", "bo", "cy")
    ]
    try:
        await ann.join(PAGE)
        for other in others:
            await other.join(PAGE)
        await ann.counts(PAGE, 3)
        dying.kill()
        await ann.counts(PAGE, 1)
        told = [frame["readers"] for frame in ann.of("presence", page=PAGE)]
        assert told[-1] == 1 and 0 not in told, "whoever is here never stops counting"
    finally:
        for client in (ann, *others):
            await client.close()
    ann.check()


async def test_a_gateway_that_leaves_in_order_takes_its_readers_along_at_once(
    redis_url: str, database_url: str, make_gateway: MakeGateway
) -> None:
    """Not after the lease, which is longer here than anything this test waits for."""
    tenant = add_tenant(redis_url)
    settings = {"PRESENCE_LEASE_MS": "60000", "PRESENCE_GRACE_MS": "200", "DRAIN_SECONDS": "0"}
    staying, leaving = (make_gateway(redis_url, database_url, **settings) for _ in range(2))
    ann = await WireClient.open(staying.live_url, tenant.token("ann"), origin=ORIGIN)
    bo = await WireClient.open(leaving.live_url, tenant.token("bo"), origin=ORIGIN)
    try:
        await ann.join(PAGE)
        await bo.join(PAGE)
        await ann.counts(PAGE, 2)
        leaving.terminate()
        await ann.counts(PAGE, 1)
    finally:
        await ann.close()
        await bo.close()
    ann.check()
