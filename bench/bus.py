"""What the bus costs whoever has no part in it: Redis for each entry, each reader and each count, and a gateway for
entries of pages that nobody has open there. docs/scale.md is computed from these figures."""

import asyncio
import time
from typing import Any

import redis

from bench import machine
from bench.report import Figure, Report
from bench.world import BenchProblem, World
from parley import metrics
from parley.pages import PARTITIONS, partition_of
from parley.redis_keys import BODY, Keys
from parley_gateway.core.bus_entry import Changed, encode
from parley_gateway.core.change import Change
from parley_gateway.shell.bus import STREAM_LENGTH
from parley_gateway.shell.presence_store import Count, PresenceStore, Touch
from parley_runtime import redis_client

#: Entries in one pipeline, as a gateway's busy writer makes them.
BATCH = 200
#: Bytes of the change in an entry: a new annotation of 100 characters.
CHANGE = 600
#: Readers that are counted on each page.
READERS = 3
LEASE_MS = 30_000


def run(world: World, quick: bool) -> Report:
    rounds, entries = (3, 4_000) if quick else (9, 20_000)
    report = Report("bus")
    costs: dict[str, list[float]] = {"write": [], "read": [], "count": [], "pass": []}
    with redis.Redis.from_url(world.valkey.url) as client:
        for _ in range(rounds):
            costs["write"].append(_cpu(world, lambda: _write(client, entries)) / entries)
            costs["read"].append(_cpu(world, lambda: _wake(client, entries // 4)) / (entries // 4) - costs["write"][-1])
            asyncio.run(_count(world, entries, afresh=True))
            costs["count"].append(_cpu(world, lambda: asyncio.run(_count(world, entries))) / entries)
        world.account()
        gateway = world.gateway()
        for _ in range(rounds):
            before, began = gateway.metric(metrics.BUS_ENTRIES.name), gateway.cpu
            _write(client, entries, 0.02)
            limit = time.monotonic() + 30
            while gateway.metric(metrics.BUS_ENTRIES.name) < before + entries:
                if time.monotonic() > limit:
                    raise BenchProblem("the gateway did not read all entries")
                time.sleep(0.2)
            costs["pass"].append((gateway.cpu - began) / entries * 1e6)
    report.figures += [
        Figure("Redis: an entry written", "µs", costs["write"]),
        Figure("Redis: a gateway woken by an entry", "µs", costs["read"]),
        Figure("Redis: a page's lease renewed and counted", "µs", costs["count"]),
        Figure("gateway: an entry of a page that nobody has open", "µs", costs["pass"]),
    ]
    report.notes.append(
        f"CPU. Entries of about {CHANGE} bytes over {PARTITIONS} streams, written {BATCH} at once. A waking reads all "
        f"streams and finds one entry. Counts: the lease of a page with {READERS} readers is renewed, "
        "among many."
    )
    return report


def _cpu(world: World, work: Any) -> float:
    """µs of Redis's CPU."""
    began = machine.cpu_seconds(world.valkey.pid)
    work()
    return (machine.cpu_seconds(world.valkey.pid) - began) * 1e6


def _entry(number: int) -> tuple[str, bytes]:
    page = f"elsewhere/{number % 1000}"
    change = Change(number + 1, "i", "new-text-chat", "c", "*", b"x" * CHANGE)
    return Keys().bus(partition_of("acme", page)), encode(Changed("acme", page, "e", number, number + 1, [change]))


def _write(client: "redis.Redis", entries: int, pause: float = 0.0) -> None:
    for first in range(0, entries, BATCH):
        pipeline = client.pipeline(transaction=False)
        for number in range(first, min(first + BATCH, entries)):
            stream, body = _entry(number)
            pipeline.xadd(stream, {BODY: body}, maxlen=STREAM_LENGTH, approximate=True)
        pipeline.execute()
        time.sleep(pause)


def _wake(client: "redis.Redis", entries: int) -> None:
    """Each entry alone, and a read of all streams after it."""
    streams: dict[Any, Any] = {}
    for partition in range(PARTITIONS):
        newest: Any = client.xrevrange(Keys().bus(partition), count=1)
        streams[Keys().bus(partition)] = newest[0][0] if newest else "0"
    for number in range(entries):
        stream, body = _entry(number)
        streams_found: Any = client.xadd(stream, {BODY: body}, maxlen=STREAM_LENGTH, approximate=True)
        found: Any = client.xread(streams, count=BATCH)
        assert len(found) == 1
        streams[stream] = streams_found


async def _count(world: World, pages: int, afresh: bool = False) -> None:
    """Renew the leases of so many pages, as a gateway does every 4 s; `afresh`: its readers have just come."""
    client = redis_client.connect(world.valkey.url)
    readers = [f"r{number}" for number in range(READERS)]
    try:
        store = PresenceStore(client, Keys(), "0" * 28, LEASE_MS)
        added = readers if afresh else []
        counts = await store.touch([Touch("acme", f"page/{number}", added, [], READERS) for number in range(pages)])
        if not all(isinstance(count, Count) and count.total == READERS for count in counts):
            raise BenchProblem("Redis counted other readers")
    finally:
        await client.aclose()
