"""Errors as `application/problem+json`, and what every answer of billing carries."""

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from parley.errors import NotThere, Refusal, Unavailable
from parley_runtime.database import FAULTS
from parley_runtime.telemetry import get_logger

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Any site may ask: a bearer token decides, and a browser never adds one by itself.
CROSS_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Authorization",
    "Access-Control-Allow-Methods": "GET, OPTIONS",
    "Access-Control-Max-Age": "86400",
}
_ALWAYS = {**CROSS_ORIGIN, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def json_response(content: object, status: int = 200) -> web.Response:
    """JSON, compact."""
    return web.Response(body=msgspec.json.encode(content), status=status, content_type="application/json")


def problem(refusal: Refusal, status: int | None = None) -> web.Response:
    """The refusal as an answer."""
    status = status or refusal.status
    body: dict[str, object] = {
        "type": "about:blank",
        "title": refusal.message,
        "status": status,
        "code": refusal.code,
        "message": refusal.message,
        "help": refusal.help,
    }
    headers = {}
    if refusal.retry_in_ms is not None:
        body["retryInMs"] = refusal.retry_in_ms
        headers["Retry-After"] = str(-(-refusal.retry_in_ms // 1000))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return web.Response(
        body=msgspec.json.encode(body), status=status, headers=headers, content_type="application/problem+json"
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every failure becomes a problem with a code; nothing of what went wrong inside is told."""
    try:
        response = await handler(request)
    except Refusal as refusal:
        response = problem(refusal)
    except web.HTTPMethodNotAllowed as wrong:
        response = problem(NotThere("method-not-allowed"))
        response.headers["Allow"] = ", ".join(sorted(wrong.allowed_methods))
    except web.HTTPNotFound:
        response = problem(NotThere("not-found"))
    except web.HTTPException:
        raise
    except FAULTS as fault:
        get_logger().warning("the database does not answer", problem=type(fault).__name__)
        response = problem(Unavailable())
    except Exception:
        get_logger().error("a request failed", path=request.path, exc_info=True)
        response = problem(Refusal("internal", "Something went wrong.", help="Try again; tell the operator."))
    response.headers.update(_ALWAYS)
    return response
