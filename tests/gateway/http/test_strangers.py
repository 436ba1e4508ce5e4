"""What strangers do to a gateway costs them more than it: each attack is bounded and ended, and readers are served."""

import asyncio
import gzip
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from kit.gateway import GatewayProcess
from kit.http_world import HttpWorld, gateway_alone, http_world, new_chat
from kit.tenants import KitTenant
from kit.waiting import until
from kit.wire_client import WireClient
from parley import limits
from parley.client_frames import parse, parse_do
from parley.errors import BadInput
from parley_gateway.core.address_rates import BURST_SECONDS
from parley_gateway.shell.silent_connections import REQUEST_WAIT, SILENCE_TICK
from parley_runtime.embedded import PostgresServer

pytestmark = pytest.mark.servers

MIB = 1024 * 1024
#: Connections of one attack.
MANY = 300
#: Bytes by which a gateway may grow for one of them: sockets, buffers, and what the allocator keeps.
EACH = 64 * 1024
#: New connections per second that the gateway of these tests allows one address.
PER_SECOND = 3

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, database_template: str
) -> Iterator[tuple[GatewayProcess, str]]:
    """A gateway behind a proxy on this machine; whoever names no client is no client of the proxy, and is not bound."""
    settings = {"TRUSTED_PROXIES": '["127.0.0.0/8"]', "CONNECTIONS_PER_ADDRESS": str(PER_SECOND)}
    with gateway_alone(tmp_path_factory.mktemp("strangers"), postgres_server, database_template, settings) as alone:
        yield alone


@pytest.fixture
async def world(servers: tuple[GatewayProcess, str]) -> AsyncIterator[HttpWorld]:
    async with http_world(servers) as world:
        yield world


async def dial(world: HttpWorld, sent: bytes = b"") -> Streams:
    host, port = world.gateway.address.split(":")
    streams = await asyncio.open_connection(host, int(port))
    streams[1].write(sent)
    return streams


