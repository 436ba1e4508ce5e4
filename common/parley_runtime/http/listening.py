"""Serving an application on an address of the settings."""

import socket

from aiohttp import web

from parley_runtime.settings import SettingsError

#: Pending connections that the kernel keeps: a reconnect storm must queue, not fail.
BACKLOG = 4_096
#: Seconds that requests under way may take when the process stops.
SHUTDOWN = 2.0
#: Lines of a request's head. Browsers send 20, proxies add some; a connection holds them before anybody is known.
MOST_HEADERS = 64
#: Seconds for which a connection is kept for its next request.
KEEP_ALIVE = 75.0


async def listen(
    app: web.Application,
    address: str,
    fd: int | None = None,
    *,
    keep_alive: float = KEEP_ALIVE,
    shutdown: float = SHUTDOWN,
) -> web.AppRunner:
    """Serve on host:port, or on an inherited socket. `cleanup()` of what is returned ends it.

    A handler is cancelled when its client goes away. Raises `SettingsError`.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=shutdown,
        keepalive_timeout=keep_alive,
        max_headers=MOST_HEADERS,
    )
    await runner.setup()
    try:
        if fd is not None:
            inherited = socket.socket(fileno=fd)
            inherited.setblocking(False)
            await web.SockSite(runner, inherited, backlog=BACKLOG).start()
        else:
            host, _, port = address.rpartition(":")
            await web.TCPSite(runner, host.strip("[]"), int(port), backlog=BACKLOG).start()
    except (OSError, ValueError) as problem:
        await runner.cleanup()
        raise SettingsError(f"Cannot listen on {address}: {problem}. Choose another address.") from None
    return runner
