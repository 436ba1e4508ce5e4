"""The copy of the registry that every process keeps, against a real Valkey."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from kit.servers import MakeValkey
from kit.waiting import until
from parley.redis_keys import Keys
from parley.tenants import Tenant, encode_tenant
from parley_runtime.lifecycle import Background
from parley_runtime.redis_client import Client, connect
from parley_runtime.registry import LOG_LENGTH, Registry
from parley_runtime.tenant_view import TenantView

pytestmark = pytest.mark.servers

KEYS = Keys("viewtest")


def tenant(name: str = "acme", version: int = 1, **more: Any) -> Tenant:
    return Tenant(name=name, version=version, keys=[], **more)


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Client]:
    made = connect(url)
    try:
        yield made
    finally:
        await made.aclose()


@asynccontextmanager
async def following(url: str) -> AsyncIterator[TenantView]:
    """A view that follows from now on."""
    background = Background()
    async with client(url) as redis:
        view = TenantView(redis, KEYS)
        background.run("follow", view.follow())
        try:
            yield view
        finally:
            await background.close()


async def test_load_reads_every_record(redis_url: str) -> None:
    async with client(redis_url) as redis:
        await Registry(redis, KEYS).put_all([tenant("acme"), tenant("globex", 4)])
        view = TenantView(redis, KEYS)
        assert not view.ready

        assert await view.load()

        assert view.ready
        assert view.all() == {"acme": tenant("acme"), "globex": tenant("globex", 4)}
        assert view.get("nobody") is None


async def test_a_change_is_seen_in_less_than_a_second_and_told(redis_url: str) -> None:
    async with client(redis_url) as redis, following(redis_url) as view:
        await until(lambda: view.ready)
        told: list[tuple[Tenant | None, Tenant | None]] = []
        view.on_change(lambda old, new: told.append((old, new)))
        registry = Registry(redis, KEYS)
        for version in range(1, 6):
            await registry.put(tenant(version=version))
            await until(lambda: view.get("acme") == tenant(version=version), seconds=1.0)  # noqa: B023
        assert told[0] == (None, tenant(version=1))
        assert told[-1] == (tenant(version=4), tenant(version=5))


async def test_a_failing_listener_does_not_stop_the_view(redis_url: str) -> None:
    async with client(redis_url) as redis, following(redis_url) as view:

        def fail(_old: Tenant | None, _new: Tenant | None) -> None:
            raise RuntimeError("a listener's fault")

        view.on_change(fail)
        await Registry(redis, KEYS).put_all([tenant("acme"), tenant("globex")])
        await until(lambda: len(view.all()) == 2)


async def test_an_older_record_is_ignored(redis_url: str) -> None:
    async with client(redis_url) as redis, following(redis_url) as view:
        registry = Registry(redis, KEYS)
        await registry.put(tenant(version=7))
        await until(lambda: view.get("acme") is not None)
        # Behind the script's back: a Redis that was rolled back, and told so by its log.
        await cast(Any, redis.hset(KEYS.tenants, "acme", cast(Any, encode_tenant(tenant(version=3)))))
        await redis.incr(KEYS.tenants_version)
        await redis.xadd(KEYS.tenants_log, {"b": "acme"})
        await registry.put(tenant("later"))
        await until(lambda: view.get("later") is not None)
        held = view.get("acme")
        assert held is not None and held.version == 7


async def test_what_a_flush_lost_is_put_back(redis_url: str) -> None:
    async with client(redis_url) as redis, following(redis_url) as view:
        registry = Registry(redis, KEYS)
        await registry.put_all([tenant(f"t{number}", 2) for number in range(50)])
        await until(lambda: len(view.all()) == 50)

        await redis.flushall()

        async def refilled() -> bool:
            assert len(view.all()) == 50, "serving from memory went on"
            return len(await registry.all()) == 50

        await until(refilled, seconds=5.0)
        assert await registry.get("t7") == tenant("t7", 2)


async def test_a_flush_and_a_new_registry_keep_what_each_side_knows(redis_url: str) -> None:
    async with client(redis_url) as redis, following(redis_url) as view:
        registry = Registry(redis, KEYS)
        await registry.put_all([tenant("acme", 5), tenant("globex", 5)])
        await until(lambda: len(view.all()) == 2)

        await redis.flushall()
        for version in range(1, 20):
            await registry.put(tenant("acme", version))  # newer in the end: must win

        await until(lambda: view.get("acme") == tenant("acme", 19))

        async def put_back() -> bool:
            return await registry.get("globex") == tenant("globex", 5)

        await until(put_back, seconds=5.0)


async def test_a_trimmed_log_hides_nothing(redis_url: str) -> None:
    async with client(redis_url) as redis, following(redis_url) as view:
        registry = Registry(redis, KEYS)
        await registry.put(tenant("hidden", 1))
        await until(lambda: view.get("hidden") is not None)
        async with redis.pipeline(transaction=True) as together:  # no read of the view can fall in between
            together.hset(KEYS.tenants, "hidden", b'{"name":"hidden","version":2,"keys":[]}')
            together.incr(KEYS.tenants_version)
            together.xadd(KEYS.tenants_log, {"b": "hidden"})
            for _ in range(2 * LOG_LENGTH):
                together.incr(KEYS.tenants_version)
                together.xadd(KEYS.tenants_log, {"b": "other"}, maxlen=LOG_LENGTH, approximate=False)
            await together.execute()
        await until(lambda: view.get("hidden") == tenant("hidden", 2), seconds=1.0)


async def test_a_change_that_the_log_does_not_tell_is_found(redis_url: str) -> None:
    async with client(redis_url) as redis, following(redis_url) as view:
        await until(lambda: view.ready)
        async with redis.pipeline(transaction=True) as together:
            together.hset(KEYS.tenants, "acme", b'{"name":"acme","version":2,"keys":[]}')
            together.incr(KEYS.tenants_version)
            await together.execute()
        await until(lambda: view.get("acme") == tenant("acme", 2), seconds=5.0)


@pytest.mark.parametrize("damage", [b"{", b"[]", b'{"name":"globex","version":9,"keys":[]}', b"\xff"])
async def test_a_damaged_record_is_passed_over_and_repaired(redis_url: str, damage: bytes) -> None:
    async with client(redis_url) as redis, following(redis_url) as view:
        registry = Registry(redis, KEYS)
        await registry.put_all([tenant("acme", 3), tenant("globex", 1)])
        await until(lambda: len(view.all()) == 2)

        async with redis.pipeline(transaction=True) as together:
            together.hset(KEYS.tenants, "acme", cast(Any, damage))
            together.incr(KEYS.tenants_version)
            await together.execute()

        async def repaired() -> bool:
            return await cast(Any, redis.hget(KEYS.tenants, "acme")) != damage or damage[:7] == b'{"name"'

        await until(repaired, seconds=5.0)
        assert view.all() == {"acme": tenant("acme", 3), "globex": tenant("globex", 1)}


async def test_starts_without_redis_and_catches_up(make_valkey: MakeValkey) -> None:
    server = make_valkey()
    server.kill()
    async with following(server.url) as view:
        assert not await view.load()
        assert not view.ready and view.all() == {}

        server.restart()
        async with client(server.url) as redis:
            await Registry(redis, KEYS).put(tenant())
        await until(lambda: view.get("acme") == tenant(), seconds=5.0)
        assert view.ready


async def test_serves_from_memory_while_redis_is_away_and_refills_it(make_valkey: MakeValkey) -> None:
    server = make_valkey()  # keeps nothing on disk: after a kill it starts empty
    async with following(server.url) as view:
        async with client(server.url) as redis:
            await Registry(redis, KEYS).put_all([tenant("acme", 3), tenant("globex", 1, state="deleted")])
        await until(lambda: len(view.all()) == 2)

        server.kill()
        assert view.get("acme") == tenant("acme", 3)
        server.restart()

        async with client(server.url) as redis:
            registry = Registry(redis, KEYS)

            async def refilled() -> bool:
                return len(await registry.all()) == 2

            await until(refilled, seconds=5.0)
            assert await registry.all() == view.all()
            await registry.put(tenant("globex", 2))
        await until(lambda: view.get("globex") == tenant("globex", 2), seconds=1.0)
