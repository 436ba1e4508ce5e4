"""An independent client of the protocol: `websockets` below, and above it only what the protocol's text says.

Every frame is checked as it comes: compact JSON, at most 64 KiB, the form of its kind, the cursor's rules. The first
thing that is wrong ends every wait with a `Violation`. `Tally` recomputes the bill from the socket's raw bytes.
"""

import asyncio
import json
import socket
import uuid
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from kit.wire_forms import CLOSING_CODES, FORMS, MOST_BYTES
from kit.wire_page import Json, PageView, Violation, demand
from kit.wire_tap import TEXT, RawFrame, Tally, Tap, sent_size

#: Seconds for anything that is awaited, unless a test knows better: two cores may be busy with other things.
PATIENCE = 15.0


class Refused(Exception):
    """The gateway answered an operation with an `error`."""

    def __init__(self, frame: Json) -> None:
        super().__init__(f"{frame['code']}: {frame['message']}")
        self.frame = frame
        self.code: str = frame["code"]


class Closed(Exception):
    """The gateway closed the connection while the client waited for something else."""


class _TappedConnection(ClientConnection):
    """Lets a tap see the bytes before the library does."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.tap = Tap()

    def data_received(self, data: bytes) -> None:
        self.tap.feed(data)
        super().data_received(data)


async def _connect_narrowly(url: str, receive_buffer: int) -> socket.socket:
    """A connected socket for which the kernel keeps little, so that one who does not read is soon noticed."""
    address = urlsplit(url)
    narrow = socket.socket()
    narrow.setblocking(False)
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    await asyncio.get_running_loop().sock_connect(narrow, (address.hostname, address.port))
    return narrow


def new_id() -> str:
    return str(uuid.uuid4())


def dumps(value: object) -> bytes:
    """Compact, unescaped UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class WireClient:
    """One connection. `frames`: all that came, in order; `raw`: the same as raw frames (of text); `pages`: by name."""

    def __init__(self, socket: ClientConnection, tally: Tally | None) -> None:
        assert isinstance(socket, _TappedConnection)
        self.socket = socket
        self.client = new_id()
        self.tally = tally or Tally()
        self.frames: list[Json] = []
        self.raw: list[RawFrame] = []
        self.pages: dict[str, PageView] = {}
        self.outcomes: dict[str, list[Json]] = defaultdict(list)
        self.close_code: int | None = None
        self.close_reason: Json = {}
        #: Set to join again, from where it was, whenever the gateway asks for it.
        self.follow_resyncs = False
        self._taken = 0
        self._wrong: BaseException | None = None
        self._came = asyncio.Event()
        self._reader = asyncio.create_task(self._read(), name="wire client")

    # Its life

    @classmethod
    async def dial(
        cls,
        url: str,
        *,
        origin: str | None = None,
        bearer: str | None = None,
        tally: Tally | None = None,
        compression: str | None = None,
        receive_buffer: int | None = None,
    ) -> Self:
        """An open WebSocket on which nothing was said yet. `receive_buffer`: bytes that the kernel may hold for it."""
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else None
        connection = await connect(
            url,
            sock=None if receive_buffer is None else await _connect_narrowly(url, receive_buffer),
            origin=None if origin is None else Origin(origin),
            additional_headers=headers,
            compression=compression,
            ping_interval=None,
            proxy=None,
            max_size=None,
            max_queue=None,
            close_timeout=PATIENCE,
            create_connection=_TappedConnection,
        )
        return cls(connection, tally)

    @classmethod
    async def open(cls, url: str, token: str, **options: Any) -> Self:
        """Dialled, and welcomed."""
        client = await cls.dial(url, **options)
        try:
            await client.hello(token)
        except BaseException:
            await client.close()
            raise
        return client

    async def close(self) -> None:
        """End the connection and forget what else may come."""
        await self.socket.close()
        await asyncio.wait([self._reader])

    def abort(self) -> None:
        """Cut the connection without a word."""
        self.socket.transport.abort()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # Saying

    async def send(self, frame: Json) -> None:
        """One frame, compact."""
        await self.send_text(dumps(frame))

    async def send_text(self, payload: bytes) -> None:
        """One text frame of any bytes."""
        await self.socket.send(payload, text=True)

    async def hello(self, token: str | None) -> Json:
        """Say hello and wait for the `welcome`."""
        frame: Json = {"t": "hello", "v": 1, "client": self.client}
        if token is not None:
            frame["token"] = token
        await self.send(frame)
        return await self.next("welcome", after=0)

    async def ask_join(self, page: str, since: Json | None = None) -> PageView:
        """Send a `join`; the answer is awaited elsewhere."""
        view = self.pages.setdefault(page, PageView(page))
        view.left = False
        view.asked.append(since)
        await self.send({"t": "join", "page": page} | ({"since": since} if since else {}))
        return view

    async def join(self, page: str, since: Json | None = None, *, again: bool = False) -> PageView:
        """Join and wait for the whole answer; with `again`, from this client's own cursor."""
        view = self.pages.get(page)
        if again and view is not None:
            since = view.cursor
        answers, errors = len(view.answers) if view else 0, len(self.of("error", page=page))
        view = await self.ask_join(page, since)
        await self.until(lambda: len(view.answers) > answers or len(self.of("error", page=page)) > errors)
        if len(view.answers) == answers:
            raise Refused(self.of("error", page=page)[errors])
        return view

    async def leave(self, page: str) -> None:
        """Leave, and wait until nothing of the page can be on its way any more."""
        view = self.pages.get(page)
        if view is not None:
            view.left = True
        await self.send({"t": "leave", "page": page})
        await self.ping()
        if view is not None:
            view.asked.clear()
            view.parts = []
            view.whole = False

    async def submit(self, page: str, op: str, *, id: str | None = None, **members: Any) -> str:
        """Send a `do` without waiting; its broadcastId."""
        identity = id or new_id()
        self.outcomes[identity]  # from now on its answers are this operation's
        payload = dumps({"t": "do", "page": page, "broadcastId": identity, "op": op, **members})
        self.tally.sent(identity, sent_size(payload))
        await self.send_text(payload)
        return identity

    async def do(self, page: str, op: str, *, id: str | None = None, **members: Any) -> Json:
        """Send a `do` and wait for its `ack`. Raises `Refused`."""
        identity = id or new_id()
        before = len(self.outcomes[identity])
        await self.submit(page, op, id=identity, **members)
        return await self.outcome(identity, before)

    async def outcome(self, broadcast_id: str, number: int = 0) -> Json:
        """The `ack` that answered this id the `number`-th time. Raises `Refused`."""
        answers = self.outcomes[broadcast_id]
        await self.until(lambda: len(answers) > number)
        if answers[number]["t"] == "error":
            raise Refused(answers[number])
        return answers[number]

    async def typing(self, page: str, chat: str) -> None:
        await self.send({"t": "typing", "page": page, "chat": chat})

    async def renew(self, token: str) -> Json:
        """Give a fresh token; the new `welcome`, or the `error`."""
        before = len(self.frames)
        await self.send({"t": "renew", "token": token})
        return await self.next("welcome", "error", after=before)

    async def ping(self) -> None:
        """Everything that the gateway wrote before it read this has come when it returns."""
        before = len(self.frames)
        await self.send({"t": "ping"})
        await self.next("pong", after=before)

    # Waiting

    async def until(self, true: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait until the condition holds, looking after each frame. Raises what was wrong, or `Closed`."""
        async with asyncio.timeout(seconds):
            while not true():
                if self._wrong is not None:
                    raise self._wrong
                if self._reader.done():
                    raise Closed(f"{self.close_code} {self.close_reason}")
                self._came.clear()
                await self._came.wait()
        self.check()

    async def reach(self, page: str, seq: int) -> PageView:
        """Wait until this client has everything of the page up to `seq`."""
        view = self.pages[page]
        await self.until(lambda: view.seq >= seq and not view.parts)
        assert view.seq == seq
        return view

    async def counts(self, page: str, readers: int) -> None:
        """Wait until this client shows that many readers."""
        view = self.pages[page]
        await self.until(lambda: view.readers == readers)

    def check(self) -> None:
        """Raises what was wrong so far."""
        if self._wrong is not None:
            raise self._wrong

    async def next(self, *kinds: str, after: int | None = None, seconds: float = PATIENCE) -> Json:
        """The first frame of these kinds from place `after` in `frames` on (default: from now)."""
        start = len(self.frames) if after is None else after

        def found() -> list[Json]:
            return [frame for frame in self.frames[start:] if frame["t"] in kinds]

        await self.until(found, seconds)
        return found()[0]

    async def error_after(self, payload: Json | bytes) -> Json:
        """Send this; the next `error`."""
        before = len(self.frames)
        await (self.send_text(payload) if isinstance(payload, bytes) else self.send(payload))
        return await self.next("error", after=before)

    @property
    def over(self) -> bool:
        """Whether the connection has ended, in whichever way."""
        return self._reader.done()

    async def ended(self, seconds: float = PATIENCE) -> int:
        """Wait until the gateway closed; its close code. The reason is in `close_reason`."""
        async with asyncio.timeout(seconds):
            await asyncio.wait([self._reader])
        self.check()
        assert self.close_code is not None
        return self.close_code

    def of(self, kind: str, **members: Any) -> list[Json]:
        """The frames of one kind with these members, in order."""
        return [
            frame
            for frame in self.frames
            if frame["t"] == kind and all(frame.get(name) == value for name, value in members.items())
        ]

    def size_of(self, frame: Json) -> int:
        """Bytes of a received frame on the wire."""
        return next(raw.size for held, raw in zip(self.frames, self.raw, strict=True) if held is frame)

    # Hearing

    async def _read(self) -> None:
        try:
            async for data in self.socket:
                await self._take(data)
        except ConnectionClosed:
            pass
        except Exception as problem:
            self._wrong = problem
        finally:
            close = self.socket.protocol.close_rcvd
            if close is not None:
                self.close_code = int(close.code)
                self._read_reason(close.reason)
            self._came.set()

    def _read_reason(self, reason: str) -> None:
        try:
            self.close_reason = json.loads(reason) if reason else {}
            if self.close_code is not None and self.close_code >= 4000:
                demand(self.close_reason["code"] in CLOSING_CODES, "close", "an unknown code", reason)
                demand(set(self.close_reason) <= {"code", "retryInMs"}, "close", "an unknown member", reason)
        except (ValueError, KeyError, Violation) as problem:
            self._wrong = self._wrong or problem

    async def _take(self, data: str | bytes) -> None:
        raw = self._next_raw()
        demand(isinstance(data, str) and data.encode() == raw.payload, "frames", "not one whole text frame", data)
        demand(raw.final and not raw.masked and not raw.reserved, "frames", "flags of another kind of frame", raw[:4])
        demand(len(raw.payload) <= MOST_BYTES, "frames", "larger than 64 KiB", len(raw.payload))
        frame = json.loads(raw.payload)
        demand(dumps(frame) == raw.payload, "frames", "not compact, or escaped", raw.payload)
        kind = frame.get("t")
        demand(kind in FORMS, "frames", "an unknown kind", kind)
        must, may = FORMS[kind]
        members = set(frame) - {"t"}
        demand(must <= members <= must | may, "frames", f"members of a {kind}", sorted(members))
        self.frames.append(frame)
        self.raw.append(raw)
        self.tally.received(frame, raw.size)
        await self._understand(kind, frame)
        self._came.set()

    def _next_raw(self) -> RawFrame:
        frames = self.socket.tap.frames
        while frames[self._taken].opcode != TEXT:
            self._taken += 1
        self._taken += 1
        return frames[self._taken - 1]

    async def _understand(self, kind: str, frame: Json) -> None:
        if kind == "error":
            demand(frame["code"] in CLOSING_CODES, "codes", "an unknown code", frame)
            demand(frame["message"] and frame["help"], "codes", "an error without words", frame)
        if kind in ("ack", "error") and frame.get("broadcastId") in self.outcomes:
            self.tally.answered(frame["broadcastId"], kind == "ack")
            self.outcomes[frame["broadcastId"]].append(frame)
        view = self.pages.get(frame.get("page", ""))
        if kind in ("page", "live", "presence", "resync"):
            demand(view is not None, 4, f"a {kind} of a page that was not joined", frame)
        if view is None:
            return
        if kind == "page" and not view.left:
            view.take_page(frame)
        elif kind == "live":
            view.take_live(frame)
        elif kind == "presence":
            demand(frame["readers"] >= 0, 9, "less than nobody", frame)
            view.readers = frame["readers"]
        elif kind == "resync" and not view.left:
            view.take_resync()
            if self.follow_resyncs:
                await self.ask_join(view.page, view.cursor)
