"""The demo's own web site: the article, tokens for whoever asks, and all metrics on one page.

Only the gateway speaks to it, on a port of the loopback interface; readers reach it through the gateway.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import aiohttp
from aiohttp import web

from parley.claims import Role
from parley.tenants import Tenant
from parley_runtime.demo.tenants import signing_key
from parley_runtime.exposition import merge
from parley_runtime.signing import Wish, sign

STATIC = Path(__file__).with_name("static")

# Long enough for an afternoon of trying, short enough that the widget's renewal is seen at work. Seconds.
TOKEN_TTL = 3600
# `sub` and the scopes end up in every frame and log line. Characters.
LONGEST_READER = 128
# A program that restarts answers in a moment or not at all. Seconds.
METRICS_TIMEOUT = 2.0

SCOPES = frozenset({"usage:read", "admin"})
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"

# The page changes with every build of the widget; a demo that shows yesterday's puzzles.
HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


class Refusal(Exception):
    """A wish for a token that cannot be met: code, sentence, what to do."""

    def __init__(self, code: str, message: str, help: str) -> None:
        super().__init__(message)
        self.problem = {"code": code, "message": message, "help": help}


class Site:
    """The handlers. `metrics` are the URLs of the programs' metrics by program name."""

    def __init__(self, tenants: Mapping[str, Tenant], metrics: Mapping[str, str]) -> None:
        self._tenants = tenants
        self._metrics = metrics

    def application(self) -> web.Application:
        """The routes: the article at ``/`` and below ``/demo/``, the token, the metrics."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/", self.article),
                web.get("/demo/", self.article),
                web.get("/demo/token", self.token),
                web.get("/metrics", self.metrics),
                web.get("/demo/{path:.+}", self.file),
            ]
        )
        return application

    async def article(self, request: web.Request) -> web.StreamResponse:
        """The page with the widget."""
        return self._static("index.html")

    async def file(self, request: web.Request) -> web.StreamResponse:
        """What the page loads."""
        return self._static(request.match_info["path"])

    async def token(self, request: web.Request) -> web.Response:
        """``?tenant=&reader=&role=&scope=`` (and ``name``) → ``{"token"}``. Exists in the demo only: it asks nobody."""
        try:
            wish = self._wish(request.query)
        except Refusal as refusal:
            return web.json_response(refusal.problem, status=400, content_type="application/problem+json")
        key = signing_key(self._tenants[wish.tenant])
        return web.json_response({"token": sign(key, wish)}, headers={"Cache-Control": "no-store"})

    async def metrics(self, request: web.Request) -> web.Response:
        """The gateway's and billing's metrics together, and which of them answered."""
        timeout = aiohttp.ClientTimeout(total=METRICS_TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            texts = await asyncio.gather(*(_fetch(session, url) for url in self._metrics.values()))
        answered = dict(zip(self._metrics, texts, strict=True))
        up = [
            "# HELP parley_demo_up Whether the program answered this scrape.",
            "# TYPE parley_demo_up gauge",
            *(f'parley_demo_up{{program="{name}"}} {int(text is not None)}' for name, text in answered.items()),
        ]
        texts_by_name = {name: text for name, text in answered.items() if text is not None}
        body = merge({**texts_by_name, "demo": "\n".join(up)})
        return web.Response(body=body.encode(), headers={"Content-Type": EXPOSITION})

    def _wish(self, query: Mapping[str, str]) -> Wish:
        tenant, reader = query.get("tenant", "acme"), query.get("reader", "")
        if tenant not in self._tenants:
            known = " and ".join(self._tenants)
            raise Refusal("bad-field", f"The demo has no tenant {tenant[:64]!r}.", f"Its tenants are {known}.")
        if not 0 < len(reader) <= LONGEST_READER or not reader.isprintable():
            raise Refusal(
                "bad-field",
                "The reader's id is missing or unusable.",
                f"Give reader= 1 to {LONGEST_READER} printable characters.",
            )
        role = query.get("role") or None
        if role is not None and role not in list(Role):
            raise Refusal("bad-field", "There is no such role.", f"Roles are {', '.join(Role)}.")
        scopes = tuple((query.get("scope") or "").split())
        if not SCOPES.issuperset(scopes):
            raise Refusal("bad-field", "There is no such scope.", f"Scopes are {', '.join(sorted(SCOPES))}.")
        name = (query.get("name") or reader)[:LONGEST_READER]
        return Wish(tenant, reader, Role(role) if role else None, name, (), scopes, TOKEN_TTL)

    def _static(self, path: str) -> web.StreamResponse:
        root = STATIC.resolve()
        wanted = (root / path).resolve()
        if not wanted.is_relative_to(root) or not wanted.is_file():
            raise web.HTTPNotFound(text="There is no such page in the demo. It begins at / .\n")
        return web.FileResponse(wanted, headers=HEADERS)


async def _fetch(session: aiohttp.ClientSession, url: str) -> str | None:
    try:
        async with session.get(url) as answer:
            return await answer.text() if answer.status == 200 else None
    except (aiohttp.ClientError, TimeoutError):
        return None
