"""Connections on which no request ever comes: without an end they would use up the gateway's sockets."""

from collections.abc import Iterable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp.web_protocol import RequestHandler

#: Seconds for the first request's whole head, as long as for a `hello`; then the connection is closed without an
#: answer. Browsers that connected ahead of need just connect again.
REQUEST_WAIT: Final = 10.0
#: Seconds between two looks; a connection may live so much longer.
SILENCE_TICK: Final = 2.5
#: Seconds that a connection may idle between two requests: longer than the balancers before it wait.
KEEP_ALIVE: Final = 75.0


class SilentConnections:
    """Knows which connections have asked for something, and ends the others in time.

    What comes after the first request is not looked at: there aiohttp's own keep-alive limit holds.
    """

    def __init__(self) -> None:
        self._heard: set[RequestHandler] = set()
        self._silent_since: dict[RequestHandler, float] = {}

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The outermost middleware: a request has arrived on this connection."""
        self._heard.add(request.protocol)
        return await handler(request)

    def sweep(self, connections: Iterable[RequestHandler], now: float) -> None:
        """Close what was silent for too long. `now`: seconds of a clock that never goes back."""
        present = set(connections)
        self._heard &= present
        self._silent_since = {one: self._silent_since.get(one, now) for one in present - self._heard}
        for one, since in self._silent_since.items():
            if now - since >= REQUEST_WAIT:
                one.force_close()
