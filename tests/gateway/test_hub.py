"""The hub between its waits: what happens while the database answers, and what must not pile up."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pytest

from kit.clock import FrozenClock
from parley_gateway.core.bus_entry import Changed, Typed
from parley_gateway.core.change import Change
from parley_gateway.core.meter import Meter
from parley_gateway.core.prepared_frame import PreparedFrame
from parley_gateway.core.rows import Changes, Events
from parley_gateway.shell.fan_out import SLICE, FanOut
from parley_gateway.shell.hub import Hub
from parley_gateway.shell.joins import Joins
from parley_gateway.shell.live_page import LivePage
from parley_gateway.shell.subscriber import Subscriber
from parley_runtime.settings import load
from parley_runtime.telemetry import Metrics


class Database:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def events(self, *_: object) -> Events:
        self.asked += 1
        return cast(Events, await self.answer)

    async def heads(self, pages: list[tuple[str, str]]) -> tuple[str, list[int]]:
        self.asked += 1
        epoch, head = await self.answer
        return epoch, [head for _ in pages]


class World:
    def __init__(self) -> None:
        self.database = Database()
        self.clock = FrozenClock()
        self.fan_out = FanOut()
        self.hub = Hub(cast(Any, self.database), self.clock, load(), Metrics(), self.fan_out)
        self.live = self.hub.open("acme", "p")
        self.hub.begin(self.live, "e1", 5)

    def entry(self, after: int, seq: int, epoch: str = "e1") -> Changed:
        changes = [Change(n, f"id{n}", "deleted-text-chat", f"c{n}", "", b"{}") for n in range(after + 1, seq + 1)]
        return Changed("acme", "p", epoch, after, seq, changes)


@pytest.fixture
async def world() -> World:
    return World()


async def settled() -> None:
    """Until everything that needs no answer has happened."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("known", [6, 9])
async def test_what_the_bus_brought_while_the_database_was_asked_is_never_taken_back(world: World, known: int) -> None:
    """The answer says "too many to tell" about a page that has caught up by another way: nobody need join again."""
    world.hub.fill(world.live, "heads")
    await settled()
    world.hub.apply(world.entry(5, 9))
    world.database.answer.set_result(Events("e1", known, None))
    await settled()
    assert (world.live.channel.received, world.live.channel.epoch) == (9, "e1")


async def test_a_history_that_became_shorter_begins_anew(world: World) -> None:
    world.hub.fill(world.live, "heads")
    await settled()
    world.database.answer.set_result(Events("e1", 3, None))
    await settled()
    assert (world.live.channel.received, world.live.channel.head) == (3, 3)


async def test_a_thousand_entries_of_another_history_cost_two_questions(world: World) -> None:
    for n in range(500):
        assert world.hub.apply(world.entry(n, n + 1, "old")) == "foreign-epoch"
    await settled()
    for n in range(500):
        world.hub.apply(world.entry(n, n + 1, "old"))
    world.database.answer.set_result(("e1", 5))
    await settled()
    assert world.database.asked == 2


async def test_typing_does_not_pile_up_before_a_large_audience(world: World) -> None:
    told: list[str] = []

    def send(frame: PreparedFrame) -> int:
        told.append(frame.kind)
        return 1

    counter = Meter(world.clock).counter("acme", "")
    for n in range(SLICE + 1):
        member = SimpleNamespace(send=send, client=f"client {n}", counter=counter)
        world.live.admit(cast(Subscriber, _Hashable(member)), 5)
    for _ in range(1_000):
        world.hub.receive(Typed("acme", "p", "chat", "reader", "client 0"))
    world.hub.tell_presence(world.live)
    writing = asyncio.create_task(world.fan_out.run())
    await settled()
    assert {kind: told.count(kind) for kind in set(told)} == {"typing": SLICE, "presence": SLICE + 1}
    assert world.live.telling == set()
    writing.cancel()


class _Hashable:
    descriptor = -1

    def __init__(self, member: SimpleNamespace) -> None:
        self.send, self.client, self.counter = member.send, member.client, member.counter


async def test_who_waits_for_a_page_can_be_cancelled_at_the_moment_it_moves() -> None:
    """A join that was replaced must end, or the client is answered twice."""
    live = LivePage("acme", "p", 0)
    waiting = asyncio.create_task(live.moved(10))
    await settled()
    live.wake()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_an_answer_from_before_a_failover_never_sets_a_page_back(world: World) -> None:
    """A join's read is under way when another answer tells of the new history; then the old one comes in."""
    old: asyncio.Future[Changes] = asyncio.get_running_loop().create_future()
    new: asyncio.Future[Changes] = asyncio.get_running_loop().create_future()
    new.set_result(Changes("e2", 3, 3, True, [], [], []))
    answers = [old, new]

    async def changes(*_: object) -> Changes:
        return await answers.pop(0)

    cast(Any, world.database).changes = changes

    async def counted(_: LivePage) -> int:
        return 1

    joins = Joins(world.hub, cast(Any, SimpleNamespace(counted=counted)))
    sent: list[PreparedFrame] = []

    def send(frame: PreparedFrame) -> int:
        sent.append(frame)
        return 0

    joiner = Mock(pages={"p": world.live}, slow_since=None, send=send)
    join = asyncio.create_task(joins.answer(world.live, cast(Subscriber, joiner), None))
    await settled()
    world.hub.restart(world.live, "e2", 3, "epoch")
    old.set_result(Changes("e1", 5, 5, True, [], [], []))
    await join
    assert world.live.channel.epoch == "e2" and not answers
    assert [frame.cursor for frame in sent if frame.kind == "page"] == ["e2:3"]


async def test_a_comparison_from_before_a_failover_mends_nothing(world: World) -> None:
    other = world.hub.open("acme", "q")
    world.hub.begin(other, "e1", 5)
    comparing = asyncio.create_task(world.hub.compare([world.live]))
    await settled()
    world.hub.restart(other, "e2", 3, "epoch")
    world.database.answer.set_result(("e1", 5))
    await comparing
    assert world.hub.epoch == "e2"
