"""This process's copy of the tenant registry: in memory for whoever asks, kept fresh from Redis.

Asking never waits. Without Redis the copy goes on serving what it has; what Redis lost, it puts back.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias, cast

import msgspec

from parley.redis_keys import BODY, Keys
from parley.tenants import Tenant, decode_tenant
from parley_runtime.lifecycle import RETRY_FIRST, RETRY_LONGEST
from parley_runtime.outage import Outage
from parley_runtime.redis_client import Client
from parley_runtime.registry import LOG_LENGTH, Registry
from parley_runtime.telemetry import get_logger

OnChange: TypeAlias = Callable[[Tenant | None, Tenant | None], None]

#: Milliseconds that one read of the log waits. Well under the client's read timeout.
_BLOCK_MS = 1_000
#: Seconds between comparisons with Redis. A lost registry is noticed within this.
_COMPARE_EVERY = 1.0
#: Entries of one read of the log. The log keeps at least LOG_LENGTH, so whenever it was trimmed past the cursor a
#: read comes back full: a full read, and only that, may hide a gap, and is answered by reading the whole registry.
_FULL = LOG_LENGTH // 2
#: Names of one HMGET: about 100 kB of records.
_BATCH = 100

_POSITION = """
local newest = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
return {redis.call('HLEN', KEYS[1]), redis.call('GET', KEYS[2]) or '0', newest[1] and newest[1][1] or '0-0'}
"""


class _Position(NamedTuple):
    """Where the registry in Redis stands, read at one instant."""

    size: int
    version: int
    newest: tuple[int, int]  # the log's newest entry


def _entry_id(raw: bytes) -> tuple[int, int]:
    milliseconds, _, number = raw.partition(b"-")
    return int(milliseconds), int(number)


class TenantView:
    """Every tenant, by name, as this process knows it.

    Run `follow` for the life of the process. `load` before it is optional: it saves a first wait.
    """

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._registry = Registry(client, keys)
        self._held: dict[str, Tenant] = {}
        self._callbacks: list[OnChange] = []
        self._ready = False
        self._current = False  # False: something may have been missed, so all must be read again
        self._cursor = (0, 0)
        self._version = 0  # what the registry's version is when nothing but the log's entries happened
        self._outage = Outage("the tenant registry cannot be read")

    @property
    def ready(self) -> bool:
        """Whether the registry was read once. Stays True when Redis goes away later."""
        return self._ready

    def get(self, name: str) -> Tenant | None:
        """The tenant's record, suspended and deleted ones too. None: never heard of."""
        return self._held.get(name)

    def all(self) -> dict[str, Tenant]:
        """Every record by name: a copy."""
        return dict(self._held)

    def on_change(self, callback: OnChange) -> None:
        """Call `callback(old, new)` after each change, in the event loop. `old` is None for a new tenant."""
        self._callbacks.append(callback)

    async def load(self) -> bool:
        """Read the whole registry once. False when Redis did not answer: what is held stays."""
        try:
            await self._read_all()
        except Exception as problem:  # whatever it is, serving from memory is better than not serving
            self._lost(problem)
            return False
        return True

    async def follow(self) -> None:
        """Keep up with the registry until cancelled. A change is seen at once, a loss within a second."""
        wait = RETRY_FIRST
        compared = float("-inf")
        clock = asyncio.get_running_loop().time
        task = asyncio.current_task()
        # Asked each time, because redis-py may swallow a cancellation (see `lifecycle`).
        while task is None or not task.cancelling():
            try:
                if not self._current:
                    await self._read_all()
                expected = None
                if clock() - compared >= _COMPARE_EVERY:
                    expected = await self._compare()
                    compared = clock()
                if self._current:
                    await self._read_log(expected)
                wait = RETRY_FIRST
            except Exception as problem:  # the loop must outlive every fault of Redis
                self._lost(problem)
                await asyncio.sleep(wait)
                wait = min(2 * wait, RETRY_LONGEST)

    def _lost(self, problem: Exception) -> None:
        self._current = False
        self._outage.began(problem)

    async def _position(self) -> _Position:
        keys = self._keys
        script = self._client.eval(_POSITION, 3, keys.tenants, keys.tenants_version, keys.tenants_log)
        size, version, newest = await cast(Any, script)
        return _Position(int(size), int(version), _entry_id(newest))

    async def _compare(self) -> int:
        """The registry's version now. Notices that Redis lost something, and asks for a new start."""
        there = await self._position()
        lost = there.version < self._version or there.size < len(self._held) or there.newest < self._cursor
        if lost:
            get_logger().warning("the tenant registry went backwards", held=len(self._held), found=there.size)
            self._current = False
        return there.version

    async def _read_all(self) -> None:
        """Read every record, take the newer ones, put back what Redis lost."""
        # The position comes first: whatever happens after it is in the log after the cursor.
        there = await self._position()
        found = await cast(Any, self._client.hgetall(self._keys.tenants))
        self._cursor, self._version = there.newest, there.version
        seen = {name: tenant.version for name, tenant in self._take(found.items())}
        self._current = self._ready = True
        self._outage.over()
        missing = [tenant for tenant in self._held.values() if seen.get(tenant.name, -1) < tenant.version]
        if missing:
            written = await self._registry.put_all(missing)
            get_logger().warning("put back tenants that Redis lost", missing=len(missing), written=written)

    async def _read_log(self, expected: int | None) -> None:
        """Take what the log has after the cursor. Waits for it, unless a version to reach is `expected`."""
        after = {self._keys.tenants_log: f"{self._cursor[0]}-{self._cursor[1]}"}
        block = None if expected is not None else _BLOCK_MS
        streams = await cast(Any, self._client.xread(cast(Any, after), count=_FULL, block=block))
        entries = streams[0][1] if streams else []
        if len(entries) >= _FULL:
            self._current = False
            return
        names = list({fields[BODY.encode()] for _, fields in entries})
        for start in range(0, len(names), _BATCH):
            part = names[start : start + _BATCH]
            records = await cast(Any, self._client.hmget(self._keys.tenants, part))
            self._take((name, data) for name, data in zip(part, records, strict=True) if data is not None)
        # Only now: if reading the records had failed, the entries would have to be read again.
        if entries:
            self._cursor = _entry_id(entries[-1][0])
            self._version += len(entries)
        if expected is not None and self._version < expected:
            self._current = False  # the registry changed and the log does not say what

    def _take(self, records: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, Tenant]]:
        """Adopt the newer ones of these records. Returns those that could be read."""
        readable = []
        for raw_name, data in records:
            try:
                name, tenant = raw_name.decode(), decode_tenant(data)
                if tenant.name != name:
                    raise ValueError("the record stands under another name")
            except (msgspec.DecodeError, ValueError):
                shown = raw_name.decode(errors="replace")
                get_logger().error("a damaged record in the tenant registry", tenant=shown)
                continue
            readable.append((name, tenant))
            old = self._held.get(name)
            if old is None or tenant.version > old.version:
                self._held[name] = tenant
                self._tell(old, tenant)
        return readable

    def _tell(self, old: Tenant | None, new: Tenant | None) -> None:
        for callback in self._callbacks:
            try:
                callback(old, new)
            except Exception:
                get_logger().exception("a tenant's change was not taken up", tenant=new.name if new else None)
