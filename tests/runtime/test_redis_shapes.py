"""The same gateway on every shape of Redis and of Valkey, with no more permissions than are documented: what one
commits, the bus brings to the other, and what they count, billing books."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import NoPermissionError

from kit.billing_process import BillingProcess
from kit.gateway import MakeGateway
from kit.redis_acl import Users
from kit.redis_kinds import MakeServer
from kit.redis_shapes import Watched, behind_tls, cluster
from kit.tenants import ORIGIN, KitTenant, add_tenant
from kit.usage_sums import booked
from kit.waiting import until
from kit.wire_client import WireClient
from kit.wire_samples import anchor
from parley.redis_keys import Keys
from parley_runtime.cli.doctor.bus import check_redis
from parley_runtime.redis_client import connect
from parley_runtime.settings import SettingsError, load

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


async def tell_billing(users: Users, directory: Path, database_url: str, tenant: KitTenant) -> None:
    """Billing takes up what the gateways counted, and they let go of it."""
    directory.mkdir()
    billing = BillingProcess(directory, users.url("billing"), database_url)
    try:
        billing.start()
        billing.wait_ready()

        async def booked_some() -> bool:
            _, tables = await booked(database_url, tenant.name)
            return any(sums["delivery", "messages"] for sums in tables.values())

        await until(booked_some, 30)
    finally:
        billing.kill()


def test_each_is_what_it_says(make_server: MakeServer, request: pytest.FixtureRequest) -> None:
    with redis.Redis.from_url(make_server().url, decode_responses=True) as client:
        about: Any = client.info("server")
    kind = request.node.callspec.params["make_server"]
    assert ("valkey_version" in about, about.get("server_name", "redis")) == (kind == "valkey", kind)


async def test_a_cluster(make_server: MakeServer, make_gateway: MakeGateway, database_url: str, tmp_path: Path) -> None:
    users = Users(*cluster(make_server))
    tenant = add_tenant(users.url("admin"))
    first, second = (make_gateway(users.url("gateway"), database_url, **BUS_ALONE) for _ in range(2))
    await converse(tenant, first.live_url, second.live_url)
    await tell_billing(users, tmp_path / "billing", database_url, tenant)
    users.check()


async def test_tls(make_server: MakeServer, make_gateway: MakeGateway, database_url: str, tmp_path: Path) -> None:
    server = make_server()
    with behind_tls(server, tmp_path / "tls") as url:
        users, plain = Users(url, [server.url]), Users(server.url, [server.url])
        tenant = add_tenant(users.url("admin"))
        first = make_gateway(users.url("gateway"), database_url, **BUS_ALONE)
        second = make_gateway(plain.url("gateway"), database_url, **BUS_ALONE)
        await converse(tenant, first.live_url, second.live_url)
        await tell_billing(users, tmp_path / "billing", database_url, tenant)
        users.check()


async def test_sentinel_and_its_failover(
    make_server: MakeServer, make_gateway: MakeGateway, database_url: str, tmp_path: Path
) -> None:
    watched = Watched(make_server, tmp_path / "sentinel")
    users = Users(watched.url, watched.nodes)
    try:
        tenant = add_tenant(users.url("admin"))
        first, second = (make_gateway(users.url("gateway"), database_url, **BUS_ALONE) for _ in range(2))
        await converse(tenant, first.live_url, second.live_url)
        watched.fail_over()
        first.wait_ready()
        second.wait_ready()
        await converse(tenant, first.live_url, second.live_url)
        await tell_billing(users, tmp_path / "billing", database_url, tenant)
        users.check()
    finally:
        watched.end()


async def test_whoever_steals_a_password_gets_no_further(make_server: MakeServer) -> None:
    server = make_server()
    users, keys = Users(server.url, [server.url]), Keys()
    add_tenant(users.url("admin"))
    for name, refused in {
        "gateway": [
            ("KEYS", "*"),
            ("CONFIG", "GET", "*"),
            ("FLUSHALL",),
            ("XDEL", keys.usage, "1-1"),
            ("GET", "other"),
        ],
        "billing": [("XADD", keys.bus(0), "*", "b", "x"), ("SCAN", "0"), ("XREAD", "STREAMS", keys.bus(0), "0")],
        "admin": [("XADD", keys.usage, "*", "b", "x"), ("XRANGE", keys.usage, "-", "+"), ("ACL", "LIST")],
    }.items():
        with redis.Redis.from_url(users.url(name)) as client:
            assert client.ping()
            for command in refused:
                with pytest.raises(NoPermissionError):
                    client.execute_command(*command)
    assert await doctor_is_content(users.url("admin"))


async def doctor_is_content(url: str) -> bool:
    """Whether `parley doctor` gets all that it asks of Redis."""
    findings = [finding async for finding in check_redis(load(redis_url=url))]
    return not any("does not answer as it should" in str(finding) for finding in findings)


@pytest.mark.parametrize(
    "url",
    ["", "http://127.0.0.1:6379", "redis+sentinel://127.0.0.1:26379", "redis+ring://127.0.0.1", "redis+cluster://h:x"],
)
def test_a_url_that_is_none_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(SettingsError) as problem:
        connect(url)
    assert "PARLEY_REDIS_URL" in str(problem.value) and (not url or url not in str(problem.value))
