"""Presence in Redis: for each page, which gateways hold readers, and each gateway's set of them.

A gateway writes only its own set, under a lease on Redis's own clock: what a crashed one held stops counting when the
lease ends, and what a flushed Redis forgot is written again at the next renewal.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias, cast

from parley.pages import page_key, partition_of
from parley.redis_keys import Keys
from parley_runtime.outage import REDIS_AWAY
from parley_runtime.redis_client import Client

#: Reader ids, and pages, in one call: keep a call under a millisecond of Redis.
IDS, PAGES = 500, 50
#: Calls in one pipeline: a few milliseconds of Redis.
PIPELINE = 100

#: KEYS: gateways, own readers; for each page.
#: ARGV: run, lease ms; for each page: expected own count (-1: unknown), 1 to begin with an empty own set, number added,
#: number removed, added…, removed…
#: Answers, for each page, distinct readers over all gateways, other gateways with readers, and 1 when the own set is
#: not what was expected.
_TOUCH = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local run, lease, at, answer = ARGV[1], ARGV[2], 3, {}
for k = 1, #KEYS, 2 do
  local gateways, own = KEYS[k], KEYS[k + 1]
  local expected, more, less = tonumber(ARGV[at]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  redis.call('ZREMRANGEBYSCORE', gateways, '-inf', now)
  if ARGV[at + 1] == '1' then redis.call('DEL', own) end
  at = at + 4
  for i = at, at + more - 1 do redis.call('SADD', own, ARGV[i]) end
  at = at + more
  for i = at, at + less - 1 do redis.call('SREM', own, ARGV[i]) end
  at = at + less
  local mine = redis.call('SCARD', own)
  if mine == 0 then
    redis.call('ZREM', gateways, run)
  else
    redis.call('ZADD', gateways, now + lease, run)
    redis.call('PEXPIRE', gateways, lease * 2)
    redis.call('PEXPIRE', own, lease)
  end
  local runs = redis.call('ZRANGE', gateways, 0, -1)
  local total, others = mine, #runs
  if mine > 0 then others = others - 1 end
  if others > 0 then
    local sets = {}
    for i, other in ipairs(runs) do sets[i] = gateways .. ':' .. other end
    total = #redis.call('SUNION', unpack(sets))
  end
  local wrong = 0
  if expected >= 0 and mine ~= expected then wrong = 1 end
  for _, said in ipairs({total, others, wrong}) do answer[#answer + 1] = said end
end
return answer
"""


class Touch(NamedTuple):
    """Renew the lease of one page and apply changes.

    `expected`: how many readers this gateway holds (-1: not said). `afresh`: whoever Redis holds for this gateway is
    dropped first, so `added` are all of them.
    """

    tenant: str
    page: str
    added: Sequence[str]
    removed: Sequence[str]
    expected: int
    afresh: bool = False


class Count(NamedTuple):
    """Distinct readers over all gateways, how many others hold some, whether Redis has another idea of our own."""

    total: int
    others: int
    wrong: bool


#: One page in one call: its place in what was asked, its keys, its arguments.
_Part: TypeAlias = "tuple[int, tuple[str, str], list[str | int]]"


class PresenceStore:
    """This gateway's part of everybody's presence."""

    def __init__(self, client: Client, keys: Keys, run: str, lease_ms: int) -> None:
        self._client = client
        self._keys = keys
        self._run = run
        self._lease_ms = lease_ms

    async def touch(self, touches: Sequence[Touch]) -> list[Count | Exception]:
        """The count of each page, or what went wrong with it: the pages of a partition share a call."""
        found: list[Count | Exception] = [TimeoutError("not asked")] * len(touches)
        calls = self._calls(touches)
        for first in range(0, len(calls), PIPELINE):
            batch = calls[first : first + PIPELINE]
            try:
                async with self._client.pipeline(transaction=False) as pipeline:
                    for parts in batch:
                        keys = [key for _, pair, _ in parts for key in pair]
                        arguments = [argument for part in parts for argument in part[2]]
                        pipeline.eval(_TOUCH, len(keys), *cast(Any, (*keys, self._run, self._lease_ms, *arguments)))
                    answers: list[Any] = await pipeline.execute(raise_on_error=False)
            except REDIS_AWAY as problem:
                answers = [problem] * len(batch)
            for parts, answer in zip(batch, answers, strict=True):
                for number, (place, _, _) in enumerate(parts):
                    if isinstance(answer, Exception):
                        found[place] = answer
                    else:
                        total, others, wrong = answer[3 * number : 3 * number + 3]
                        found[place] = Count(total, others, bool(wrong))
        return found

    def _calls(self, touches: Sequence[Touch]) -> list[list[_Part]]:
        """What is asked, in calls that each stay in one partition; the parts of one page stay in order."""
        calls: list[list[_Part]] = []
        open_calls: dict[int, tuple[list[_Part], int]] = {}
        for place, touch in enumerate(touches):
            partition, pair = self._keys_of(touch.tenant, touch.page)
            for arguments in _parts(touch):
                parts, size = open_calls.get(partition, ([], 0))
                if not parts or len(parts) >= PAGES or size + len(arguments) > IDS + 4 * PAGES:
                    parts, size = [], 0
                    calls.append(parts)
                parts.append((place, pair, arguments))
                open_calls[partition] = parts, size + len(arguments)
        return calls

    def _keys_of(self, tenant: str, page: str) -> tuple[int, tuple[str, str]]:
        partition, key = partition_of(tenant, page), page_key(tenant, page)
        gateways = self._keys.presence_gateways(partition, key)
        return partition, (gateways, self._keys.presence_readers(partition, key, self._run))

    async def forget(self, pages: Sequence[tuple[str, str]]) -> None:
        """Drop this gateway's readers of pages at once: at shutdown, so that nobody waits for the lease."""
        for first in range(0, len(pages), PIPELINE):
            async with self._client.pipeline(transaction=False) as pipeline:
                for tenant, page in pages[first : first + PIPELINE]:
                    _, (gateways, own) = self._keys_of(tenant, page)
                    pipeline.delete(own)
                    pipeline.zrem(gateways, self._run)
                await pipeline.execute()


def _parts(touch: Touch) -> list[list[str | int]]:
    """The arguments for one page, in as many calls as its ids need; only the last knows what to expect."""
    calls = max(1, -(-max(len(touch.added), len(touch.removed)) // IDS))
    made: list[list[str | int]] = []
    for call in range(calls):
        more, less = (ids[call * IDS : (call + 1) * IDS] for ids in (touch.added, touch.removed))
        expected = touch.expected if call == calls - 1 else -1
        made.append([expected, int(touch.afresh and call == 0), len(more), len(less), *more, *less])
    return made
