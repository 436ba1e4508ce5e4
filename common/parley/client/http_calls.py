"""Everything that a server asks over plain HTTP, typed."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, Self, TypeAlias
from uuid import uuid4

import aiohttp
import msgspec

from parley.client.conversation import ParleyError
from parley.objects import Anchor, Author, Chat
from parley.pages import encode_page
from parley.server_frames import Ack, Page

#: A token, or what gives a fresh one whenever one is needed.
Token: TypeAlias = str | Callable[[], str] | Callable[[], Awaitable[str]]

#: Seconds for one answer, but for exports and imports.
TIMEOUT = 30.0
#: Operations in one request; more are sent in several.
BULK = 500

MEDIA = {"jsonl": "application/x-ndjson", "annotations": "application/ld+json"}


class SiteChat(msgspec.Struct, rename="camel", frozen=True):
    """A discussion in a list. `text`: its first comment; `comments`: how many there are."""

    page: str
    id: str
    seq: int
    state: str
    hidden: bool
    anchor: Anchor | None
    by: Author
    at: int
    comments: int
    text: str


class Outcome(msgspec.Struct, rename="camel", frozen=True):
    """What became of one of many operations: `seq`, or `error` with its `code`, `message` and `help`."""

    broadcast_id: str = ""
    page: str = ""
    seq: int | None = None
    error: dict[str, Any] | None = None


class Imported(msgspec.Struct, rename="camel", frozen=True):
    """What became of an import. Not `complete`: the end of the file was missing."""

    imported: int
    existed: int
    bans: int
    refused: int
    complete: bool
    problems: list[dict[str, Any]]


class _ChatList(msgspec.Struct):
    chats: list[SiteChat]
    next: str | None


class _Results(msgspec.Struct):
    results: list[Outcome]


class _Problem(msgspec.Struct, rename="camel"):
    code: str = "internal"
    message: str = "The answer says nothing."
    help: str = ""
    retry_in_ms: int | None = None


def operation(page: str, op: str, *, id: str | None = None, **members: Any) -> dict[str, Any]:
    """A `do` for `perform_many`. Its `broadcastId` is `id`, or a new one."""
    return {"page": page, "broadcastId": id or str(uuid4()), "op": op, **members}


class HttpCalls:
    """The calls over HTTP. Use it as a context, or `close` it."""

    def __init__(self, url: str, token: Token, *, session: aiohttp.ClientSession | None = None) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._own_session = session is None
        self._session = session

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back."""
        if self._own_session and self._session is not None:
            await self._session.close()

    async def token(self) -> str:
        """The token to use now."""
        token = self._token if isinstance(self._token, str) else self._token()
        return await token if inspect.isawaitable(token) else token

    def session(self) -> aiohttp.ClientSession:
        """The HTTP session, made when it is first needed: that needs a running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    # One page

    async def chats(self, page: str) -> list[Chat]:
        """The discussions of a page, whole."""
        found: dict[str, Chat] = {}
        query: dict[str, str] = {}
        while True:
            data = await self._ask("GET", f"/v1/pages/{encode_page(page)}/chats", params=query)
            part = msgspec.json.decode(data, type=Page)
            for raw in part.chats:
                chat = msgspec.json.decode(raw, type=Chat)
                held = found.get(chat.id)
                if chat.cont and held is not None:
                    chat = msgspec.structs.replace(held, comments=[*(held.comments or []), *(chat.comments or [])])
                found[chat.id] = chat
            for gone in part.gone:
                found.pop(gone, None)
            if part.more is not True:
                return list(found.values())
            query = {"epoch": part.epoch, "seq": str(part.seq)}

    async def perform(self, page: str, op: str, *, id: str | None = None, **members: Any) -> Ack:
        """One operation. Raises `ParleyError`; after `internal`, call again with the same `id`."""
        body = operation(page, op, id=id, **members)
        return msgspec.json.decode(
            await self._ask("POST", f"/v1/pages/{encode_page(page)}/operations", json=body), type=Ack
        )

    # The whole site: needs a token of the scope `admin`

    async def perform_many(self, operations: Iterable[Mapping[str, Any]]) -> list[Outcome]:
        """Operations made by `operation`, with the outcome of each in order."""
        waiting, outcomes = list(operations), []
        for start in range(0, len(waiting), BULK):
            body = {"operations": waiting[start : start + BULK]}
            data = await self._ask("POST", "/v1/operations", json=body)
            outcomes += msgspec.json.decode(data, type=_Results).results
        return outcomes

    async def site_chats(self, **query: Any) -> AsyncIterator[SiteChat]:
        """Discussions of all pages, newest first: `page`, `site`, `state`, `author`, `from_`, `to`, `text`, `limit`."""
        asked = {name.rstrip("_"): str(value) for name, value in query.items() if value is not None}
        while True:
            part = msgspec.json.decode(await self._ask("GET", "/v1/chats", params=asked), type=_ChatList)
            for chat in part.chats:
                yield chat
            if part.next is None:
                return
            asked["cursor"] = part.next

    async def ban(self, reader: str, *, reason: str | None = None, until: int | None = None) -> None:
        """Let a reader write no more, for good or `until` a time in ms."""
        await self._ask("PUT", f"/v1/readers/{encode_page(reader)}/ban", json={"reason": reason, "until": until})

    async def unban(self, reader: str) -> None:
        """Raises `not-found` when there is no ban."""
        await self._ask("DELETE", f"/v1/readers/{encode_page(reader)}/ban")

    async def erase_reader(self, reader: str) -> int:
        """Erase everything that a reader wrote. In how many discussions something was."""
        data = await self._ask("DELETE", f"/v1/readers/{encode_page(reader)}", timeout=None)
        return int(msgspec.json.decode(data)["chats"])

    async def export(self, form: str = "jsonl") -> AsyncIterator[bytes]:
        """Everything, as `jsonl` or `annotations`, in pieces. Raises when it breaks off."""
        async with await self._request("GET", "/v1/export", params={"format": form}, timeout=None) as response:
            async for piece in response.content.iter_any():
                yield piece

    async def import_(self, data: bytes | AsyncIterator[bytes], form: str = "jsonl") -> Imported:
        """Take in what an export wrote. After a broken connection, the same again goes on."""
        answer = await self._ask("POST", "/v1/import", data=data, content_type=MEDIA[form], timeout=None)
        return msgspec.json.decode(answer, type=Imported)

    async def _ask(self, method: str, path: str, **more: Any) -> bytes:
        async with await self._request(method, path, **more) as response:
            return await response.read()

    async def _request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        data: Any = None,
        params: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout: float | None = TIMEOUT,
    ) -> aiohttp.ClientResponse:
        """An answer that grants what was asked. Raises `ParleyError`."""
        headers = {"Authorization": f"Bearer {await self.token()}"}
        if json is not None:
            data = msgspec.json.encode(json)
        if data is not None:
            headers["Content-Type"] = content_type
        response = await self.session().request(
            method,
            self._url + path,
            params=params,
            data=_body(data),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=timeout),
        )
        if response.status < 400:
            return response
        async with response:
            raise _problem(response.status, await response.read())


def _body(data: Any) -> Any:
    """Bytes in pieces, so that a large body does not hold the loop."""
    if not isinstance(data, bytes) or len(data) <= 65_536:
        return data

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 65_536):
            yield data[start : start + 65_536]

    return pieces()


def _problem(status: int, body: bytes) -> ParleyError:
    try:
        said = msgspec.json.decode(body, type=_Problem)
    except msgspec.DecodeError:  # a proxy's page, say
        said = _Problem()
    return ParleyError(said.code, said.message, said.help, status=status, retry_in_ms=said.retry_in_ms)