def handshake(*headers: str) -> bytes:
    lines = [
        "GET /v1/live HTTP/1.1", "Host: parley", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *headers, "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def frame(first: int, payload: bytes = b"") -> bytes:
    """A client's frame, masked with zeros. `first`: flags and opcode."""
    size = len(payload)
    head = bytes([first, 0x80 | size]) if size < 126 else bytes([first, 0xFE]) + size.to_bytes(2, "big")
    return head + bytes(4) + payload


async def rest(reader: asyncio.StreamReader, seconds: float = 20) -> bytes:
    """All that comes until the connection ends."""
    got = b""
    async with asyncio.timeout(seconds):
        with suppress(ConnectionError):
            while part := await reader.read(65_536):
                got += part
    return got


def closed_with(answer: bytes) -> int:
    """The code of the close frame at the end."""
    frames, code = answer.partition(b"\r\n\r\n")[2] if answer.startswith(b"HTTP") else answer, 0
    while frames:
        size, head = frames[1] & 0x7F, 2
        if size == 126:
            size, head = int.from_bytes(frames[2:4], "big"), 4
        if frames[0] & 0xF == 8:
            code = int.from_bytes(frames[2:4], "big")
        frames = frames[head + size :]
    return code


async def end(*streams: Streams) -> None:
    for _, writer in streams:
        writer.close()
    for _, writer in streams:
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def bounded(world: HttpWorld, tenant: KitTenant, bytes_: int) -> AsyncIterator[None]:
    """Meanwhile readers are served; at the end the gateway has not grown by more than that."""
    process = psutil.Process(world.gateway.pid)
    ann = await WireClient.open(world.gateway.live_url, tenant.token("ann"))
    before, slowest, done = process.memory_info().rss, 0.0, asyncio.Event()

    async def read_on() -> None:
        nonlocal slowest
        while True:
            started = time.monotonic()
            await ann.ping()
            slowest = max(slowest, time.monotonic() - started)
            if done.is_set():
                return
            await asyncio.sleep(0.05)  # a reader's pace, not a wait

    reading = asyncio.create_task(read_on())
    try:
        yield
    finally:
        done.set()
        await reading
        await ann.close()
    grown = process.memory_info().rss - before
    print(f"grown by {grown / MIB:.1f} MiB, slowest answer meanwhile {slowest * 1000:.0f} ms")
    assert grown <= bytes_
    assert slowest < 5


async def test_heads_that_come_byte_by_byte(world: HttpWorld) -> None:
    tenant = await world.tenant()
    async with bounded(world, tenant, MANY * EACH):
        streams = [await dial(world, handshake()[:60]) for _ in range(MANY)]
        started = time.monotonic()

        async def trickle(streams: Streams) -> None:
            with suppress(ConnectionError):
                while not streams[0].at_eof():
                    streams[1].write(b"x")
                    await streams[1].drain()
                    await asyncio.sleep(0.5)  # slowness is the attack

        trickling = [asyncio.create_task(trickle(each)) for each in streams]
        await asyncio.gather(*(rest(reader) for reader, _ in streams))
        assert time.monotonic() - started < REQUEST_WAIT + 2 * SILENCE_TICK + 3, "a byte now and then buys no time"
        for task in trickling:
            task.cancel()
        await asyncio.gather(*trickling, return_exceptions=True)
        await end(*streams)


async def test_sockets_without_a_hello(world: HttpWorld) -> None:
    tenant = await world.tenant()
    async with bounded(world, tenant, MANY * EACH):
        streams = [await dial(world, handshake() + frame(0x89)) for _ in range(MANY)]
        answers = await asyncio.gather(*(rest(reader) for reader, _ in streams))
        assert {closed_with(answer) for answer in answers} == {4408}
        await end(*streams)


@pytest.mark.parametrize(
    ("flood", "code"),
    [
        pytest.param(frame(0x89, b"x" * 125), 4429, id="pings"),
        pytest.param(frame(0x8A), 4429, id="pongs"),
        pytest.param(frame(0x81, b'{"t":"ping"}'), 4400, id="texts before the hello"),
    ],
)
async def test_floods_of_frames(world: HttpWorld, flood: bytes, code: int) -> None:
    tenant = await world.tenant()
    async with bounded(world, tenant, 8 * MIB):
        reader, writer = await dial(world, handshake() + flood * 100_000)
        assert closed_with(await rest(reader)) == code
        await end((reader, writer))


@pytest.mark.parametrize(
    ("size", "code"), [pytest.param(0, 4429, id="empty"), pytest.param(1_000, 4413, id="of a message without end")]
)
async def test_floods_of_fragments(world: HttpWorld, size: int, code: int) -> None:
    tenant = await world.tenant()
    async with bounded(world, tenant, 8 * MIB):
        flood = frame(0x01, b"x") + frame(0x00, b"x" * size) * 20_000
        reader, writer = await dial(world, handshake() + flood)
        assert closed_with(await rest(reader)) == code
        await end((reader, writer))


async def test_pings_whose_pongs_nobody_reads(world: HttpWorld) -> None:
    tenant = await world.tenant()
    async with bounded(world, tenant, 8 * MIB):
        reader, writer = await dial(world, handshake())
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(20):
            with suppress(ConnectionError):
                while True:
                    writer.write(frame(0x89, b"x" * 125) * 1_000)
                    await writer.drain()
        await end((reader, writer))


async def test_compression_is_not_negotiated_and_a_compressed_frame_is_refused(world: HttpWorld) -> None:
    bomb = frame(0xC1, gzip.compress(bytes(30 * MIB))[:60_000])
    tenant = await world.tenant()
    async with bounded(world, tenant, 8 * MIB):
        reader, writer = await dial(world, handshake("Sec-WebSocket-Extensions: permessage-deflate") + bomb)
        answer = await rest(reader)
        head = answer.partition(b"\r\n\r\n")[0].lower()
        assert head.startswith(b"http/1.1 101 ") and b"extensions" not in head
        assert closed_with(answer) == 1002
        await end((reader, writer))


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_body_that_unpacks_to_much(world: HttpWorld, coding: str) -> None:
    tenant = await world.tenant()
    packed = gzip.compress(json.dumps(new_chat("x" * 60 * MIB)).encode())
    async with bounded(world, tenant, 16 * MIB):
        reader = world.reader(tenant)
        answer = await reader.ask("POST", "/operations", data=packed, headers={"Content-Encoding": coding})
        assert answer.status in (400, 413) and answer.json["code"] in ("bad-frame", "too-big")


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(handshake("X-Long: " + "x" * 100_000), id="100,000 bytes in one header"),
        pytest.param(handshake(*(f"X-{number}: {'y' * 90}" for number in range(1_000))), id="1,000 headers"),
        pytest.param(
            handshake(*(f"X-{number}: {'y' * 2_000}" for number in range(50))), id="100,000 bytes in 50 headers"
        ),
        pytest.param(b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: parley\r\n\r\n", id="100,000 bytes of path"),
        pytest.param(handshake("X-Long: " + "x" * 100_000)[:-4], id="a header without end"),
    ],
)
async def test_a_head_of_100_000_bytes(world: HttpWorld, head: bytes) -> None:
    tenant = await world.tenant()
    async with bounded(world, tenant, 8 * MIB):
        reader, writer = await dial(world, head)
        async with asyncio.timeout(20):
            answer = await reader.readline()
        assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 ", b"HTTP/1.1 413 "))
        await end((reader, writer))


