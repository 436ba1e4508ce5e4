"""A proxy as some companies have them: HTTP only, no Upgrade, and nothing may last longer than it likes."""

import asyncio
from contextlib import suppress

HOST = "127.0.0.1"
READ = 65_536
REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class StrictProxy:
    """Forwards HTTP to `port` as it comes, buffering nothing. A request to upgrade is refused with 403; a connection is
    cut after `seconds`, whatever is under way (None: never). With `hold_streams` an event stream is collected, as if it
    were to be looked through, and nothing of it arrives. `url` is the gateway's through it."""

    def __init__(self, port: int, seconds: float | None = None, *, hold_streams: bool = False) -> None:
        self._port = port
        self._hold_streams = hold_streams
        self._seconds = seconds
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()
        self.url = ""
        self.refused = 0
        self.cut = 0

    async def __aenter__(self) -> "StrictProxy":
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self.url = f"http://{HOST}:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        # Who was accepted a moment ago is served now, and so is among those who are ended.
        await asyncio.sleep(0)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            async with asyncio.timeout(self._seconds):
                await self._serve(reader, writer)
        except TimeoutError:
            self.cut += 1
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"\r\nupgrade:" in head.lower():
            self.refused += 1
            writer.write(REFUSAL)
            await writer.drain()
            return
        far_reader, far = await asyncio.open_connection(HOST, self._port)
        try:
            # One request to a connection: whatever follows is looked at again.
            far.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            sending = asyncio.create_task(_pump(reader, far))
            try:
                if self._hold_streams and b"/events?" in head.partition(b"\r\n")[0]:
                    await far_reader.read()
                else:
                    await _pump(far_reader, writer)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        finally:
            far.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(READ):
            writer.write(data)
            await writer.drain()
