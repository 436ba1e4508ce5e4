"""Connections that never finish asking are ended, so that they cannot use up the gateway's sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from aiohttp import web

from kit.http_world import HttpWorld
from kit.waiting import until
from parley_gateway.shell.http_access import BODY_WAIT
from parley_gateway.shell.silent_connections import REQUEST_WAIT, SILENCE_TICK, SilentConnections

REQUEST = b"GET / HTTP/1.1\r\nHost: parley\r\n\r\n"
HALF_A_HEAD = b"GET /v1/live HTTP/1.1\r\nHost: parley\r\nX-Slow: "

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def silent() -> SilentConnections:
    return SilentConnections()


@pytest.fixture
async def server(silent: SilentConnections) -> AsyncIterator[web.AppRunner]:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application(middlewares=[silent.middleware])
    app.add_routes([web.get("/", hello)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner
    await runner.cleanup()


async def connect(address: tuple[str, int], sent: bytes) -> Streams:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(sent)
    await writer.drain()
    return reader, writer


async def read(reader: asyncio.StreamReader, most: int = -1) -> bytes:
    """What comes until the end; a connection whose bytes nobody read any more ends with a reset."""
    try:
        return await reader.read(most)
    except ConnectionResetError:
        return b""


async def close(streams: list[Streams]) -> None:
    for _, writer in streams:
        writer.close()
        with suppress(ConnectionResetError):
            await writer.wait_closed()


async def test_only_connections_without_a_request_are_ended(silent: SilentConnections, server: web.AppRunner) -> None:
    served = server.server
    assert served is not None
    streams = [await connect(server.addresses[0], sent) for sent in (REQUEST, b"", HALF_A_HEAD)]
    (asked, its_writer), *others = streams
    async with asyncio.timeout(5):
        assert b"200 OK" in await asked.readuntil(b"hello")
        await until(lambda: len(served.connections) == len(streams))
    silent.sweep(served.connections, 100.0)
    silent.sweep(served.connections, 100.0 + REQUEST_WAIT - 0.1)
    assert not any(reader.at_eof() for reader, _ in streams)
    silent.sweep(served.connections, 100.0 + REQUEST_WAIT)
    async with asyncio.timeout(5):
        assert [await read(reader) for reader, _ in others] == [b"", b""]
        its_writer.write(REQUEST)
        assert b"200 OK" in await asked.readuntil(b"hello")
    await close(streams)


async def test_a_gateway_waits_neither_for_a_head_nor_for_a_body_for_ever(world: HttpWorld) -> None:
    ann = world.reader(await world.tenant())
    half_a_body = (
        "POST /v1/pages/YQ/operations HTTP/1.1\r\nHost: parley\r\nContent-Length: 500\r\n"
        f"Authorization: {ann.headers['Authorization']}\r\n\r\n{{"
    ).encode()
    host, port = world.gateway.address.split(":")
    streams = [await connect((host, int(port)), sent) for sent in (b"", HALF_A_HEAD, half_a_body)]
    async with asyncio.timeout(max(REQUEST_WAIT + 2 * SILENCE_TICK, BODY_WAIT) + 5):
        assert [await read(reader, 1) for reader, _ in streams] == [b"", b"", b"H"]
        status = await streams[-1][0].readline()
    assert b" 400 " in status
    await close(streams)