def test_names_that_collide_cost_no_more_than_others() -> None:
    """A frame's objects are read into structs, unknown members are skipped; where a dict is made, its hash is keyed."""
    assert sys.hash_info.algorithm.startswith("siphash") and sys.flags.hash_randomization
    # Names of one length that differ in few bits: the food of weak hashes.
    names = [f"{number:05x}" for number in range(5_000)]
    flood = json.dumps({"t": "ping", **dict.fromkeys(names, 0)}).encode()
    same = json.dumps({"t": "ping", "x": [0] * 30_000}).encode()
    assert len(flood) <= limits.FRAME.default
    nested = json.dumps({"op": "resolve", "broadcastId": "b", "x": dict.fromkeys(names, 0)}).encode()
    started = time.thread_time()
    for _ in range(20):
        parse(flood)
        parse(same)
        with suppress(BadInput):
            parse_do(nested, "p")
    each = (time.thread_time() - started) / 60
    assert each < 0.02, f"{each * 1000:.1f} ms"


# One address


def behind(world: HttpWorld, *chain: str) -> dict[str, str]:
    return {"X-Forwarded-For": ", ".join(chain)}


async def connect(world: HttpWorld, headers: dict[str, str]) -> Any:
    """The answer to a handshake."""
    wanted = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **headers,
    }  # fmt: skip
    async with world.session.get(f"{world.gateway.url}/v1/live", headers=wanted) as answer:
        return answer.status, answer.headers.copy(), await answer.read() if answer.status != 101 else b""


async def test_new_connections_of_one_address(world: HttpWorld) -> None:
    statuses = []
    for number in range(PER_SECOND * BURST_SECONDS + 20):
        # Whatever the client itself wrote to the left.
        status, headers, body = await connect(world, behind(world, f"1.1.1.{number}", "8.8.8.8"))
        statuses.append(status)
        if status == 429:
            break
    assert statuses[:-1] == [101] * (len(statuses) - 1) and len(statuses) > PER_SECOND * BURST_SECONDS
    assert status == 429 and int(headers["Retry-After"]) >= 1
    problem = json.loads(body)
    assert problem["code"] == "over-limit" and 0 < problem["retryInMs"] <= 1_000 and problem["help"]
    assert (await connect(world, behind(world, "8.8.4.4")))[0] == 101, "another address"

    async def comes_in() -> bool:
        return bool((await connect(world, behind(world, "8.8.8.8")))[0] == 101)

    await until(comes_in)


async def test_one_customers_ipv6_addresses_count_together(world: HttpWorld) -> None:
    statuses = [
        (await connect(world, behind(world, f"2001:4860:1:2::{number:x}")))[0]
        for number in range(PER_SECOND * BURST_SECONDS + 20)
    ]
    assert 429 in statuses
    assert (await connect(world, behind(world, "2001:4860:1:3::1")))[0] == 101


async def test_failed_logins_of_one_address(world: HttpWorld) -> None:
    tenant = await world.tenant()
    wrong, right = world.anybody("a.b.c"), world.reader(tenant)
    mine = behind(world, "9.9.9.9")
    for _ in range(PER_SECOND * BURST_SECONDS + 20):
        answer = await wrong.ask("GET", "/chats", headers=mine)
        if answer.status == 429:
            break
        assert answer.status == 401
    assert answer.status == 429 and answer.json["retryInMs"] > 0 and answer.headers["Retry-After"]
    assert (await right.ask("GET", "/chats", headers=mine)).status == 429
    assert (await right.ask("GET", "/chats", headers=behind(world, "9.9.9.10"))).status == 200

    async def let_in() -> bool:
        return (await right.ask("GET", "/chats", headers=mine)).status != 429

    await until(let_in)


async def test_operations_of_one_reader_over_all_its_connections(world: HttpWorld) -> None:
    tenant = await world.tenant(limits={"operationsPerReader": 2})
    ann, bo = world.reader(tenant, "ann"), world.reader(tenant, "bo")
    socket = await WireClient.open(world.gateway.live_url, tenant.token("ann"))
    assert socket.frames[0]["limits"]["operationsPerReader"] == 2
    answers = [await ann.ask("POST", "/operations", json=new_chat()) for _ in range(12)]
    refused = [answer for answer in answers if answer.status == 429]
    assert len(answers) - len(refused) >= 8 and refused[0].json["retryInMs"] > 0
    members = {name: value for name, value in new_chat().items() if name not in ("op", "broadcastId")}
    identity = await socket.submit("p", "new-chat", **members)
    await socket.until(lambda: socket.outcomes[identity])
    assert socket.outcomes[identity][0].get("code") == "over-limit"
    assert (await bo.ask("POST", "/operations", json=new_chat())).status == 200
    await socket.close()
