"""What a tenant's own server asks over HTTP: everything that is not about one page. Needs the scope `admin`."""

import asyncio
from collections import Counter as Tally
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from aiohttp import web

from parley import limits
from parley.claims import Claims
from parley.errors import BadInput, Limited, NotAllowed, NotThere, Unavailable
from parley.pages import decode_page
from parley_gateway.core.portable import BanLine, check_line, check_reader
from parley_gateway.core.site_query import MOST, USUAL, encode_cursor, parse_query
from parley_gateway.shell.bulk import Bulk, bulk_items
from parley_gateway.shell.gateway import Gateway
from parley_gateway.shell.site import MEDIA, Site
from parley_runtime.http.bearer import bearer

#: The scope that opens this side.
SCOPE = "admin"
#: Seconds in which the next piece of a body must come.
BODY_WAIT = 30.0
#: Seconds for a whole export: so long it holds a snapshot of the database. Longer, and its connection is cut.
EXPORT_SECONDS = 1_800.0
#: Exports at the same time on one gateway: each holds one of its connections to the database.
EXPORTS = 2
#: Milliseconds after which a refused request may try again.
RETRY_MS = 1_000

_NO_STORE = {"Cache-Control": "no-store"}


class _BanBody(msgspec.Struct):
    reason: str | None = None
    until: int | None = None


_ban: msgspec.json.Decoder[_BanBody] = msgspec.json.Decoder(_BanBody)


class SiteApi:
    """The resources of a site."""

    def __init__(self, gateway: Gateway, site: Site) -> None:
        self._gateway = gateway
        self._site = site
        self._open: Tally[str] = Tally()
        self._exports = 0

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/operations", self.operations),
            web.get("/v1/chats", self.chats, allow_head=False),
            web.get("/v1/bans", self.bans, allow_head=False),
            web.put("/v1/readers/{reader}/ban", self.ban),
            web.delete("/v1/readers/{reader}/ban", self.unban),
            web.delete("/v1/readers/{reader}", self.erase),
            web.get("/v1/export", self.export, allow_head=False),
            web.post("/v1/import", self.take),
        ]

    # Who may

    @contextmanager
    def _admitted(self, request: web.Request, *, everything: bool = True) -> Iterator[Claims]:
        """The caller, while the request lasts. `everything`: what is asked concerns all pages."""
        claims = self._gateway.admission.verify(bearer(request), request.headers.get("Origin"))
        if SCOPE not in claims.scopes:
            raise NotAllowed("forbidden", f"Your token lacks the scope `{SCOPE}`.")
        if everything and "*" not in claims.pages:
            raise NotAllowed("forbidden", "Your token covers some pages only, and this concerns all.")
        if self._gateway.draining:
            raise Unavailable("This gateway is shutting down.")
        if self._open[claims.tenant] >= limits.SERVER_REQUESTS.default:
            raise Limited("over-limit", "Your server asks too much at once.", retry_in_ms=RETRY_MS)
        self._open[claims.tenant] += 1
        try:
            yield claims
        finally:
            self._open[claims.tenant] -= 1
            if not self._open[claims.tenant]:
                del self._open[claims.tenant]

    # Operations in bulk

    async def operations(self, request: web.Request) -> web.Response:
        """Many `do`s, each with its page; the outcome of each in order."""
        with self._admitted(request, everything=False) as claims:
            items, site = (
                bulk_items(await _body(request, limits.BULK_BODY.default)),
                request.headers.get("Origin") or "",
            )
            # Before anything is done: whatever happens then, the log knows that it was asked for.
            await self._site.note(_actor(claims), "operations", claims.tenant, {"asked": len(items)})
            work = Bulk(items, claims, site).perform(
                self._gateway.admission, self._site, self._gateway.counter(claims.tenant, site)
            )
            # What was begun is ended, also when the client goes away meanwhile.
            return _json({"results": await asyncio.shield(asyncio.ensure_future(work))})

    # Lists

    async def chats(self, request: web.Request) -> web.Response:
        """Discussions over all pages, newest first."""
        with self._admitted(request) as claims:
            found = await self._site.store.chats(claims.tenant, parse_query(request.query))
            after = None if found.after is None else encode_cursor(found.after)
            return _json({"chats": found.chats, "next": after})

    async def bans(self, request: web.Request) -> web.Response:
        """Banned readers by id."""
        with self._admitted(request) as claims:
            if unknown := sorted(set(request.query) - {"after", "limit"}):
                raise BadInput("bad-field", f"There is no parameter `{unknown[0][:40]}`.")
            after, limit = request.query.get("after", ""), request.query.get("limit", str(USUAL))
            if not (limit.isascii() and limit.isdigit()) or len(limit) > 4 or not 1 <= int(limit) <= MOST:
                raise BadInput("bad-field", f"`limit` must be 1 to {MOST}.")
            if after:
                check_reader(after)
            found = await self._site.bans(claims.tenant, after, int(limit) + 1)
            more = found[int(limit) - 1].reader if len(found) > int(limit) else None
            shown = [{name: value for name, value in _members(ban)} for ban in found[: int(limit)]]
            return _json({"bans": shown, "next": more})

    # Readers

    async def ban(self, request: web.Request) -> web.Response:
        """Let a reader write no more."""
        with self._admitted(request) as claims:
            reader, data = _reader(request), await _body(request, limits.FRAME.default)
            try:
                data.decode()
                body = _ban.decode(data or b"{}")
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                raise BadInput("bad-field", "The body is a JSON object with `reason` and `until`, if any.") from None
            check_line(BanLine(reader, 0, body.reason, body.until))
            ban = await self._site.ban(_actor(claims), claims.tenant, reader, body.reason, body.until)
            return _json(dict(_members(ban)))

    async def unban(self, request: web.Request) -> web.Response:
        """Let a reader write again."""
        with self._admitted(request) as claims:
            if not await self._site.unban(_actor(claims), claims.tenant, _reader(request)):
                raise NotThere("not-found", "This reader is not banned.", help="`GET /v1/bans` lists who is.")
            return web.Response(status=204, headers=_NO_STORE)

    async def erase(self, request: web.Request) -> web.Response:
        """Take out everything that a reader left."""
        with self._admitted(request) as claims:
            reader = _reader(request)
            erasing = asyncio.ensure_future(self._site.erase(_actor(claims), claims.tenant, reader))
            # What was begun is ended, also when the client goes away meanwhile.
            return _json(await asyncio.shield(erasing))

    # Everything

    async def export(self, request: web.Request) -> web.StreamResponse:
        """A consistent snapshot, streamed."""
        with self._admitted(request) as claims:
            form = _form(request.query.get("format", "jsonl"), set(request.query) - {"format"})
            if self._exports >= EXPORTS:
                raise Limited("over-limit", "Other exports are running.", retry_in_ms=10 * RETRY_MS)
            self._exports += 1
            try:
                return await self._send(request, self._site.export(_actor(claims), claims.tenant, form), form)
            finally:
                self._exports -= 1

    async def _send(self, request: web.Request, chunks: AsyncIterator[bytes], form: str) -> web.StreamResponse:
        name = f'attachment; filename="parley-export.{"jsonl" if form == "jsonl" else "jsonld"}"'
        headers = {**_NO_STORE, "Content-Type": MEDIA[form], "Content-Disposition": name}
        response = web.StreamResponse(headers=headers)
        begun = False
        try:
            async with asyncio.timeout(EXPORT_SECONDS):
                async for chunk in chunks:
                    if not begun:
                        # Not before there is something to send: until then an error can still be told.
                        await response.prepare(request)
                        begun = True
                    await response.write(chunk)
                await response.write_eof()
        except Exception:
            if begun and request.transport is not None:
                request.transport.abort()  # a body that ends in the middle must not look whole
            raise
        finally:
            await chunks.aclose()  # type: ignore[attr-defined]
        return response

    async def take(self, request: web.Request) -> web.Response:
        """Import what an export wrote."""
        with self._admitted(request) as claims:
            form = next((form for form, media in MEDIA.items() if media == request.content_type), None)
            if form is None:
                raise BadInput("bad-field", f"`Content-Type` must be {' or '.join(MEDIA.values())}.")
            if refusal := self._gateway.admission.why_not_write(claims):
                raise refusal
            answer = await self._site.take(_actor(claims), claims.tenant, form, _pieces(request))
            return _json(answer)


