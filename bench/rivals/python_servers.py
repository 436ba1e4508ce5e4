"""Two usual ways to broadcast in Python: `python -m bench.rivals.python_servers aiohttp|websockets SIZE`."""

import asyncio
import os
import sys
from collections.abc import Callable

import uvloop
from aiohttp import WSMsgType, web
from websockets.asyncio.server import ServerConnection, broadcast, serve


async def triggers(act: Callable[[], "asyncio.Future[None] | None"]) -> None:
    """Call `act` for each byte of standard input, until that ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(0, "rb"))
    while data := await reader.read(256):
        for _ in data:
            waiting = act()
            if waiting is not None:
                await waiting


async def aiohttp_server(text: str) -> None:
    """`send_str` to one socket after the other."""
    sockets: set[web.WebSocketResponse] = set()

    async def live(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        sockets.add(socket)
        async for message in socket:
            if message.type is WSMsgType.ERROR:
                break
        sockets.discard(socket)
        return socket

    async def send() -> None:
        for socket in sockets:
            await socket.send_str(text)

    app = web.Application()
    app.add_routes([web.get("/v1/live", live)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    print(runner.addresses[0][1], flush=True)
    await triggers(lambda: asyncio.ensure_future(send()))


async def websockets_server(text: str) -> None:
    """The library's own broadcast."""
    sockets: set[ServerConnection] = set()

    async def live(socket: ServerConnection) -> None:
        sockets.add(socket)
        await socket.wait_closed()
        sockets.discard(socket)

    def send() -> None:
        broadcast(sockets, text)

    async with serve(live, "127.0.0.1", 0, compression=None, ping_interval=None, backlog=4096) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await triggers(send)


def main() -> None:
    which, size = sys.argv[1], int(sys.argv[2])
    head = '{"t":"live","event":"'
    text = head + "x" * (size - len(head))
    uvloop.run({"aiohttp": aiohttp_server, "websockets": websockets_server}[which](text))


if __name__ == "__main__":
    main()
