"""Counting readers with a real Valkey: what is asked of it, and how seldom."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import pytest
import uvloop

from kit.clock import FrozenClock
from parley.redis_keys import Keys
from parley_gateway.core.bus_entry import Counted
from parley_gateway.shell.fan_out import FanOut
from parley_gateway.shell.hub import Hub
from parley_gateway.shell.presence_loop import REREAD, PresenceLoop
from parley_gateway.shell.presence_store import IDS, Count, PresenceStore, Touch
from parley_runtime import redis_client
from parley_runtime.outage import REDIS_AWAY
from parley_runtime.redis_client import Client
from parley_runtime.settings import load
from parley_runtime.telemetry import Metrics

pytestmark = pytest.mark.servers


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Client]:
    made = redis_client.connect(redis_url)
    yield made
    await made.aclose()


class Store(PresenceStore):
    """Remembers what was asked of it."""

    def __init__(self, client: Client, run: str) -> None:
        super().__init__(client, Keys("presence-loop"), run, 10_000)
        self.asked: list[int] = []

    async def touch(self, touches: Sequence[Touch]) -> list[Count | Exception]:
        self.asked.append(len(touches))
        return await super().touch(touches)


class Gateway:
    """The part of one that counts."""

    def __init__(self, client: Client, run: str) -> None:
        self.clock, self.store, self.published = FrozenClock(), Store(client, run), cast(Any, [])
        self.hub = Hub(cast(Any, None), self.clock, load(), Metrics(), FanOut())
        bus = cast(Any, type("Bus", (), {"publish": staticmethod(self.published.append)}))
        self.presence = PresenceLoop(self.hub, self.store, bus, self.clock, load())

    async def join(self, page: str, reader: str) -> int:
        live = self.hub.open("acme", page)
        self.presence.join(live, reader)
        live.users += 1
        return await self.presence.counted(live)

    def leave(self, page: str, reader: str) -> None:
        live = self.hub.pages[("acme", page)]
        live.users -= 1
        self.presence.leave(live, reader)


async def test_all_pages_are_asked_for_at_once_in_calls_that_stay_small(client: Client) -> None:
    one, two = Store(client, "one"), Store(client, "two")
    pages = [f"p{number}" for number in range(300)]
    touches = [Touch("acme", page, ["ann", page], (), 2) for page in pages]
    crowd = [f"reader-{number}" for number in range(3 * IDS + 1)]
    touches.insert(100, Touch("acme", "crowd", crowd, (), len(crowd)))
    found = await one.touch(touches)
    assert found.pop(100) == Count(len(crowd), 0, False)
    assert found == [Count(2, 0, False)] * 300
    assert await two.touch([Touch("acme", page, ["ann", "bo"], (), 2) for page in pages]) == [Count(3, 1, False)] * 300
    assert await one.touch([Touch("acme", "p7", (), ["ann"], 1), Touch("acme", "p8", (), (), 5)]) == [
        Count(3, 1, False),
        Count(3, 1, True),
    ]
    afresh = await one.touch([Touch("acme", "p8", ["cy"], (), -1, afresh=True)])
    assert afresh == [Count(3, 1, False)], "ann and bo there, cy here"
    await two.forget([("acme", page) for page in pages])
    assert await one.touch([Touch("acme", "p9", (), (), 2)]) == [Count(2, 0, False)]


async def test_where_nobody_else_is_joins_wait_for_no_count(client: Client) -> None:
    gateway = Gateway(client, "alone")
    assert [await gateway.join("alone", reader) for reader in ("ann", "bo", "ann", "cy")] == [1, 2, 2, 3]
    assert gateway.store.asked == [1], "only the first had to know"
    await gateway.presence.tick()
    assert gateway.store.asked == [1, 1] and not gateway.published, "Redis is told, and nobody else wants to know"
    other = Gateway(client, "other")
    assert await other.join("alone", "dora") == 4
    assert [entry.readers for entry in other.published] == [4]
    (counted,) = other.published
    assert isinstance(counted, Counted)
    gateway.hub.receive(counted)
    assert await gateway.join("alone", "dora") == 4, "with others about it asks again"
    assert await gateway.join("alone", "eve") == 5


async def test_at_rest_all_counts_are_renewed_together_and_nothing_else_is_asked(client: Client) -> None:
    gateway = Gateway(client, "rest")
    for number in range(200):
        await gateway.join(f"rest/{number}", "ann")
    gateway.store.asked.clear()
    await gateway.presence.tick()
    gateway.clock.advance(REREAD - 1.5)
    await gateway.presence.tick()
    assert not gateway.store.asked
    gateway.clock.advance(1.5)
    await gateway.presence.tick()
    await gateway.presence.tick()
    assert gateway.store.asked == [200]


async def test_who_leaves_is_counted_until_the_grace_is_over_and_then_the_page_is_forgotten(client: Client) -> None:
    gateway, witness = Gateway(client, "leaving"), Gateway(client, "witness")
    await gateway.join("left", "ann")
    assert await witness.join("left", "bo") == 2
    gateway.leave("left", "ann")
    await gateway.presence.tick()
    assert ("acme", "left") in gateway.hub.pages
    gateway.clock.advance(60)
    await gateway.presence.tick()
    assert not gateway.hub.pages
    assert await witness.join("left", "cy") == 2


async def test_a_flushed_redis_learns_who_is_here_at_the_next_renewal(client: Client) -> None:
    gateway = Gateway(client, "flushed")
    for reader in ("ann", "bo"):
        await gateway.join("flushed", reader)
    await gateway.presence.tick()
    await client.flushall()
    gateway.clock.advance(REREAD)
    await gateway.presence.tick()
    other = Gateway(client, "after")
    assert await other.join("flushed", "cy") == 3


def test_a_connection_that_is_closed_as_it_is_used_is_an_outage_and_no_fault_of_ours(redis_url: str) -> None:
    """With the loop that gateways run on: its transports have a word of their own for that."""

    async def touch() -> Any:
        client = redis_client.connect(redis_url)
        pool = cast(Any, client).connection_pool
        get = pool.get_connection

        async def closed(*asked: Any) -> Any:
            connection = await get(*asked)
            connection._writer.transport.abort()
            await asyncio.sleep(0)
            return connection

        pool.get_connection = closed
        found = await PresenceStore(client, Keys("closed"), "run", 10_000).touch([Touch("acme", "p", ["ann"], (), -1)])
        await client.aclose()
        return found

    [problem] = uvloop.run(touch())
    assert isinstance(problem, REDIS_AWAY)
