"""The bus: partition streams in Redis. The fast path between gateways; the database is the guarantee.

Reading keeps a cursor for each stream and never starts at `$` after the first look. Three signs show that the bus has
lost something: the stream was trimmed past the cursor, it went backwards (flushed, failed over), or it cannot be
reached. Each makes the gateway compare its pages with the database.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from redis.asyncio import Redis, RedisCluster

from parley import metrics as names
from parley.pages import PARTITIONS, partition_of
from parley.redis_keys import BODY, Keys
from parley_gateway.core.bus_entry import BusEntry, Probe, decode, encode
from parley_gateway.core.outbox import Outbox
from parley_gateway.core.stream_position import Seen, StreamPosition
from parley_gateway.shell.redis_conversation import Next, converse
from parley_runtime.outage import Outage
from parley_runtime.redis_client import Client
from parley_runtime.telemetry import Metrics, get_logger

#: Entries kept in each partition stream, about. Readers that are further behind ask the database.
STREAM_LENGTH = 10_000
#: Entries taken from each stream in one read.
READ_COUNT = 200
#: Milliseconds for which one read waits.
BLOCK_MS = 1_000
#: Entries, and bytes, waiting to be published: seconds of a busy gateway. Beyond either the oldest are dropped, and a
#: metric says so: other gateways then learn from the database.
OUTBOX, OUTBOX_BYTES = 10_000, 16 * 1024 * 1024
#: Entries in one pipeline.
PIPELINE = 200
#: Seconds between attempts while Redis is away.
RETRY = 0.2
#: Seconds for which one connection is read before the pool is asked again (it may know of a new master).
HOLD = 1.0
#: Seconds without an answer after which Redis is taken for unreachable: well over what a read may wait for entries.
ANSWER_WAIT = 4.0

_BODY = BODY.encode()


def _word(word: bytes) -> bytes:
    """One argument of a command, as Redis reads it."""
    return b"$%d\r\n%b\r\n" % (len(word), word)


class BusWriter:
    """Publishes, in the background and in order."""

    def __init__(self, client: Client, keys: Keys, metrics: Metrics) -> None:
        self._client = client
        self._keys = keys
        self._queue = Outbox(OUTBOX, OUTBOX_BYTES)
        self._wake = asyncio.Event()
        self._faults = metrics.counter(names.BUS_FAULTS).labels("unreachable")
        self._dropped = metrics.counter(names.BUS_DROPPED)
        self._outage = Outage("the bus cannot be written")

    def publish(self, entry: BusEntry) -> None:
        """Queue an entry for the page's partition; a probe goes to the partition of its number."""
        place = entry.number % PARTITIONS if isinstance(entry, Probe) else partition_of(entry.tenant, entry.page)
        if dropped := self._queue.put(place, encode(entry)):
            self._dropped.labels("outbox-full").inc(dropped)
        self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                batch = self._queue.take(PIPELINE)
                try:
                    await self._send(batch)
                    self._outage.over()
                except Exception as problem:  # the bus must outlive every fault of Redis and of its client
                    # Not sent again: some may be in already, and whoever misses one asks the database.
                    self._faults.inc()
                    self._dropped.labels("not-sent").inc(len(batch))
                    self._outage.began(problem)
                    await asyncio.sleep(RETRY)

    async def _send(self, batch: Sequence[tuple[int, bytes]]) -> None:
        async with self._client.pipeline(transaction=False) as pipeline:
            for partition, body in batch:
                pipeline.xadd(self._keys.bus(partition), {BODY: body}, maxlen=STREAM_LENGTH, approximate=True)
            await pipeline.execute()


