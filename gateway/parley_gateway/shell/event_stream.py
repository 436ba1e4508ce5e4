"""Server-sent events: what a socket would tell, for networks that let no socket through."""

import asyncio
import random
import socket
from collections.abc import Callable
from contextlib import suppress

from aiohttp import HttpVersion11, web

from parley import limits
from parley.claims import Claims
from parley.client_frames import Since
from parley.errors import BadInput, CloseCode, Refusal, Unavailable
from parley.server_frames import Error, Move, RenewSoon, encode
from parley_gateway.core.prepared_frame import PreparedFrame
from parley_gateway.shell.gateway import SILENCE, Gateway
from parley_gateway.shell.greeting import renew_in
from parley_gateway.shell.http_access import Caller
from parley_gateway.shell.subscriber import Subscriber
from parley_runtime.database import FAULTS
from parley_runtime.tokens import LEEWAY

#: Seconds over which the streams of a page spread their reading when all of them have to resync.
RESYNC_SPREAD = 0.5
#: A comment: keeps proxies from taking a quiet stream for a dead one. Not an event, not counted.
_COMMENT = b":\n\n"
_COMMENT_CHUNK = b"3\r\n:\n\n\r\n"

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    # nginx would hold events back until its buffer is full.
    "X-Accel-Buffering": "no",
}


