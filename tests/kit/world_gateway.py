"""One gateway in one thread and in virtual time: its hub, joins, fan-out and writer are the real ones.

Its database is the world's `PageDatabase`, its bus a list, a socket a queue of frames.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, cast

import asyncpg

from kit.model_client import Json
from kit.virtual_time import VirtualLoop
from parley.claims import Claims
from parley.client_frames import Do, Join, parse
from parley.errors import Refusal
from parley.server_frames import Ack, Error, encode
from parley_gateway.core.batch import Decided
from parley_gateway.core.bus_entry import Changed, decode
from parley_gateway.core.bus_entry import encode as encode_entry
from parley_gateway.core.meter import Meter
from parley_gateway.core.operation import accept
from parley_gateway.core.page_state import Accepted
from parley_gateway.core.prepared_frame import PreparedFrame
from parley_gateway.core.rows import Changes, Events, Loaded
from parley_gateway.shell.fan_out import FanOut
from parley_gateway.shell.hub import Hub
from parley_gateway.shell.joins import Joins
from parley_gateway.shell.live_page import LivePage
from parley_gateway.shell.page_store import OutcomeUnknown
from parley_gateway.shell.subscriber import Subscriber
from parley_gateway.shell.writer import Writer
from parley_runtime.database import FAULTS
from parley_runtime.telemetry import Metrics

if TYPE_CHECKING:
    from kit.gateway_world import GatewayWorld

TENANT, PAGE = "acme", "https://acme.test/post/7"
Fault = Literal["none", "away", "doubt"]
METRICS = Metrics()


class LoopClock:
    """The loop's virtual time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now_ms(self) -> int:
        return 1_795_427_200_000 + int(self._loop.time() * 1000)

    def monotonic(self) -> float:
        return self._loop.time()


class Store:
    """One gateway's way to the database. `fault`: `away` refuses; `doubt` commits and loses the answer."""

    def __init__(self, world: "GatewayWorld") -> None:
        self._world = world
        self.fault: Fault = "none"
        self.delay = 0.0

    async def commit(self, wanted: list[dict[str, Any]], decide: Callable[[Loaded], Decided]) -> Decided:
        await self._way()
        decided = decide(self._world.database.load(wanted))
        try:
            self._world.database.store(decided.writes)
        except KeyError:
            raise asyncpg.UniqueViolationError("an operation id was used meanwhile") from None
        self._world.remember()
        await asyncio.sleep(self.delay)
        if self.fault == "doubt":
            raise OutcomeUnknown
        return decided

    async def changes(self, tenant: str, page: str, epoch: str | None, seq: int | None) -> Changes:
        await self._way()
        found = self._world.database.changes(tenant, page, epoch, seq)
        await asyncio.sleep(self.delay)
        return found

    async def events(self, tenant: str, page: str, after: int, longest: int) -> Events:
        await self._way()
        found = self._world.database.events(tenant, page, after, longest)
        await asyncio.sleep(self.delay)
        return found

    async def heads(self, pages: list[tuple[str, str]]) -> tuple[str, list[int]]:
        await self._way()
        found = self._world.database.heads(pages)
        await asyncio.sleep(self.delay)
        return found

    async def _way(self) -> None:
        await asyncio.sleep(self.delay)
        if self.fault == "away":
            raise OSError("the database is away")


class NoPresence:
    """Presence has tests of its own."""

    def join(self, live: LivePage, reader: str) -> None:
        live.presence.join(reader)

    def leave(self, live: LivePage, reader: str) -> None:
        live.presence.leave(reader, 0, 0)
        live.presence.expire(0)
        live.presence.added.clear()
        live.presence.removed.clear()

    async def counted(self, live: LivePage) -> int:
        return max(1, live.presence.here)


