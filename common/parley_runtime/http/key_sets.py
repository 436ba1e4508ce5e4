"""Requests whose token was signed with a key that is at a URL wait until it is there."""

from contextlib import suppress

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
    key_sets = request.app[_KEY_SETS]
    if key_sets.in_use:
        with suppress(NotAllowed):  # the handler says so
            await key_sets.ready_for(bearer(request))
    return await handler(request)
