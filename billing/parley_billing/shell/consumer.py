"""From the stream into the ledger, exactly once.

The stream is a queue: what is committed is deleted from it, and each read starts at its beginning, so there is no
position that could be wrong. Whatever Redis does (trim, flush, fail over to an older copy, number entries
backwards), an entry that is there gets read, and a record that comes twice is known by its id. What Redis lost
comes again from the gateways' spools, because it was not confirmed.
"""

import asyncio
from collections.abc import Iterator
from typing import Any, cast

from parley.clock import Clock
from parley.metrics import LEDGER_AS_OF, LEDGER_COMMIT_SECONDS, USAGE_RECORDS
from parley.redis_keys import BODY, Keys
from parley_billing.core.intake import take_in
from parley_billing.shell.ledger_store import Booked, LedgerStore
from parley_runtime.database import Pool
from parley_runtime.lifecycle import RETRY_FIRST, RETRY_LONGEST
from parley_runtime.outage import Outage
from parley_runtime.redis_client import Client
from parley_runtime.telemetry import Metrics, get_logger

#: Entries in one read: as many as fill a transaction if they are as long as those of the last read, within these
#: bounds. A commit costs a sync of the disk however little is in it, so small records must come many at once; the
#: longest records (500 lines, 40 kB mostly) are then still no more than 160 MB, once, when they follow small ones.
READ_LEAST = 50
READ_MOST = 4_000
#: Bytes of entries in one transaction: some 40,000 lines, and less than two seconds even if no two of them share a
#: sum. Halved after each failure, so that a slow database gets what it can do in time; doubled after each success.
COMMIT_BYTES = 2 * 1024 * 1024
#: Milliseconds that a read waits for the first entry. Also how long stopping may take.
BLOCK_MS = 1_000
#: Seconds between attempts to become the reader, while another process is.
STANDBY_EVERY = 1.0
#: Seconds without a finished round after which this process no longer counts as working.
STALE_AFTER = 10.0

#: Confirmations only grow, whoever writes them; then the entries go. KEYS: confirmed, stream.
_SETTLE = """
local runs = tonumber(ARGV[1])
for place = 2, 2 * runs, 2 do
  local held = tonumber(redis.call('HGET', KEYS[1], ARGV[place]) or '-1')
  if tonumber(ARGV[place + 1]) > held then redis.call('HSET', KEYS[1], ARGV[place], ARGV[place + 1]) end
end
redis.call('XDEL', KEYS[2], unpack(ARGV, 2 * runs + 2))
"""

_Entry = tuple[bytes, dict[bytes, bytes]]


class Consumer:
    """Runs until cancelled. `client` needs a read timeout longer than `BLOCK_MS`."""

    def __init__(self, pool: Pool, client: Client, keys: Keys, clock: Clock, metrics: Metrics) -> None:
        self._pool = pool
        self._client = client
        self._keys = keys
        self._clock = clock
        self._records = metrics.counter(USAGE_RECORDS)
        self._as_of = metrics.gauge(LEDGER_AS_OF)
        self._seconds = metrics.histogram(LEDGER_COMMIT_SECONDS)
        self._worked_at = float("-inf")
        self._commit_bytes = COMMIT_BYTES
        self._read_at_once = READ_LEAST
        self._outage = Outage("the ledger waits")

    @property
    def working(self) -> bool:
        """Whether the last round, of reading or of standing by, is recent."""
        return self._clock.monotonic() - self._worked_at < STALE_AFTER

    async def run(self) -> None:
        """Read, or stand by while another process reads. Every fault is waited out."""
        wait = RETRY_FIRST
        while True:
            started = self._clock.monotonic()
            try:
                async with self._pool.acquire() as connection:
                    store = LedgerStore(connection)
                    if await store.take_reader_lock():
                        get_logger().info("reading usage")
                        await self._read_for_ever(store)
                self._worked_at = self._clock.monotonic()
                wait = STANDBY_EVERY
                self._outage.over()
            except Exception as problem:
                self._commit_bytes = max(1, self._commit_bytes // 2)
                self._outage.began(problem)
                if self._clock.monotonic() - started > RETRY_LONGEST:
                    wait = RETRY_FIRST
            await asyncio.sleep(wait)
            wait = min(2 * wait, RETRY_LONGEST)

    async def _read_for_ever(self, store: LedgerStore) -> None:
        while True:
            entries = await self._read()
            for part in _parts(entries, self._commit_bytes):
                await self._book(store, part)
                self._commit_bytes = min(2 * self._commit_bytes, COMMIT_BYTES)
            if not entries:
                self._as_of.set(await store.caught_up(self._clock.now_ms()) / 1000)
            self._worked_at = self._clock.monotonic()
            self._outage.over()

    async def _read(self) -> list[_Entry]:
        from_start = {self._keys.usage: "0-0"}
        answer = await cast(Any, self._client.xread(cast(Any, from_start), count=self._read_at_once, block=BLOCK_MS))
        entries: list[_Entry] = answer[0][1] if answer else []
        if entries:
            size = sum(map(_length, entries))
            fitting = COMMIT_BYTES * len(entries) // max(1, size)
            self._read_at_once = min(max(fitting, READ_LEAST), 4 * self._read_at_once, READ_MOST)
        return entries

    async def _book(self, store: LedgerStore, entries: list[_Entry]) -> None:
        intake = take_in(fields.get(BODY.encode(), b"") for _, fields in entries)
        with self._seconds.time():
            booked = await store.book(intake, self._clock.now_ms())
        self._count(booked)
        self._as_of.set(booked.as_of / 1000)
        confirmed = [text for run, number in booked.confirmed.items() for text in (run, str(number))]
        await cast(
            Any,
            self._client.eval(
                _SETTLE, 2, self._keys.usage_confirmed, self._keys.usage,
                len(booked.confirmed), *confirmed, *(entry for entry, _ in entries),
            ),
        )  # fmt: skip

    def _count(self, booked: Booked) -> None:
        outcomes = {"new": booked.new, "repeat": booked.repeats, "conflict": booked.conflicts, "bad": booked.bad}
        for outcome, number in outcomes.items():
            self._records.labels(outcome).inc(number)
        if booked.conflicts or booked.bad:
            get_logger().error(
                "usage records were refused: see the table usage_refused",
                conflicts=booked.conflicts,
                bad=booked.bad,
            )


def _length(entry: _Entry) -> int:
    return sum(map(len, entry[1].values()))


def _parts(entries: list[_Entry], most: int) -> Iterator[list[_Entry]]:
    """Runs of entries of at most `most` bytes together, at least one entry each."""
    part: list[_Entry] = []
    size = 0
    for entry in entries:
        length = _length(entry)
        if part and size + length > most:
            yield part
            part, size = [], 0
        part.append(entry)
        size += length
    if part:
        yield part
