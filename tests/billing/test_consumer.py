"""The consumer in this process, on real servers: what it does with odd entries and slow days."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis

from kit.clock import FrozenClock
from kit.usage import NOON, ledger_sums, random_record, sums_of
from kit.waiting import until
from parley.claims import Claims
from parley.metrics import USAGE_RECORDS
from parley.redis_keys import BODY, Keys
from parley.usage import UsageRecord, encode_record
from parley_billing.shell import consumer as module
from parley_billing.shell.api import UsageApi
from parley_billing.shell.confirmation_sweep import sweep
from parley_billing.shell.consumer import Consumer
from parley_billing.shell.ledger_store import LedgerStore
from parley_billing.shell.usage_store import UsageStore
from parley_runtime.clock import SystemClock
from parley_runtime.database import Pool, connect
from parley_runtime.lifecycle import Background
from parley_runtime.redis_client import connect as connect_redis
from parley_runtime.telemetry import Metrics

pytestmark = pytest.mark.servers

KEYS = Keys()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = await connect(database_url, "parley_billing", size=3)
    yield pool
    await pool.close()


@pytest.fixture
def valkey(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@asynccontextmanager
async def consuming(pool: Pool, redis_url: str, metrics: Metrics) -> AsyncIterator[Consumer]:
    client = connect_redis(redis_url, read_timeout=5)
    consumer = Consumer(pool, client, KEYS, SystemClock(), metrics)
    background = Background()
    background.run("consumer", consumer.run())
    try:
        yield consumer
    finally:
        await background.close()
        await client.aclose()


def put(valkey: "redis.Redis", *records: UsageRecord) -> None:
    for record in records:
        valkey.xadd(KEYS.usage, {BODY: encode_record(record)})


async def taken(valkey: "redis.Redis") -> None:
    async def empty() -> bool:
        return valkey.xlen(KEYS.usage) == 0

    await until(empty)


async def check(pool: Pool, records: list[UsageRecord]) -> None:
    async with pool.acquire() as connection:
        for table in ("usage_minutes", "usage_quarter_hours", "usage_days", "usage_totals"):
            assert await ledger_sums(connection, table) == sums_of(records)


async def test_entries_that_are_no_records_do_not_stop_the_others(
    pool: Pool, redis_url: str, valkey: "redis.Redis"
) -> None:
    record = random_record(random.Random(1), "r", 1)
    put(valkey, record)
    valkey.xadd(KEYS.usage, {BODY: b"nonsense"})
    valkey.xadd(KEYS.usage, {"other": b"field"})
    put(valkey, record)
    metrics = Metrics()
    async with consuming(pool, redis_url, metrics):
        await taken(valkey)
    await check(pool, [record])
    assert valkey.hgetall(KEYS.usage_confirmed) == {b"r": b"1"}
    counted = {
        outcome: metrics.counter(USAGE_RECORDS).labels(outcome)._value.get() for outcome in ("new", "repeat", "bad")
    }
    assert counted == {"new": 1, "repeat": 1, "bad": 2}
    assert await pool.fetchval("SELECT count(*) FROM parley.usage_refused") == 2


async def test_stopping_it_in_the_middle_of_its_work_ends_it(pool: Pool, redis_url: str, valkey: "redis.Redis") -> None:
    rng = random.Random(3)
    records: list[UsageRecord] = []
    for _ in range(12):
        async with consuming(pool, redis_url, Metrics()):
            deadline = asyncio.get_running_loop().time() + rng.random() * 0.05
            while asyncio.get_running_loop().time() < deadline:
                records.append(random_record(rng, "r", len(records) + 1))
                put(valkey, records[-1])
                await asyncio.sleep(0)
    async with consuming(pool, redis_url, Metrics()):
        await taken(valkey)
    await check(pool, records)


async def test_a_hole_is_not_passed_until_it_is_filled(pool: Pool, redis_url: str, valkey: "redis.Redis") -> None:
    records = [random_record(random.Random(n), "r", n) for n in range(1, 6)]
    async with consuming(pool, redis_url, Metrics()):
        put(valkey, records[0], records[1], records[4], records[3])
        await taken(valkey)
        assert valkey.hgetall(KEYS.usage_confirmed) == {b"r": b"2"}
        put(valkey, records[2])
        await taken(valkey)
    assert valkey.hgetall(KEYS.usage_confirmed) == {b"r": b"5"}
    await check(pool, records)


async def test_a_confirmation_never_goes_back(pool: Pool, redis_url: str, valkey: "redis.Redis") -> None:
    valkey.hset(KEYS.usage_confirmed, "r", "7")
    async with consuming(pool, redis_url, Metrics()):
        put(valkey, random_record(random.Random(1), "r", 1))
        await taken(valkey)
    assert valkey.hget(KEYS.usage_confirmed, "r") == b"7"


async def test_a_database_too_slow_for_a_batch_gets_smaller_ones(
    pool: Pool, redis_url: str, valkey: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    book = LedgerStore.book

    async def slow(self: LedgerStore, intake: Any, now_ms: int) -> Any:
        sizes.append(len(intake.arrived))
        if len(intake.arrived) > 3:
            raise TimeoutError
        return await book(self, intake, now_ms)

    monkeypatch.setattr(LedgerStore, "book", slow)
    monkeypatch.setattr(module, "COMMIT_BYTES", 4096)
    records = [random_record(random.Random(n), "r", n) for n in range(1, 30)]
    put(valkey, *records)
    async with consuming(pool, redis_url, Metrics()):
        await taken(valkey)
    assert max(sizes) > 3 >= min(sizes)
    await check(pool, records)


async def test_confirmations_of_runs_long_over_are_swept_and_of_others_not(
    pool: Pool, redis_url: str, valkey: "redis.Redis"
) -> None:
    async with consuming(pool, redis_url, Metrics()):
        put(valkey, random_record(random.Random(1), "old", 1), random_record(random.Random(1), "new", 1))
        await taken(valkey)
    valkey.hset(KEYS.usage_confirmed, "unknown", "3")
    await pool.execute("UPDATE parley.usage_runs SET changed_at = now() - interval '8 days' WHERE run = 'old'")
    client = connect_redis(redis_url)
    assert await sweep(pool, client, KEYS) == 2
    assert await sweep(pool, client, KEYS) == 0
    await client.aclose()
    assert valkey.hgetall(KEYS.usage_confirmed) == {b"new": b"1"}


class AnyToken:
    """Says of every token that it is acme's."""

    def verify(self, token: str) -> Claims:
        return Claims("acme", "u", "U", 0, scopes=frozenset({"usage:read"}))


