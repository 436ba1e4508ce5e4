"""Who may come in: token, origin, the tenant's state, and how many there are already."""

import asyncio
from collections import Counter as Tally

import msgspec

from parley import limits
from parley import metrics as names
from parley.claims import Claims
from parley.clock import Clock
from parley.errors import Limited, NotAllowed, Refusal
from parley.revocation import Revoked
from parley.tenants import Tenant, limit_of, operations_per_second, origin_allowed, quota_used_up
from parley_gateway.core.operation import Operation
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
        #: For operations that are only looked up: whoever may not write takes nothing from those who may.
        self._lookup_rates: Rates[str] = Rates(1)
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

    def why_not_write(self, claims: Claims) -> Refusal | None:
        """`suspended` or `over-quota`; None when the tenant may write."""
        tenant = self.tenant(claims)
        if tenant.state == "suspended":
            return NotAllowed("suspended")
        return Limited("over-quota") if quota_used_up(tenant) else None

    def admit(self, operation: Operation, claims: Claims) -> Operation:
        """The operation, with what its tenant may not. Raises `over-limit`."""
        operation = self.judged(operation, claims)
        tenant = self.tenant(claims)
        per_second = limit_of(tenant.limits, limits.OPERATIONS_PER_READER)
        if wait := self._readers_rates.take((tenant.name, claims.reader), per_second, self._clock.monotonic()):
            raise Limited("over-limit", "This reader writes too much at once.", retry_in_ms=wait)
        if wait := self.take_turn(operation, claims):
            raise Limited("over-limit", "This tenant writes too much at once.", retry_in_ms=wait)
        return operation

    def judged(self, operation: Operation, claims: Claims) -> Operation:
        """The operation, with what its tenant may not."""
        if operation.refusal is None and (refusal := self.why_not_write(claims)) is not None:
            return msgspec.structs.replace(operation, refusal=refusal)
        return operation

    def take_turn(self, operation: Operation, claims: Claims, *, spare: float = 0.0) -> int:
        """Count it against what its tenant may do in a second: 0, or the ms after which it may be tried again."""
        rates = self._tenants_rates if operation.refusal is None else self._lookup_rates
        tenant = self.tenant(claims)
        return rates.take(tenant.name, operations_per_second(tenant), self._clock.monotonic(), spare=spare)