class EventStream(Subscriber):
    """One client over server-sent events, on one page.

    A client cannot ask for a page in the stream, so after `resync` the stream itself begins anew with `page` events.
    """

    transport_name = "sse"

    def __init__(
        self, gateway: Gateway, caller: Caller, since: Since | None, response: web.StreamResponse, request: web.Request
    ) -> None:
        claims = caller.claims
        super().__init__(claims.tenant, claims.reader, caller.client, caller.counter)
        assert request.transport is not None
        self._gateway = gateway
        self._caller = caller
        self._response = response
        self._transport = request.transport
        # HTTP/1.0, which proxies like to speak, knows no chunks: there the connection's end is the stream's.
        self._chunked = request.version >= HttpVersion11
        self._since = since
        self._over = False
        self._wake = asyncio.Event()
        self._expiry: asyncio.TimerHandle | None = None
        self.last_heard = gateway.clock.monotonic()

    # Subscriber

    def send(self, frame: PreparedFrame) -> int:
        transport = self._transport
        if self._over or self.slow_since is not None or transport.is_closing():
            return 0
        if transport.get_write_buffer_size() > limits.SEND_BUFFER.default:
            self._gateway.hub.mark_slow(self)
            return 0
        transport.write(frame.chunk if self._chunked else frame.event)
        self._sent(frame)
        return frame.event_size

    async def send_paced(self, frame: PreparedFrame, written: Callable[[int], None]) -> None:
        if self._over:
            return
        try:
            await self._response.write(frame.event)
        except asyncio.CancelledError:
            written(frame.event_size)  # aiohttp waits only after it has written
            raise
        except (ConnectionError, RuntimeError):
            return
        self._sent(frame)
        written(frame.event_size)

    def _sent(self, frame: PreparedFrame) -> None:
        if frame.cursor is not None:
            epoch, _, seq = frame.cursor.rpartition(":")
            self._since = Since(epoch, int(seq))
        elif frame.kind == "resync":
            self._wake.set()

    @property
    def buffered(self) -> int:
        return self._transport.get_write_buffer_size()

    def close_slow(self) -> None:
        # Whatever else were said would wait behind what it does not read.
        self.abort()

    # Control events: they carry no history and are not counted

    def ping(self) -> None:
        """Keep the way open; the kernel notices when nobody is at its other end."""
        self.last_heard = self._gateway.clock.monotonic()
        if not self._over and not self._transport.is_closing():
            self._transport.write(_COMMENT_CHUNK if self._chunked else _COMMENT)

    def move(self, within_ms: int) -> None:
        """This gateway is leaving."""
        self._tell("move", encode(Move(within_ms)))

    @property
    def claims(self) -> Claims:
        return self._caller.claims

    def end(self, code: CloseCode, refusal: Refusal) -> None:
        """Say why, and end the stream. There is no close code here: `refusal` says it all."""
        error = Error(refusal.code, refusal.message, refusal.help, None, self._caller.page, refusal.retry_in_ms)
        self._tell("error", encode(error))
        self._over = True
        self._wake.set()

    def abort(self) -> None:
        """Nobody is there any more."""
        self._over = True
        self._wake.set()
        self._transport.abort()

    def _tell(self, kind: str, payload: bytes) -> None:
        frame = PreparedFrame(kind, payload)
        if not self._over and not self._transport.is_closing():
            self._transport.write(frame.chunk if self._chunked else frame.event)

    # The stream's life

    async def run(self) -> None:
        """Serve until either side ends it; then the caller ends the body."""
        gateway, page = self._gateway, self._caller.page
        self._watch_expiry()
        gateway.connected(self)
        try:
            self._check()
            while not self._over:
                self._wake.clear()
                live = gateway.joins.open(self, page)
                try:
                    await gateway.joins.answer(live, self, self._since)
                except FAULTS:
                    self.end(CloseCode.RESTARTING, Unavailable("The page cannot be read right now."))
                    return
                await self._wake.wait()
                if not self._over:
                    await asyncio.sleep(random.uniform(0, RESYNC_SPREAD))  # noqa: S311 - jitter
        finally:
            self._leave()

    def _check(self) -> None:
        # Before `connected` no change of the tenant or of the gateway reaches this stream, and its headers took time.
        try:
            self._gateway.admission.check(self.claims)
        except Refusal as refusal:
            self.end(CloseCode.TOKEN, refusal)
        if self._gateway.draining:  # nobody would ask it to move
            self.end(CloseCode.RESTARTING, Unavailable("This gateway is shutting down.", retry_in_ms=1_000))

    def _watch_expiry(self) -> None:
        wait = renew_in(self._caller.claims, self._gateway.clock.now_ms())
        self._expiry = asyncio.get_running_loop().call_later(wait, self._ask_renewal)

    def _token_left(self) -> float:
        """Seconds until the token's end."""
        return self._caller.claims.expires_at - self._gateway.clock.now_ms() / 1000

    def _ask_renewal(self) -> None:
        left = self._token_left()
        self._tell("renew", encode(RenewSoon(max(0, round(left * 1000)))))
        self._expiry = asyncio.get_running_loop().call_later(
            max(0.0, left + LEEWAY), self.end, CloseCode.TOKEN, Refusal("token-expired")
        )

    def _leave(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        self._gateway.joins.close(self, self._caller.page)
        self._gateway.hub.gone(self)
        self._gateway.disconnected(self)


def last_event(request: web.Request) -> Since | None:
    """The cursor in `Last-Event-ID`, or None without one. Raises `bad-field`."""
    given = request.headers.get("Last-Event-ID", "").strip()
    if not given:
        return None
    epoch, separator, seq = given.rpartition(":")
    if not separator or not seq.isascii() or not seq.isdigit() or len(seq) > 16:
        raise BadInput("bad-field", "`Last-Event-ID` must be the `id` of the last event that was received.")
    return Since(epoch, int(seq))


async def serve(gateway: Gateway, request: web.Request, caller: Caller, since: Since | None) -> web.StreamResponse:
    """`GET /v1/pages/{page}/events`. Raises `over-limit`."""
    gateway.admission.enter(caller.claims)
    try:
        response = web.StreamResponse(headers=HEADERS)
        await response.prepare(request)
        # The headers go out at once: the client knows that it is connected before anything happens.
        await response.write(_COMMENT)
        _close_when_unreachable(request.transport)
        await EventStream(gateway, caller, since, response, request).run()
        with suppress(ConnectionError):
            await response.write_eof()
        return response
    finally:
        gateway.admission.leave(caller.claims)


def _close_when_unreachable(transport: asyncio.Transport | None) -> None:
    """A stream's client never says anything: let the kernel close it when nothing is acknowledged for long."""
    connection = transport.get_extra_info("socket") if transport is not None else None
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if connection is not None and option is not None:
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, option, round(SILENCE * 1000))
