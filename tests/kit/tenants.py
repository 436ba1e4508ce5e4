"""Tenants in the registry, and the tokens that their servers would sign."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jwt
import msgspec

from kit.servers import run_apart
from parley.redis_keys import Keys
from parley.tenants import Algorithm, Tenant
from parley_runtime import redis_client
from parley_runtime.registry import Registry
from parley_runtime.signing import AUDIENCE, SigningKey, generate_key, read_key

#: Where the tenants' pages are, unless a test says otherwise.
ORIGIN = "https://acme.test"


@dataclass(frozen=True)
class KitTenant:
    """A tenant whose private keys the test knows."""

    record: Tenant
    keys: tuple[SigningKey, ...]
    redis_url: str
    prefix: str

    @property
    def name(self) -> str:
        return self.record.name

    def token(self, reader: str = "ann", *, ttl: float = 3600, key: int = 0, **claims: Any) -> str:
        """A token for `reader`, good for `ttl` seconds; `claims` are added, or replace; None leaves one out."""
        now = int(time.time())
        said = {"aud": AUDIENCE, "tenant": self.name, "sub": reader, "iat": now, "exp": int(now + ttl), **claims}
        signing = self.keys[key]
        return jwt.encode(
            {name: value for name, value in said.items() if value is not None},
            signing.material,
            algorithm=signing.algorithm,
            headers={"kid": signing.kid} if signing.kid else None,
        )

    def change(self, **members: Any) -> "KitTenant":
        """Write a newer record with other `state`, `limits`, `origins`, `over_quota` or `keys`."""
        record = msgspec.structs.replace(self.record, version=self.record.version + 1, **members)
        changed = KitTenant(record, self.keys, self.redis_url, self.prefix)
        changed.write()
        return changed

    def write(self) -> None:
        """Put the record into the registry."""

        async def put() -> None:
            client = redis_client.connect(self.redis_url)
            try:
                assert await Registry(client, Keys(self.prefix)).put(self.record), "the registry holds a newer record"
            finally:
                await client.aclose()

        run_apart(put)


def add_tenant(
    redis_url: str,
    name: str = "acme",
    *,
    algorithms: Sequence[Algorithm] = ("ES256", "HS256"),
    origins: Sequence[str] = (ORIGIN,),
    prefix: str = "parley",
    **members: Any,
) -> KitTenant:
    """Make a tenant with one key of each algorithm (`kid` "k0", "k1", …) and write it to the registry."""
    made = [generate_key(algorithm, f"k{number}") for number, algorithm in enumerate(algorithms)]
    record = Tenant(name=name, version=1, keys=[public for public, _ in made], origins=list(origins), **members)
    signing = tuple(read_key(private.encode(), kid=public.kid) for public, private in made)
    tenant = KitTenant(record, signing, redis_url, prefix)
    tenant.write()
    return tenant
