"""The tenant registry in Redis: writing and reading it. `tenant_view` follows it.

Writes go through one script, so that the record, the version and the log always agree, and an older record
never replaces a newer one: a gateway may put back what a lost Redis forgot.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, cast

from parley.redis_keys import BODY, Keys
from parley.tenants import Tenant, decode_tenant, encode_tenant
from parley_runtime.redis_client import Client

#: Entries. The log only spares a full read; who is behind reads all.
LOG_LENGTH = 1_000
#: Records that are written at the same time: each takes a connection of its own.
_AT_ONCE = 16

_PUT = """
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held then
  local readable, record = pcall(cjson.decode, held)
  local version = readable and type(record) == 'table' and tonumber(record['version'])
  if version and version >= tonumber(ARGV[3]) then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('INCR', KEYS[2])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[4], '*', ARGV[5], ARGV[1])
return 1
"""


class Registry:
    """The registry of one installation."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def put(self, tenant: Tenant) -> bool:
        """Write a record, unless a newer or equally new one is there. True when it was written."""
        keys = self._keys
        done = await cast(
            Any,
            self._client.eval(
                _PUT,
                3,
                keys.tenants,
                keys.tenants_version,
                keys.tenants_log,
                tenant.name,
                encode_tenant(tenant),
                tenant.version,
                LOG_LENGTH,
                BODY,
            ),
        )
        return bool(done)

    async def put_all(self, tenants: Iterable[Tenant]) -> int:
        """Number of records that were written."""
        waiting, written = list(tenants), 0
        for start in range(0, len(waiting), _AT_ONCE):
            part = waiting[start : start + _AT_ONCE]
            written += sum(await asyncio.gather(*(self.put(tenant) for tenant in part)))
        return written

    async def get(self, name: str) -> Tenant | None:
        """One tenant's record."""
        data = await cast(Any, self._client.hget(self._keys.tenants, name))
        return decode_tenant(data) if data else None

    async def all(self) -> dict[str, Tenant]:
        """Every record by name."""
        found: dict[bytes, bytes] = await cast(Any, self._client.hgetall(self._keys.tenants))
        return {name.decode(): decode_tenant(data) for name, data in found.items()}

    async def size_and_version(self) -> tuple[int, int]:
        """(number of records, version): cheap, changes with every write, falls when Redis lost it."""
        size = await cast(Any, self._client.hlen(self._keys.tenants))
        version = await self._client.get(self._keys.tenants_version)
        return int(size), int(version or 0)
