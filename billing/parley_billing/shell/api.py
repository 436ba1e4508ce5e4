"""What tenants ask billing over HTTP."""

from typing import Protocol

import msgspec
from aiohttp import web

from parley.claims import Claims
from parley.clock import Clock
from parley.errors import NotAllowed
from parley_billing.core.usage_report import answer, ask
from parley_billing.shell.usage_store import UsageStore
from parley_runtime.http.bearer import bearer
from parley_runtime.http.cross_origin import allow_reading, preflight
from parley_runtime.http.problem import errors_as_problems

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
        application = web.Application(middlewares=[errors_as_problems, preflight])
        application.on_response_prepare.append(allow_reading)
        application.router.add_get("/v1/usage", self._usage)
        return application

    async def _usage(self, request: web.Request) -> web.Response:
        token = bearer(request)
        if token is None:
            raise NotAllowed("token-invalid", "A token is missing.", help="Send it as `Authorization: Bearer …`.")
        claims = self._verifier.verify(token)
        if SCOPE not in claims.scopes:
            raise NotAllowed(
                "forbidden",
                "This token does not allow reading usage.",
                help=f"Ask the site for a token with the scope `{SCOPE}`.",
            )
        if request.query.get("tenant", claims.tenant) != claims.tenant:
            raise NotAllowed(
                "forbidden",
                "This token is another tenant's.",
                help="Leave `tenant` out: the token says whose usage it is.",
            )
        question = ask(request.query, self._clock.now_ms())
        found = await self._store.read(claims.tenant, question)
        body = msgspec.json.encode(answer(claims.tenant, found))
        return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})
