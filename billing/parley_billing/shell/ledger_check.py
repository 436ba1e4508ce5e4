"""The ledger recomputed from its records, in one snapshot, with bounded memory, and what invoices say was used: what
`parley usage verify` does."""

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from parley_billing.core.reconciliation import (
    TOTALS,
    Comparison,
    Difference,
    Differences,
    Entry,
    Gathering,
    Level,
    Scope,
    at_level,
)
from parley_billing.shell.invoice_audit import audit
from parley_billing.shell.sorted_sums import SortedSums
from parley_runtime.database import Connection

#: Rows in one read: records of a busy gateway have some kilobytes each.
RECORDS_AT_ONCE = 500
SUMS_AT_ONCE = 2_000
#: Sums in memory: some 10 MB. Beyond it they go to temporary files. More would be sorted at one go for so long that
#: whatever else the process does is felt to wait, thread or not.
SUMS_IN_MEMORY = 20_000
#: Seconds for one read. The first of a table sorts it, which a large one takes minutes for.
READ_TIMEOUT = 1_800.0

_PROGRESS = "SELECT batch, exact_since FROM parley.usage_progress"
_RECORDS = "SELECT run, number, digest, body FROM parley.usage_records WHERE NOT refused"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was compared: everything up to transaction `batch`. `tables`: rows found, by name. `digest`: 32 bytes that
    are the same for the same sums. `differing`: how many rows are unequal; `differences`: the first of them."""

    batch: int
    records: int
    lines: int
    tables: dict[str, int]
    digest: bytes
    differing: int
    differences: list[Difference]


async def check(connection: Connection, scope: Scope, most: int) -> Checked:
    """Compare; keep the first `most` differences. Raises what asyncpg raises, and `OSError` when the disk is full.

    Work on rows is done in a thread: a process that checks goes on doing what else it does.
    """
    differences = Differences(most)
    digest = sha256()
    tables: dict[str, int] = {}
    with SortedSums() as sums:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            progress = await connection.fetchrow(_PROGRESS)
            assert progress is not None  # the migration made the row
            exact_since = int(progress["exact_since"])
            gathering = Gathering(scope, exact_since, differences)
            cursor = await connection.cursor(_RECORDS, timeout=READ_TIMEOUT)
            while rows := await cursor.fetch(RECORDS_AT_ONCE, timeout=READ_TIMEOUT):
                await asyncio.to_thread(_gather, gathering, sums, rows)
            sums.kept = await asyncio.to_thread(gathering.drain)
            for level in scope.levels:
                expected = at_level(level, iter(sums), exact_since)
                comparison = await asyncio.to_thread(Comparison, level, expected, differences)
                statement, arguments = _statement(level, scope, exact_since)
                cursor = await connection.cursor(statement, *arguments, timeout=READ_TIMEOUT)
                while rows := await cursor.fetch(SUMS_AT_ONCE, timeout=READ_TIMEOUT):
                    await asyncio.to_thread(comparison.take, map(_entry, rows))
                await asyncio.to_thread(comparison.finish)
                tables[level.table] = comparison.rows
                digest.update(comparison.digest)
            if scope.levels[-1] is TOTALS:  # invoices are compared whole, not for some days
                tables["invoices"] = await audit(connection, scope.tenant, differences)
    return Checked(
        progress["batch"],
        gathering.records,
        gathering.lines,
        tables,
        digest.digest(),
        differences.number,
        differences.first,
    )


def _gather(gathering: Gathering, sums: SortedSums, rows: list[Any]) -> None:
    for row in rows:
        gathering.add(row["run"], row["number"], row["digest"], row["body"])
        if len(gathering) >= SUMS_IN_MEMORY:
            sums.spill(gathering.drain())


def _entry(row: Any) -> Entry:
    return (row["tenant"], row["start"], row["site"], row["usage_class"]), row["messages"], row["bytes"]


def _statement(level: Level, scope: Scope, exact_since: int) -> tuple[str, list[Any]]:
    arguments: list[Any]
    if level is TOTALS:
        columns = "tenant, 0::bigint AS start, '' AS site, usage_class, messages, bytes"
        where, arguments = "$1::text IS NULL OR tenant = $1", [scope.tenant]
        order = "tenant, usage_class"
    else:
        since = max(exact_since if level.table == "usage_minutes" else 0, scope.from_ms or 0)
        columns = "tenant, start, site, usage_class, messages, bytes"
        where = "($1::text IS NULL OR tenant = $1) AND start >= $2::bigint AND ($3::bigint IS NULL OR start < $3)"
        arguments = [scope.tenant, since, scope.to_ms]
        order = "tenant, start, site, usage_class"
    return f"SELECT {columns} FROM parley.{level.table} WHERE {where} ORDER BY {order}", arguments  # noqa: S608
