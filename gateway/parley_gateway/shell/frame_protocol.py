"""A transport that speaks WebSocket frames: messages by callback, pings answered, the closing handshake.

It takes an HTTP connection over after the opening handshake, so that nothing of HTTP stays in memory for as long as the
WebSocket lives, and no task sleeps for each connection.
"""

import asyncio
from abc import ABC, abstractmethod

from aiohttp import web

from parley.clock import Clock
from parley_gateway.core.frame_reader import FrameProblem, FrameReader, close_code
from parley_gateway.core.websocket_frame import BINARY, CLOSE, PING, PONG, TEXT, close_frame, control_frame

#: Seconds for the closing handshake; then the connection is cut.
CLOSE_WAIT = 2.0


class FrameProtocol(asyncio.Protocol, ABC):
    """One WebSocket. `limit`: bytes of a message."""

    def __init__(self, clock: Clock, transport: asyncio.Transport, limit: int) -> None:
        self._transport = transport
        self._clock = clock
        self._frames = FrameReader(limit)
        #: Seconds of the steady clock; whatever comes is a sign of life.
        self.last_heard = clock.monotonic()
        #: Whether a close frame was sent, or the connection has ended: of what comes only a close frame is looked at.
        self.closing = False
        self._failed = False
        self._cut: asyncio.TimerHandle | None = None
        self._writable: asyncio.Event | None = None

    # For whoever speaks over it

    @abstractmethod
    def on_message(self, opcode: int, payload: bytes) -> None:
        """A whole TEXT or BINARY message."""

    def on_other(self) -> None:
        """A frame that is no whole message: a ping, a pong, a fragment."""

    def on_problem(self, problem: FrameProblem) -> None:
        """The peer broke the protocol. Must close."""
        self.fail(problem.code)

    def on_lost(self) -> None:
        """The connection has ended. Comes once."""

    def on_full(self) -> None:
        """More waits unsent than a pong may be added to."""
        self.abort()

    def on_clear(self, clear: bool) -> None:
        """Whether bytes may now be written past the transport: it is open, and all that it was given has left.

        Told at each change, before anything else can be written; at first they may not.
        """

    @property
    @abstractmethod
    def full(self) -> bool:
        """Whether too much waits unsent for anything to be added that the peer makes us write."""

    # asyncio's side

    def data_received(self, data: bytes) -> None:
        self.last_heard = self._clock.monotonic()
        if self._failed:
            return
        try:
            for opcode, payload in self._frames.feed(data):
                self._received(opcode, payload)
                if self._failed or self._transport.is_closing():
                    return
        except FrameProblem as problem:
            if self.closing:
                self._transport.close()
            else:
                self.on_problem(problem)

    def _received(self, opcode: int, payload: bytes) -> None:
        if opcode == CLOSE:
            self._closed_by_peer(payload)
        elif self.closing:
            return
        elif opcode in (TEXT, BINARY):
            self.on_message(opcode, payload)
        else:
            if opcode == PING:
                self.write(control_frame(PONG, payload))
            self.on_other()

    def _closed_by_peer(self, payload: bytes) -> None:
        code = close_code(payload)
        if not self.closing:
            self._over()
            self._transport.write(control_frame(CLOSE, b"") if code is None else close_frame(code))
        self._transport.close()
        # Closing waits for what is unsent; a peer that does not read must not hold it.
        self._cut_later()

    def eof_received(self) -> None:
        self._over()  # the transport closes itself now

    def connection_lost(self, exc: Exception | None) -> None:
        self._over()  # when this returns, the descriptor is closed, and free to become another connection's
        if self._cut is not None:
            self._cut.cancel()
        self.resume_writing()
        self.on_lost()

    def begin(self) -> None:
        """The transport is this protocol's from now on."""
        # With this limit it tells of each byte that it has to hold, at once, and when the last of them has left.
        self._transport.set_write_buffer_limits(high=0)
        if self._transport.get_write_buffer_size():
            self.pause_writing()
        else:
            self.on_clear(True)

    def pause_writing(self) -> None:
        self.on_clear(False)
        if self._writable is None:
            self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None
        self.on_clear(not self.closing)

    async def drained(self) -> None:
        """Wait while anything waits unsent; no longer than the connection lasts."""
        if self._writable is not None:
            await self._writable.wait()

    # Writing and ending

    def write(self, data: bytes) -> None:
        """Something small that is due now."""
        if self.closing or self._transport.is_closing():
            return
        if self.full:
            self.on_full()
        else:
            self._transport.write(data)

    def close(self, code: int, reason: bytes = b"") -> None:
        """Begin the closing handshake; whoever does not answer in time is cut off."""
        if self.closing or self._transport.is_closing():
            return
        self._over()
        self._transport.write(close_frame(code, reason))
        self._cut_later()

    def fail(self, code: int, reason: bytes = b"") -> None:
        """Close when what comes cannot be read any more. The close frame is the last that goes out.

        What still comes is dropped until the peer ends it too: closing a socket with unread bytes resets the
        connection, and the peer would not see the close frame.
        """
        self.close(code, reason)
        self._failed = True
        if self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()

    def abort(self) -> None:
        """Nobody is there any more: no handshake."""
        self._over()
        self._transport.abort()

    def _over(self) -> None:
        """Nothing more may be sent but a close frame."""
        self.closing = True
        self.on_clear(False)

    def _cut_later(self) -> None:
        if self._cut is None:
            self._cut = asyncio.get_running_loop().call_later(CLOSE_WAIT, self._transport.abort)


class TakenOver(web.StreamResponse):
    """What a handler returns whose connection is no HTTP connection any more: nothing is left to be sent."""

    async def prepare(self, request: web.BaseRequest) -> None:
        return None

    async def write_eof(self, data: bytes | bytearray | memoryview = b"") -> None:
        return None


class _Tail:
    """Takes what has arrived behind the request."""

    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        """The HTTP side has ended; the transport goes on."""


def take_over(request: web.Request, answer: bytes, taker: FrameProtocol) -> TakenOver:
    """Give the request's transport to `taker`, and let go of all that HTTP keeps for it. The transport must be open.

    `answer`: the whole `101`.
    """
    http, transport, tail = request.protocol, request.transport, _Tail()
    assert transport is not None
    transport.write(answer)
    http.set_parser(tail)  # type: ignore[arg-type] # it asks for the two methods only
    transport.set_protocol(taker)
    taker.begin()
    http.keep_alive(False)
    # As far as HTTP knows the connection has ended; without its transport it cannot close it.
    http.transport = None
    http.connection_lost(None)
    transport.resume_reading()  # HTTP pauses it when much has come behind the request
    if tail.data:
        taker.data_received(tail.data)
    return TakenOver(status=101)
