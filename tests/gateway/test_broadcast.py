"""Frames past the transports: whole, in order, to nobody else; whatever else is written, and whoever comes and goes."""

import asyncio
import random
import socket
import struct
from collections.abc import Iterator

import pytest
import uvloop

from kit.broadcast_world import BroadcastWorld, Client
from parley_gateway.shell import send_ring
from parley_gateway.shell.send_ring import SendRing
from parley_gateway.shell.send_to_all import SendToAll, send_to_all

#: Closing with this set resets the connection, whatever waits.
RESET = struct.pack("ii", 1, 0)


@pytest.fixture(params=["a call for each", "io_uring"])
def send(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[SendToAll]:
    """Each way to send to many; the ring also for a few. Where the kernel has none, it is not there to be tried."""
    if request.param == "a call for each":
        yield send_to_all
        return
    monkeypatch.setattr(send_ring, "WORTHWHILE", 1)
    try:
        ring = SendRing()
    except OSError as problem:
        pytest.skip(f"io_uring is not allowed here: {problem}")
    yield ring
    ring.close()


@pytest.mark.parametrize("seed", range(8))
def test_every_byte_is_its_own(seed: int, send: SendToAll) -> None:
    uvloop.run(_storm(seed, send))


async def _storm(seed: int, send: SendToAll) -> None:
    """Slow readers with small buffers, answers in between, connections that end in every way, and new ones at once."""
    async with BroadcastWorld(seed, send) as world:
        dice, names = world.dice, list(world.pages)
        for _ in range(60):
            await world.connect(dice.choice(names))
        for _ in range(80):
            alive = [client for client in world.clients if not client.ended and not client.server.closing]
            for _ in range(dice.randint(1, 4)):
                for client in dice.sample(alive, 8):
                    _say(world, client, dice)
                await world.broadcast(dice.choice(names))
            if dice.random() < 0.5:
                for client in dice.sample(alive, 3):
                    _end(client, dice)
                    await world.connect(dice.choice(names))
            if dice.random() < 0.3:
                await asyncio.sleep(0.002)  # sockets drain, or not: any interleaving
        for name in names:
            await world.broadcast(name)
        lasting = [client for client in world.clients if not client.server.closing]
        await world.until(lambda: all(c.ended or c.wrong or c.next > world.numbers[c.page] for c in lasting))
        world.check()
        assert len(lasting) > 20
        assert not any(client.ended for client in lasting)
        assert world.seen["partly"] > 50 and world.seen["refused"], world.seen
        assert sum(times > 1 for times in world.descriptors.values()) > 20, "no descriptor was used again"


def _say(world: BroadcastWorld, client: Client, dice: random.Random) -> None:
    if dice.random() < 0.7:
        world.tell(client)
    elif client.pinged < 10:
        client.ping()


def _end(client: Client, dice: random.Random) -> None:
    """In one of the ways in which connections end: by the server, or by the client."""
    match dice.randint(0, 4):
        case 0:
            client.server.close(4000)
        case 1:
            client.server.abort()
        case 2:
            client.server.fail(1002)
        case 3:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.task.cancel()
            client.task.add_done_callback(lambda _: client.sock.close())
        case 4:
            client.sock.shutdown(socket.SHUT_WR)


def test_what_is_counted_is_what_is_received(send: SendToAll) -> None:
    uvloop.run(_counted(send))


async def _counted(send: SendToAll) -> None:
    async with BroadcastWorld(0, send) as world:
        for _ in range(30):
            await world.connect(world.dice.choice(list(world.pages)))
        for _ in range(50):
            await world.broadcast(world.dice.choice(list(world.pages)))
            if world.dice.random() < 0.2:
                await asyncio.sleep(0.001)  # some drain in between
        for name in world.pages:
            await world.broadcast(name)
        await world.until(lambda: all(c.wrong or c.next > world.numbers[c.page] for c in world.clients))
        world.check()
        assert world.seen["partly"] > 10
        sums: dict[str, tuple[int, int]] = {}
        for line in world.meter.seal(0):
            messages, size = sums.get(line.tenant, (0, 0))
            sums[line.tenant] = messages + line.messages, size + line.bytes
        for name in world.pages:
            readers = [client for client in world.clients if client.page == name]
            assert sums[name] == (sum(c.frames for c in readers), sum(c.bytes for c in readers))
