"""Requests whose head is larger than anybody needs are refused before it is looked at."""

from aiohttp import web

from parley import limits
from parley.errors import BadInput
from parley_runtime.http.problem import Handler


@web.middleware
async def head_limit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Raises `too-big`. aiohttp bounds each line, but lets the lines together grow to a megabyte."""
    most = limits.REQUEST_HEAD.default
    if len(request.raw_path) + sum(len(name) + len(value) + 4 for name, value in request.raw_headers) > most:
        raise BadInput("too-big", f"The request's head is larger than {most} bytes.", help="Send fewer headers.")
    return await handler(request)
