"""A tenant as gateways know it: the record in the registry.

Written by `parley` admin commands (and by the operator, when one runs), read by every gateway. `version` only grows;
a record with a smaller one than what a gateway holds is old and is ignored.
"""

import fnmatch
import re
from typing import Literal, TypeAlias

import msgspec

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


class Tenant(msgspec.Struct, frozen=True, rename="camel"):
    """The registry record. `origins`: exact origins (`https://acme.test`) or with one leading `*.` host label.

    `limits` overrides those of `parley.limits` that are marked per tenant, by name.
    """

    name: str
    version: int
    keys: list[Key]
    origins: list[str] = []
    state: Literal["active", "suspended", "deleted"] = "active"
    over_quota: bool = False
    limits: dict[str, int] = {}


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


def origin_allowed(tenant: Tenant, origin: str | None) -> bool:
    """Whether a browser on `origin` may use this tenant. No Origin header: not a browser, the token decides alone."""
    if origin is None:
        return True
    origin = origin.lower()
    for pattern in tenant.origins:
        pattern = pattern.lower()
        if pattern in ("*", origin):
            return True
        scheme, separator, host = pattern.partition("://*.")
        if separator and origin.startswith(f"{scheme}://") and origin.endswith(f".{host}"):
            return True
        port_free, separator, port = pattern.rpartition(":")
        if separator and port == "*" and fnmatch.fnmatchcase(origin, f"{port_free}:[0-9]*"):
            return origin[len(port_free) + 1 :].isdigit()
    return False
