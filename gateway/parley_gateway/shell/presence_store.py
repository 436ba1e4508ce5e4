"""Presence in Redis: for each page, which gateways hold readers, and each gateway's set of them.

A gateway writes only its own set, under a lease on Redis's own clock: what a crashed one held stops counting when the
lease ends, and what a flushed Redis forgot is written again at the next renewal.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeAlias, cast

from redis.exceptions import RedisError

from parley.pages import page_key, partition_of
from parley.redis_keys import Keys
from parley_runtime.redis_client import Client

#: Reader ids in one call: keeps a call under a millisecond of Redis.
CHUNK = 500
#: Calls in one pipeline: a few milliseconds of Redis.
PIPELINE = 200

_Argument: TypeAlias = "str | int"

#: KEYS: gateways, own readers.
#: ARGV: run, lease ms, expected own count (-1: unknown), key prefix, 1 to begin with an empty own set, number added,
#: added…, removed…
#: Answers {distinct readers over all gateways, 1 when the own set is not what was expected}.
_TOUCH = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if ARGV[5] == '1' then redis.call('DEL', KEYS[2]) end
local n = tonumber(ARGV[6])
for i = 7, 6 + n do redis.call('SADD', KEYS[2], ARGV[i]) end
for i = 7 + n, #ARGV do redis.call('SREM', KEYS[2], ARGV[i]) end
local mine = redis.call('SCARD', KEYS[2])
if mine == 0 then
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[2] * 2)
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
end
local wrong = 0
if tonumber(ARGV[3]) >= 0 and mine ~= tonumber(ARGV[3]) then wrong = 1 end
local runs = redis.call('ZRANGE', KEYS[1], 0, -1)
if #runs == 0 then return {0, wrong} end
if #runs == 1 and runs[1] == ARGV[1] then return {mine, wrong} end
local sets = {}
for i, run in ipairs(runs) do sets[i] = ARGV[4] .. run end
return {#redis.call('SUNION', unpack(sets)), wrong}
"""


class PresenceStore:
    """This gateway's part of everybody's presence."""

    def __init__(self, client: Client, keys: Keys, run: str, lease_ms: int) -> None:
        self._client = client
        self._keys = keys
        self._run = run
        self._lease_ms = lease_ms
        self._waiting: list[tuple[tuple[_Argument, ...], asyncio.Future[tuple[int, int]]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def touch(
        self,
        tenant: str,
        page: str,
        added: Sequence[str],
        removed: Sequence[str],
        expected: int,
        *,
        afresh: bool = False,
    ) -> tuple[int, bool]:
        """Renew the lease and apply changes. `expected`: how many readers this gateway holds.

        `afresh`: whoever Redis holds for this gateway is dropped first, so `added` are all of them.
        Returns (distinct readers over all gateways, whether Redis has another idea of this gateway's readers).
        """
        partition, key = partition_of(tenant, page), page_key(tenant, page)
        gateways = self._keys.presence_gateways(partition, key)
        own = self._keys.presence_readers(partition, key, self._run)
        calls = max(1, -(-max(len(added), len(removed)) // CHUNK))
        total, wrong = 0, 0
        for call in range(calls):
            more = added[call * CHUNK : (call + 1) * CHUNK]
            less = removed[call * CHUNK : (call + 1) * CHUNK]
            total, wrong = await self._touch(
                gateways,
                own,
                self._run,
                self._lease_ms,
                expected if call == calls - 1 else -1,
                f"{gateways}:",
                int(afresh and call == 0),
                len(more),
                *more,
                *less,
            )
        return int(total), bool(wrong)

    async def _touch(self, *arguments: _Argument) -> tuple[int, int]:
        """Run the script; calls that are made while others are on their way share the next pipeline."""
        answer: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()
        self._waiting.append((arguments, answer))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())
        return await answer

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:PIPELINE], self._waiting[PIPELINE:]
            results: list[Any]
            try:
                async with self._client.pipeline(transaction=False) as pipeline:
                    for arguments, _ in batch:
                        pipeline.eval(_TOUCH, 2, *cast(Any, arguments))
                    results = await pipeline.execute(raise_on_error=False)
            except (RedisError, OSError, TimeoutError) as problem:
                results = [problem] * len(batch)
            for (_, answer), result in zip(batch, results, strict=True):
                if answer.done():
                    continue  # whoever asked has gone
                if isinstance(result, Exception):
                    answer.set_exception(result)
                else:
                    answer.set_result(result)

    async def forget(self, tenant: str, page: str) -> None:
        """Drop this gateway's readers of a page at once: at shutdown, so that nobody waits for the lease."""
        partition, key = partition_of(tenant, page), page_key(tenant, page)
        await cast(Any, self._client.delete(self._keys.presence_readers(partition, key, self._run)))
        await cast(Any, self._client.zrem(self._keys.presence_gateways(partition, key), self._run))
