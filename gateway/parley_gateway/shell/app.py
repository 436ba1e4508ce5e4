"""The URL table."""

from aiohttp import web

from parley import limits
from parley.errors import Refusal
from parley_gateway.shell import websocket
from parley_gateway.shell.gateway import Gateway
from parley_gateway.shell.http_errors import errors_as_problems, problem
from parley_gateway.shell.readiness import Readiness
from parley_runtime.telemetry import Metrics


def health_routes(readiness: Readiness) -> list[web.RouteDef]:
    """`live`: the loop turns. `ready`: it works."""

    async def live(_: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def ready(_: web.Request) -> web.Response:
        missing = readiness.missing()
        return web.json_response({"ready": not missing, "missing": missing}, status=503 if missing else 200)

    return [web.get("/healthz/live", live), web.get("/healthz/ready", ready)]


def public_app(gateway: Gateway, readiness: Readiness) -> web.Application:
    """What browsers and tenants' servers reach."""

    async def live(request: web.Request) -> web.StreamResponse:
        if gateway.draining:
            return problem(Refusal("unavailable", "This gateway is shutting down.", retry_in_ms=1_000))
        return await websocket.serve(gateway, request)

    app = web.Application(middlewares=[errors_as_problems], client_max_size=limits.FRAME.default)
    app.add_routes([web.get("/v1/live", live), *health_routes(readiness)])
    return app


def metrics_app(metrics: Metrics, readiness: Readiness) -> web.Application:
    """What only the operator reaches."""

    async def text(_: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application()
    app.add_routes([web.get("/metrics", text), *health_routes(readiness)])
    return app
