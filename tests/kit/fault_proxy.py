"""A TCP proxy that fails on demand, and sees which usage records pass through it to Redis."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import urlsplit

from kit.usage_tap import UsageTap

HOST = "127.0.0.1"
READ = 65_536

Mode = Literal["pass", "hole", "cut"]


class FaultProxy:
    """Listens on a port of its own and forwards to the server of `url`, in a thread of its own.

    `hole()`: connections stay open and are accepted, and nothing passes any more. `cut()`: they are reset, new ones
    too. `heal()`: new connections pass; what was in the hole is gone with its connections, as behind a firewall that
    forgot them. `url` is the same URL through the proxy.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname and parts.port
        self._server = parts.hostname, parts.port
        self._mode: Mode = "pass"
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter | None]] = set()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        #: Usage records that went by, sealed by whichever run.
        self.tap = UsageTap()
        self.port = 0
        self._thread = threading.Thread(target=self._run, name="fault proxy", daemon=True)
        self._thread.start()
        self._ready.wait()
        self.url = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{HOST}:{self.port}").geturl()

    def hole(self) -> None:
        """Let nothing pass, and say nothing."""
        self._do(lambda: self._switch("hole"))

    def cut(self) -> None:
        """Reset everything."""
        self._do(lambda: self._switch("cut"))

    def heal(self) -> None:
        """Forward new connections again."""
        self._do(lambda: self._switch("pass"))

    def close(self) -> None:
        """End the thread and all connections."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _do(self, work: Callable[[], Any]) -> None:
        done = threading.Event()

        def run() -> None:
            work()
            done.set()

        self._loop.call_soon_threadsafe(run)
        done.wait()

    def _switch(self, mode: Mode) -> None:
        self._mode = mode
        if mode != "hole":
            self._reset_all()

    def _reset_all(self) -> None:
        for near, far in self._pairs:
            near.transport.abort()
            if far is not None:
                far.transport.abort()

    def _run(self) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(asyncio.start_server(self._serve, HOST, 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        loop.run_forever()
        server.close()
        self._reset_all()
        # Without their sockets they all end by themselves.
        loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(loop), return_exceptions=True))
        loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter | None] = (writer, None)
        self._pairs.add(pair)
        try:
            if self._mode == "cut":
                writer.transport.abort()
            elif self._mode == "hole":
                while await reader.read(READ):
                    pass
            else:
                far_reader, far = await asyncio.open_connection(*self._server)
                if self._mode != "pass":
                    far.transport.abort()
                    raise ConnectionResetError
                self._pairs.discard(pair)
                pair = (writer, far)
                self._pairs.add(pair)
                await asyncio.gather(
                    self._forward(reader, far, self.tap.connection()), self._forward(far_reader, writer, None)
                )
        except OSError:
            pass
        finally:
            self._pairs.discard(pair)
            for end in pair:
                if end is not None:
                    end.transport.abort()

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, see: Callable[[bytes], None] | None
    ) -> None:
        while data := await reader.read(READ):
            if self._mode == "hole":
                continue
            if see is not None:
                see(data)
            writer.write(data)
            await writer.drain()
        # One side has ended: neither has anything more to say.
        raise ConnectionResetError