class Gateway:
    """One gateway process. `bus`: entries on their way to it."""

    def __init__(self, world: "GatewayWorld") -> None:
        self.world = world
        self.store = Store(world)
        self.bus: list[bytes] = []
        self.connections: set[Connection] = set()
        clock = LoopClock(world.loop)
        store = cast(Any, self.store)
        self._fan_out = FanOut()
        settings = cast(Any, SimpleNamespace(flush_window_ms=100))
        self.hub = Hub(store, clock, settings, METRICS, self._fan_out)
        self.joins = Joins(self.hub, cast(Any, NoPresence()))
        tenants = cast(Any, SimpleNamespace(get=lambda name: None))
        self.writer = Writer(store, tenants, clock, METRICS, committed=self._committed, doubtful=self.hub.doubtful)
        self.meter = Meter(clock)
        self.tasks: set[asyncio.Task[Any]] = set()

    def _committed(self, entry: Changed) -> None:
        self.hub.apply(entry)
        self.world.publish(encode_entry(entry))

    def hear(self, place: int) -> None:
        """Take one entry off the bus."""
        self.hub.receive(decode(self.bus.pop(place)))

    async def mend(self) -> None:
        """What a gateway does every few seconds."""
        try:
            await self.hub.compare_all()
        except FAULTS:
            return
        await self.hub.look_at_slow()


class Connection(Subscriber):
    """The gateway's end of one socket. `inbox`: what the client has not read. It leaves nobody waiting for long."""

    def __init__(self, gateway: Gateway, claims: Claims) -> None:
        super().__init__(TENANT, claims.reader, "", gateway.meter.counter(TENANT, ""))
        self.gateway = gateway
        self.claims = claims
        self.inbox: deque[bytes] = deque()
        self.open = True
        self.clogged = False
        self.pace = 0.0

    def send(self, frame: PreparedFrame) -> int:
        if not self.open or self.slow_since is not None:
            return 0
        if self.clogged:
            self.gateway.hub.mark_slow(self)
            return 0
        self.inbox.append(frame.payload)
        return len(frame.websocket)

    async def send_paced(self, frame: PreparedFrame, written: Callable[[int], None]) -> None:
        await asyncio.sleep(self.pace)
        if self.open:
            self.inbox.append(frame.payload)
            written(len(frame.websocket))

    @property
    def buffered(self) -> int:
        return 1_000_000 if self.clogged else 0

    def close_slow(self) -> None:
        self.close()

    def receive(self, frame: Json) -> None:
        """A frame from the client."""
        parsed = parse(json.dumps(frame, ensure_ascii=False).encode())
        match parsed:
            case Join(page, since):
                self.gateway.joins.open(self, page)
                self.joins[page] = asyncio.create_task(self._join(page, since, self.joins.get(page)))
            case Do():
                self._do(parsed)

    async def _join(self, page: str, since: Any, before: "asyncio.Task[None] | None") -> None:
        if before is not None and not before.done():
            try:
                await asyncio.wait([before])
            except asyncio.CancelledError:
                before.cancel()
                raise
            if page not in self.pages:
                return
            self.gateway.joins.open(self, page)
        try:
            await self.gateway.joins.answer(self.pages[page], self, since)
        except FAULTS:
            self._tell(encode(Error("unavailable", "", "", None, page)))
            self.gateway.joins.close(self, page)

    def _do(self, do: Do) -> None:
        try:
            future = self.gateway.writer.perform(accept(do, self.claims))
        except Refusal as refusal:
            self._tell(encode(Error(refusal.code, "", "", do.broadcast_id, do.page)))
            return

        def done(answered: "asyncio.Future[Accepted]") -> None:
            if answered.cancelled():
                return
            problem = answered.exception()
            if problem is None:
                self._tell(encode(Ack(do.broadcast_id, do.page, answered.result().seq)))
            else:
                assert isinstance(problem, Refusal), problem
                self._tell(encode(Error(problem.code, "", "", do.broadcast_id, do.page)))

        future.add_done_callback(done)

    def _tell(self, payload: bytes) -> None:
        if self.open:
            self.inbox.append(payload)

    def close(self) -> None:
        """The socket is gone, and what was not read with it."""
        self.open = False
        self.inbox.clear()
        for page in list(self.pages):
            if (running := self.joins.pop(page, None)) is not None:
                running.cancel()
            self.gateway.joins.close(self, page)
        self.gateway.hub.gone(self)
        self.gateway.connections.discard(self)
