"""Real WebSocket connections of the gateway's, over TCP, on a real event loop, and pages that are broadcast to them.

No login, no database: connections are admitted to pages by hand. The clients are raw sockets with small buffers that
read at their own pace, and check every byte.
"""

import asyncio
import hashlib
import random
import socket
from array import array
from collections import Counter as Tally
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Self

from aiohttp import web

from parley import limits
from parley_gateway.core import handshake
from parley_gateway.core.meter import Meter
from parley_gateway.core.prepared_frame import PreparedFrame
from parley_gateway.core.websocket_frame import CLOSE, PING, PONG, TEXT, text_frame
from parley_gateway.shell.fan_out import Broadcast, FanOut
from parley_gateway.shell.frame_protocol import take_over
from parley_gateway.shell.live_page import LivePage
from parley_gateway.shell.send_to_all import SendToAll
from parley_gateway.shell.websocket import WebSocketConnection
from parley_runtime.clock import SystemClock

_UPGRADE = (
    b"GET /%b HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
HOST = "127.0.0.1"
#: Bytes; the kernel doubles them, and takes no less than about 4,600 for sending.
BUFFER = 4_096
PATIENCE = 30.0


def words(page: str, number: int) -> bytes:
    """What the page's frame of this number says: nothing of it is like another's, and its size varies much."""
    seed = hashlib.sha256(f"{page}/{number}".encode()).hexdigest()
    copies = (1, 4, 30, 100)[int(seed[0], 16) % 4]
    return f"{page} {number} ".encode() + seed.encode() * copies


class Client:
    """One raw client. `wrong`: the first thing that is not as it has to be."""

    def __init__(self, page: str, sock: socket.socket, server: WebSocketConnection, dice: random.Random) -> None:
        self.page, self.sock, self.server, self.dice = page, sock, server, dice
        self.hasty = dice.random() < 0.7
        self.first: int | None = None
        self.next = self.told = self.pinged = self.ponged = 0
        self.ended = self.close_seen = False
        self.wrong: str | None = None
        self._rest = b""
        self.upgraded = b""
        self.frames = self.bytes = 0
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        """Until the connection ends, at its own pace."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                data = await loop.sock_recv(self.sock, 65_536 if self.hasty else self.dice.randint(1, 3_000))
                if not data:
                    break
                self._take(data)
                if not self.hasty:
                    await asyncio.sleep(self.dice.choice((0, 0, 0, 0.001)))
        except OSError:
            pass
        finally:
            self.ended = True

    def _take(self, data: bytes) -> None:
        data = self._rest + data
        if not self.upgraded:
            head, self.upgraded, data = data.partition(b"\r\n\r\n")
            if not self.upgraded:
                self._rest = head
                return
        place = 0
        while len(data) - place >= 2 and self.wrong is None:
            length, start = data[place + 1], place + 2
            if length >= 126:
                start = place + (4 if length == 126 else 10)
                length = int.from_bytes(data[place + 2 : start], "big")
            if data[place] & 0x70 or not data[place] & 0x80 or data[place + 1] & 0x80:
                self.wrong = f"no frame begins with {data[place : place + 16]!r}"
                return
            if len(data) < start + length:
                break
            self._frame(data[place] & 0x0F, data[start : start + length], start + length - place)
            place = start + length
        self._rest = data[place:]

    def _frame(self, opcode: int, payload: bytes, size: int) -> None:
        if self.close_seen:
            self.wrong = f"a frame behind the close frame: {payload[:40]!r}"
        elif opcode == CLOSE:
            self.close_seen = True
        elif opcode == PONG:
            self.ponged += 1
            self._demand(payload, b"%d" % self.ponged)
        elif opcode != TEXT:
            self.wrong = f"an opcode {opcode}"
        elif payload.startswith(b"told "):
            self.told += 1
            self._demand(payload, b"told %d" % self.told)
        else:
            if self.first is None:
                self.first = self.next = int(payload.split(b" ", 2)[1])
            self._demand(payload, words(self.page, self.next))
            self.next += 1
            self.frames += 1
            self.bytes += size

    def _demand(self, payload: bytes, wanted: bytes) -> None:
        if payload != wanted:
            self.wrong = f"{wanted[:60]!r} was due, not {payload[:60]!r}"

    def ping(self) -> None:
        """With its number; what the socket does not take now is not sent."""
        self.pinged += 1
        payload = b"%d" % self.pinged
        frame = bytes((0x80 | PING, 0x80 | len(payload))) + bytes(4) + payload
        try:
            if self.sock.send(frame) != len(frame):
                self.wrong = "half a ping was sent"
        except OSError:
            self.pinged -= 1


class BroadcastWorld:
    """A server, its pages, its clients. `seen`: how often what happened on the way past the transports."""

    def __init__(self, seed: int, send: SendToAll) -> None:
        self._send = send
        self.dice = random.Random(seed)
        self.seen: Tally[str] = Tally()
        self.descriptors: Tally[int] = Tally()
        self.meter = Meter(SystemClock())
        self.pages = {name: LivePage(name, name, 0) for name in ("one", "two", "three")}
        self.numbers: Tally[str] = Tally()
        self.clients: list[Client] = []
        self._counters = {name: self.meter.counter(name, "") for name in self.pages}
        self._fan_out = FanOut(self._watched)
        self._told: Tally[WebSocketConnection] = Tally()
        self._taken: dict[tuple[str, int], WebSocketConnection] = {}
        self._gateway: Any = SimpleNamespace(
            clock=SystemClock(),
            meter=self.meter,
            hub=SimpleNamespace(gone=lambda connection: None),
            joins=SimpleNamespace(close=self._left),
        )

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes([web.get("/{page}", self._live)])
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        listening = socket.create_server((HOST, 0), backlog=512)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        await web.SockSite(self._runner, listening).start()
        self._port = listening.getsockname()[1]
        self._writing = asyncio.create_task(self._fan_out.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self.clients:
            client.task.cancel()
        await asyncio.gather(*(client.task for client in self.clients), return_exceptions=True)
        for client in self.clients:
            client.sock.close()
        self._writing.cancel()
        await self._runner.cleanup()
        await self.until(lambda: not any(page.members for page in self.pages.values()))

    def _watched(self, descriptors: "array[int]", data: bytes) -> list[tuple[int, int]]:
        incomplete = self._send(descriptors, data)
        partly = sum(taken > 0 for _, taken in incomplete)
        self.seen.update(written=len(descriptors), partly=partly, refused=len(incomplete) - partly)
        return incomplete

    async def _live(self, request: web.Request) -> web.StreamResponse:
        page, transport = self.pages[request.match_info["page"]], request.transport
        assert transport is not None
        connection = WebSocketConnection(self._gateway, request, transport)
        connection.counter = self._counters[page.page]
        connection._expiry.cancel()  # nobody says hello
        answer = take_over(request, handshake.answer(request.headers), connection)
        self.descriptors[transport.get_extra_info("socket").fileno()] += 1
        connection.pages[page.page] = page
        page.admit(connection, 0)
        self._taken[transport.get_extra_info("peername")] = connection
        return answer

    def _left(self, connection: WebSocketConnection, page: str) -> None:
        connection.pages.pop(page).dismiss(connection)

    # What a test does

    async def connect(self, page: str) -> Client:
        """A client that is a member of the page."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, (HOST, self._port))
        await loop.sock_sendall(sock, _UPGRADE % page.encode())
        await self.until(lambda: sock.getsockname() in self._taken)
        client = Client(page, sock, self._taken.pop(sock.getsockname()), self.dice)
        self.clients.append(client)
        return client

    async def broadcast(self, name: str) -> None:
        """The page's next frame, to all who are on it; not while somebody is about to be taken for too slow."""
        members = self.pages[name].members
        await self.until(lambda: all(member.buffered < limits.SEND_BUFFER.default / 2 for member in members))
        self.numbers[name] += 1
        number = self.numbers[name]
        frame = PreparedFrame("live", words(name, number))
        self._fan_out.submit(Broadcast(self.pages[name], [frame], [1], after=number))

    def tell(self, client: Client) -> None:
        """Something to this client alone, as acknowledgements are."""
        self._told[client.server] += 1
        client.server.write(text_frame(b"told %d" % self._told[client.server]))

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait for it; at most 30 s."""
        async with asyncio.timeout(PATIENCE):
            while not reached():
                await asyncio.sleep(0.001)

    def check(self) -> None:
        """Nobody has read anything that was not theirs, or not due."""
        wrong = [client.wrong for client in self.clients if client.wrong]
        assert not wrong, wrong
