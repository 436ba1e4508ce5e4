"""A rolling deploy of three gateways under thousands of clients: who moves when, and whether anybody misses anything.

The clients are as the widget is: told to move, they reconnect at a random moment of the time given, to a gateway that
the balancer calls ready, and join with their cursor.
"""

import asyncio
import json
import math
import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bench.frames import CLOSE, PING, PONG, frame, masked, split, upgrade
from kit.faults.under_load import BAR, Growth
from kit.installation import Installation, apart
from kit.load import Load
from kit.page_truth import check_all, read_truth
from kit.tenants import KitTenant

#: Clients that open their first connection at the same time.
AT_ONCE = 100
#: Seconds for a client's reconnection to succeed; longer than any drain.
PATIENCE = 60.0
#: How much above the even rate the busiest second of a drain may be. Random moments alone make some of it: at 100 a
#: second the busiest of some tens of seconds is 1.3 times the mean.
SPIKE = 2.0


@dataclass
class RollingOutcome:
    """`arrivals`: reconnections in each second since the deploy began. `even`: the busiest second if all were even."""

    clients: int
    arrivals: Counter[int]
    even: float
    moved: int
    cut: int
    refused: int
    behind: float
    acknowledged: int
    grown: int
    drains: list[float] = field(default_factory=list)

    @property
    def spike(self) -> float:
        return max(self.arrivals.values()) / self.even

    def histogram(self) -> str:
        """One line for a second."""
        scale = 60 / max(self.arrivals.values())
        seconds = range(max(self.arrivals) + 1)
        return "\n".join(
            f"{s:4} s {self.arrivals[s]:5} {'#' * math.ceil(scale * self.arrivals[s])}".rstrip() for s in seconds
        )


class Crowd:
    """All clients, and the balancer's idea of who is ready."""

    def __init__(self, tenant: KitTenant, pages: list[str], ready: list[str]) -> None:
        self.tenant = tenant
        self.pages = pages
        self.ready = ready
        self.clients: list[Client] = []
        self.arrivals: list[float] = []
        self.moved = self.cut = self.refused = 0

    async def open(self, count: int) -> None:
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            client = Client(self, number)
            self.clients.append(client)
            async with slots:
                await client.connect()

        await asyncio.gather(*(one(number) for number in range(count)))
        self.arrivals.clear()

    def at(self, heads: dict[str, int]) -> bool:
        """Whether all know their page up to there."""
        return all(one.joined and one.seq >= heads.get(one.page, 0) for one in self.clients)

    def close(self) -> None:
        for client in self.clients:
            client.leave()


class Client:
    """One client on one page."""

    def __init__(self, crowd: Crowd, number: int) -> None:
        self.crowd = crowd
        self.page = crowd.pages[number % len(crowd.pages)]
        self.token = crowd.tenant.token(f"reader{number}", key=1)
        self.identity = str(uuid.uuid4())
        self.epoch = ""
        self.seq = 0
        self.joined = False
        self.connection: Connection | None = None
        self.gone = False
        self._work: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """To whoever is ready, until it works."""
        wait, began = 0.2, time.monotonic()
        while not self.gone:
            address = urlsplit(random.choice(self.crowd.ready))  # noqa: S311 - a balancer
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(10):
                    made = Connection(self)
                    await loop.create_connection(lambda made=made: made, address.hostname, address.port)
                    await made.open
                    self.crowd.arrivals.append(time.monotonic())
                    return
            except (OSError, TimeoutError):
                self.crowd.refused += 1
            assert time.monotonic() - began < PATIENCE, f"{self.page}: no gateway takes this client"
            await asyncio.sleep(random.uniform(0, wait))  # noqa: S311 - jitter
            wait = min(2 * wait, 5.0)

    def move(self, within: float) -> None:
        self.crowd.moved += 1
        self._again(random.uniform(0, within))  # noqa: S311 - as told

    def lost(self, connection: "Connection") -> None:
        if connection is self.connection and not self.gone:
            self.connection, self.joined = None, False
            if self._work is None or self._work.done():
                self.crowd.cut += 1
                self._again(random.uniform(0, 0.5))  # noqa: S311 - jitter

    def _again(self, wait: float) -> None:
        async def move() -> None:
            await asyncio.sleep(wait)
            old = self.connection
            self.connection, self.joined = None, False
            if old is not None:
                old.transport.close()
            await self.connect()

        if self._work is None or self._work.done():
            self._work = asyncio.create_task(move())

    def leave(self) -> None:
        self.gone = True
        if self._work is not None:
            self._work.cancel()
        if self.connection is not None:
            self.connection.transport.abort()


