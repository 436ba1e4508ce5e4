"""The ledger's sums against those of the records it keeps. Exactly: every sum of every table, found and expected.

Both sides come in the order of their keys, so that only one group of either is in memory at a time.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeAlias

import msgspec

from parley.usage import MINUTE_MS, decode_record
from parley_billing.core.rollup import DAY_MS, QUARTER_HOUR_MS

#: (tenant, start in ms, site, class): in this order also in Postgres, whose collation here is that of the bytes.
Key: TypeAlias = tuple[str, int, str, str]
#: (key, messages, bytes).
Entry: TypeAlias = tuple[Key, int, int]

_NOTHING = (0, 0)


@dataclass(frozen=True, slots=True)
class Level:
    """A table of sums. `step`: ms of one of its sums, or None for all time; then start is 0 and site "" in its keys."""

    table: str
    step: int | None


MINUTES = Level("usage_minutes", MINUTE_MS)
QUARTER_HOURS = Level("usage_quarter_hours", QUARTER_HOUR_MS)
DAYS = Level("usage_days", DAY_MS)
TOTALS = Level("usage_totals", None)
LEVELS = (MINUTES, QUARTER_HOURS, DAYS, TOTALS)


@dataclass(frozen=True, slots=True)
class Scope:
    """What is compared. `from_ms` and `to_ms`: whole days (UTC), half-open. None: without that limit."""

    tenant: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None

    def has(self, tenant: str, time_ms: int) -> bool:
        return (
            (self.tenant is None or tenant == self.tenant)
            and (self.from_ms is None or time_ms >= self.from_ms)
            and (self.to_ms is None or time_ms < self.to_ms)
        )

    @property
    def levels(self) -> tuple[Level, ...]:
        """A total is over all time: within a period there is none."""
        return LEVELS if self.from_ms is None and self.to_ms is None else LEVELS[:-1]


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not what the records say. `expected` or `found` is None where there is no row."""

    table: str
    key: dict[str, str | int]
    expected: dict[str, str | int] | None
    found: dict[str, str | int] | None


@dataclass(slots=True)
class Differences:
    """All are counted, the first `most` are kept."""

    most: int
    number: int = 0
    first: list[Difference] = field(default_factory=list)

    def add(self, difference: Difference) -> None:
        self.number += 1
        if len(self.first) < self.most:
            self.first.append(difference)


