"""Requests whose token was signed with a key that is at a URL wait until it is there."""

from aiohttp import web
from aiohttp.typedefs import Handler

from parley.errors import NotAllowed
from parley_runtime.http.bearer import bearer
from parley_runtime.key_sets import KeySets

_KEY_SETS: web.AppKey[KeySets] = web.AppKey("key_sets", KeySets)


def wait_for_keys(app: web.Application, key_sets: KeySets) -> None:
    """Let every request of `app` wait for its token's key, at most as long as a fetch takes."""
    app[_KEY_SETS] = key_sets
    app.middlewares.append(_middleware)


@web.middleware
async def _middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        token = bearer(request)
    except NotAllowed:
        token = None  # the handler says so
    await request.app[_KEY_SETS].ready_for(token)
    return await handler(request)
