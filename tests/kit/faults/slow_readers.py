"""Many clients stop reading: each is bounded and marked slow, resynced once when it drains, or closed with 4409."""

import asyncio
import json
import random
import socket
import time
import uuid
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from kit.faults.under_load import BAR, Growth
from kit.installation import Installation, apart
from kit.load import Load
from kit.load_clients import Writer
from kit.page_copy import PageCopy
from kit.page_truth import check_all, converged, read_truth
from kit.tenants import KitTenant
from parley.limits import SEND_BUFFER, SLOW_GRACE
from parley.metrics import CONNECTIONS

#: Bytes that the kernel keeps for a client that does not read, and in one segment: as over a real network. In the
#: large segments of a loopback the gateway's kernel would hold megabytes for each before the gateway notices anything.
NARROW, SEGMENT = 4_096, 1_400
#: Bytes of one text, and how many: several times what may wait for a client, the kernel's share included.
TEXT, TEXTS = 15_000, 60
#: Connections opened at the same time.
AT_ONCE = 50
QUOTE = {"quote": {"exact": "a", "prefix": "b", "suffix": "c"}, "position": {"start": 1, "end": 2}}


@dataclass
class SlowOutcome:
    """What became of so many who did not read."""

    clients: int
    resynced: int
    closed: int
    grown: int
    others: float
    drained: float

    @property
    def bound(self) -> int:
        """Bytes by which the gateways may grow: what may wait for each, also if nobody shared a byte."""
        return self.clients * SEND_BUFFER.default

    def __str__(self) -> str:
        return (
            f"{self.clients} slow readers: {self.resynced} drained, got one resync each and were in sync "
            f"{self.drained:.2f} s later, {self.closed} were closed; the others were in sync within "
            f"{self.others:.2f} s all the time; the gateways grew by {self.grown / 2**20:.1f} MiB"
        )


@dataclass
class SlowReader:
    """One client: joins, and reads only when it is let."""

    copy: PageCopy
    connection: ClientConnection
    resyncs: int = 0
    codes: Counter[int] = field(default_factory=Counter)

    @classmethod
    async def open(cls, url: str, token: str, page: str) -> "SlowReader":
        address = urlsplit(url)
        narrow = socket.socket()
        narrow.setblocking(False)
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW)
        narrow.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        await asyncio.get_running_loop().sock_connect(narrow, (address.hostname, address.port))
        connection = await connect(
            url, sock=narrow, compression=None, ping_interval=None, proxy=None, max_size=None, max_queue=None
        )
        made = cls(PageCopy(page), connection)
        await made.say(t="hello", v=1, token=token, client=str(uuid.uuid4()))
        await made.say(**made.copy.join())
        while not made.copy.joined:
            await made._take(await connection.recv())
        connection.transport.pause_reading()
        return made

    async def say(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def drain(self) -> None:
        """Read whatever comes, as the protocol demands, until it is cancelled or closed."""
        self.connection.transport.resume_reading()
        with suppress(ConnectionClosed):
            async for text in self.connection:
                await self._take(text)

    async def _take(self, text: str | bytes) -> None:
        frame = json.loads(text)
        if frame["t"] == "page":
            self.copy.answer(frame)
        elif frame["t"] == "live":
            if not self.copy.live(frame):
                await self.say(**self.copy.join())
        elif frame["t"] == "resync":
            assert frame["why"] == "slow", frame
            self.resyncs += 1
            await self.say(**self.copy.join())


async def open_all(urls: list[str], tenant: KitTenant, page: str, count: int) -> list[SlowReader]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> SlowReader:
        async with slots:
            return await SlowReader.open(urls[number % len(urls)], tenant.token(f"slow{number}", key=1), page)

    return list(await asyncio.gather(*(one(number) for number in range(count))))


async def write_much(load: Load, writer: Writer) -> None:
    """More than anybody's buffers hold, on the writer's first page."""
    page = next(iter(writer.copies))
    for number in range(TEXTS):
        text = f"{number} " + "x" * TEXT
        await writer.perform(page, {"op": "new-chat", "anchor": QUOTE, "text": text})
        await load.until(lambda: len(writer.outbox) < 4, BAR)


async def slow_readers(installation: Installation, *, count: int) -> SlowOutcome:
    """On a busy page of two gateways. One half drains, the other never does."""
    tenant, seed = installation.new_tenant(), random.randrange(2**32)
    async with Load(installation.urls, tenant, seed=seed, rate=2.0) as load:
        writer = load.writers[0]
        page = next(iter(writer.copies))
        slow = await open_all(installation.urls, tenant, page, count)
        growth = Growth(installation)
        database = installation.postgres.url
        others = 0.0
        work = asyncio.create_task(write_much(load, writer))
        while not work.done():
            growth.look()
            others = max(others, await converged(load, database, tenant.name, time.monotonic(), BAR))
        await work
        growth.look()
        draining, stuck = slow[::2], slow[1::2]
        began = time.monotonic()
        readings = [asyncio.create_task(one.drain()) for one in draining]
        head = (await read_truth(database, tenant.name)).heads[page]
        wait = SLOW_GRACE.default / 1000 + BAR
        await load.until(lambda: all(one.copy.joined and one.copy.seq >= head for one in draining), wait)
        drained = time.monotonic() - began
        assert not any(one.copy.broken for one in draining)
        resyncs = Counter(one.resyncs for one in draining)
        assert set(resyncs) == {1}, f"resyncs that one client got: {dict(resyncs)}"

        def left() -> float:
            return sum(gateway.metric(CONNECTIONS.name, transport="websocket") for gateway in installation.gateways)

        limit = time.monotonic() + wait + BAR
        while await apart(left) > len(load.clients) + len(draining):
            assert time.monotonic() < limit, "those who never read were not closed"
            await asyncio.sleep(0.2)
        await check_all(load, database, tenant.name)
        for one in slow:
            one.connection.transport.abort()
        await asyncio.gather(*readings, return_exceptions=True)
    assert not (errors := installation.new_errors()), errors
    outcome = SlowOutcome(count, len(draining), len(stuck), growth.most, others, drained)
    assert outcome.grown <= outcome.bound, str(outcome)
    return outcome
