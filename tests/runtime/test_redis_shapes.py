"""The same gateway on every shape of Redis: what one commits, the bus brings to the other."""

from functools import partial
from pathlib import Path

import pytest

from kit.gateway import MakeGateway
from kit.redis_shapes import Watched, behind_tls, cluster
from kit.servers import MakeValkey
from kit.tenants import ORIGIN, KitTenant, add_tenant
from kit.wire_client import WireClient
from kit.wire_samples import anchor
from parley_runtime.embedded import ValkeyServer
from parley_runtime.redis_client import connect
from parley_runtime.settings import SettingsError

pytestmark = pytest.mark.servers

PAGE = "https://acme.test/post"
#: Longer than the test: only the bus can bring what the other gateway committed.
BUS_ALONE = {"HEADS_INTERVAL_MS": "60000"}


def _shows(client: WireClient, chat: str, comments: int) -> bool:
    shown = client.pages[PAGE].chats.get(chat)
    return shown is not None and len(shown["comments"]) == comments


async def converse(tenant: KitTenant, *gateways: str) -> None:
    """Two readers on two gateways see each other's words, and are counted together."""
    ann = await WireClient.open(gateways[0], tenant.token("ann"), origin=ORIGIN)
    bo = await WireClient.open(gateways[1], tenant.token("bo"), origin=ORIGIN)
    try:
        await ann.join(PAGE)
        await bo.join(PAGE)
        for text in ("Why?", "Why not?"):
            chat = (await ann.do(PAGE, "new-chat", anchor=anchor(), text=text))["broadcastId"]
            await bo.until(partial(_shows, bo, chat, 1))
            await bo.do(PAGE, "reply", chat=chat, text="Because.")
            await ann.until(partial(_shows, ann, chat, 2))
        await ann.until(lambda: ann.pages[PAGE].readers == 2)
    finally:
        await ann.close()
        await bo.close()
    ann.check()
    bo.check()


async def test_a_cluster(make_valkey: MakeValkey, make_gateway: MakeGateway, database_url: str) -> None:
    url = cluster(make_valkey)
    tenant = add_tenant(url)
    first, second = (make_gateway(url, database_url, **BUS_ALONE) for _ in range(2))
    await converse(tenant, first.live_url, second.live_url)


async def test_tls(
    valkey_server: ValkeyServer, redis_url: str, make_gateway: MakeGateway, database_url: str, tmp_path: Path
) -> None:
    with behind_tls(valkey_server, tmp_path / "tls") as url:
        tenant = add_tenant(url)
        first = make_gateway(url, database_url, **BUS_ALONE)
        second = make_gateway(redis_url, database_url, **BUS_ALONE)
        await converse(tenant, first.live_url, second.live_url)


async def test_sentinel_and_its_failover(
    make_valkey: MakeValkey, make_gateway: MakeGateway, database_url: str, tmp_path: Path
) -> None:
    watched = Watched(make_valkey, tmp_path / "sentinel")
    try:
        tenant = add_tenant(watched.url)
        first, second = (make_gateway(watched.url, database_url, **BUS_ALONE) for _ in range(2))
        await converse(tenant, first.live_url, second.live_url)
        watched.fail_over()
        first.wait_ready()
        second.wait_ready()
        await converse(tenant, first.live_url, second.live_url)
    finally:
        watched.end()


@pytest.mark.parametrize(
    "url",
    ["", "http://127.0.0.1:6379", "redis+sentinel://127.0.0.1:26379", "redis+ring://127.0.0.1", "redis+cluster://h:x"],
)
def test_a_url_that_is_none_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(SettingsError) as problem:
        connect(url)
    assert "PARLEY_REDIS_URL" in str(problem.value) and (not url or url not in str(problem.value))
