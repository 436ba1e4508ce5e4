"""Server-sent events: what a socket would tell, on a stream that can be resumed."""

import asyncio
import json
import socket
import uuid
from typing import Any

import aiohttp
import pytest

from kit.http_world import HttpWorld, Stream, new_chat, path_of, reply
from kit.tenants import ORIGIN
from kit.waiting import until

pytestmark = pytest.mark.servers


async def test_first_the_page_then_what_happens(world: HttpWorld) -> None:
    acme = await world.tenant()
    ann, bo = world.reader(acme), world.reader(acme, "bo")
    chat = new_chat("before")
    await ann.done(chat)
    async with ann.stream() as stream:
        assert stream.status == 200
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        assert stream.headers["X-Accel-Buffering"] == "no" and stream.headers["Cache-Control"] == "no-store"
        page = await stream.next()
        assert page is not None and (page.event, page.data["kind"], page.data["seq"]) == ("page", "snapshot", 1)
        assert page.id == f"{page.data['epoch']}:1" and stream.comments >= 1
        assert page.data["chats"][0]["comments"] == [{"text": "before"}]
        answer = reply(chat["broadcastId"])
        ack = await bo.done(answer)
        live = await stream.until("live")
        assert (live.data["after"], live.data["seq"]) == (1, 2) and ack["seq"] == 2
        assert live.id == f"{page.data['epoch']}:2"
        (event,) = live.data["events"]
        assert (event["event"], event["broadcastId"]) == ("updated-text-chat", answer["broadcastId"])


async def test_last_event_id_resumes_without_a_hole(world: HttpWorld) -> None:
    acme = await world.tenant()
    ann = world.reader(acme)
    await ann.done(old := new_chat("old"))
    async with ann.stream() as stream:
        last = (await stream.until("page")).id
    await ann.done(missed := new_chat("missed"))
    await ann.done({"broadcastId": str(uuid.uuid4()), "op": "delete-chat", "chat": old["broadcastId"]})
    async with ann.stream(last) as stream:
        page = await stream.until("page")
        assert (page.data["kind"], page.data["seq"]) == ("changes", 3)
        assert [chat["id"] for chat in page.data["chats"]] == [missed["broadcastId"]]
        assert page.data["gone"] == [old["broadcastId"]]
        await ann.done(new_chat("next"))
        assert (await stream.until("live")).data["after"] == 3
    async with ann.stream("elsewhere:3") as stream:
        assert (await stream.until("page")).data["kind"] == "snapshot"
    for wrong in ("3", "a:", "a:b", "a:-1", ":" * 30, "a:99999999999999999"):
        answer = await ann.ask("GET", "/events", headers={"Last-Event-ID": wrong})
        assert (answer.status, answer.json["code"]) == (400, "bad-field"), wrong


async def test_a_page_that_fills_several_frames_comes_in_parts_that_can_be_resumed(world: HttpWorld) -> None:
    acme = await world.tenant()
    ann = world.reader(acme)
    for _ in range(9):
        await ann.done(new_chat("x" * 16_000))
    async with ann.stream() as stream:
        parts = [await stream.until("page")]
        first = parts[0]
        while parts[-1].data.get("more"):
            parts.append(await stream.until("page"))
    assert len(parts) >= 3 and parts[-1].data["seq"] == 9
    assert all(len(part.raw) <= 65_536 + 100 for part in parts)
    assert len({chat["id"] for part in parts for chat in part.data["chats"]}) == 9
    async with ann.stream(first.id) as stream:
        ids = set()
        while True:
            part = await stream.until("page")
            ids |= {chat["id"] for chat in part.data["chats"]}
            if not part.data.get("more"):
                break
    assert len(ids) == 9 - len(first.data["chats"])


async def test_readers_and_typing_are_shown(world: HttpWorld) -> None:
    acme = await world.tenant()
    async with world.reader(acme).stream() as stream:
        assert (await stream.until("page")).data["readers"] == 1
        async with world.session.ws_connect(world.gateway.live_url, headers={"Origin": ORIGIN}) as ws:
            page = "https://acme.test/post/7"
            await ws.send_json({"t": "hello", "v": 1, "token": acme.token("bo"), "client": str(uuid.uuid4())})
            await ws.send_json({"t": "join", "page": page})
            presence = await stream.until("presence")
            assert presence.data == {"t": "presence", "page": page, "readers": 2} and presence.id is None
            await ws.send_json({"t": "typing", "page": page, "chat": (chat := str(uuid.uuid4()))})
            typing = await stream.until("typing")
            assert typing.data == {"t": "typing", "page": page, "chat": chat, "reader": "bo"}
        assert (await stream.until("presence")).data["readers"] == 1


async def test_a_token_that_ends_is_announced_and_ends_the_stream(world: HttpWorld) -> None:
    acme = await world.tenant()
    # Nine of the ten seconds of leeway are over.
    async with world.reader(acme, ttl=-8.5).stream() as stream:
        assert (await stream.until("renew")).data == {"t": "renew", "withinMs": 0}
        error = await stream.until("error")
        assert error.data["code"] == "token-expired" and error.data["help"]
        assert await stream.next() is None


