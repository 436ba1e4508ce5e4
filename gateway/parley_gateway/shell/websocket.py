"""One WebSocket: messages to the session, what it says to be done, answers back."""

import asyncio
from collections.abc import Callable
from functools import partial

from aiohttp import web

from parley import limits
from parley.claims import Claims
from parley.client_frames import Do, Since
from parley.errors import BadInput, CloseCode, Limited, Refusal, Unavailable
from parley.server_frames import Ack, Move, Pong, RenewSoon, ServerFrame, encode
from parley_gateway.core import handshake
from parley_gateway.core.bus_entry import Typed
from parley_gateway.core.frame_reader import TOO_BIG, FrameProblem
from parley_gateway.core.operation import Operation
from parley_gateway.core.page_state import Accepted
from parley_gateway.core.prepared_frame import PreparedFrame
from parley_gateway.core.session import (
    Action,
    AnswerPing,
    ClosePage,
    Ignore,
    Login,
    OpenPage,
    Perform,
    Refuse,
    RenewToken,
    Session,
    ShowTyping,
)
from parley_gateway.core.told_refusal import close_reason, error_frame
from parley_gateway.core.websocket_frame import PING_FRAME, TEXT, received_size, text_frame
from parley_gateway.shell.frame_protocol import FrameProtocol, take_over
from parley_gateway.shell.gateway import Gateway
from parley_gateway.shell.greeting import renew_in, welcome
from parley_gateway.shell.send_to_all import descriptor_of
from parley_gateway.shell.subscriber import DirectSubscriber
from parley_runtime.database import FAULTS
from parley_runtime.key_sets import FETCH_SECONDS
from parley_runtime.telemetry import get_logger
from parley_runtime.tokens import LEEWAY

#: Operations of one connection that are not answered yet.
PENDING = 500
#: Joins of one connection that are not answered yet.
JOINS = 2 * limits.PAGES_PER_CONNECTION.default

_PONG = text_frame(encode(Pong()))


#: Close code for a fault of ours (RFC 6455 §7.4.1).
_INTERNAL_ERROR = 1011


