"""What a conversation's frames travel on."""

import json
from contextlib import suppress
from typing import Any, Protocol

import aiohttp

#: Seconds between signs of life; a socket that leaves one unanswered for half as long is cut.
HEARTBEAT = 20.0


class Way(Protocol):
    """`code` and `said`: the close code (0: none) and what its reason says, once `receive` gave None."""

    code: int
    said: dict[str, Any]

    async def send(self, frame: bytes) -> None:
        """Raises nothing: what is lost is asked for, or sent, again on the next way."""

    async def receive(self) -> bytes | str | None:
        """The next frame; None when the way has ended."""

    async def close(self) -> None: ...


class SocketWay:
    """A WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.code = 0
        self.said: dict[str, Any] = {}

    @classmethod
    async def open(cls, session: aiohttp.ClientSession, url: str) -> "SocketWay":
        """Raises what aiohttp raises."""
        timeout = aiohttp.ClientWSTimeout(ws_close=2.0)
        return cls(await session.ws_connect(f"{url}/v1/live", heartbeat=HEARTBEAT, timeout=timeout, max_msg_size=0))

    async def send(self, frame: bytes) -> None:
        if not self._socket.closed:
            with suppress(ConnectionError, aiohttp.ClientError):
                await self._socket.send_str(frame.decode())

    async def receive(self) -> str | None:
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            return str(message.data)
        self.code = self._socket.close_code or 0
        if message.type is aiohttp.WSMsgType.CLOSE:
            self.said = reason(message.extra or "{}")
        return None

    async def close(self) -> None:
        await self._socket.close()


def reason(text: str | bytes) -> dict[str, Any]:
    """What a close frame, or an answer that refuses, says."""
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


class Ladder:
    """Whether the next attempt is a WebSocket, or HTTP because something on the way lets none through."""

    #: Failures in a row until HTTP is tried: at once where a WebSocket never worked.
    UNKNOWN, WORKED = 1, 3
    #: Seconds on HTTP after which a WebSocket is tried again; twice as long each time.
    PROBE, PROBE_CAP = 30.0, 600.0

    def __init__(self) -> None:
        self._patience = self.UNKNOWN
        self._failures = 0
        self.probe = self.PROBE

    @property
    def http(self) -> bool:
        return self._failures >= self._patience

    def ended(self, http: bool, welcomed: bool) -> None:
        """A way has ended; `welcomed`: it worked."""
        if http:
            # Should HTTP fail too, or have been used for long, the next turn is the WebSocket's.
            self._failures = self._patience - 1
            self.probe = min(self.PROBE_CAP, self.probe * 2) if welcomed else self.probe
        elif welcomed:
            self._patience, self._failures, self.probe = self.WORKED, 0, self.PROBE
        else:
            self._failures += 1