async def test_a_tenants_limit_of_connections_holds_for_streams(world: HttpWorld) -> None:
    acme = await world.tenant(limits={"connections": 1})
    ann = world.reader(acme)
    async with ann.stream() as stream:
        await stream.until("page")
        refused = await ann.ask("GET", "/events")
        assert (refused.status, refused.json["code"]) == (429, "over-limit") and refused.headers["Retry-After"]
        assert (await ann.changes("a", 0, 1_000)).status == 429

    async def let_in() -> int:
        status = (await ann.changes("a", 0, 1)).status
        return 0 if status == 429 else status

    assert await until(let_in) == 200


async def test_a_deleted_tenants_streams_end_with_a_reason(world: HttpWorld) -> None:
    acme = await world.tenant()
    async with world.reader(acme).stream() as stream:
        await stream.until("page")
        acme.change(state="deleted")
        assert (await stream.until("error")).data["code"] == "suspended"
        assert await stream.next() is None
    assert (await world.reader(acme).chats()).status == 401


async def test_who_goes_away_is_noticed(world: HttpWorld) -> None:
    acme = await world.tenant()
    before = world.gateway.metric("parley_gateway_connections", transport="sse")
    async with world.reader(acme).stream() as stream:
        await stream.until("page")
        assert world.gateway.metric("parley_gateway_connections", transport="sse") == before + 1
        assert (await world.reader(acme).chats()).json["readers"] == 1
    await until(lambda: world.gateway.metric("parley_gateway_connections", transport="sse") == before)

    async def alone() -> bool:
        return bool((await world.reader(acme, "bo").chats()).json["readers"] == 0)

    await until(alone)


async def test_a_proxy_that_speaks_http_1_0_gets_a_stream_too(world: HttpWorld) -> None:
    acme = await world.tenant()
    incoming, outgoing = await asyncio.open_connection("127.0.0.1", world.gateway.port)
    head = f"GET /v1/pages/{path_of('p')}/events HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {acme.token()}\r\n\r\n"
    outgoing.write(head.encode())
    headers = (await incoming.readuntil(b"\r\n\r\n")).decode().lower()
    assert " 200 " in headers and "chunked" not in headers
    assert await incoming.readuntil(b"\n\n") == b":\n\n"
    page = (await incoming.readuntil(b"\n\n")).decode().split("\n")
    assert page[0].startswith("id: ") and page[1] == "event: page" and json.loads(page[2][6:])["seq"] == 0
    await world.reader(acme, page="p").done(new_chat())
    live = (await incoming.readuntil(b"\n\n")).decode().split("\n")
    assert live[1] == "event: live" and json.loads(live[2][6:])["after"] == 0
    outgoing.close()
    await outgoing.wait_closed()


async def test_a_slow_client_misses_nothing_and_holds_nobody_up(world: HttpWorld) -> None:
    """Its events are dropped at the limit; when it reads again it is told to resync, and the stream does."""
    acme = await world.tenant()
    ann = world.reader(acme)
    await ann.done(chat := new_chat())
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    narrow.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(narrow, ("127.0.0.1", world.gateway.port))
    connector = _OneSocket(narrow)
    async with aiohttp.ClientSession(connector=connector, read_bufsize=4_096) as session:
        address = f"{ann.url}/events"
        timeout = aiohttp.ClientTimeout(total=None)
        async with session.get(address, headers=ann.headers, timeout=timeout) as response:
            stream = Stream(response)
            page = await stream.until("page")

            async def flood(number: int) -> None:
                who = world.reader(acme, f"flood-{number}")
                for _ in range(60):
                    await who.done(reply(chat["broadcastId"], "x" * 16_000))

            await asyncio.gather(*(flood(number) for number in range(10)))
            head = (await ann.changes(page.data["epoch"], 0)).json["seq"]
            assert head == 601
            await stream.until("resync")
            seen: set[str] = set()
            while True:
                part = await stream.until("page")
                for found in part.data["chats"]:
                    seen |= {comment.get("id", "") for comment in found.get("comments", [])}
                if not part.data.get("more"):
                    break
            assert part.data["seq"] == head and len(seen) == 601


class _OneSocket(aiohttp.TCPConnector):
    """Uses the socket that it is given."""

    def __init__(self, made: socket.socket) -> None:
        super().__init__(limit=1)
        self._made = made

    async def _wrap_create_connection(self, *args: Any, **kwargs: Any) -> Any:
        return await asyncio.get_running_loop().create_connection(args[0], sock=self._made)


@pytest.mark.nightly
async def test_a_quiet_stream_is_kept_open_by_comments(world: HttpWorld) -> None:
    acme = await world.tenant()
    async with world.reader(acme).stream() as stream:
        await stream.until("page")
        first = stream.comments
        reading = asyncio.create_task(stream.next(30))
        await until(lambda: stream.comments > first, 25)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
