"""A tenant as gateways know it: the record in the registry.

Written by `parley` admin commands (and by the operator, when one runs), read by every gateway. `version` only grows;
a record with a smaller one than what a gateway holds is old and is ignored.
"""

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from parley.limits import OPERATIONS_PER_TENANT, THROTTLED_OPERATIONS, Limit

Algorithm: TypeAlias = Literal["HS256", "RS256", "ES256", "EdDSA"]
ALGORITHMS: tuple[Algorithm, ...] = ("HS256", "RS256", "ES256", "EdDSA")


class Key(msgspec.Struct, frozen=True, rename="camel"):
    """One signing key, bound to one algorithm.

    `material`: for HS256 the shared secret, base64url without padding, at least 32 bytes; else the public key as PEM.
    """

    kid: str
    algorithm: Algorithm
    material: str
    active: bool = True

    def __repr__(self) -> str:
        return f"Key(kid={self.kid!r}, algorithm={self.algorithm!r}, active={self.active!r})"


class Revocation(msgspec.Struct, frozen=True, rename="camel"):
    """Every token of the reader `sub` is refused until `until`, seconds since the epoch."""

    sub: str
    until: int


class Tenant(msgspec.Struct, frozen=True, rename="camel"):
    """The registry record. `origins`: exact origins (`https://acme.test`), with `*.` before the host for its
    subdomains, with `:*` for any port, or `*` alone. Compared in lower case; other scripts as punycode.

    `limits` overrides those of `parley.limits` that are marked per tenant, by name. Tokens issued before `not_before`,
    seconds since the epoch, are refused, and those of the readers in `revoked`: see `parley.revocation`.

    Whether writing is refused, and with which code: `suspended` by `state`, `over-quota` by `over_quota`. Reading goes
    on either way. `budget` is what billing says of the tenant's budgets: with `refuse` writing is refused, with
    `over-quota`, too; with `throttle` it is slowed down to the limit `throttledOperations`. At `jwks_url` (https) the
    tenant publishes further keys: see `parley.jwks`.
    """

    name: str
    version: int
    keys: list[Key]
    origins: list[str] = []
    state: Literal["active", "suspended", "deleted"] = "active"
    over_quota: bool = False
    limits: dict[str, int] = {}
    not_before: int = 0
    revoked: list[Revocation] = []
    jwks_url: str | None = None
    budget: Literal["notify", "throttle", "refuse"] = "notify"


def limit_of(own: Mapping[str, int], limit: Limit) -> int:
    """What holds for a tenant whose record says `own` limits: only those marked per tenant can be its own."""
    return own.get(limit.name, limit.default) if limit.per_tenant else limit.default


def quota_used_up(tenant: Tenant) -> bool:
    """Whether writing is refused with `over-quota`: by an administrator's word, or because a budget is used up."""
    return tenant.over_quota or tenant.budget == "refuse"


def operations_per_second(tenant: Tenant) -> int:
    """What the whole tenant may write on one gateway."""
    usual = limit_of(tenant.limits, OPERATIONS_PER_TENANT)
    return min(usual, limit_of(tenant.limits, THROTTLED_OPERATIONS)) if tenant.budget == "throttle" else usual


#: Tenant names appear in keys, labels and file names.
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

_decoder = msgspec.json.Decoder(Tenant)
_encoder = msgspec.json.Encoder()


def encode_tenant(tenant: Tenant) -> bytes:
    """JSON for the registry hash. Contains key material: never log it."""
    return _encoder.encode(tenant)


def decode_tenant(data: bytes) -> Tenant:
    """Raises `msgspec.DecodeError` when the record is damaged."""
    return _decoder.decode(data)


_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_ORIGIN_PATTERN = re.compile(r"([a-z][a-z0-9+.-]*)://(\*\.)?([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}|\*))?")


def origin_allowed(tenant: Tenant, origin: str | None) -> bool:
    """Whether a browser on `origin` may use this tenant. No Origin header: not a browser, the token decides alone."""
    if origin is None:
        return True
    if not (origin.isascii() and origin.isprintable()):
        return False  # no browser sends it, and it could not be kept as a site's name
    found = _ORIGIN.fullmatch(origin.lower())
    if found is None:  # `null`: sandboxed frames and files
        return "*" in tenant.origins
    return any(_covers(pattern.lower(), *found.groups()) for pattern in tenant.origins)


def _covers(pattern: str, scheme: str, host: str, port: str | None) -> bool:
    if pattern == "*":
        return True
    found = _ORIGIN_PATTERN.fullmatch(pattern)
    if found is None:
        return False
    allowed_scheme, wildcard, allowed_host, allowed_port = found.groups()
    return (
        scheme == allowed_scheme
        and (host == allowed_host if wildcard is None else host.endswith(f".{allowed_host}"))
        and (allowed_port == "*" or port == allowed_port)
    )
