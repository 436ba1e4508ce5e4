"""`python -m kit.echo_server FD`: echoes messages over the gateway's own handshake, frame reader and frame protocol.

A conformance suite needs an echo, and the product has none. Everything under test is the gateway's; added here is what
lies above frames: a message goes back as it came, and a text that is no UTF-8 ends the connection with 1007. (The
gateway reads each text as JSON instead, and answers what is none with an `error`, as the protocol says.)
"""

import asyncio
import socket
import sys

import uvloop
from aiohttp import web

from parley_gateway.core import handshake
from parley_gateway.core.frame_reader import INVALID_TEXT
from parley_gateway.core.websocket_frame import TEXT, text_frame
from parley_gateway.shell.frame_protocol import FrameProtocol, take_over
from parley_runtime.clock import SystemClock

#: Bytes of a message: what the suite's largest case sends. The gateway's own limit is the protocol's 64 KiB.
LIMIT = 16 * 1024 * 1024


class Echo(FrameProtocol):
    """Sends back what comes."""

    full = False

    def on_message(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            try:
                payload.decode()
            except UnicodeDecodeError:
                self.fail(INVALID_TEXT)
                return
        frame = bytearray(text_frame(payload))
        frame[0] = frame[0] & 0xF0 | opcode
        self.write(bytes(frame))


async def serve(listening: socket.socket) -> None:
    """Until the process is ended."""
    clock = SystemClock()

    async def live(request: web.Request) -> web.StreamResponse:
        answer = handshake.answer(request.headers)
        assert request.transport is not None
        return take_over(request, answer, Echo(clock, request.transport, LIMIT))

    app = web.Application()
    app.router.add_get("/", live)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    inherited = socket.socket(fileno=int(sys.argv[1]))
    inherited.setblocking(False)
    uvloop.run(serve(inherited))