def _actor(claims: Claims) -> str:
    return f"{claims.tenant}/{claims.reader}"


def _json(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json", headers=_NO_STORE)


def _form(form: str, others: set[str]) -> str:
    if form not in MEDIA or others:
        raise BadInput("bad-field", f"`format` must be {' or '.join(MEDIA)}; there is no other parameter.")
    return form


def _reader(request: web.Request) -> str:
    try:
        return check_reader(decode_page(request.match_info["reader"]))
    except BadInput:
        raise BadInput(
            "bad-field", "The reader in the path must be its id in base64url of UTF-8, without padding."
        ) from None


def _members(ban: BanLine) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in msgspec.to_builtins(ban).items() if name != "kind")


async def _pieces(request: web.Request) -> AsyncIterator[bytes]:
    """The body as it comes, without its content-encoding."""
    try:
        while True:
            async with asyncio.timeout(BODY_WAIT):
                piece = await request.content.readany()
            if not piece:
                return
            yield piece
    except TimeoutError:
        raise BadInput("bad-frame", f"Nothing of the body came for {BODY_WAIT:.0f} seconds.") from None
    except (web.RequestPayloadError, ValueError):
        raise BadInput("bad-frame", "The body does not have the encoding that it claims.") from None


async def _body(request: web.Request, most: int) -> bytes:
    """The whole body. Raises `too-big`."""
    data = bytearray()
    async for piece in _pieces(request):
        data += piece
        if len(data) > most:
            raise BadInput("too-big", f"The body is larger than {most} bytes.")
    return bytes(data)
