"""A TCP proxy that fails on demand, and sees which usage records pass through it to Redis."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import urlsplit

from kit.usage_tap import UsageTap

HOST = "127.0.0.1"
READ = 65_536
#: Close with a reset, not in order: no lingering.
_RESET = struct.pack("ii", 1, 0)

Mode = Literal["pass", "hole", "cut"]


class FaultProxy:
    """Listens on a port of its own and forwards to the server of `url`, in a thread of its own.

    `hole()`: connections stay open and are accepted, and nothing passes any more. `cut()`: they are reset, new ones
    too. `reset()`: they are reset, and new ones pass. `half_open()`: what is connected is in a hole, new ones pass.
    `delay()`: everything comes later. `trickle()`: what the server says passes slowly, and backs up to it. `heal()`:
    new connections pass as if nothing had been; what was in a hole or late is reset, as behind a firewall that forgot
    it. `retarget()`: new connections go elsewhere. `url` is the same URL through the proxy.
    """

    def __init__(self, url: str, *, tapped: bool = False, host: str = HOST) -> None:
        parts = urlsplit(url)
        self._server = self._address(url)
        self._mode: Mode = "pass"
        self._delay = 0.0
        self._rate = 0.0
        self._pairs: set[_Pair] = set()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._tapped = tapped
        #: Usage records that went by, sealed by whichever run.
        self.tap = UsageTap()
        self.port = 0
        self._thread = threading.Thread(target=self._run, name="fault proxy", daemon=True)
        self._thread.start()
        self._ready.wait()
        login, at, _ = parts.netloc.rpartition("@")
        self.url = parts._replace(netloc=f"{login}{at}{host}:{self.port}").geturl()

    def hole(self) -> None:
        """Let nothing pass, and say nothing."""
        self._do(lambda: self._switch("hole"))

    def cut(self) -> None:
        """Reset everything."""
        self._do(lambda: self._switch("cut"))

    def reset(self) -> None:
        """Reset what is connected."""
        self._do(self._reset_all)

    def half_open(self) -> None:
        """Forget what is connected, without a word to either side."""

        def forget() -> None:
            for pair in self._pairs:
                pair.forgotten = True

        self._do(forget)

    def delay(self, seconds: float) -> None:
        """Let everything wait so long, each way."""
        self._delay = seconds

    def trickle(self, bytes_per_second: float) -> None:
        """Let what the server says pass at this rate."""
        self._rate = bytes_per_second

    def heal(self) -> None:
        """Forward new connections again."""
        self._delay = self._rate = 0.0
        self._do(lambda: self._switch("pass"))

    def retarget(self, url: str) -> None:
        """The server is elsewhere now; nothing happens if it is not."""
        if self._server != (address := self._address(url)):
            self._server = address
            self.heal()

    def close(self) -> None:
        """End the thread and all connections."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @staticmethod
    def _address(url: str) -> tuple[str, int]:
        parts = urlsplit(url)
        assert parts.hostname and parts.port
        return parts.hostname, parts.port

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
        for pair in self._pairs:
            pair.reset()

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
        pair = _Pair(writer)
        self._pairs.add(pair)
        try:
            if self._mode == "hole":
                while await reader.read(READ):
                    pass
            elif self._mode == "pass":
                far_reader, pair.far = await asyncio.open_connection(*self._server)
                if self._mode == "pass":
                    see = self.tap.connection() if self._tapped else None
                    await asyncio.gather(
                        self._forward(pair, reader, pair.far, see), self._forward(pair, far_reader, writer, None)
                    )
        except OSError:
            pass
        finally:
            self._pairs.discard(pair)
            pair.end()

    async def _forward(
        self,
        pair: "_Pair",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        see: Callable[[bytes], None] | None,
    ) -> None:
        while True:
            rate = self._rate if writer is pair.near else 0.0
            data = await reader.read(max(1, int(rate / 10)) if rate else READ)
            if not data:
                # One side has ended: neither has anything more to say.
                raise ConnectionResetError
            if self._mode == "hole" or pair.forgotten:
                continue
            if rate or self._delay:
                await asyncio.sleep(self._delay or len(data) / rate)
            if see is not None:
                see(data)
            writer.write(data)
            await writer.drain()


class _Pair:
    """Two connections that are one to those at their ends."""

    def __init__(self, near: asyncio.StreamWriter) -> None:
        self.near = near
        self.far: asyncio.StreamWriter | None = None
        self.forgotten = False

    def end(self) -> None:
        """In order: what was said before still arrives."""
        for end in (self.near, self.far):
            if end is not None:
                end.close()

    def reset(self) -> None:
        for end in (self.near, self.far):
            if end is not None and not end.transport.is_closing():
                if (peer := end.transport.get_extra_info("socket")) is not None:
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.transport.abort()
