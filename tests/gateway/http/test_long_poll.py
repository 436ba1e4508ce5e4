"""The last resort: one `page` object, as soon as something changed."""

import asyncio
import time
from functools import partial

import pytest

from kit.http_world import HttpWorld, Reader, new_chat
from kit.tenants import KitTenant
from kit.waiting import until

pytestmark = pytest.mark.servers


async def start(world: HttpWorld, acme: KitTenant) -> tuple[str, int]:
    """The page's cursor after its first chat."""
    await world.reader(acme).done(new_chat())
    page = (await world.reader(acme).chats()).json
    return page["epoch"], page["seq"]


async def waiting(world: HttpWorld, number: int) -> None:
    """Until so many polls wait."""
    await until(lambda: world.gateway.metric("parley_gateway_connections", transport="long-poll") == number)


async def test_it_answers_as_soon_as_something_happens(world: HttpWorld) -> None:
    acme = await world.tenant()
    epoch, seq = await start(world, acme)
    polls = [asyncio.create_task(world.reader(acme, f"p{n}").changes(epoch, seq, 25_000)) for n in range(20)]
    await waiting(world, 20)
    started = time.monotonic()
    await world.reader(acme).done(chat := new_chat("news"))
    answers = await asyncio.gather(*polls)
    took = time.monotonic() - started
    print(f"20 polls answered {1000 * took:.0f} ms after the operation was sent")
    assert took < 3
    for answer in answers:
        page = answer.json
        assert (answer.status, page["t"], page["kind"], page["seq"]) == (200, "page", "changes", seq + 1)
        assert [entry["id"] for entry in page["chats"]] == [chat["broadcastId"]]


async def test_what_happened_before_is_answered_at_once(world: HttpWorld) -> None:
    acme = await world.tenant()
    epoch, seq = await start(world, acme)
    await world.reader(acme).done(new_chat())
    started = time.monotonic()
    assert (await world.reader(acme).changes(epoch, seq, 25_000)).json["seq"] == seq + 1
    for foreign in (("elsewhere", seq), (epoch, seq + 99)):
        assert (await world.reader(acme).changes(*foreign, 25_000)).json["kind"] == "snapshot"
    assert time.monotonic() - started < 5


async def test_without_changes_it_answers_when_the_time_is_over(world: HttpWorld) -> None:
    acme = await world.tenant()
    epoch, seq = await start(world, acme)
    started = time.monotonic()
    page = (await world.reader(acme).changes(epoch, seq, 600)).json
    assert 0.6 <= time.monotonic() - started < 5
    assert (page["kind"], page["seq"], page["chats"], page["gone"]) == ("changes", seq, [], [])
    at_once = (await world.reader(acme).changes(epoch, seq)).json
    assert (at_once["seq"], at_once["chats"]) == (seq, [])


async def test_who_waits_is_counted_and_who_goes_away_is_not(world: HttpWorld) -> None:
    acme = await world.tenant()
    epoch, seq = await start(world, acme)
    ann = world.reader(acme)
    assert (await ann.chats()).json["readers"] == 0, "who only asks is not there"
    polls = [asyncio.create_task(world.reader(acme, name).changes(epoch, seq, 25_000)) for name in ("a", "a", "b")]
    await waiting(world, 3)
    await until(partial(_sees, ann, 2))
    for poll in polls:
        poll.cancel()
    await asyncio.gather(*polls, return_exceptions=True)
    await waiting(world, 0)
    await until(partial(_sees, ann, 0))


async def _sees(reader: Reader, readers: int) -> bool:
    return bool((await reader.chats()).json["readers"] == readers)


async def test_a_snapshot_that_says_more_is_continued_with_its_cursor(world: HttpWorld) -> None:
    acme = await world.tenant(limits={"operationsPerTenant": 100_000})

    async def write(number: int) -> set[str]:
        who, made = world.reader(acme, f"w{number}"), [new_chat() for _ in range(75)]
        for chat in made:
            await who.done(chat)
        return {chat["broadcastId"] for chat in made}

    written = set().union(*await asyncio.gather(*(write(number) for number in range(8))))
    ann, query, found = world.reader(acme), "", list[str]()
    answers = 0
    while True:
        page = (await ann.chats(query)).json
        answers += 1
        found += [chat["id"] for chat in page["chats"]]
        if not page.get("more"):
            break
        query = f"?epoch={page['epoch']}&seq={page['seq']}"
    assert answers > 1 and page["seq"] == 600
    assert set(found) == written and len(found) == 600