class BusReader:
    """Follows all partition streams. `client`: one that sets no time limits itself.

    `entry` is called with each one; `lost` with the partitions whose pages must be compared with the database.
    """

    def __init__(
        self,
        client: Client,
        keys: Keys,
        metrics: Metrics,
        *,
        entry: Callable[[BusEntry], None],
        lost: Callable[[set[int]], None],
    ) -> None:
        self._client = client
        self._keys = keys
        self._entry = entry
        self._lost = lost
        self._positions = [StreamPosition() for _ in range(PARTITIONS)]
        # Bytes, and made once: each read names all of them.
        self._streams = [keys.bus(n).encode() for n in range(PARTITIONS)]
        words = [b"XREAD", b"COUNT", b"%d" % READ_COUNT, b"BLOCK", b"%d" % BLOCK_MS, b"STREAMS", *self._streams]
        self._command = b"*%d\r\n" % (len(words) + PARTITIONS) + b"".join(map(_word, words))
        #: The cursors, as they are sent.
        self._cursors = [_word(position.cursor.encode()) for position in self._positions]
        self._partition_of_stream = {stream: n for n, stream in enumerate(self._streams)}
        self._faults = metrics.counter(names.BUS_FAULTS)
        self._entries = metrics.counter(names.BUS_ENTRIES)

    async def run(self) -> None:
        """Reads for ever. A cluster wants one blocking read for each slot, anything else one for all."""
        if isinstance(self._client, RedisCluster):
            async with asyncio.TaskGroup() as group:
                for partition in range(PARTITIONS):
                    group.create_task(self._follow([partition], partial(self._read_one, self._client, partition)))
        else:
            await self._follow(list(range(PARTITIONS)), partial(self._read, self._client))

    async def _follow(self, partitions: list[int], read: Callable[[], Awaitable[None]]) -> None:
        outage = Outage("the bus cannot be read")
        looked = False
        task = asyncio.current_task()
        # Asked each time, because redis-py may swallow a cancellation (see `lifecycle`).
        while task is None or not task.cancelling():
            try:
                if not looked:
                    await self.look(partitions)
                    looked = True
                    if outage.over():
                        self._lost(set(partitions))
                await read()
            except Exception as problem:  # the loop must outlive every fault, of Redis and of an entry
                if outage.began(problem):
                    self._faults.labels("unreachable").inc()
                    self._lost(set(partitions))
                looked = False
                await asyncio.sleep(RETRY)

    async def _read(self, client: Redis) -> None:
        """Read all streams for a while, over one connection, with a command that is packed here and past its streams.

        The client's own way of one command packs more than 130 words, takes a connection, gives it back, sets two
        timers and wakes a task twice, for each read: most of all that an entry cost, when measured.
        """
        pool, clock = client.connection_pool, asyncio.get_running_loop().time
        async with asyncio.timeout(HOLD + ANSWER_WAIT):
            connection = await pool.get_connection()  # type: ignore[no-untyped-call]
            until = clock() + HOLD

            def take(answer: Any) -> Next:
                self._take(answer)
                return self._question() if clock() < until else None

            try:
                await converse(connection, self._question(), take)
            finally:
                await pool.release(connection)

    def _question(self) -> bytes:
        return self._command + b"".join(self._cursors)

    async def _read_one(self, client: RedisCluster, partition: int) -> None:
        streams: dict[Any, Any] = {self._streams[partition]: self._positions[partition].cursor}
        async with asyncio.timeout(HOLD + ANSWER_WAIT):
            answer = await client.xread(streams, count=READ_COUNT, block=BLOCK_MS)
        self._take(answer)

    def _take(self, answer: Any) -> None:
        """Entries of streams: as RESP 3 says it, as RESP 2 does, or none."""
        for stream, entries in answer.items() if isinstance(answer, dict) else answer or ():
            partition = self._partition_of_stream[stream]
            for identity, fields in entries:
                self._positions[partition].advance(identity.decode())
                self._take_entry(fields)
            self._pack(partition)

    def _pack(self, partition: int) -> None:
        """The cursor has moved."""
        self._cursors[partition] = _word(self._positions[partition].cursor.encode())

    def _take_entry(self, fields: dict[bytes, bytes] | list[bytes]) -> None:
        """`fields`: as the client gives them, or names and values in turn, as Redis does."""
        try:
            named = fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2], strict=True))
            entry = decode(named[_BODY])
        except (msgspec.DecodeError, KeyError):
            self._entries.labels("bad").inc()
            return
        self._entry(entry)

    async def look(self, partitions: Sequence[int] = range(PARTITIONS)) -> None:
        """Compare the cursors with the streams: where something was lost, say so and start over."""
        asked_at = [self._positions[partition].place for partition in partitions]
        async with self._client.pipeline(transaction=False) as pipeline:
            for partition in partitions:
                pipeline.xinfo_stream(self._keys.bus(partition))
            async with asyncio.timeout(ANSWER_WAIT):
                answers = await pipeline.execute(raise_on_error=False)
        lost: set[int] = set()
        for partition, place, info in zip(partitions, asked_at, answers, strict=True):
            if isinstance(info, Exception):
                if "no such key" not in str(info).lower():
                    raise info
                info = None
            seen = self._positions[partition].look(info, place)
            self._pack(partition)
            if seen is not Seen.FINE:
                self._faults.labels(seen.value).inc()
                lost.add(partition)
        if lost:
            get_logger().warning("the bus has lost something", partitions=len(lost))
            self._lost(lost)
