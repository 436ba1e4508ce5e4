"""CORS: any site's script may ask. Only a bearer token opens anything, and browsers never add one themselves."""

from aiohttp import web

from parley_runtime.http.problem import Handler

PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "authorization, content-type, last-event-id",
    # Seconds. Browsers take no more than two hours.
    "Access-Control-Max-Age": "7200",
}
_ALWAYS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Retry-After",
    "X-Content-Type-Options": "nosniff",
}


@web.middleware
async def preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer the question that browsers ask before they ask: alike for every path, so that it reveals none."""
    asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    if asks and request.path.startswith("/v1/"):
        return web.Response(status=204, headers=PREFLIGHT)
    return await handler(request)


async def allow_reading(request: web.Request, response: web.StreamResponse) -> None:
    """For `Application.on_response_prepare`: answers and errors alike may be read by the site's script."""
    response.headers["Server"] = "Parley"  # what it is made of concerns nobody
    if request.path.startswith("/v1/"):
        for name, value in _ALWAYS.items():
            # A forwarded answer may have said it already; twice would be invalid.
            response.headers.setdefault(name, value)
