"""What browsers and tenants' servers ask over plain HTTP."""

import asyncio
from collections.abc import Sequence

import msgspec
from aiohttp import web
from aiohttp.web_response import ContentCoding

from parley import limits
from parley.client_frames import parse_do, parse_typing
from parley.errors import NotAllowed, Unavailable
from parley.server_frames import Ack, TypingShown, encode
from parley_gateway.core.bus_entry import Typed
from parley_gateway.core.kept_answers import Answer
from parley_gateway.core.operation import check_uuid
from parley_gateway.shell import event_stream
from parley_gateway.shell.gateway import Gateway
from parley_gateway.shell.greeting import welcome
from parley_gateway.shell.http_access import Caller, HttpAccess, body, cursor, number
from parley_gateway.shell.joins import page_frame
from parley_gateway.shell.long_poll import LongPolls
from parley_gateway.shell.page_reads import PageReads

#: Bytes. Below this, compressing saves no packet.
WORTH_COMPRESSING = 1_024
#: Reads waiting for their turn. More: `unavailable` at once, rather than an answer after everybody has gone.
WAITING_READS = 1_000


class HttpApi:
    """The resources of a page."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._access = HttpAccess(gateway)
        self._reads = PageReads(gateway.hub, WAITING_READS)
        self._polls = LongPolls(gateway, self._reads)

    def routes(self) -> list[web.RouteDef]:
        """No HEAD: what would be sent is counted, and HEAD sends nothing."""
        return [
            web.get("/v1/welcome", self.welcome, allow_head=False),
            web.get("/v1/pages/{page}/chats", self.chats, allow_head=False),
            web.post("/v1/pages/{page}/operations", self.operation),
            web.post("/v1/pages/{page}/typing", self.typing),
            web.get("/v1/pages/{page}/changes", self.changes, allow_head=False),
            web.get("/v1/pages/{page}/events", self.events, allow_head=False),
        ]

    async def welcome(self, request: web.Request) -> web.Response:
        """What `hello` and `renew` are answered with on a socket."""
        claims = self._access.anybody(request)
        said = welcome(self._gateway.admission, claims, self._gateway.clock.now_ms())
        return _json(encode(said))

    async def chats(self, request: web.Request) -> web.StreamResponse:
        """The page as it is; with a cursor, the rest of a snapshot that said `more`."""
        caller = self._access.reader(request)
        since = cursor(request)
        read = await self._reads.read(caller.claims.tenant, caller.page, since)
        return await self._send_page(request, caller, read, await self._readers(caller))

    async def changes(self, request: web.Request) -> web.StreamResponse:
        """What changed after a cursor (without one: everything, at once); with `waitMs`, as soon as something did."""
        caller = self._access.reader(request)
        since = cursor(request)
        wait = min(number(request, "waitMs", 0), limits.LONG_POLL.default)
        if since is None or not wait:
            read = await self._reads.read(caller.claims.tenant, caller.page, since)
            return await self._send_page(request, caller, read, await self._readers(caller))
        if self._gateway.draining:
            raise Unavailable("This gateway is shutting down.")
        known = number(request, "readers") if "readers" in request.query else None
        polled = await self._polls.wait(caller, since, wait / 1000, known)
        return await self._send_page(request, caller, polled.read, polled.readers, polled.typing)

    async def operation(self, request: web.Request) -> web.Response:
        """One `do`, answered when it is committed."""
        caller = self._access.writer(request)
        data = await body(request)
        do = parse_do(data, caller.page)
        if not do.traceparent and (header := request.headers.get("traceparent")):
            do = msgspec.structs.replace(do, traceparent=header)
        _, future = self._gateway.operations.perform(
            do, caller.claims, size=len(data), site=caller.site, counter=caller.counter
        )
        # It is committed and counted, also when the client goes away meanwhile.
        accepted = await asyncio.shield(future)
        ack = Ack(do.broadcast_id, caller.page, accepted.seq)
        return _json(encode(ack))

    async def typing(self, request: web.Request) -> web.Response:
        """Somebody is writing in a chat: told to everybody on the page but the `client` that says so."""
        caller = self._access.reader(request)
        typing = parse_typing(await body(request), caller.page)
        chat = check_uuid(typing.chat, "chat")
        if not caller.claims.may_write:
            raise NotAllowed("forbidden")
        if self._access.typist(caller):
            claims = caller.claims
            self._gateway.typing.show(Typed(claims.tenant, caller.page, chat, claims.reader, caller.client))
        return web.Response(status=204)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """What happens, as server-sent events."""
        caller = self._access.reader(request)
        since = event_stream.last_event(request)
        if self._gateway.draining:
            raise Unavailable("This gateway is shutting down.")
        return await event_stream.serve(self._gateway, request, caller, since)

    async def _readers(self, caller: Caller) -> int:
        """The page's readers; the caller is only passing by, and not one of them."""
        live = self._gateway.hub.open(caller.claims.tenant, caller.page)
        live.users += 1
        try:
            return await self._gateway.presence.counted(live)
        finally:
            live.users -= 1

    async def _send_page(
        self,
        request: web.Request,
        caller: Caller,
        read: Answer,
        readers: int,
        typing: Sequence[TypingShown] = (),
    ) -> web.StreamResponse:
        payload = page_frame(caller.page, read.epoch, read.kind, read.part, readers).payload
        if typing:
            payload = payload[:-1] + b',"typing":[' + b",".join(map(encode, typing)) + b"]}"
        response = web.Response(
            body=payload,
            content_type="application/json",
            headers={"Cache-Control": "no-store", "Vary": "Accept-Encoding"},
        )
        if len(payload) >= WORTH_COMPRESSING and accepts_gzip(request):
            response.enable_compression(ContentCoding.gzip)
        if self._gateway.draining:
            response.force_close()
        # Sent here, so that only what was written counts.
        await response.prepare(request)
        try:
            await response.write_eof()
        except asyncio.CancelledError:
            caller.counter.replay(1, len(payload))  # aiohttp waits only after it has written
            raise
        caller.counter.replay(1, len(payload))
        return response


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})


def accepts_gzip(request: web.Request) -> bool:
    """Whether the client takes gzip (RFC 9110 §12.5.3)."""
    for part in request.headers.get("Accept-Encoding", "").lower().split(","):
        coding, _, parameters = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
