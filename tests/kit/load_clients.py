"""One client of a load: strict, keeps what it knows, counts what it gets, and gives up on nothing.

It follows pages, comes back by itself when its connection ends, and asks for what it missed. A writer keeps an outbox:
what is not acknowledged is sent again, with the same broadcastId, in order.
"""

import asyncio
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from kit.page_copy import PageCopy
from kit.wire_tap import header_size, sent_size

if TYPE_CHECKING:
    from kit.load import Load

#: Seconds. Full-jitter backoff between attempts to connect.
BACKOFF_FIRST, BACKOFF_MOST = 0.05, 0.8
#: Seconds for a connection with its `welcome`.
CONNECT_SECONDS = 3.0
#: Errors after which the same operation is sent again.
AGAIN = {"unavailable", "internal", "over-limit"}
#: How long a writer waits before it sends everything again that is not acknowledged. Seconds.
RESEND_AFTER = 0.3

_FAULTS = (OSError, ConnectionClosed, InvalidHandshake, InvalidMessage, TimeoutError, EOFError)


@dataclass(frozen=True)
class Received:
    """One counted frame: when (monotonic seconds), from which gateway, over a connection since when, as what."""

    at: float
    url: str
    since: float
    usage_class: str
    messages: int
    bytes: int


class Reader:
    """One client. `patience`: seconds of silence, pings unanswered, after which it takes the gateway for dead."""

    def __init__(self, load: "Load", name: str, pages: Sequence[str], patience: float, first: int) -> None:
        self.load = load
        self.name = name
        self.copies = {page: PageCopy(page) for page in pages}
        self.received: list[Received] = []
        self.connections = 0
        self.moves = 0
        self.closes: Counter[int] = Counter()
        self.errors: Counter[str] = Counter()
        self.url = ""
        self.socket: ClientConnection | None = None
        self._rng = random.Random(f"{load.seed}/{name}")
        self._client = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        self._patience = patience
        self._next = first
        self._heard = self._since = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        wait = BACKOFF_FIRST
        while True:
            self.url = self.load.urls[self._next % len(self.load.urls)]
            self._next += 1
            try:
                self._since = time.monotonic()
                async with connect(
                    self.url, compression=None, ping_interval=None, max_size=None, open_timeout=CONNECT_SECONDS,
                    close_timeout=0.2, max_queue=None,
                ) as socket:  # fmt: skip
                    await self._greet(socket)
                    wait = BACKOFF_FIRST
                    self.socket = socket
                    self.connections += 1
                    await self._serve(socket)
            except _FAULTS as problem:
                if isinstance(problem, ConnectionClosed) and problem.rcvd is not None:
                    self.closes[problem.rcvd.code] += 1
            finally:
                self.socket = None
                for copy in self.copies.values():
                    copy.left()
            await asyncio.sleep(self._rng.uniform(0, wait))
            wait = min(2 * wait, BACKOFF_MOST)

    def stall(self) -> None:
        """Read nothing more from this connection."""
        if self.socket is not None:
            self.socket.transport.pause_reading()

    async def cut(self) -> None:
        """Drop the connection without a word."""
        if self.socket is not None:
            self.socket.transport.abort()

    async def _greet(self, socket: ClientConnection) -> None:
        hello = {"t": "hello", "v": 1, "token": self.load.tenant.token(self.name), "client": self._client}
        await socket.send(json.dumps(hello))
        async with asyncio.timeout(CONNECT_SECONDS):
            answer = json.loads(await socket.recv())
        if answer["t"] != "welcome":
            self.errors[answer["code"]] += 1
            raise OSError("not welcome")
        for copy in self.copies.values():
            await socket.send(json.dumps(copy.join()))

    async def _serve(self, socket: ClientConnection) -> None:
        self._heard = time.monotonic()
        beat = asyncio.create_task(self._beat(socket))
        try:
            async for text in socket:
                assert isinstance(text, str)
                self._heard = time.monotonic()
                await self._take(socket, text)
        finally:
            beat.cancel()

    async def _beat(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(min(1.0, self._patience / 3))
            if time.monotonic() - self._heard > self._patience:
                socket.transport.abort()
                return
            with suppress(*_FAULTS):
                await socket.send('{"t":"ping"}')

    async def _take(self, socket: ClientConnection, text: str) -> None:
        frame = json.loads(text)
        kind = frame["t"]
        if kind == "live":
            self._count(text, "delivery", len(frame["events"]))
            if not self.copies[frame["page"]].live(frame):
                await self._join(socket, frame["page"])
        elif kind == "page":
            self._count(text, "replay", 1)
            self.copies[frame["page"]].answer(frame)
        elif kind in ("presence", "typing"):
            self._count(text, "presence", 1)
        elif kind == "resync":
            await self._join(socket, frame["page"])
        elif kind == "move":
            self.moves += 1
            self._later(frame["withinMs"] / 1000 * self._rng.random(), socket.close)
        elif kind == "error":
            self.errors[frame["code"]] += 1
            if "broadcastId" not in frame and frame.get("page") in self.copies:
                page = frame["page"]
                self._later(RESEND_AFTER, lambda: self._join(socket, page))
            await self._refused(socket, frame)
        elif kind == "ack":
            self._acked(frame)

    def _later(self, seconds: float, work: Callable[[], Awaitable[Any]]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            with suppress(*_FAULTS):
                await work()

        self.load.keep(asyncio.create_task(wait()))

    async def _join(self, socket: ClientConnection, page: str) -> None:
        await socket.send(json.dumps(self.copies[page].join()))

    def _count(self, text: str, usage_class: str, messages: int) -> None:
        length = len(text.encode())
        size = header_size(length) + length
        self.received.append(Received(time.monotonic(), self.url, self._since, usage_class, messages, size))

    def _acked(self, frame: dict[str, Any]) -> None:
        """For writers."""

    async def _refused(self, socket: ClientConnection, frame: dict[str, Any]) -> None:
        """For writers."""


@dataclass
class Sent:
    """An operation in an outbox. `attempts` on however many connections."""

    page: str
    text: str
    at: float = field(default_factory=time.monotonic)
    attempts: int = 0


class Writer(Reader):
    """A reader who also writes, `rate` operations a second, on what it sees."""

    def __init__(self, load: "Load", name: str, pages: Sequence[str], patience: float, first: int, rate: float) -> None:
        super().__init__(load, name, pages, patience, first)
        self.outbox: dict[str, Sent] = {}
        self.acked: dict[str, tuple[str, int]] = {}
        self.refused: dict[str, str] = {}
        #: Refused the only time it was sent: it must not be in the database.
        self.surely_refused: set[str] = set()
        #: Bytes that an operation counts.
        self.published: dict[str, int] = {}
        #: When an acknowledged operation was made, and when it was acknowledged.
        self.times: dict[str, tuple[float, float]] = {}
        self._rate = rate
        self._resending = False

    async def write(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(self._rng.expovariate(self._rate))
            if len(self.outbox) < 60:  # what one connection may send at once, with room for the rate
                await self.perform(*self._choose())

    async def perform(self, page: str, members: dict[str, Any]) -> str:
        """Put an operation into the outbox and send it if there is a connection. Its broadcastId."""
        identity = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        frame = {"t": "do", "page": page, "broadcastId": identity, **members}
        sent = self.outbox[identity] = Sent(page, json.dumps(frame, ensure_ascii=False))
        self.published[identity] = sent_size(sent.text.encode())
        if self.socket is not None and not self._resending:
            await self._send(self.socket, sent)
        return identity

    async def _send(self, socket: ClientConnection, sent: Sent) -> None:
        sent.attempts += 1
        with suppress(*_FAULTS):
            await socket.send(sent.text)

    async def _serve(self, socket: ClientConnection) -> None:
        await self._send_all(socket)
        await super()._serve(socket)

    async def _send_all(self, socket: ClientConnection) -> None:
        for sent in list(self.outbox.values()):
            await self._send(socket, sent)

    def _acked(self, frame: dict[str, Any]) -> None:
        identity = frame["broadcastId"]
        known = self.acked.setdefault(identity, (frame["page"], frame["seq"]))
        if known != (frame["page"], frame["seq"]):
            self.load.broken.append(f"{identity} was acknowledged as {known} and as {frame['seq']}")
        if identity in self.surely_refused:
            self.load.broken.append(f"{identity} was refused and acknowledged")
        if (sent := self.outbox.pop(identity, None)) is not None:
            self.times[identity] = (sent.at, time.monotonic())

    async def _refused(self, socket: ClientConnection, frame: dict[str, Any]) -> None:
        identity = frame.get("broadcastId")
        sent = self.outbox.get(identity or "")
        if identity is None or sent is None:
            return
        if frame["code"] not in AGAIN:
            del self.outbox[identity]
            self.refused[identity] = frame["code"]
            if sent.attempts == 1:
                self.surely_refused.add(identity)
            return
        if not self._resending:
            self._resending = True

            async def again() -> None:
                self._resending = False
                await self._send_all(socket)

            self._later(max(RESEND_AFTER, frame.get("retryInMs", 0) / 1000), again)

    def _choose(self) -> tuple[str, dict[str, Any]]:
        rng = self._rng
        page = rng.choice(list(self.copies))
        chats = list(self.copies[page].chats.values())
        text = f"{self.name} {rng.randrange(10**6)} " + "word “слово” 言葉 " * rng.randrange(12)
        dice = rng.random()
        if len(chats) < 4 or (dice < 0.2 and len(chats) < 60):
            position = rng.randrange(50_000)
            quote = {"exact": f"quoted {position}", "prefix": "before ", "suffix": " after"}
            anchor = {"quote": quote, "position": {"start": position, "end": position + 13}}
            return page, {"op": "new-chat", "text": text, "anchor": anchor}
        chat = rng.choice(chats)
        comment = rng.choice(chat["comments"] or [{}])
        about = {"chat": chat["id"], "comment": comment.get("id", chat["id"])}
        by = (comment if "by" in comment else chat)["by"]["id"]
        if dice < 0.65:
            return page, {"op": "reply", "chat": chat["id"], "text": text}
        if dice < 0.8:
            return page, {"op": "react", **about, "emoji": rng.choice("👍🎉🤔"), "on": rng.random() < 0.7}
        if dice < 0.9 and by == self.name:
            return page, {"op": "edit", **about, "text": text}
        if dice < 0.93 and by == self.name and about["comment"] != chat["id"]:
            return page, {"op": "remove-comment", **about}
        if dice < 0.96 and chat["by"]["id"] == self.name:
            return page, {"op": "delete-chat", "chat": chat["id"]}
        return page, {"op": rng.choice(["resolve", "reopen"]), "chat": chat["id"]}
