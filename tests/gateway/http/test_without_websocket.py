"""Behind a proxy that kills WebSockets: the same conversation over events and over long polls as over a socket."""

import asyncio
import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any

import aiohttp
import pytest

from kit.http_world import HttpWorld, Reader, anchor
from kit.strict_proxy import StrictProxy
from kit.tenants import ORIGIN, KitTenant
from kit.waiting import until
from kit.wire_client import WireClient
from kit.wire_page import PageView

pytestmark = pytest.mark.servers

PAGE = "https://acme.test/post/7"


class Seen(ABC):
    """Somebody on the page, over one transport: what is shown, who writes, what was said to go wrong."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.client = str(uuid.uuid4())
        self.view = PageView(PAGE)
        self.typing: list[tuple[str, str]] = []
        self.errors: list[str] = []
        self.others: list[str] = []
        self.connections = 0
        self._following: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Seen":
        self._following = asyncio.create_task(self.follow())
        await self.until(lambda: bool(self.view.epoch))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._following is not None
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)

    async def until(self, condition: Any) -> None:
        def either() -> bool:
            assert self._following is not None
            if self._following.done():
                self._following.result()
            return bool(condition())

        await until(either)

    async def do(self, op: str, **members: Any) -> str:
        identity = str(uuid.uuid4())
        answer = await self.reader.do({"broadcastId": identity, "op": op, **members})
        assert answer.status == 200, answer.body
        assert (answer.json["t"], answer.json["broadcastId"]) == ("ack", identity)
        return identity

    async def write_in(self, chat: str) -> None:
        answer = await self.reader.ask("POST", f"/typing?client={self.client}", data=json.dumps({"chat": chat}))
        assert answer.status == 204, answer.body

    def take(self, frame: Any) -> None:
        """One frame, whichever way it came. Resync frames and the like are for `others`."""
        match frame["t"]:
            case "page":
                for one in frame.pop("typing", []):
                    self.take(one)
                if not self.view.asked:
                    self.view.asked.append(self.view.cursor)
                self.view.take_page(frame)
            case "live":
                self.view.take_live(frame)
            case "presence":
                self.view.readers = frame["readers"]
            case "typing":
                self.typing.append((frame["chat"], frame["reader"]))
            case "error":
                self.errors.append(frame["code"])
            case kind:
                self.others.append(kind)

    @abstractmethod
    async def follow(self) -> None: ...


class OverEvents(Seen):
    async def follow(self) -> None:
        last = ""
        while not self.errors:
            headers = {**self.reader.headers, **({"Last-Event-ID": last} if last else {})}
            timeout = aiohttp.ClientTimeout(total=None)
            address = f"{self.reader.url}/events?client={self.client}"
            self.connections += 1
            with suppress(aiohttp.ClientError):
                async with self.reader._session.get(address, headers=headers, timeout=timeout) as response:
                    if response.status != 200:
                        self.take({"t": "error", "code": (await response.json())["code"]})
                        return
                    fields: dict[str, str] = {}
                    async for line in response.content:
                        if line == b"\n":
                            if fields:
                                self.take(json.loads(fields["data"]))
                                last = fields.get("id", last)
                            fields = {}
                        elif not line.startswith(b":"):
                            name, _, value = line.decode().rstrip("\n").partition(": ")
                            fields[name] = value


class OverPolls(Seen):
    async def follow(self) -> None:
        while not self.errors:
            view = self.view
            self.connections += 1
            query = f"?epoch={view.epoch}&seq={view.seq}&waitMs=25000&readers={view.readers}" if view.epoch else "?"
            with suppress(aiohttp.ClientError):
                answer = await self.reader.ask("GET", f"/changes{query}&client={self.client}")
                if answer.status != 200:
                    self.take({"t": "error", "code": answer.json["code"]})
                    return
                self.take(answer.json)


def _counts(view: PageView, readers: int) -> bool:
    return view.readers == readers


def _writes(typed: Callable[[], list[tuple[str, str]]], who: tuple[str, str]) -> bool:
    return who in typed()


def _has_cut(proxy: StrictProxy, times: int) -> bool:
    return proxy.cut > times


@asynccontextmanager
async def three(
    world: HttpWorld, acme: KitTenant, proxy: StrictProxy
) -> AsyncIterator[tuple[WireClient, OverEvents, OverPolls]]:
    """Ann has a socket; Bo and Cy sit behind the proxy."""
    async with AsyncExitStack() as stack:
        ann = await WireClient.open(world.gateway.live_url, acme.token("ann"), origin=ORIGIN)
        stack.push_async_callback(ann.close)
        await ann.join(PAGE)
        bo = OverEvents(Reader(world.session, proxy.url, acme.token("bo"), PAGE, ORIGIN))
        cy = OverPolls(Reader(world.session, proxy.url, acme.token("cy"), PAGE, ORIGIN))
        for reader in (bo, cy):
            await stack.enter_async_context(reader)
        yield ann, bo, cy


async def test_a_socket_dies_at_the_proxy_and_everything_else_works(world: HttpWorld) -> None:
    acme = await world.tenant()
    async with StrictProxy(world.gateway.port) as proxy:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await world.session.ws_connect(f"{proxy.url}/v1/live")
        assert refused.value.status == 403 and proxy.refused == 1
        async with three(world, acme, proxy) as (ann, bo, cy):
            shown = ann.pages[PAGE]
            for view in (shown, bo.view, cy.view):
                await until(partial(_counts, view, 3))

            # Everybody writes, and everybody shows the same.
            chat = (await ann.do(PAGE, "new-chat", anchor=anchor(), text="Why?"))["broadcastId"]
            by_bo = await bo.do("reply", chat=chat, text="Because.")
            by_cy = await cy.do("reply", chat=chat, text="Really?")
            await bo.do("edit", chat=chat, comment=by_bo, text="Because of that.")
            await cy.do("react", chat=chat, comment=by_bo, emoji="👍", on=True)
            await cy.do("remove-comment", chat=chat, comment=by_cy)
            await bo.do("resolve", chat=chat)
            gone = await cy.do("new-chat", anchor=anchor(), text="And here?")
            await cy.do("delete-chat", chat=gone)
            await ann.reach(PAGE, 9)
            await bo.until(lambda: bo.view.seq == 9)
            await cy.until(lambda: cy.view.seq == 9)
            assert set(shown.chats) == {chat} and shown.chats[chat]["state"] == "resolved"
            assert bo.view.chats == shown.chats and cy.view.chats == shown.chats

            # Typing reaches the others, and not who types.
            for name, write in (("ann", ann.typing(PAGE, chat)), ("bo", bo.write_in(chat)), ("cy", cy.write_in(chat))):
                await write
                for who, typed in (
                    ("ann", lambda: [(f["chat"], f["reader"]) for f in ann.of("typing")]),
                    ("bo", lambda: bo.typing),
                    ("cy", lambda: cy.typing),
                ):
                    if who != name:
                        await until(partial(_writes, typed, (chat, name)))
            assert ("bo" not in {w for _, w in bo.typing}) and ("cy" not in {w for _, w in cy.typing})
            assert "ann" not in {frame["reader"] for frame in ann.of("typing")}

            # Who leaves is no longer counted, whichever way they came.
            await ann.leave(PAGE)
            await bo.until(lambda: bo.view.readers == 2)
            await cy.until(lambda: cy.view.readers == 2)
            assert not bo.errors and not cy.errors and bo.connections == 1
            ann.check()


async def test_a_proxy_that_cuts_everything_loses_nothing(world: HttpWorld) -> None:
    acme = await world.tenant()
    async with StrictProxy(world.gateway.port, seconds=0.4) as proxy, three(world, acme, proxy) as (ann, bo, cy):
        chat = (await ann.do(PAGE, "new-chat", anchor=anchor(), text="Why?"))["broadcastId"]
        for number in range(20):
            await ann.do(PAGE, "reply", chat=chat, text=f"{number}")
            await until(partial(_has_cut, proxy, number // 4))
        await bo.until(lambda: bo.view.seq == 21)
        await cy.until(lambda: cy.view.seq == 21)
        assert bo.view.chats == cy.view.chats == ann.pages[PAGE].chats
        assert bo.connections > 2 and cy.connections > 2


async def test_a_token_says_over_http_what_it_says_to_a_socket(world: HttpWorld) -> None:
    acme = await world.tenant()
    token = acme.token("ann", name="Ann", role="moderator", ttl=1_000)
    ann = await WireClient.dial(world.gateway.live_url, origin=ORIGIN)
    try:
        welcome = await ann.hello(token)
    finally:
        await ann.close()
    headers = {"Authorization": f"Bearer {token}", "Origin": ORIGIN}
    async with world.session.get(f"{world.gateway.url}/v1/welcome", headers=headers) as response:
        assert response.status == 200 and response.headers["Cache-Control"] == "no-store"
        said = await response.json()
    assert abs(said.pop("renewInMs") - welcome["renewInMs"]) < 20_000
    assert said == {name: value for name, value in welcome.items() if name != "renewInMs"}
    async with world.session.get(f"{world.gateway.url}/v1/welcome") as response:
        assert response.status == 401 and (await response.json())["code"] == "token-invalid"


async def test_a_new_token_takes_over_without_a_hole(world: HttpWorld) -> None:
    """Renewal without a socket: the next stream has the new token, and is open before the old one is closed."""
    acme = await world.tenant()
    writer = world.reader(acme, "writer")
    async with world.reader(acme, ttl=2).stream() as old:
        await old.until("page")
        await old.until("renew")
        await writer.done(
            {"broadcastId": (chat := str(uuid.uuid4())), "op": "new-chat", "anchor": anchor(), "text": "?"}
        )
        last = (await old.until("live")).id
        async with world.reader(acme, ttl=3600).stream(last) as new:
            assert (await new.until("page")).data["chats"] == []
            await writer.done({"broadcastId": str(uuid.uuid4()), "op": "resolve", "chat": chat})
            assert (await new.until("live")).data["after"] == 1


async def test_revocation_and_errors_reach_both(world: HttpWorld) -> None:
    acme = await world.tenant()
    async with StrictProxy(world.gateway.port) as proxy, three(world, acme, proxy) as (_, bo, cy):
        for reader in (bo, cy):
            answer = await reader.reader.do({"broadcastId": str(uuid.uuid4()), "op": "resolve", "chat": reader.client})
            assert (answer.status, answer.json["code"]) == (404, "unknown-chat")
            for wrong in (
                {"chat": "x"},
                {},
                {"chat": reader.client, "page": "other"},
                {"t": "do", "chat": reader.client},
            ):
                answer = await reader.reader.ask("POST", "/typing", data=json.dumps(wrong))
                assert (answer.status, answer.json["code"]) == (400, "bad-field"), wrong
        quiet = Reader(world.session, proxy.url, acme.token("dee", role="reader"), PAGE, ORIGIN)
        assert (await quiet.ask("POST", "/typing", data=json.dumps({"chat": bo.client}))).status == 403
        acme.change(state="deleted")
        await until(lambda: bo.errors and cy.errors)
        assert set(bo.errors + cy.errors) <= {"suspended", "token-invalid"}


async def test_what_a_client_without_a_socket_receives_is_what_is_counted(world: HttpWorld) -> None:
    acme = await world.tenant()
    async with StrictProxy(world.gateway.port) as proxy:
        reader = Reader(world.session, proxy.url, acme.token("cy"), PAGE, ORIGIN)
        bodies = []
        page = await reader.chats()
        bodies.append(page.size)
        chat = str(uuid.uuid4())
        poll = asyncio.create_task(
            reader.ask("GET", f"/changes?epoch={page.json['epoch']}&seq=0&waitMs=20000&readers=1")
        )
        await until(lambda: world.gateway.metric("parley_gateway_connections", transport="long-poll") >= 1)
        await world.reader(acme).ask("POST", "/typing", data=json.dumps({"chat": chat}))
        answer = await poll
        assert answer.json["typing"] == [{"t": "typing", "page": PAGE, "chat": chat, "reader": "ann"}]
        bodies.append(answer.size)
        await until(lambda: world.usage(acme.name).get((ORIGIN, "replay")) == (2, sum(bodies)))
        assert set(kind for _, kind in world.usage(acme.name)) == {"replay"}
