"""What the HTTP tests share: one gateway on real servers, tenants of their own, and an independent client."""

import asyncio
import base64
import itertools
import json
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import redis

from kit.gateway import GatewayProcess
from kit.servers import execute, run_apart
from kit.tenants import ORIGIN, KitTenant, add_tenant
from kit.waiting import PATIENCE, until
from parley.redis_keys import BODY, Keys
from parley.usage import decode_record
from parley_runtime.embedded import PostgresServer, ValkeyServer

PAGE = "https://acme.test/post/7"

_numbers = itertools.count(1)


def path_of(page: str) -> str:
    """base64url without padding, by our own hand."""
    return base64.urlsafe_b64encode(page.encode()).decode().rstrip("=")


def anchor(exact: str = "a sentence") -> dict[str, Any]:
    return {"quote": {"exact": exact, "prefix": "", "suffix": ""}, "position": {"start": 0, "end": len(exact)}}


def new_chat(text: str = "Why?", **members: Any) -> dict[str, Any]:
    return {"broadcastId": str(uuid.uuid4()), "op": "new-chat", "anchor": anchor(), "text": text, **members}


def reply(chat: str, text: str = "Because.") -> dict[str, Any]:
    return {"broadcastId": str(uuid.uuid4()), "op": "reply", "chat": chat, "text": text}


@dataclass(frozen=True)
class Answer:
    """One whole answer; `size` is its body's after content-encoding was undone."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def size(self) -> int:
        return len(self.body)


@dataclass(frozen=True)
class StreamEvent:
    """One server-sent event. `raw`: its text from `id:` (or `event:`) to the blank line, that included."""

    raw: bytes
    event: str
    id: str | None
    data: Any


class Stream:
    """An open event stream, read by the standard's rules."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self.events: list[StreamEvent] = []
        self.comments = 0

    async def next(self, seconds: float = PATIENCE) -> StreamEvent | None:
        """The next event, or None at the end of the stream."""
        lines: list[bytes] = []
        async with asyncio.timeout(seconds):
            while line := await self._response.content.readuntil(b"\n", max_size=100_000):
                if line == b"\n":
                    if lines:
                        return self._take(lines)
                elif line.startswith(b":"):
                    self.comments += 1
                else:
                    lines.append(line)
        assert not lines, "the stream ended within an event"
        return None

    async def until(self, event: str, seconds: float = PATIENCE) -> StreamEvent:
        """The next event of that name; others are passed over."""
        while True:
            found = await self.next(seconds)
            assert found is not None, f"the stream ended without `{event}`"
            if found.event == event:
                return found

    def _take(self, lines: list[bytes]) -> StreamEvent:
        fields = dict(line.rstrip(b"\n").decode().split(": ", 1) for line in lines)
        assert set(fields) <= {"id", "event", "data"} and len(fields) == len(lines)
        data = json.loads(fields["data"])
        assert data["t"] == fields["event"], "an event is named after its frame"
        found = StreamEvent(b"".join(lines) + b"\n", fields["event"], fields.get("id"), data)
        self.events.append(found)
        return found


class Reader:
    """Somebody with a token, who asks one page over HTTP."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, token: str | None, page: str, origin: str | None
    ) -> None:
        self._session = session
        self.url = f"{url}/v1/pages/{path_of(page)}"
        self.headers = {}
        if token is not None:
            self.headers["Authorization"] = f"Bearer {token}"
        if origin is not None:
            self.headers["Origin"] = origin

    async def ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
        """`path` follows the page's address."""
        asked = self._session.request(method, self.url + path, headers={**self.headers, **(headers or {})}, **more)
        async with asked as response:
            return Answer(response.status, response.headers.copy(), await response.read())

    async def chats(self, query: str = "") -> Answer:
        return await self.ask("GET", f"/chats{query}")

    async def changes(self, epoch: str, seq: int, wait_ms: int = 0) -> Answer:
        return await self.ask("GET", f"/changes?epoch={epoch}&seq={seq}&waitMs={wait_ms}")

    async def do(self, operation: Mapping[str, Any] | bytes) -> Answer:
        data = operation if isinstance(operation, bytes) else json.dumps(operation).encode()
        return await self.ask("POST", "/operations", data=data, headers={"Content-Type": "application/json"})

    async def done(self, operation: Mapping[str, Any]) -> Any:
        """The `ack`."""
        answer = await self.do(operation)
        assert answer.status == 200, answer.body
        return answer.json

    @asynccontextmanager
    async def stream(self, last_event_id: str | None = None) -> AsyncIterator[Stream]:
        headers = dict(self.headers)
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._session.get(f"{self.url}/events", headers=headers, timeout=timeout) as response:
            yield Stream(response)


@dataclass
class HttpWorld:
    """One gateway for all tests, and a session for one test."""

    gateway: GatewayProcess
    redis_url: str
    session: aiohttp.ClientSession

    async def tenant(self, **members: Any) -> KitTenant:
        """A tenant of the test's own, which the gateway knows."""
        made = add_tenant(self.redis_url, f"http-{next(_numbers)}", **members)
        await self.known(made)
        return made

    async def known(self, tenant: KitTenant, status: int = 200) -> None:
        """Wait until asking as this tenant's reader is answered with `status`."""

        async def answered() -> bool:
            return (await self.reader(tenant, origin=None).chats()).status == status

        await until(answered)

    def reader(
        self, tenant: KitTenant, name: str = "ann", *, page: str = PAGE, origin: str | None = ORIGIN, **claims: Any
    ) -> Reader:
        return Reader(self.session, self.gateway.url, tenant.token(name, **claims), page, origin)

    def anybody(self, token: str | None = None, *, page: str = PAGE, origin: str | None = ORIGIN) -> Reader:
        return Reader(self.session, self.gateway.url, token, page, origin)

    def usage(self, tenant: str) -> dict[tuple[str, str], tuple[int, int]]:
        """(site, class) → (messages, bytes), out of the sealed records that wait for billing."""
        sums: dict[tuple[str, str], tuple[int, int]] = {}
        with redis.Redis.from_url(self.redis_url) as client:
            entries: Any = client.xrange(Keys().usage)
        records = {}
        for _, fields in entries:
            record = decode_record(fields[BODY.encode()])
            records[record.run, record.number] = record  # what was sent again counts once
        for record in records.values():
            for line in record.lines:
                if line.tenant == tenant:
                    messages, size = sums.get((line.site, line.usage_class), (0, 0))
                    sums[line.site, line.usage_class] = (messages + line.messages, size + line.bytes)
        return sums


@contextmanager
def gateway_alone(
    directory: Path, postgres: PostgresServer, template: str, settings: dict[str, str]
) -> Iterator[tuple[GatewayProcess, str]]:
    """A gateway and its Redis, which nobody else empties, on a database named after the directory."""
    name = f"parley_{directory.name}"
    run_apart(lambda: execute(postgres.url, f'CREATE DATABASE "{name}" TEMPLATE {template}'))
    with ExitStack() as stack:
        valkey = ValkeyServer(directory / "valkey")
        stack.callback(valkey.stop)
        gateway = GatewayProcess(directory, valkey.url, postgres.database_url(name), settings)
        stack.callback(gateway.end)
        yield gateway, valkey.url


@asynccontextmanager
async def http_world(servers: tuple[GatewayProcess, str]) -> AsyncIterator[HttpWorld]:
    """A test's own session on them."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield HttpWorld(*servers, session)
    await asyncio.sleep(0)  # aiohttp closes its transports in the next turn of the loop
