"""Gateways, clients, a database and a bus in one thread and in virtual time, with every fault on request."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import msgspec

from kit.model_client import Json, ModelClient
from kit.page_database import PageDatabase
from kit.virtual_time import VirtualLoop
from kit.world_gateway import PAGE, TENANT, Connection, Gateway
from parley.claims import Claims


class Client:
    """A reader with one page open."""

    def __init__(self, number: int, role: str) -> None:
        self.model = ModelClient(PAGE)
        self.claims = Claims(
            tenant=TENANT, reader=f"u{number}", name=f"Reader {number}", expires_at=2**40, role=cast(Any, role)
        )
        self.connection: Connection | None = None
        self.sent: Counter[str] = Counter()

    def give(self, frame: Json) -> None:
        """Send a frame, if there is a connection."""
        if self.connection is not None and self.connection.open:
            self.sent[frame.get("broadcastId", "")] += 1
            self.connection.receive(frame)

    @property
    def connected(self) -> bool:
        return self.connection is not None and self.connection.open


class GatewayWorld:
    """`history`: each page state that ever was, by (epoch, seq). `lost`: operations that a restore undid."""

    def __init__(self, gateways: int, clients: int, *, answer: int = 4) -> None:
        self.loop = VirtualLoop()
        self.problems: list[str] = []
        self.loop.set_exception_handler(lambda _, context: self.problems.append(repr(context)))
        self._epochs = itertools.count(2)
        self._numbers = itertools.count(1)
        self.database = PageDatabase("e1", answer=answer)
        self.history: dict[tuple[str, int], dict[str, Json]] = {}
        self.lost: set[str] = set()
        self.backup = self.database.copy("e1")
        self.published: list[bytes] = []
        self.remember()
        self.gateways = [Gateway(self) for _ in range(gateways)]
        self.clients = [Client(n, "moderator" if n == 0 else "commenter") for n in range(clients)]

    def new_id(self) -> str:
        return f"00000000-0000-4000-8000-{next(self._numbers):012x}"

    # The database

    def remember(self) -> None:
        self.history[self.database.epoch, self.database.head(TENANT, PAGE)] = truth_of(self.database)

    def save(self) -> None:
        self.backup = self.database.copy(self.database.epoch)

    def restore(self) -> None:
        """The database as it was saved, under another epoch."""
        before = self.database.done(TENANT)
        self.database = self.backup.copy(f"e{next(self._epochs)}")
        self.lost |= before
        self.lost -= self.database.done(TENANT)
        self.remember()

    # The bus

    def publish(self, entry: bytes) -> None:
        self.published.append(entry)
        for gateway in self.gateways:
            gateway.bus.append(entry)

    # Coming and going

    def crash(self, number: int) -> None:
        """A gateway ends at whatever instruction; another one starts in its place."""
        gateway = self.gateways[number]

        async def end() -> None:
            for connection in list(gateway.connections):
                connection.close()
            lanes = [lane.task for lane in gateway.writer._lanes if lane.task is not None]
            tasks = [*lanes, *gateway.hub._tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for live in gateway.hub.pages.values():
                live.stop()

        self.loop.run(end())
        self.gateways[number] = Gateway(self)
        self._notice_cuts()

    def connect(self, client: Client, gateway: Gateway) -> None:
        async def greet() -> None:
            client.connection = Connection(gateway, client.claims)
            gateway.connections.add(client.connection)
            client.give(client.model.join())
            for frame in list(client.model.outbox.values()):
                client.give(frame)

        self.loop.run(greet())

    def cut(self, client: Client) -> None:
        async def end() -> None:
            if client.connection is not None:
                client.connection.close()

        self.loop.run(end())
        self._notice_cuts()

    def _notice_cuts(self) -> None:
        for client in self.clients:
            if client.connection is not None and not client.connection.open:
                client.connection = None
                client.model.cut()

    def send(self, client: Client, frame: Json) -> None:
        async def give() -> None:
            client.give(frame)

        self.loop.run(give())

    def hear(self, client: Client, most: int | None = None) -> None:
        """The client reads some of the frames that wait, or all, and answers as the wire demands."""
        waiting = len(client.connection.inbox) if client.connection is not None else 0
        for _ in range(waiting if most is None else min(most, waiting)):
            if client.connection is None or not client.connection.inbox:
                return
            frame = json.loads(client.connection.inbox.popleft())
            if frame["t"] == "ack":
                identity = frame["broadcastId"]
                assert identity in self.database.done(TENANT) | self.lost, f"acknowledged, and not there: {identity}"
            again = client.model.take(frame)
            if again is not None:
                self.send(client, again)
            if client.model.join_wanted:
                self.send(client, client.model.join())

    def work(self, gateway: Gateway, job: Callable[[Gateway], Any]) -> None:
        """Let a gateway begin something."""

        async def begin() -> None:
            result = job(gateway)
            if asyncio.iscoroutine(result):
                task = asyncio.ensure_future(result)
                gateway.hub._tasks.add(task)
                task.add_done_callback(gateway.hub._tasks.discard)

        self.loop.run(begin())

    # What must hold

    def check(self) -> None:
        assert not self.problems, self.problems
        for client in self.clients:
            model = client.model
            if client.connected and model.in_sync and not model.crossed:
                assert model.epoch is not None
                expected = self.history[model.epoch, model.seq]
                assert model.chats == expected, f"{client.claims.reader} at {model.epoch}:{model.seq}"

    def settle(self, rounds: int = 12) -> None:
        """No more faults; the bus has lost everything; then everybody must know everything."""
        for gateway in self.gateways:
            gateway.bus.clear()
            gateway.store.fault, gateway.store.delay = "none", 0.0
        for number, client in enumerate(self.clients):
            if client.connection is not None and client.connection.open:
                client.connection.clogged, client.connection.pace = False, 0.0
            else:
                self.connect(client, self.gateways[number % len(self.gateways)])
        for _ in range(rounds):
            for gateway in self.gateways:
                self.work(gateway, Gateway.mend)
            for client in self.clients:
                self.hear(client)
            self.loop.pass_time(0.5)
            self._notice_cuts()
            for number, client in enumerate(self.clients):
                if not client.connected:
                    self.connect(client, self.gateways[number % len(self.gateways)])
        self.check()
        head = self.database.head(TENANT, PAGE)
        done = self.database.done(TENANT)
        for client in self.clients:
            model = client.model
            assert model.in_sync, f"{client.claims.reader} is not in sync"
            assert (model.epoch, model.seq) == (self.database.epoch, head), (model.epoch, model.seq, head)
            assert model.chats == truth_of(self.database)
            assert not model.outbox, "an operation was never answered"
            assert model.acked <= done | self.lost, "an acknowledged operation is missing"
            # One that was sent twice may be refused once and done the other time.
            assert not {one for one in model.refused if client.sent[one] == 1} & done, "a refused operation was done"

    def end(self) -> None:
        self.loop.end()


def truth_of(database: PageDatabase) -> dict[str, Json]:
    """The page as a client should have it, put together from the rows alone."""
    answer, database.answer = database.answer, 10**9
    try:
        found = database.changes(TENANT, PAGE, None, None)
    finally:
        database.answer = answer
    reactions: dict[str, dict[str, list[str]]] = {}
    for given in found.reactions:
        reactions.setdefault(given.comment, {}).setdefault(given.emoji, []).append(given.reader)
    truth: dict[str, Json] = {}
    for chat in found.chats:
        by = msgspec.to_builtins(chat.by)
        whole: Json = {"id": chat.id, "seq": chat.seq, "state": chat.state, "by": by, "at": chat.at}
        whole["anchor"] = msgspec.to_builtins(chat.anchor)
        whole["comments"] = []
        for row in chat.rows or []:
            comment: Json = {"text": row.text}
            if row.id != chat.id:
                comment |= {"id": row.id, "by": msgspec.to_builtins(row.by), "at": row.at}
            if row.edited:
                comment["edited"] = True
            if row.id in reactions:
                comment["reactions"] = reactions[row.id]
            whole["comments"].append(comment)
        truth[chat.id] = whole
    return truth
