"""Sealed usage records for tests, and looking into the ledger."""

import random
from collections import Counter
from collections.abc import Iterable

from parley.usage import MINUTE_MS, USAGE_CLASSES, UsageLine, UsageRecord
from parley_runtime.database import Connection

#: An ordinary moment: 23 November 2026, 16:00 UTC.
NOON = 1_795_449_600_000

#: (tenant, class, "messages" or "bytes") → sum.
Sums = Counter[tuple[str, str, str]]


def random_record(rng: random.Random, run: str, number: int, lines: int = 4) -> UsageRecord:
    """A record over two tenants, some sites and the last two days."""
    made = [
        UsageLine(
            rng.choice(["acme", "globex"]),
            rng.choice(["", "https://a.test", "https://b.test"]),
            rng.choice(USAGE_CLASSES),
            NOON - rng.randrange(2_880) * MINUTE_MS,
            rng.randrange(100),
            rng.randrange(100_000),
        )
        for _ in range(lines)
    ]
    return UsageRecord(run, number, NOON, made)


def sums_of(records: Iterable[UsageRecord]) -> Sums:
    """What a ledger must say that has each of these once."""
    sums: Sums = Counter()
    for record in records:
        for line in record.lines:
            sums[line.tenant, line.usage_class, "messages"] += line.messages
            sums[line.tenant, line.usage_class, "bytes"] += line.bytes
    return +sums


async def ledger_sums(connection: Connection, table: str) -> Sums:
    """The same from one of the ledger's tables of sums."""
    rows = await connection.fetch(
        f"SELECT tenant, usage_class, sum(messages) AS m, sum(bytes) AS b FROM parley.{table} GROUP BY 1, 2"
    )
    sums: Sums = Counter()
    for row in rows:
        sums[row["tenant"], row["usage_class"], "messages"] += int(row["m"])
        sums[row["tenant"], row["usage_class"], "bytes"] += int(row["b"])
    return +sums
