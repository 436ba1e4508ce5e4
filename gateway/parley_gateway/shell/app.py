"""The URL table."""

from collections.abc import Mapping

import msgspec
from aiohttp import web

from parley import limits
from parley.errors import Refusal
from parley_gateway.core import asyncapi, openapi
from parley_gateway.shell import websocket
from parley_gateway.shell.forward import Forwarder
from parley_gateway.shell.gateway import Gateway
from parley_gateway.shell.head_limit import head_limit
from parley_gateway.shell.http_api import HttpApi
from parley_gateway.shell.readiness import Readiness
from parley_gateway.shell.site import Site
from parley_gateway.shell.site_api import SiteApi
from parley_gateway.shell.static_files import static_routes
from parley_runtime.http.cross_origin import allow_reading, preflight
from parley_runtime.http.health import health_routes
from parley_runtime.http.problem import Handler, errors_as_problems, problem


def document_routes() -> list[web.RouteDef]:
    """What describes the protocol to programs."""

    def document(content: object) -> Handler:
        body = msgspec.json.encode(content)

        async def serve(_: web.Request) -> web.Response:
            headers = {"Cache-Control": "public, max-age=300"}
            return web.Response(body=body, content_type="application/json", headers=headers)

        return serve

    return [
        web.get("/v1/openapi.json", document(openapi.document())),
        web.get("/v1/asyncapi.json", document(asyncapi.document())),
    ]


def public_app(gateway: Gateway, readiness: Readiness, forward: Mapping[str, str], site: Site) -> web.Application:
    """What browsers and tenants' servers reach. Raises `SettingsError` for a bad `forward`."""

    async def live(request: web.Request) -> web.StreamResponse:
        if gateway.draining:
            return problem(Refusal("unavailable", "This gateway is shutting down.", retry_in_ms=1_000))
        return websocket.serve(gateway, request)

    forwarder = Forwarder(forward)
    app = web.Application(
        middlewares=[errors_as_problems, head_limit, preflight, forwarder.middleware],
        client_max_size=limits.FRAME.default,
    )
    app.on_response_prepare.append(allow_reading)
    app.cleanup_ctx.append(forwarder.keep_session)
    app.add_routes(
        [
            web.get("/v1/live", live, allow_head=False),
            *HttpApi(gateway).routes(),
            *SiteApi(gateway, site).routes(),
            *static_routes(),
            *document_routes(),
            *health_routes(readiness.missing),
        ]
    )
    return app
