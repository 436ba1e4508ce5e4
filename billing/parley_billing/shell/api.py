"""What tenants ask billing over HTTP."""

from typing import Protocol

from aiohttp import hdrs, web

from parley.claims import Claims
from parley.clock import Clock
from parley.errors import NotAllowed
from parley_billing.core.usage_report import answer, ask
from parley_billing.shell.problem import json_response, problems
from parley_billing.shell.usage_store import UsageStore

#: The scope that a token needs to see its tenant's usage.
SCOPE = "usage:read"


class Verifier(Protocol):
    """Says what a token allows. Raises `Refusal` (`token-invalid`, `token-expired`, `suspended`)."""

    def verify(self, token: str) -> Claims: ...


class UsageApi:
    """`GET /v1/usage`."""

    def __init__(self, store: UsageStore, verifier: Verifier, clock: Clock) -> None:
        self._store = store
        self._verifier = verifier
        self._clock = clock

    def application(self) -> web.Application:
        """The routes with their middleware; more can be added before it runs."""
        application = web.Application(middlewares=[problems])
        application.router.add_get("/v1/usage", self._usage)
        application.router.add_route(hdrs.METH_OPTIONS, "/v1/usage", _preflight)
        return application

    async def _usage(self, request: web.Request) -> web.Response:
        claims = self._verifier.verify(_bearer(request))
        if SCOPE not in claims.scopes:
            raise NotAllowed(
                "forbidden",
                "This token does not allow reading usage.",
                help=f"Ask the site for a token with the scope `{SCOPE}`.",
            )
        question = ask(request.query, self._clock.now_ms())
        as_of, rows = await self._store.read(claims.tenant, question)
        return json_response(answer(claims.tenant, question, as_of, rows))


async def _preflight(_request: web.Request) -> web.Response:
    return web.Response(status=204)


def _bearer(request: web.Request) -> str:
    """The token of the request. In a header only: what stands in a URL ends up in logs."""
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAllowed(
            "token-invalid",
            "The token is missing.",
            help="Send it as `Authorization: Bearer …`.",
        )
    return token.strip()
