"""How fast billing books usage records: from the stream in Valkey to a ledger that Postgres has synced to its disk.

A record is what a gateway seals: up to 500 lines, one for each tenant, site, class and minute that it counted. The
worst case is one line each, and hardly two of them of the same tenant and class.
"""

import asyncio
import itertools
import random
import time

import redis
import uvloop

from bench import machine
from bench.report import Bar, Figure, Report
from bench.world import BenchProblem, World
from parley.metrics import USAGE_RECORDS
from parley.redis_keys import BODY, Keys
from parley.usage import MINUTE_MS, USAGE_CLASSES, UsageLine, UsageRecord, encode_record
from parley_billing.shell.consumer import Consumer
from parley_runtime.clock import SystemClock
from parley_runtime.database import connect
from parley_runtime.lifecycle import Background
from parley_runtime.redis_client import connect as connect_redis
from parley_runtime.telemetry import Metrics

#: Records a second that must be booked, on two cores.
RECORDS = 30_000
CORES = 2
#: Gateways whose records come mixed; tenants that share them.
RUNS = 20
TENANTS = 1_000
#: Entries in one pipeline of the filling.
PIPELINE = 2_000
NOW = 1_795_449_600_000


def run(world: World, quick: bool) -> Report:
    """Lines for each record → records for each round."""
    loads = {1: 5_000, 20: 1_000} if quick else {1: 150_000, 20: 30_000, 500: 2_000}
    rounds = 2 if quick else 5
    report = Report("ingest")
    numbers = itertools.count(1)
    for lines, records in loads.items():
        walls: list[float] = []
        costs: list[float] = []
        for _ in range(rounds):
            _fill(world, records, lines, numbers)
            wall, cpu = uvloop.run(_book(world, records))
            walls.append(records / wall)
            costs.append(cpu / records * 1e6)
        of = f"of {lines} line{'' if lines == 1 else 's'}"
        bar = Bar(CORES / RECORDS * 1e6, of="value") if lines == 1 else None
        report.figures += [
            Figure(f"records {of}, CPU of all three for each", "µs", costs, bar=bar),
            Figure(f"records {of} booked", "/s", walls),
            Figure(f"lines of records {of} booked", "/s", [wall * lines for wall in walls]),
        ]
    synced = [world.query(world.database_url, f"SHOW {name}") for name in ("fsync", "synchronous_commit")]
    report.notes.append(
        f"fsync {synced[0]}, synchronous_commit {synced[1]}. CPU of billing, Postgres and Valkey: {CORES} cores book "
        f"{RECORDS:,} records a second when one costs at most {CORES / RECORDS * 1e6:.0f} µs. By the clock it is less: "
        "billing and Postgres mostly take turns."
    )
    return report


def _fill(world: World, records: int, lines: int, numbers: "itertools.count[int]") -> None:
    rng = random.Random(lines)  # noqa: S311
    with redis.Redis.from_url(world.valkey.url) as client:
        for start in range(0, records, PIPELINE):
            pipeline = client.pipeline(transaction=False)
            for _ in range(min(PIPELINE, records - start)):
                number = next(numbers)
                body = encode_record(_record(rng, number, lines))
                pipeline.xadd(Keys().usage, {BODY: body})
            pipeline.execute()


def _record(rng: random.Random, number: int, lines: int) -> UsageRecord:
    sealed = NOW + number // RUNS * 500
    made = [
        UsageLine(
            f"tenant-{rng.randrange(TENANTS)}", "https://site.test", USAGE_CLASSES[place % 4],
            sealed - sealed % MINUTE_MS, rng.randrange(100), rng.randrange(100_000),
        )
        for place in range(lines)
    ]  # fmt: skip
    return UsageRecord(f"run-{number % RUNS}", number // RUNS + 1, sealed, made)


async def _book(world: World, records: int) -> tuple[float, float]:
    """(seconds, seconds of CPU) until the stream is empty."""
    pool = await connect(world.database_url, "parley_billing", size=2)
    client, looking = connect_redis(world.valkey.url, read_timeout=5), connect_redis(world.valkey.url)
    metrics = Metrics()
    consumer = Consumer(pool, client, Keys(), SystemClock(), metrics)
    before, began = _cpu(world), time.monotonic()
    background = Background()
    background.run("consumer", consumer.run())
    try:
        while await looking.xlen(Keys().usage):
            if time.monotonic() - began > 300:
                raise BenchProblem("the stream did not become empty")
            await asyncio.sleep(0.05)
        wall, cpu = time.monotonic() - began, _cpu(world) - before
    finally:
        await background.close()
        await client.aclose()
        await looking.aclose()
        await pool.close()
    if (booked := metrics.counter(USAGE_RECORDS).labels("new")._value.get()) != records:
        raise BenchProblem(f"{booked} records were booked, not {records}")
    return wall, cpu


def _cpu(world: World) -> float:
    return time.process_time() + machine.cpu_seconds(world.valkey.pid) + machine.cpu_seconds_of_tree(world.postgres.pid)
