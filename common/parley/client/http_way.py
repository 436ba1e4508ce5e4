"""The whole conversation over HTTP, for where no WebSocket comes through: an event stream for each page, or long polls,
and a request for each change."""

import asyncio
import json
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import aiohttp

from parley.client.ways import reason
from parley.pages import encode_page

#: Seconds within which a stream says something (the gateway does at once), or something on the way holds it back.
FIRST = 5.0
#: Seconds without a word after which a stream is dead: the gateway's comments come every 25 s.
IDLE = 40.0
#: Milliseconds for which the gateway may hold a question back.
WAIT_MS = 25_000
#: Seconds for one answer to what does not wait.
ANSWER = 30.0


class HttpWay:
    """See `Way`. `streams`: event streams come through here as far as is known; else it asks long questions."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str, *, streams: bool, probe: float) -> None:
        self._session = session
        self._url = url
        self._token = token
        self.streams = streams
        self.code = 0
        self.said: dict[str, Any] = {}
        self._client = ""
        self._frames: asyncio.Queue[bytes | str | None] = asyncio.Queue()
        self._pages: dict[str, asyncio.Task[None]] = {}
        self._changes: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._spawn(self._send_changes())
        # Then a WebSocket is tried again.
        self._probe = asyncio.get_running_loop().call_later(probe, self._frames.put_nowait, None)

    async def send(self, frame: bytes) -> None:
        said = json.loads(frame)
        match said["t"]:
            case "hello":
                self._client = said["client"]
                self._spawn(self._greet(said["token"]))
            case "renew":
                self._spawn(self._greet(said["token"]))
            case "join":
                self._leave(said["page"])
                self._pages[said["page"]] = self._spawn(self._follow(said["page"], said.get("since")))
            case "leave":
                self._leave(said["page"])
            case "do":
                self._changes.put_nowait(said)

    async def receive(self) -> bytes | str | None:
        frame = await self._frames.get()
        if frame is None:
            await self.close()
        return frame

    async def close(self) -> None:
        self._probe.cancel()
        mine = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not mine]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._frames.put_nowait(None)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        async def guarded() -> None:
            try:
                await work
            except (aiohttp.ClientError, OSError, ValueError):
                self._frames.put_nowait(None)

        task = asyncio.create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _leave(self, page: str) -> None:
        if (task := self._pages.pop(page, None)) is not None:
            task.cancel()

    def _fail(self, status: int, body: bytes | str, page: str | None = None) -> None:
        """What the gateway refused ends this way; a page that one may not see ends alone."""
        said = reason(body)
        code = str(said.get("code", ""))
        if code == "forbidden" and page is not None:
            self._pages.pop(page, None)
            self._say({"message": "", **said, "t": "error", "code": code, "page": page})
            return
        self.said = said
        if status == 401 or code.startswith("token-"):
            self.code = 4401
        elif code in ("origin-refused", "suspended"):
            self.code = 4403
        elif code == "over-limit":
            self.code = 4429
        self._frames.put_nowait(None)

    def _say(self, frame: dict[str, Any]) -> None:
        self._frames.put_nowait(json.dumps(frame))

    def _address(self, page: str, what: str, **query: object) -> str:
        asked = urlencode({"client": self._client, **query})
        return f"{self._url}/v1/pages/{encode_page(page)}/{what}?{asked}"

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    async def _ask(
        self, method: str, url: str, body: bytes | None = None, seconds: float = ANSWER
    ) -> tuple[int, bytes]:
        headers = {**self._headers(), **({} if body is None else {"Content-Type": "application/json"})}
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with self._session.request(method, url, data=body, headers=headers, timeout=timeout) as answer:
            return answer.status, await answer.read()

    async def _greet(self, token: str) -> None:
        self._token = token
        status, body = await self._ask("GET", f"{self._url}/v1/welcome")
        if status == 200:
            self._frames.put_nowait(body)
        else:
            self._fail(status, body)

    async def _send_changes(self) -> None:
        """One after the other, as on a socket."""
        while True:
            do = await self._changes.get()
            status, body = await self._ask("POST", self._address(do["page"], "operations"), json.dumps(do).encode())
            if status == 200:
                self._frames.put_nowait(body)
            elif status == 401:
                self._fail(status, body)
            else:
                about = {"page": do["page"], "broadcastId": do["broadcastId"]}
                said = {"code": "internal", "message": "", "help": "", **reason(body)}
                self._say({**said, "t": "error", **about})

    async def _follow(self, page: str, since: dict[str, Any] | None) -> None:
        if self.streams and await self._stream(page, since):
            return
        self.streams = False
        await self._poll(page, since)

    async def _stream(self, page: str, since: dict[str, Any] | None) -> bool:
        """Until it ends, and this way with it. False: it is held back on the way."""
        headers = self._headers()
        if since is not None:
            headers["Last-Event-ID"] = f"{since['epoch']}:{since['seq']}"
        timeout = aiohttp.ClientTimeout(total=None, sock_read=IDLE)
        response: aiohttp.ClientResponse | None = None
        try:
            async with asyncio.timeout(FIRST):
                response = await self._session.get(self._address(page, "events"), headers=headers, timeout=timeout)
                line = await response.content.readline() if response.status == 200 else b""
        except TimeoutError:
            if response is not None:
                response.close()
            return False
        try:
            if response.status != 200:
                self._fail(response.status, await response.read(), page)
                return True
            while line:
                if line.startswith(b"data:"):
                    self._event(page, line[5:].strip())
                line = await response.content.readline()
            self._frames.put_nowait(None)
            return True
        finally:
            response.close()

    def _event(self, page: str, data: bytes) -> None:
        if data.startswith(b'{"t":"error"') and "broadcastId" not in reason(data):
            self._fail(0, data, page)  # a stream's last word
        else:
            self._frames.put_nowait(data)

    async def _poll(self, page: str, since: dict[str, Any] | None) -> None:
        query: dict[str, object] = {} if since is None else {**since}
        while True:
            seconds = query.get("waitMs", 0)
            assert isinstance(seconds, int)
            status, body = await self._ask(
                "GET", self._address(page, "changes", **query), seconds=ANSWER + seconds / 1000
            )
            if status != 200:
                self._fail(status, body, page)
                return
            self._frames.put_nowait(body)
            said = reason(body)
            query = {"epoch": said["epoch"], "seq": said["seq"], "readers": said["readers"], "waitMs": WAIT_MS}
            if said.get("more") is True:
                query["waitMs"] = 0
            for typing in said.get("typing", ()):
                with suppress(TypeError):
                    self._say(typing)