class Gathering:
    """Adds records up, as finely as a table has them: minutes from `exact_since` (ms) on, quarters before it."""

    def __init__(self, scope: Scope, exact_since: int, differences: Differences) -> None:
        self._scope = scope
        self._exact_since = exact_since
        self._differences = differences
        self._sums: dict[Key, list[int]] = {}
        self.records = 0
        self.lines = 0

    def __len__(self) -> int:
        """Number of sums in memory."""
        return len(self._sums)

    def add(self, run: str, number: int, digest: bytes, body: bytes) -> None:
        """One record that counts, as it is kept. A body that is not what its digest says is a difference, and counts
        for what it now is."""
        self.records += 1
        actual = sha256(body).digest()
        try:
            record = decode_record(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            record = None
        if actual != digest or record is None or (record.run, record.number) != (run, number):
            self._differences.add(
                Difference(
                    "usage_records",
                    {"run": run, "number": number},
                    {"digest": digest.hex()},
                    {"digest": actual.hex()},
                )
            )
        if record is None:
            return
        for line in record.lines:
            if not self._scope.has(line.tenant, line.minute):
                continue
            self.lines += 1
            start = line.minute
            if start < self._exact_since:
                start -= start % QUARTER_HOUR_MS
            held = self._sums.setdefault((line.tenant, start, line.site, line.usage_class), [0, 0])
            held[0] += line.messages
            held[1] += line.bytes

    def drain(self) -> list[Entry]:
        """The sums since the last time, in order; then none is in memory."""
        entries = [(key, messages, size) for key, (messages, size) in sorted(self._sums.items())]
        self._sums = {}
        return entries


def merged(parts: Iterable[Iterable[Entry]]) -> Iterator[Entry]:
    """Parts that are each in order, as one, with each key once."""
    held: Key | None = None
    messages = size = 0
    for key, more_messages, more_size in heapq.merge(*parts):
        if key == held:
            messages += more_messages
            size += more_size
            continue
        if held is not None:
            yield held, messages, size
        held, messages, size = key, more_messages, more_size
    if held is not None:
        yield held, messages, size


def at_level(level: Level, entries: Iterable[Entry], exact_since: int = 0) -> Iterator[Entry]:
    """The sums that a table must have, from entries in order. Holds the sites of one tenant's one bucket at a time."""
    group: tuple[str, int] | None = None
    sums: dict[tuple[str, str], list[int]] = {}
    for (tenant, start, site, usage_class), messages, size in entries:
        if level is MINUTES and start < exact_since:
            continue
        of = (tenant, 0 if level.step is None else start - start % level.step)
        if of != group:
            if group is not None:
                yield from _group(group, sums)
            group, sums = of, {}
        held = sums.setdefault(("" if level.step is None else site, usage_class), [0, 0])
        held[0] += messages
        held[1] += size
    if group is not None:
        yield from _group(group, sums)


def _group(group: tuple[str, int], sums: dict[tuple[str, str], list[int]]) -> Iterator[Entry]:
    for (site, usage_class), (messages, size) in sorted(sums.items()):
        yield (*group, site, usage_class), messages, size


class Comparison:
    """One table. `take` its rows in order, in as many parts as liked, then `finish`.

    A row that is missing is unequal to any sum but none: a sum of nothing needs no row.
    """

    def __init__(self, level: Level, expected: Iterator[Entry], differences: Differences) -> None:
        self._level = level
        self._expected = expected
        self._differences = differences
        self._next = next(expected, None)
        self._digest = sha256()
        #: Number of rows that were found.
        self.rows = 0

    def take(self, rows: Iterable[Entry]) -> None:
        for key, messages, size in rows:
            self.rows += 1
            while self._next is not None and self._next[0] < key:
                self._judge(self._next[0], self._next[1:], None)
                self._advance()
            expected = None
            if self._next is not None and self._next[0] == key:
                expected = self._next[1:]
                self._advance()
            self._judge(key, expected, (messages, size))

    def finish(self) -> None:
        while self._next is not None:
            self._judge(self._next[0], self._next[1:], None)
            self._advance()

    @property
    def digest(self) -> bytes:
        """SHA-256 of what the records say this table has: the same for the same sums, wherever they are computed."""
        return self._digest.digest()

    def _advance(self) -> None:
        if self._next is not None and self._next[1:] != _NOTHING:
            self._digest.update(msgspec.msgpack.encode(self._next))
        self._next = next(self._expected, None)

    def _judge(self, key: Key, expected: tuple[int, int] | None, found: tuple[int, int] | None) -> None:
        if (expected or _NOTHING) != (found or _NOTHING):
            self._differences.add(
                Difference(self._level.table, _named(self._level, key), _counts(expected), _counts(found))
            )


def _named(level: Level, key: Key) -> dict[str, str | int]:
    tenant, start, site, usage_class = key
    if level.step is None:
        return {"tenant": tenant, "class": usage_class}
    return {"tenant": tenant, "start": start, "site": site, "class": usage_class}


def _counts(counted: tuple[int, int] | None) -> dict[str, str | int] | None:
    return None if counted is None else {"messages": counted[0], "bytes": counted[1]}


def next_night(now_ms: int, hour: int) -> int:
    """The first moment after `now_ms` (ms) at which it is `hour` o'clock (UTC)."""
    today = now_ms - now_ms % DAY_MS + hour * 3_600_000
    return today if today > now_ms else today + DAY_MS
