"""The client with a connection that comes back by itself."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import aiohttp
import msgspec

from parley.client.backoff import Backoff
from parley.client.conversation import (
    Again,
    Conversation,
    Happened,
    Loaded,
    Outcome,
    ParleyError,
    Refused,
    Settled,
    Told,
    Welcomed,
)
from parley.client.http_calls import HttpCalls, Token
from parley.client.http_way import HttpWay
from parley.client.page_copy import PageCopy
from parley.client.ways import Ladder, SocketWay, Way
from parley.client_frames import Do
from parley.server_frames import Ack, Error, Event, Move, RenewSoon

#: Seconds for opening a connection.
CONNECT = 10.0
#: Seconds after which a connection counts as good, so that the next attempt comes soon.
GOOD = 5.0
#: Close codes after which trying again would be of no use.
_FINAL = frozenset({4400, 4403, 4413})
#: Asks for another token; who has one only is told.
TOKEN_REFUSED = 4401
#: Events that wait for one who does not take them. More: `ParleyError`, for some would be missing.
WAITING = 10_000


class AsyncClient(HttpCalls):
    """One reader's client. The connection is opened by the first `join` or `do`, and kept until `close`.

    Where no WebSocket comes through, it uses event streams and requests; where a stream is held back, long polls.

    `token`: a token, or a function (async or not) that is called for a fresh one at each connection and renewal.
    """

    def __init__(self, url: str, token: Token, *, session: aiohttp.ClientSession | None = None) -> None:
        super().__init__(url, token, session=session)
        self._talk = Conversation()
        self._way: Way | None = None
        self._ladder = Ladder()
        self._streams = True
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._acks: dict[str, asyncio.Future[Ack]] = {}
        self._joins: dict[str, asyncio.Future[PageCopy]] = {}
        self._listeners: dict[str, list[asyncio.Queue[Event | ParleyError]]] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self._renewing: set[asyncio.Task[None]] = set()
        self._end: ParleyError | None = None
        #: Connections that were welcomed so far.
        self.connections = 0

    async def close(self) -> None:
        """End the connection. Whoever still waits is told."""
        await self._finish(ParleyError("unavailable", "This client was closed."))
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await super().close()

    # A page

    async def join(self, page: str) -> PageCopy:
        """The page, complete; from now on it follows what happens. Raises `ParleyError`."""
        self._start()
        copy = self._talk.join(page)
        if copy.synced:
            return copy
        future = self._joins.get(page)
        if future is None:
            future = self._joins[page] = asyncio.get_running_loop().create_future()
        await self._flush()
        return await asyncio.shield(future)

    async def leave(self, page: str) -> None:
        """Follow it no longer."""
        self._talk.leave(page)
        await self._flush()

    async def do(self, page: str, op: str, *, id: str | None = None, **members: Any) -> Ack:
        """Perform an operation; returns when it is committed, whatever breaks meanwhile. Raises `ParleyError`."""
        self._start()
        identity = id or str(uuid4())
        do = msgspec.convert({"t": "do", "page": page, "broadcastId": identity, "op": op, **members}, Do)
        future = self._acks.get(identity)
        if future is None:
            future = self._acks[identity] = asyncio.get_running_loop().create_future()
            self._talk.do(do)
            await self._flush()
        return await asyncio.shield(future)

    def events(self, page: str) -> AsyncIterator[Event]:
        """What happens on a joined page from now on, each event once; the page's copy has it already.

        What was missed while there was no connection is in the copy, and comes as no event. Ends with `close`.
        """
        queue: asyncio.Queue[Event | ParleyError] = asyncio.Queue()
        self._listeners.setdefault(page, []).append(queue)
        return self._events(page, queue)

    async def _events(self, page: str, queue: "asyncio.Queue[Event | ParleyError]") -> AsyncIterator[Event]:
        try:
            while self._end is None or not queue.empty():
                event = await queue.get()
                if isinstance(event, ParleyError):
                    if self._end is not None and event.code == "unavailable":
                        return
                    raise event
                yield event
        finally:
            self._listeners[page].remove(queue)

    # The connection

    def _start(self) -> None:
        if self._end is not None:
            raise self._end
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="parley client")

    async def _run(self) -> None:
        backoff = Backoff(random.random)
        loop = asyncio.get_running_loop()
        while self._end is None:
            opened, code, said = loop.time(), 0, dict[str, Any]()
            http, welcomed = self._ladder.http, self.connections
            # Whatever goes wrong, the next attempt may go well: also when no token could be had.
            with suppress(Exception):
                code, said = await self._connection(http)
            self._way = None
            self._ladder.ended(http, self.connections > welcomed or code > 4000)
            self._talk.cut()
            self._cancel_timers()
            if code in _FINAL or (code == TOKEN_REFUSED and isinstance(self._token, str)):
                await self._finish(ParleyError(str(said.get("code", code)), "The gateway ended the connection."))
                return
            if loop.time() - opened > GOOD:
                backoff.reset()
            wait = said.get("retryInMs", 0)
            await asyncio.sleep(backoff.next(wait if isinstance(wait, int) else 0))

    async def _connection(self, http: bool) -> tuple[int, dict[str, Any]]:
        """One connection, until it ends. Its close code, and what its reason says."""
        token = await self.token()
        way: Way
        if http:
            way = HttpWay(self.session(), self._url, token, streams=self._streams, probe=self._ladder.probe)
        else:
            async with asyncio.timeout(CONNECT):
                way = await SocketWay.open(self.session(), self._url)
        self._way = way
        try:
            self._talk.connected(token)
            await self._flush()
            while (data := await way.receive()) is not None:
                for outcome in self._talk.receive(data):
                    self._take(outcome)
                await self._flush()
            return way.code, way.said
        finally:
            if isinstance(way, HttpWay):
                self._streams = way.streams
            await way.close()

    async def _flush(self) -> None:
        frames, self._talk.outgoing = self._talk.outgoing, []
        if self._way is not None:
            for frame in frames:
                await self._way.send(frame)

    def _take(self, outcome: Outcome) -> None:
        match outcome:
            case Welcomed():
                self.connections += not outcome.renewed
                self._later(outcome.renew_in_ms, self._renew)
            case Loaded():
                self._resolve(self._joins.pop(outcome.page, None), self._talk.pages.get(outcome.page))
            case Happened():
                for queue in self._listeners.get(outcome.page, ()):
                    if queue.qsize() < WAITING:
                        queue.put_nowait(outcome.event)
                    elif queue.qsize() == WAITING:
                        queue.put_nowait(ParleyError("too-slow", "Events were not taken, and some are missing."))
            case Settled():
                ack = Ack(outcome.broadcast_id, outcome.page, outcome.seq)
                self._resolve(self._acks.pop(outcome.broadcast_id, None), ack)
            case Refused():
                self._refuse(outcome.error)
            case Again():
                self._later(outcome.in_ms, lambda: self._send_again(outcome.broadcast_id))
            case Told():
                self._told(outcome)

    def _told(self, told: Told) -> None:
        frame = told.frame
        if isinstance(frame, Move):
            self._later(round(frame.within_ms * random.random()), self._move)  # noqa: S311 - jitter
        elif isinstance(frame, RenewSoon):
            self._renew()

    def _refuse(self, error: Error) -> None:
        problem = ParleyError(error.code, error.message, error.help, retry_in_ms=error.retry_in_ms)
        future: asyncio.Future[Any] | None
        if error.broadcast_id is not None:
            future = self._acks.pop(error.broadcast_id, None)
        else:
            future = self._joins.pop(error.page or "", None)
            for queue in self._listeners.get(error.page or "", ()):
                queue.put_nowait(problem)
        if future is not None and not future.done():
            future.set_exception(problem)

    @staticmethod
    def _resolve(future: "asyncio.Future[Any] | None", value: Any) -> None:
        if future is not None and not future.done() and value is not None:
            future.set_result(value)

    # Later

    def _later(self, in_ms: int, work: Any) -> None:
        def run() -> None:
            self._timers.discard(timer)
            work()

        timer = asyncio.get_running_loop().call_later(in_ms / 1000, run)
        self._timers.add(timer)

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _send_again(self, broadcast_id: str) -> None:
        self._talk.send_again(broadcast_id)
        self._spawn(self._flush())

    def _renew(self) -> None:
        self._spawn(self._renewed())

    async def _renewed(self) -> None:
        self._talk.renew(await self.token())
        await self._flush()

    def _move(self) -> None:
        if self._way is not None:
            self._spawn(self._way.close())

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._renewing.add(task)
        task.add_done_callback(self._renewing.discard)

    async def _finish(self, problem: ParleyError) -> None:
        """Nothing more will come."""
        if self._end is None:
            self._end = problem
        self._cancel_timers()
        futures: list[asyncio.Future[Any]] = [*self._acks.values(), *self._joins.values()]
        for future in futures:
            if not future.done():
                future.set_exception(self._end)
                future.exception()  # nobody may be waiting
        self._acks.clear()
        self._joins.clear()
        for queues in self._listeners.values():
            for queue in queues:
                queue.put_nowait(self._end)
        if self._way is not None:
            await self._way.close()
