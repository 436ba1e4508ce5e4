"""`parley.client` against a real gateway: both kinds, cut connections, bulk, export."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest

from kit.fault_proxy import FaultProxy
from kit.http_world import PAGE, HttpWorld, anchor
from kit.site_world import lines
from kit.strict_proxy import StrictProxy
from kit.tenants import KitTenant
from kit.waiting import PATIENCE, until
from parley.client import AsyncClient, Client, PageCopy, ParleyError, http_way
from parley.client.http_calls import operation
from parley.objects import Chat

pytestmark = pytest.mark.servers


@contextlib.asynccontextmanager
async def client(world: HttpWorld, tenant: KitTenant, reader: str = "ann", **claims: Any) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(world.gateway.url, lambda: tenant.token(reader, **claims)) as made:
        yield made
    await asyncio.sleep(0)  # aiohttp closes its transports in the next turn of the loop


@pytest.fixture
def proxy(world: HttpWorld) -> Iterator[FaultProxy]:
    made = FaultProxy(world.gateway.url)
    yield made
    made.close()


async def test_two_readers_see_each_other(world: HttpWorld) -> None:
    acme = await world.tenant()
    async with client(world, acme) as ann, client(world, acme, "bo") as bo:
        theirs = await bo.join(PAGE)
        events = bo.events(PAGE)
        mine = await ann.join(PAGE)
        ack = await ann.do(PAGE, "new-chat", anchor=anchor(), text="Why?")
        event = await asyncio.wait_for(anext(events), PATIENCE)
        assert (event.event, event.broadcast_id, event.seq) == ("new-text-chat", ack.broadcast_id, 1)
        await bo.do(PAGE, "reply", chat=ack.broadcast_id, text="Because.")
        assert (await asyncio.wait_for(anext(events), PATIENCE)).chat.comment is not None
        await until(lambda: mine.seq == theirs.seq == 2)
        assert mine.chats == theirs.chats and mine.readers == 2
        assert [comment.text for comment in mine.chats[ack.broadcast_id].comments or []] == ["Why?", "Because."]
        assert await ann.chats(PAGE) == list(mine.chats.values())
        with pytest.raises(ParleyError) as refused:
            await bo.do(PAGE, "edit", chat=ack.broadcast_id, comment=ack.broadcast_id, text="mine now")
        assert refused.value.code == "forbidden" and refused.value.message
        await bo.leave(PAGE)
        again = await ann.do(PAGE, "new-chat", id=ack.broadcast_id, anchor=anchor(), text="Why?")
        assert again.seq == 1, "the first answer, and nothing done twice"
    assert [event async for event in events] == [], "close ends what it listened to"


async def test_nothing_is_missed_over_cut_connections(world: HttpWorld, proxy: FaultProxy) -> None:
    acme = await world.tenant()
    async with AsyncClient(proxy.url, lambda: acme.token("bo")) as bo, client(world, acme) as ann:
        page = await bo.join(PAGE)
        seen: list[int] = []

        async def listen() -> None:
            async for event in bo.events(PAGE):
                seen.append(event.seq)

        listening = asyncio.create_task(listen())
        first = await bo.do(PAGE, "new-chat", anchor=anchor(), text="before")
        for number in range(2):
            proxy.cut() if number % 2 else proxy.hole()
            sent = asyncio.create_task(bo.do(PAGE, "reply", chat=first.broadcast_id, text=f"kept {number}"))
            for other in range(3):
                await ann.do(PAGE, "reply", chat=first.broadcast_id, text=f"missed {number} {other}")
            proxy.cut()
            proxy.heal()
            ack = await asyncio.wait_for(sent, 60)
            await until(partial(_reached, page, ack.seq))
        await until(lambda: page.seq == 9)
        assert bo.connections > 2
        texts = [comment.text for comment in page.chats[first.broadcast_id].comments or []]
        assert len(texts) == len(set(texts)) == 9
        shown = {chat.id: chat for chat in await ann.chats(PAGE)}
        assert page.chats == shown
        assert seen == sorted(set(seen)), "no event twice"
        await bo.close()
        await listening


def _reached(page: PageCopy, seq: int) -> bool:
    return page.synced and page.seq >= seq


@pytest.mark.parametrize("held_back", [False, True], ids=["streams", "long polls"])
async def test_behind_a_proxy_that_kills_websockets(
    world: HttpWorld, held_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = await world.tenant()
    monkeypatch.setattr(http_way, "FIRST", 0.3)
    async with StrictProxy(world.gateway.port, seconds=4.0, hold_streams=held_back) as proxy:
        async with AsyncClient(proxy.url, lambda: acme.token("bo")) as bo, client(world, acme) as ann:
            page = await asyncio.wait_for(bo.join(PAGE), PATIENCE)
            events = bo.events(PAGE)
            ack = await ann.do(PAGE, "new-chat", anchor=anchor(), text="Why?")
            if not held_back:
                assert (await asyncio.wait_for(anext(events), PATIENCE)).broadcast_id == ack.broadcast_id
            reply = await asyncio.wait_for(bo.do(PAGE, "reply", chat=ack.broadcast_id, text="Because."), PATIENCE)
            await until(lambda: page.seq == reply.seq == 2)
            with pytest.raises(ParleyError, match="forbidden"):
                await bo.do(PAGE, "edit", chat=ack.broadcast_id, comment=ack.broadcast_id, text="mine now")
            await until(lambda: proxy.cut > 0 and page.synced)
            for number in range(3):
                await ann.do(PAGE, "reply", chat=ack.broadcast_id, text=f"after the cut {number}")
            await until(lambda: page.synced and page.seq == 5)
            assert page.chats == {chat.id: chat for chat in await ann.chats(PAGE)}
            assert proxy.refused and bo.connections
        async with AsyncClient(proxy.url, "no token") as stranger:
            with pytest.raises(ParleyError, match="token-invalid"):
                await stranger.join(PAGE)


async def test_a_refused_token_ends_a_client_that_has_no_other(world: HttpWorld) -> None:
    acme = await world.tenant()
    async with AsyncClient(world.gateway.url, "no token") as stranger:
        with pytest.raises(ParleyError, match="token-invalid"):
            await stranger.join(PAGE)
        with pytest.raises(ParleyError, match="token-invalid"):
            await stranger.do(PAGE, "resolve", chat="x")
        with pytest.raises(ParleyError) as refused:
            await stranger.chats(PAGE)
        assert (refused.value.code, refused.value.status) == ("token-invalid", 401)
    tokens = iter(["no token", "neither"])
    async with AsyncClient(world.gateway.url, lambda: next(tokens, None) or acme.token("ann")) as ann:
        assert (await ann.join(PAGE)).synced, "a fresh one is asked for until one is good"
    async with client(world, acme, pages=["elsewhere"]) as ann:
        with pytest.raises(ParleyError, match="forbidden"):
            await ann.join(PAGE)


async def test_a_token_is_renewed_on_the_open_connection(world: HttpWorld) -> None:
    acme = await world.tenant()
    asked = 0

    async def token() -> str:
        nonlocal asked
        asked += 1
        return acme.token("ann", ttl=2)

    async with AsyncClient(world.gateway.url, token) as ann:
        await ann.join(PAGE)
        await until(lambda: asked >= 4)
        await ann.do(PAGE, "new-chat", anchor=anchor(), text="still here")
        assert ann.connections == 1


async def test_a_servers_calls(world: HttpWorld) -> None:
    acme, globex = await world.tenant(), await world.tenant()
    async with (
        client(world, acme, "server", scope="admin", role="moderator") as server,
        client(world, globex, "server", scope="admin") as other,
    ):
        many = [operation(f"page {n % 3}", "new-chat", anchor=anchor(), text=f"chat {n}") for n in range(700)]
        outcomes = await server.perform_many([*many, operation("page 0", "resolve", chat="x")])
        assert len(outcomes) == 701 and all(outcome.seq for outcome in outcomes[:-1])
        assert (outcomes[-1].error or {})["code"] == "unknown-chat"
        found = {chat.text async for chat in server.site_chats(page="page 1", text="chat 10", limit=1)}
        assert found == {f"chat {n}" for n in range(700) if n % 3 == 1 and f"chat {n}".startswith("chat 10")}
        taken = b"".join([piece async for piece in server.export()])
        told = await other.import_(taken)
        assert (told.imported, told.complete, told.problems) == (700, True, [])
        assert lines(b"".join([piece async for piece in other.export()])) == lines(taken)
        assert (await other.import_(b"".join([p async for p in server.export("annotations")]), "annotations")).existed
        await server.ban("ann", reason="spam")
        async with client(world, acme) as ann:
            with pytest.raises(ParleyError, match="banned"):
                await ann.perform("page 0", "new-chat", anchor=anchor(), text="x")
            await server.unban("ann")
            await ann.perform("page 0", "new-chat", anchor=anchor(), text="x")
        assert await server.erase_reader("ann") == 1
        with pytest.raises(ParleyError, match="not-found"):
            await server.unban("ann")


async def test_the_client_without_an_event_loop(world: HttpWorld) -> None:
    acme = await world.tenant()
    result: dict[str, Any] = {}

    def work() -> None:
        token = acme.token("ann", scope="admin")
        with Client(world.gateway.url, lambda: token) as ann, Client(world.gateway.url, acme.token("bo")) as bo:
            page = ann.join(PAGE)
            events = ann.events(PAGE)
            ack = bo.do(PAGE, "new-chat", anchor=anchor(), text="Why?")
            result["event"] = next(events).chat.id
            result["chats"] = ann.chats(PAGE) == list(page.chats.values())
            result["many"] = ann.perform_many([operation(PAGE, "resolve", chat=ack.broadcast_id)])[0].seq
            result["listed"] = [chat.state for chat in ann.site_chats()]
            result["export"] = b"".join(ann.export())
            try:
                bo.perform(PAGE, "delete-chat", chat="x")
            except ParleyError as refused:
                result["refused"] = refused.code
            events.close()
            result["id"] = ack.broadcast_id

    await asyncio.to_thread(work)
    assert result["event"] == result["id"] and result["chats"] and result["many"] == 2
    assert result["listed"] == ["resolved"] and result["refused"] == "unknown-chat"
    assert lines(result["export"])[-1]["chats"] == 1
    assert "parley client" not in {thread.name for thread in threading.enumerate()}


async def test_a_large_chat_is_read_whole(world: HttpWorld) -> None:
    acme = await world.tenant()
    async with client(world, acme, scope="admin") as ann:
        chat = operation(PAGE, "new-chat", anchor=anchor(), text="long")
        replies = [operation(PAGE, "reply", chat=chat["broadcastId"], text=f"{n} " * 2_000) for n in range(30)]
        await ann.perform_many([chat, *replies])
        page = await ann.join(PAGE)
        held: list[Chat] = list(page.chats.values())
        assert len(held[0].comments or []) == 31 and await ann.chats(PAGE) == held
