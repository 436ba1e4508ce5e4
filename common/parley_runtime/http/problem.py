"""Errors over HTTP: `application/problem+json` with the same `code`, `message` and `help` as on the socket."""

import logging
from collections.abc import Awaitable, Callable
from secrets import token_hex

import msgspec
import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from parley.errors import Refusal, Unavailable
from parley_runtime.database import FAULTS
from parley_runtime.telemetry import get_logger

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _ClientFault(logging.Filter):
    """Drops what aiohttp logs about requests that are no HTTP: it quotes them, and they may hold a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        fault = record.exc_info[1] if record.exc_info else None
        return not isinstance(fault, (HttpProcessingError, web.RequestPayloadError))


logging.getLogger("aiohttp.server").addFilter(_ClientFault())


def problem(refusal: Refusal) -> web.Response:
    """The answer that says what was not done, why, and what to do."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": refusal.message,
        "status": refusal.status,
        "code": refusal.code,
        "message": refusal.message,
        "help": refusal.help,
    }
    headers = {"Cache-Control": "no-store"}
    if refusal.retry_in_ms is not None:
        body["retryInMs"] = refusal.retry_in_ms
        headers["Retry-After"] = str(-(-refusal.retry_in_ms // 1000))
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return web.Response(
        status=refusal.status,
        body=msgspec.json.encode(body),
        content_type="application/problem+json",
        headers=headers,
    )


@web.middleware
async def errors_as_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every failure becomes a problem; what nobody foresaw is logged with a request id and says `internal`."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=token_hex(8))
    try:
        return await handler(request)
    except Refusal as refusal:
        return problem(refusal)
    except web.HTTPNotFound:
        return problem(Refusal("not-found"))
    except web.HTTPMethodNotAllowed as wrong:
        answer = problem(Refusal("method-not-allowed"))
        answer.headers["Allow"] = ", ".join(sorted(wrong.allowed_methods))
        return answer
    except web.HTTPRequestEntityTooLarge:
        return problem(Refusal("too-big"))
    except web.HTTPException as other:
        if other.status >= 400:
            return problem(Refusal("bad-frame", other.reason))
        raise
    except FAULTS as fault:
        if isinstance(fault, ConnectionError) and (request.transport is None or request.transport.is_closing()):
            raise  # it is the client that has gone
        return problem(Unavailable())
    except Exception:
        get_logger().error("a request failed", path=request.path, exc_info=True)
        if request.method in ("GET", "HEAD"):
            # Nothing can have been done, so the outcome is not in doubt.
            return problem(
                Refusal("internal", "Something went wrong.", help="Try again; if it stays, tell the operator.")
            )
        return problem(Refusal("internal"))
