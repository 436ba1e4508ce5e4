"""Who may come in: token, origin, the tenant's state, and how many there are already."""

import asyncio
from collections import Counter as Tally

from parley import limits
from parley import metrics as names
from parley.claims import Claims
from parley.clock import Clock
from parley.errors import Limited, NotAllowed, Refusal
from parley.revocation import Revoked
from parley.tenants import Tenant, limit_of, operations_per_second, origin_allowed, quota_used_up
from parley_gateway.core.rates import Rates
from parley_gateway.core.revocation import revoked
from parley_gateway.core.session import OPERATION_BURST
from parley_runtime.key_sets import KeySets
from parley_runtime.settings import Settings
from parley_runtime.telemetry import Metrics
from parley_runtime.tokens import TokenVerifier

#: Milliseconds after which a refused connection may try again.
RETRY_MS = 5_000


class Admission:
    """Decides for every transport alike."""

    def __init__(
        self, verifier: TokenVerifier, tenants: KeySets, clock: Clock, settings: Settings, metrics: Metrics
    ) -> None:
        self._verifier = verifier
        self._tenants = tenants
        self._clock = clock
        self._settings = settings
        self._told: dict[str, tuple[Tenant, dict[str, int]]] = {}
        self._open: Tally[str] = Tally()
        self._tenants_rates: Rates[str] = Rates(1)
        self._readers_rates: Rates[tuple[str, str]] = Rates(OPERATION_BURST)
        self._refused = metrics.counter(names.LOGIN_REFUSED)

    def fetch_for(self, token: str | None) -> "asyncio.Task[None] | None":
        """What to wait for before `verify` can know this token's key; None: nothing. HTTP requests have waited."""
        return self._tenants.fetch_for(token)

    def verify(self, token: str | None, origin: str | None) -> Claims:
        """The claims of a token that is used from `origin`. Raises `Refusal`."""
        try:
            if not token:
                raise Refusal("token-invalid", "A token is missing.")
            claims = self._verifier.verify(token)
            tenant = self.tenant(claims)
            if origin is None and not self._settings.allow_no_origin:
                raise NotAllowed("origin-refused")
            if not origin_allowed(tenant, origin):
                raise NotAllowed("origin-refused")
            return claims
        except Refusal as refusal:
            self._refused.labels(refusal.code).inc()
            raise

    def tenant(self, claims: Claims) -> Tenant:
        """The tenant's record. Raises `token-invalid` when it is gone."""
        tenant = self._tenants.get(claims.tenant)
        if tenant is None or tenant.state == "deleted":
            raise Refusal("token-invalid")
        return tenant

    def told_limits(self, claims: Claims) -> dict[str, int]:
        """What a `welcome` says of limits; made once for each state of a tenant. Raises `token-invalid`."""
        tenant = self.tenant(claims)
        made = self._told.get(tenant.name)
        if made is None or made[0] is not tenant:
            limits_told = {limit.name: limit_of(tenant.limits, limit) for limit in limits.ALL}
            made = self._told[tenant.name] = tenant, limits_told
        return made[1]

    def check(self, claims: Claims) -> None:
        """For those who waited since their token was verified. Raises `token-invalid` when it was revoked meanwhile."""
        if why := Revoked(self.tenant(claims), self._clock.now_ms() / 1000).why(claims):
            raise revoked(why)

    def enter(self, claims: Claims) -> None:
        """One more connection of this tenant; `leave` must follow. Raises `over-limit`."""
        tenant = self.tenant(claims)
        most = limit_of(tenant.limits, limits.CONNECTIONS)
        if self._open[tenant.name] >= most:
            self._refused.labels("over-limit").inc()
            raise Limited("over-limit", "This tenant has too many connections.", retry_in_ms=RETRY_MS)
        self._open[tenant.name] += 1

    def leave(self, claims: Claims) -> None:
        """One connection less."""
        self._open[claims.tenant] -= 1
        if self._open[claims.tenant] <= 0:
            del self._open[claims.tenant]

    def writable(self, claims: Claims) -> Tenant:
        """The tenant, if it may write at all. Raises `suspended` or `over-quota`."""
        tenant = self.tenant(claims)
        if tenant.state == "suspended":
            raise NotAllowed("suspended")
        if quota_used_up(tenant):
            raise Limited("over-quota")
        return tenant

    def may_publish(self, claims: Claims) -> None:
        """Whether this tenant may write now. Raises `suspended`, `over-quota` or `over-limit`."""
        tenant = self.writable(claims)
        now = self._clock.monotonic()
        per_second = limit_of(tenant.limits, limits.OPERATIONS_PER_READER)
        if wait := self._readers_rates.take((tenant.name, claims.reader), per_second, now):
            raise Limited("over-limit", "This reader writes too much at once.", retry_in_ms=wait)
        if wait := self._tenants_rates.take(tenant.name, operations_per_second(tenant), now):
            raise Limited("over-limit", "This tenant writes too much at once.", retry_in_ms=wait)