class WebSocketConnection(FrameProtocol, DirectSubscriber):
    """One client over WebSocket."""

    transport_name = "websocket"
    #: While a token's key is fetched: what has come meanwhile, and what waits.
    _held: list[tuple[int, bytes]] | None = None
    _waiting: "asyncio.Task[None] | None" = None

    def __init__(self, gateway: Gateway, request: web.Request, transport: asyncio.Transport) -> None:
        FrameProtocol.__init__(self, gateway.clock, transport, limits.FRAME.default)
        DirectSubscriber.__init__(self, "", "", "", gateway.meter.counter("", ""))
        self._gateway = gateway
        self._origin = request.headers.get("Origin")
        authorization = request.headers.get("Authorization", "")
        self._header_token = authorization[7:] if authorization[:7].lower() == "bearer " else None
        self._session = Session(gateway.clock.monotonic())
        self._pending = 0
        self._joining = 0
        #: The next moment at which the token, or its absence, has to be looked at.
        self._expiry = asyncio.get_running_loop().call_later(limits.HELLO_WAIT.default / 1000, self._silent)

    # Subscriber

    def send(self, frame: PreparedFrame) -> int:
        transport = self._transport
        if self.closing or self.slow_since is not None or transport.is_closing():
            return 0
        if transport.get_write_buffer_size() > limits.SEND_BUFFER.default:
            self._gateway.hub.mark_slow(self)
            return 0
        data = frame.websocket
        transport.write(data)
        return len(data)

    def send_rest(self, frame: PreparedFrame, taken: int) -> int:
        if not taken:
            return self.send(frame)
        self._transport.write(frame.websocket[taken:])
        return len(frame.websocket)

    def on_clear(self, clear: bool) -> None:
        self.redirect(descriptor_of(self._transport) if clear else -1)

    async def send_paced(self, frame: PreparedFrame, written: Callable[[int], None]) -> None:
        if self.closing or self._transport.is_closing():
            return
        self._transport.write(frame.websocket)
        written(len(frame.websocket))
        await self.drained()

    @property
    def buffered(self) -> int:
        return self._transport.get_write_buffer_size()

    def close_slow(self) -> None:
        self.end(CloseCode.TOO_SLOW, Refusal("too-slow"))

    # The conversation

    def on_message(self, opcode: int, payload: bytes) -> None:
        if self._held is not None:
            self._held.append((opcode, payload))
            return
        try:
            if opcode == TEXT:
                self._perform(self._session.receive_text(payload, self.last_heard), len(payload))
            else:
                self._perform(self._session.receive_binary(), 0)
        except Exception as problem:
            get_logger().error("a frame could not be served", tenant=self.tenant, exc_info=problem)
            self.close(_INTERNAL_ERROR)

    def on_other(self) -> None:
        self._perform(self._session.receive_other(self.last_heard), 0)

    def on_problem(self, problem: FrameProblem) -> None:
        if problem.code == TOO_BIG:
            self.fail(CloseCode.FRAME_TOO_BIG, close_reason(Refusal("too-big")))
        else:
            self.fail(problem.code, close_reason(Refusal("bad-frame")))

    def _silent(self) -> None:
        self._perform(self._session.hello_timeout(), 0)

    def _perform(self, action: Action, size: int) -> None:
        match action:
            case Ignore():
                pass
            case Perform(do):
                self._do(do, size)
            case OpenPage(page, since):
                self._open(page, since)
            case ClosePage(page):
                self._close_page(page)
            case AnswerPing():
                self.write(_PONG)
            case ShowTyping(page, chat):
                self._gateway.typing.show(Typed(self.tenant, page, chat, self.reader, self.client))
            case Login(token, client):
                token = token or self._header_token
                self._with_key(token, partial(self._login, token, client))
            case RenewToken(token):
                self._with_key(token, partial(self._renew, token))
            case Refuse(refusal, broadcast_id, page, close):
                self._tell(error_frame(refusal, broadcast_id, page))
                if close is not None:
                    self.end(close, refusal)

    def _with_key(self, token: str | None, then: Callable[[], None]) -> None:
        """Go on when the token's key is known, or cannot be; nothing further is read before that."""
        fetch = self._gateway.admission.fetch_for(token)
        if fetch is None:
            then()
            return

        async def wait() -> None:
            await asyncio.wait([fetch], timeout=FETCH_SECONDS)
            held, self._held, self._waiting = self._held or [], None, None
            if not self.closing and not self._transport.is_closing():
                then()
            for message in held:
                if not self.closing:
                    self.on_message(*message)
            if self._held is None and not self._transport.is_closing():
                self._transport.resume_reading()

        self._held = []
        self._transport.pause_reading()
        self._waiting = asyncio.create_task(wait())

    def _login(self, token: str | None, client: str) -> None:
        gateway = self._gateway
        if gateway.draining:  # it came in before, and would be the only one whom nobody asks to move
            self.end(CloseCode.RESTARTING, Refusal("unavailable", retry_in_ms=1_000))
            return
        try:
            claims = gateway.admission.verify(token, self._origin)
            gateway.admission.enter(claims)
        except Refusal as refusal:
            self._tell(error_frame(refusal))
            self.end(refusal.close or CloseCode.TOKEN, refusal)
            return
        self._header_token = None
        self._session.logged_in(claims)
        self.tenant, self.reader, self.client = claims.tenant, claims.reader, client
        self.counter = gateway.counter(claims.tenant, self._origin or "")
        gateway.connected(self)
        self._welcome(claims)

    def _welcome(self, claims: Claims) -> None:
        now_ms = self._gateway.clock.now_ms()
        self._tell(welcome(self._gateway.admission, claims, now_ms))
        self._expiry.cancel()
        self._expiry = asyncio.get_running_loop().call_later(
            renew_in(claims, now_ms), self._ask_renewal, claims.expires_at
        )

    def _ask_renewal(self, expires_at: int) -> None:
        left = expires_at - self._gateway.clock.now_ms() / 1000
        self._tell(RenewSoon(max(0, round(left * 1000))))
        self._expiry = asyncio.get_running_loop().call_later(max(0.0, left + LEEWAY), self._expired)

    def _expired(self) -> None:
        self.end(CloseCode.TOKEN, Refusal("token-expired"))

    def _renew(self, token: str) -> None:
        try:
            claims = self._gateway.admission.verify(token, self._origin)
            lost = self._session.renewed(claims)
        except Refusal as refusal:
            self._tell(error_frame(refusal))
            return
        self._welcome(claims)
        for page in lost:
            self._close_page(page)
            self._tell(error_frame(Refusal("forbidden", "Your new token does not cover this page."), None, page))

    def _do(self, do: Do, size: int) -> None:
        assert self._session.claims is not None
        try:
            if self._pending >= PENDING:
                raise Limited("over-limit", "Too many operations wait for their answer.", retry_in_ms=1_000)
            operation, future = self._gateway.operations.perform(
                do,
                self._session.claims,
                size=received_size(size),
                site=self._origin or "",
                counter=self.counter,
            )
        except Refusal as refusal:
            now = self._gateway.clock.monotonic()
            self._perform(self._session.refused(refusal, do.broadcast_id, do.page, now), 0)
            return
        self._pending += 1
        future.add_done_callback(partial(self._done, operation, do.broadcast_id))

    def _done(self, operation: Operation, broadcast_id: str, future: "asyncio.Future[Accepted]") -> None:
        self._pending -= 1
        if future.cancelled():
            return
        problem = future.exception()
        if problem is None:
            self._tell(Ack(broadcast_id, operation.page, future.result().seq))
        elif isinstance(problem, Refusal):
            self._tell(error_frame(problem, broadcast_id, operation.page))
        else:
            get_logger().error("an operation failed", tenant=self.tenant, exc_info=problem)
            self._tell(error_frame(Refusal("internal"), broadcast_id, operation.page))

    def _open(self, page: str, since: Since | None) -> None:
        if self._joining >= JOINS:
            self._tell(error_frame(Limited("over-limit", "Too many joins wait for their answer."), None, page))
            return
        self._gateway.joins.open(self, page)
        self._joining += 1
        task = asyncio.create_task(self._join(page, since, self.joins.get(page)))
        self.joins[page] = task
        task.add_done_callback(partial(self._joined, page))

    def _joined(self, page: str, task: "asyncio.Task[None]") -> None:
        self._joining -= 1
        if self.joins.get(page) is task:
            del self.joins[page]
        if not task.cancelled() and (problem := task.exception()) is not None:
            get_logger().error("a join failed", tenant=self.tenant, exc_info=problem)
            self._tell(error_frame(Refusal("internal", "The page could not be opened."), None, page))

    async def _join(self, page: str, since: Since | None, before: "asyncio.Task[None] | None") -> None:
        """Each join is answered, in order: `before` is the one before it on the same page."""
        if before is not None and not before.done():
            try:
                await asyncio.wait([before])
            except asyncio.CancelledError:
                before.cancel()
                raise
            if page not in self.pages:
                return  # the answer before this one failed, and said so
            self._gateway.joins.open(self, page)
        try:
            await self._gateway.joins.answer(self.pages[page], self, since)
        except FAULTS:
            self._tell(error_frame(Unavailable("The page cannot be read right now."), None, page))
            self._session.pages.discard(page)
            self._gateway.joins.close(self, page)

    def _close_page(self, page: str) -> None:
        if (running := self.joins.pop(page, None)) is not None:
            running.cancel()
        self._gateway.joins.close(self, page)

    # Control frames: they carry no history and are not counted

    def move(self, within_ms: int) -> None:
        """This gateway is leaving."""
        self._tell(Move(within_ms))

    def ping(self) -> None:
        """Ask the peer's network stack whether it is there."""
        self.write(PING_FRAME)

    def _tell(self, frame: ServerFrame) -> None:
        self.write(text_frame(encode(frame)))

    @property
    def full(self) -> bool:
        return self._transport.get_write_buffer_size() > 2 * limits.SEND_BUFFER.default

    def on_full(self) -> None:
        self.close_slow()

    # The end

    @property
    def claims(self) -> Claims | None:
        """What the latest token allows; None before the first."""
        return self._session.claims

    def end(self, code: CloseCode, refusal: Refusal) -> None:
        """Close, and say why."""
        self.close(code, close_reason(refusal))

    def on_lost(self) -> None:
        self._expiry.cancel()
        for page in list(self.pages):
            self._close_page(page)
        self._gateway.hub.gone(self)
        if self._session.claims is not None:
            self._gateway.admission.leave(self._session.claims)
            self._gateway.disconnected(self)


def serve(gateway: Gateway, request: web.Request) -> web.StreamResponse:
    """`GET /v1/live`. Raises `BadInput` for what is no opening handshake."""
    answer = handshake.answer(request.headers)
    if request.can_read_body:
        raise BadInput("bad-frame", "An opening handshake has no body.")
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client has gone")
    return take_over(request, answer, WebSocketConnection(gateway, request, transport))
