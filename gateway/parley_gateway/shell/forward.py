"""Passing plain HTTP on to other programs, for installations without an ingress.

Paths under `/v1/` and `/healthz/` go on only by a prefix that itself begins so: a catch-all for a website must not
answer in the protocol's name.
"""

from collections.abc import AsyncIterator, Iterable, Mapping

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from parley.errors import Unavailable
from parley_runtime.http.problem import Handler
from parley_runtime.settings import SettingsError

#: Connections to all upstreams together; more requests wait.
CONNECTIONS = 256
#: Seconds to connect. Everything forwarded is near by.
CONNECT_TIMEOUT = 3.0
#: Seconds without a byte of an answer, after which the upstream is taken for dead.
SILENCE = 120.0

#: Headers that belong to one connection, not to the message (RFC 9110 §7.6.1), and what is set anew.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_FORWARDED = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"})
_OWN = ("/v1/", "/healthz/")


class Forwarder:
    """Prefix → upstream; the longest prefix that fits wins."""

    def __init__(self, upstreams: Mapping[str, str]) -> None:
        """Raises `SettingsError` for a prefix or an address that cannot be used."""
        self._upstreams = sorted(
            ((_check_prefix(prefix), _check_upstream(url)) for prefix, url in upstreams.items()),
            key=lambda entry: len(entry[0]),
            reverse=True,
        )
        self._session: aiohttp.ClientSession | None = None

    async def keep_session(self, _: web.Application) -> AsyncIterator[None]:
        """For `Application.cleanup_ctx`."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT, sock_read=SILENCE)
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            self._session = session
            yield
        self._session = None

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Own routes first; what has none goes on, when somebody is there to take it."""
        if isinstance(request.match_info.http_exception, web.HTTPNotFound):
            upstream = self.upstream(request.path)
            if upstream is not None:
                return await self._pass_on(request, upstream)
        return await handler(request)

    def upstream(self, path: str) -> URL | None:
        """Who takes this path."""
        for prefix, url in self._upstreams:
            own = next((own for own in _OWN if path.startswith(own)), None)
            if _covers(prefix, path) and (own is None or prefix.startswith(own)):
                return url
        return None

    async def _pass_on(self, request: web.Request, upstream: URL) -> web.StreamResponse:
        assert self._session is not None
        target = URL(f"{upstream.origin()}{request.rel_url.raw_path_qs}", encoded=True)
        try:
            answer = await self._session.request(
                request.method,
                target,
                headers=_towards(request),
                data=request.content if request.body_exists else None,
                allow_redirects=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            )
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise Unavailable("The part of Parley behind this address does not answer.") from None
        async with answer:
            response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=_back(answer.headers))
            await response.prepare(request)
            try:
                async for piece in answer.content.iter_any():
                    await response.write(piece)
            except (aiohttp.ClientError, OSError, TimeoutError):
                # Too late for an error of our own: the client must see that the body is cut.
                if request.transport is not None:
                    request.transport.abort()
                return response
            await response.write_eof()
            return response


def _covers(prefix: str, path: str) -> bool:
    return path == prefix or path.startswith(prefix if prefix.endswith("/") else f"{prefix}/")


def _towards(request: web.Request) -> CIMultiDict[str]:
    headers = _kept(request.headers, _FORWARDED)
    if request.body_exists and "Content-Encoding" in headers:
        # aiohttp has undone it.
        del headers["Content-Encoding"]
        headers.pop("Content-Length", None)
    # Whatever the client claims about itself is dropped: nobody stands before us.
    headers["X-Forwarded-For"] = request.remote or "unknown"
    headers["X-Forwarded-Proto"] = request.scheme
    headers["X-Forwarded-Host"] = request.host
    return headers


def _back(received: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    return _kept(received, ())


def _kept(received: CIMultiDictProxy[str], dropped: Iterable[str]) -> CIMultiDict[str]:
    named = {name.strip().lower() for line in received.getall("Connection", ()) for name in line.split(",")}
    gone = _HOP_BY_HOP | named | set(dropped)
    return CIMultiDict((name, value) for name, value in received.items() if name.lower() not in gone)


def _check_prefix(prefix: str) -> str:
    if not prefix.startswith("/"):
        raise SettingsError("PARLEY_FORWARD: each prefix must begin with a slash.")
    return prefix


def _check_upstream(text: str) -> URL:
    try:
        url = URL(text)
        fits = url.scheme == "http" and url.host is not None and url.path == "/" and not url.query_string
    except ValueError:
        fits = False
    if not fits or url.user is not None:
        raise SettingsError("PARLEY_FORWARD: each upstream must be http://host:port, and nothing more.")
    return url