class Connection(asyncio.Protocol):
    """One WebSocket."""

    transport: asyncio.Transport

    def __init__(self, client: Client) -> None:
        self.client = client
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._upgraded = False
        self._rest = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(upgrade("gateway.test"))

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        if not self._upgraded:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            if b" 101 " not in head[:16]:
                self.transport.close()
                return
            self._upgraded = True
            self._say(t="hello", v=1, token=self.client.token, client=self.client.identity)
        taken = 0
        for opcode, payload, end in split(data):
            self._take(opcode, payload)
            taken = end
        self._rest = data[taken:]

    def _say(self, **members: Any) -> None:
        self.transport.write(frame(**members))

    def _take(self, opcode: int, payload: bytes) -> None:
        client = self.client
        if opcode == PING:
            self.transport.write(masked(payload, PONG))
        elif opcode == CLOSE:
            self.transport.close()
        elif payload.startswith(b'{"t":"welcome"'):
            since = {"since": {"epoch": client.epoch, "seq": client.seq}} if client.epoch else {}
            self._say(t="join", page=client.page, **since)
        elif payload.startswith(b'{"t":"page"'):
            said = json.loads(payload)
            client.epoch, client.seq = said["epoch"], said["seq"]
            if not said.get("more") and not self.open.done():
                client.connection, client.joined = self, True
                self.open.set_result(None)
        elif payload.startswith(b'{"t":"live"'):
            said = json.loads(payload)
            if client.connection is self:
                assert (said["epoch"], said["after"]) == (client.epoch, client.seq), "a hole"
                client.seq = said["seq"]
        elif payload.startswith(b'{"t":"move"'):
            client.move(json.loads(payload)["withinMs"] / 1000)

    def connection_lost(self, problem: Exception | None) -> None:
        if not self.open.done():
            self.open.set_exception(problem or ConnectionResetError())
        self.client.lost(self)


async def rolling_deploy(installation: Installation, *, clients: int, drain: int) -> RollingOutcome:
    """Restart each gateway in turn, as an orchestrator does: the next one when the last is ready again."""
    tenant, seed = installation.new_tenant(), random.randrange(2**32)  # noqa: S311 - repeats a run
    ready = list(installation.urls)
    await apart(installation.billing.wait_ready)
    async with Load(ready, tenant, seed=seed, pages=50, rate=1.0) as load:
        load.urls = ready
        crowd = Crowd(tenant, load.pages, ready)
        await crowd.open(clients)
        began, acknowledged = time.monotonic(), load.acknowledged
        even, drains = 0.0, []
        for number, gateway in enumerate(installation.gateways):
            there = sum(
                one.connection is not None and one.connection.transport.get_extra_info("peername")[1] == gateway.port
                for one in crowd.clients
            )
            even = max(even, there / (0.6 * drain))
            growth = Growth(installation)
            struck = time.monotonic()
            ready.remove(gateway.live_url)
            gateway.ask_to_stop()
            status = await apart(gateway.ended)
            drains.append(time.monotonic() - struck)
            growth.look()
            assert status == 0, f"gateway {number} ended with {status}"
            await apart(gateway.restart)
            ready.append(gateway.live_url)
        ended = time.monotonic()
        database = installation.postgres.url
        heads = (await read_truth(database, tenant.name)).heads
        await load.until(lambda: crowd.at(heads) and load.reached(heads), BAR)
        behind = time.monotonic() - ended
        await check_all(load, database, tenant.name)
        arrivals = Counter(int(at - began) for at in crowd.arrivals)
        outcome = RollingOutcome(
            clients, arrivals, even, crowd.moved, crowd.cut, crowd.refused, behind,
            load.acknowledged - acknowledged, growth.most, drains,
        )  # fmt: skip
        crowd.close()
    assert not (errors := installation.new_errors()), errors
    return outcome