async def test_without_the_database_the_answer_is_unavailable_and_says_when_to_try_again(
    database_url: str, aiohttp_ask: Any
) -> None:
    pool = await connect(database_url, "parley_billing", size=2)
    await pool.close()
    status, headers, body = await aiohttp_ask(UsageApi(UsageStore(pool), AnyToken(), FrozenClock(NOON)).application())
    assert (status, body["code"], body["retryInMs"]) == (503, "unavailable", 1_000)
    assert headers["Retry-After"] == "1"


@pytest.fixture
def aiohttp_ask() -> Any:
    """Ask an application for the usage, over a real socket."""
    from aiohttp.test_utils import TestClient, TestServer

    async def ask(application: Any) -> tuple[int, Any, Any]:
        async with TestClient(TestServer(application)) as client:
            answer = await client.get("/v1/usage", headers={"Authorization": "Bearer x"})
            return answer.status, answer.headers, await answer.json(content_type=None)

    return ask


async def test_small_records_are_booked_many_at_once(pool: Pool, redis_url: str, valkey: "redis.Redis") -> None:
    records = [random_record(random.Random(n), "r", n, lines=1) for n in range(1, 3_001)]
    put(valkey, *records)
    async with consuming(pool, redis_url, Metrics()):
        await taken(valkey)
    await check(pool, records)
    assert await pool.fetchval("SELECT batch FROM parley.usage_progress") <= 6, "each costs a sync of the disk"
