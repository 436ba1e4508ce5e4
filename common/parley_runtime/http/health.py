"""`/healthz/live`, `/healthz/ready` and `/metrics`, alike for every process."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from parley_runtime.exposition import OPENMETRICS, OPENMETRICS_TYPE, openmetrics
from parley_runtime.http.problem import errors_as_problems


def health_routes(missing: Callable[[], Sequence[str]]) -> list[web.RouteDef]:
    """`live`: the loop turns. `ready`: nothing is `missing` (sentences for people)."""

    async def live(_: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def ready(_: web.Request) -> web.Response:
        lacks = list(missing())
        return web.json_response({"ready": not lacks, "missing": lacks}, status=503 if lacks else 200)

    return [web.get("/healthz/live", live), web.get("/healthz/ready", ready)]


def operators_app(
    metrics: Callable[[], bytes | Awaitable[bytes]], missing: Callable[[], Sequence[str]]
) -> web.Application:
    """What only the operator reaches: metrics in Prometheus's text format or OpenMetrics, and health."""

    async def text(request: web.Request) -> web.Response:
        made = metrics()
        body = made if isinstance(made, bytes) else await made
        if OPENMETRICS in request.headers.get("Accept", ""):
            return web.Response(body=openmetrics(body), headers={"Content-Type": OPENMETRICS_TYPE})
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application(middlewares=[errors_as_problems])
    app.add_routes([web.get("/metrics", text), *health_routes(missing)])
    return app
