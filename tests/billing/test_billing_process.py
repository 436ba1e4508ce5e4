"""The whole way of usage with real processes: whatever is killed, what was sealed is in the ledger, once."""

import asyncio
import contextlib
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import redis

from kit.billing_process import ROOMS, BillingProcess
from kit.servers import MakePostgres, MakeValkey
from kit.usage import Sums, ledger_sums, sums_of
from kit.waiting import until
from parley.redis_keys import BODY, Keys
from parley.usage import USAGE_CLASSES, decode_record
from parley_gateway.core.meter import Meter
from parley_gateway.shell.spool import Spool, new_run
from parley_gateway.shell.usage_reporter import UsageReporter
from parley_runtime.clock import SystemClock
from parley_runtime.redis_client import connect
from parley_runtime.settings import load as load_settings
from parley_runtime.telemetry import Metrics

pytestmark = pytest.mark.servers

TABLES = ("usage_minutes", "usage_quarter_hours", "usage_days", "usage_totals")


@contextlib.contextmanager
def running_billing(directory: Path, redis_url: str, database_url: str) -> Iterator[BillingProcess]:
    billing = BillingProcess(directory, redis_url, database_url)
    billing.start()
    try:
        yield billing
    finally:
        billing.kill()


class Load:
    """Counts at random through a real meter and reporter, and keeps its own sum."""

    def __init__(self, redis_url: str, spool: Path) -> None:
        clock = SystemClock()
        self.client = connect(redis_url)
        self._clock = clock
        self.meter = Meter(clock)
        settings = load_settings(spool_directory=spool, seal_interval_ms=50)
        self.spool = Spool(spool, new_run(clock.now_ms()))
        self.reporter = UsageReporter(self.meter, self.spool, self.client, Keys(), clock, settings, Metrics())
        self.counted: Sums = Counter()
        self._rng = random.Random(5)

    async def count_for_ever(self) -> None:
        while True:
            for _ in range(20):
                tenant, usage_class = self._rng.choice(["acme", "globex"]), self._rng.choice(USAGE_CLASSES)
                site = self._rng.choice(["", "https://a.test", "https://b.test"])
                messages, size = self._rng.randrange(1, 50), self._rng.randrange(1, 50_000)
                self.meter.add(tenant, site, usage_class, self._clock.now_ms(), messages, size)
                self.counted[tenant, usage_class, "messages"] += messages
                self.counted[tenant, usage_class, "bytes"] += size
            await asyncio.sleep(0.002)  # the pace of what is counted

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.reporter.start()
        counting = asyncio.create_task(self.count_for_ever())
        try:
            yield
        finally:
            counting.cancel()
            await asyncio.wait([counting])
            left = await self.reporter.close(20)
            await self.client.aclose()
        assert left == 0, "billing confirmed everything"


async def records_in_ledger(database_url: str) -> int:
    with contextlib.suppress(OSError, asyncpg.PostgresError):
        connection = await asyncpg.connect(database_url)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM parley.usage_records"))
        finally:
            await connection.close()
    return 0


async def progress(database_url: str, more: int = 3) -> None:
    """Wait until some more records are in the ledger."""
    before = await records_in_ledger(database_url)

    async def grown() -> bool:
        return await records_in_ledger(database_url) >= before + more

    await until(grown, 30)


async def check_ledger(database_url: str, expected: Sums) -> None:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT run, number, body FROM parley.usage_records ORDER BY run, number")
    records = [decode_record(row["body"]) for row in rows]
    assert sums_of(records) == expected
    for table in TABLES:
        assert await ledger_sums(connection, table) == expected
    assert await connection.fetchval("SELECT count(*) FROM parley.usage_refused") == 0
    await connection.close()


async def test_kill_9_of_billing_and_flushes_of_redis_under_load_leave_the_ledger_exact(
    tmp_path: Path, redis_url: str, database_url: str
) -> None:
    rng = random.Random(9)
    load = Load(redis_url, tmp_path / "spool")
    with running_billing(tmp_path, redis_url, database_url) as billing, redis.Redis.from_url(redis_url) as valkey:
        async with load.running():
            for _ in range(3):
                await progress(database_url)
                await asyncio.sleep(rng.random() * 0.1)  # any moment of its work
                billing.kill()
                if rng.random() < 0.5:
                    valkey.flushall()
                billing.start()
                await progress(database_url, 1)
                valkey.flushall()
        await check_ledger(database_url, load.counted)
        assert list((tmp_path / "spool").iterdir()) == []
        assert valkey.xlen(Keys().usage) == 0
        assert await asyncio.to_thread(billing.stop) == 0


