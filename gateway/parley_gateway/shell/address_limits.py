"""Every request, before it is looked at: may this address ask now?"""

from aiohttp import web

from parley import metrics as names
from parley.clock import Clock
from parley.errors import Limited, Refusal
from parley_gateway.core.address_rates import AddressRates
from parley_gateway.core.client_address import client_address, parse_address
from parley_runtime.http.problem import Handler
from parley_runtime.settings import Settings
from parley_runtime.telemetry import Metrics


def limit_addresses(app: web.Application, settings: Settings, clock: Clock, metrics: Metrics) -> None:
    """Bound what one address may ask of `app`. A refusal is 429 with `Retry-After`, before any upgrade."""
    rates = AddressRates(settings.connections_per_address)
    refused = metrics.counter(names.LOGIN_REFUSED)
    trusted, header = settings.trusted_proxies, settings.forwarded_header

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        peer = parse_address(request.remote or "")
        address = client_address(request.remote, header, request.headers.getall(header, []), trusted)
        if address is None or not rates.bounds(address, peer):
            return await handler(request)
        try:
            rates.ask(address, clock.monotonic())
            if request.path == "/v1/live" or (request.path.startswith("/v1/") and request.path.endswith("/events")):
                rates.connect(address, clock.monotonic())
        except Limited as limited:
            refused.labels(limited.code).inc()
            raise
        try:
            answer = await handler(request)
        except Refusal as refusal:
            if refusal.status == 401:
                rates.failed(address, clock.monotonic())
            raise
        if answer.status == 401:  # of billing, behind us
            rates.failed(address, clock.monotonic())
        return answer

    # Within what makes answers of refusals, and before what is passed on to others.
    app.middlewares.insert(1, middleware)