async def test_kill_9_of_postgres_and_of_redis_under_load_leaves_the_ledger_exact(
    tmp_path: Path, make_valkey: MakeValkey, make_postgres: MakePostgres
) -> None:
    valkey, postgres = make_valkey(), make_postgres()
    load = Load(valkey.url, tmp_path / "spool")
    with running_billing(tmp_path, valkey.url, postgres.url) as billing:
        async with load.running():
            await progress(postgres.url)
            postgres.kill()
            await asyncio.to_thread(postgres.restart)
            await progress(postgres.url)
            valkey.kill()
            await asyncio.to_thread(valkey.restart)
            await progress(postgres.url)
        await check_ledger(postgres.url, load.counted)
        assert await asyncio.to_thread(billing.stop) == 0


async def test_two_billing_processes_at_once_book_each_record_once_and_one_takes_over(
    tmp_path: Path, redis_url: str, database_url: str
) -> None:
    load = Load(redis_url, tmp_path / "spool")
    (tmp_path / "second").mkdir()
    with (
        running_billing(tmp_path, redis_url, database_url) as first,
        running_billing(tmp_path / "second", redis_url, database_url) as second,
    ):
        await asyncio.to_thread(first.wait_ready)
        await asyncio.to_thread(second.wait_ready)
        async with load.running():
            await progress(database_url)
            first.kill()
            await progress(database_url)
        await check_ledger(database_url, load.counted)


async def test_a_stream_that_redis_numbers_backwards_is_still_read(
    tmp_path: Path, redis_url: str, database_url: str
) -> None:
    load = Load(redis_url, tmp_path / "spool")
    with running_billing(tmp_path, redis_url, database_url), redis.Redis.from_url(redis_url) as valkey:
        body = None
        async with load.running():
            await progress(database_url, 1)
            connection = await asyncpg.connect(database_url)
            body = await connection.fetchval("SELECT body FROM parley.usage_records LIMIT 1")
            await connection.close()
            valkey.flushall()
            with contextlib.suppress(redis.ResponseError):  # the gateway was quicker: its entry is there
                valkey.xadd(Keys().usage, {BODY: body}, id="1-1")
            await progress(database_url, 1)
        await check_ledger(database_url, load.counted)


GATEWAY = """
import asyncio, sys
from pathlib import Path
from parley.redis_keys import Keys
from parley.usage import decode_record
from parley_gateway.core.meter import Meter
from parley_gateway.shell.spool import Spool, new_run
from parley_gateway.shell.usage_reporter import UsageReporter
from parley_runtime.clock import SystemClock
from parley_runtime.redis_client import connect
from parley_runtime.settings import load
from parley_runtime.telemetry import Metrics, configure_logging

class ToldSpool(Spool):
    def put(self, lines, sealed_at):
        before = self.last
        super().put(lines, sealed_at)
        for number in range(before + 1, self.last + 1):
            print(self.run, number, decode_record(self.get(number)).digest().hex(), flush=True)

async def main(redis_url, directory):
    configure_logging("error")
    clock = SystemClock()
    meter = Meter(clock)
    spool = ToldSpool(Path(directory), new_run(clock.now_ms()))
    settings = load(spool_directory=directory, seal_interval_ms=50)
    reporter = UsageReporter(meter, spool, connect(redis_url), Keys(), clock, settings, Metrics())
    reporter.start()
    counter = meter.counter("acme", "https://a.test")
    while True:
        counter.delivery(1, 100)
        await asyncio.sleep(0.001)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_kill_9_of_gateways_loses_no_sealed_record_and_doubles_none(
    tmp_path: Path, redis_url: str, database_url: str
) -> None:
    spool = tmp_path / "spool"
    environment = {**os.environ, "PYTHONPATH": ROOMS}
    sealed: set[tuple[str, int, str]] = set()
    with running_billing(tmp_path, redis_url, database_url) as billing:
        for life in range(3):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", GATEWAY, redis_url, str(spool),
                stdout=asyncio.subprocess.PIPE, env=environment,
            )  # fmt: skip
            assert process.stdout is not None
            told = [await process.stdout.readline() for _ in range(5 + 7 * life)]
            process.kill()
            if life == 1:
                billing.kill()
                billing.start()
            told += (await process.stdout.read()).splitlines(keepends=True)
            await process.wait()
            for line in told:
                if line.endswith(b"\n"):
                    run, number, digest = line.decode().split()
                    sealed.add((run, int(number), digest))
        # A last gateway, with nothing to count, adopts what they left.
        load = Load(redis_url, spool)
        load.reporter.start()

        async def empty() -> bool:
            return not spool.exists() or not any(spool.iterdir())

        await until(empty, 20)
        await load.reporter.close(5)
        await load.client.aclose()
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT run, number, digest, body FROM parley.usage_records")
    booked = {(row["run"], row["number"], row["digest"].hex()) for row in rows}
    assert sealed <= booked
    # A record that was on disk, and whose gateway died before it could tell us, may be there too.
    assert len(booked - sealed) <= 3
    expected = sums_of(decode_record(row["body"]) for row in rows)
    for table in TABLES:
        assert await ledger_sums(connection, table) == expected
    await connection.close()
