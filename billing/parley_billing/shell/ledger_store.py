"""The ledger in Postgres. A batch is one transaction: record ids, sums, confirmations and progress, or nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

from parley_billing.core.columns import Columns
from parley_billing.core.confirmations import advance
from parley_billing.core.intake import Arrived, Intake, RecordId, Refused, against
from parley_billing.core.rollup import Rollup, fold
from parley_runtime.database import Connection

#: Key of the advisory lock of the one process that reads the stream ("ledger" in ASCII).
READER_LOCK = 0x6C6564676572

_PROGRESS = "UPDATE parley.usage_progress SET batch = batch + 1 RETURNING batch, exact_since"

_HELD = """
SELECT r.run, r.number, r.digest FROM unnest($1::text[], $2::bigint[]) AS asked(run, number)
JOIN parley.usage_records r USING (run, number)
"""

_RECORDS = """
INSERT INTO parley.usage_records (run, number, digest, sealed_at, refused, body, batch)
SELECT *, $7 FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::bigint[], $5::boolean[], $6::bytea[])
"""

_REFUSED = """
INSERT INTO parley.usage_refused (run, number, digest, why, body)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::text[], $5::bytea[])
ON CONFLICT DO NOTHING
"""

_RUNS = """
SELECT run, confirmed FROM parley.usage_runs WHERE run = ANY($1::text[])
"""

_NUMBERS_ABOVE = """
SELECT asked.run, array_agg(r.number) AS numbers
FROM unnest($1::text[], $2::bigint[]) AS asked(run, confirmed)
JOIN parley.usage_records r ON r.run = asked.run AND r.number > asked.confirmed GROUP BY asked.run
"""

_CONFIRM = """
INSERT INTO parley.usage_runs (run, confirmed) SELECT * FROM unnest($1::text[], $2::bigint[])
ON CONFLICT (run) DO UPDATE SET confirmed = excluded.confirmed, changed_at = now()
WHERE usage_runs.confirmed < excluded.confirmed
"""

_SERIES = """
INSERT INTO parley.usage_series (tenant, ordinal)
SELECT tenant, (SELECT coalesce(max(ordinal), 0) FROM parley.usage_series) + row_number() OVER (ORDER BY tenant)
FROM (SELECT DISTINCT unnest($1::text[]) AS tenant) AS named
WHERE NOT EXISTS (SELECT FROM parley.usage_series s WHERE s.tenant = named.tenant)
"""

_TOTALS = """
INSERT INTO parley.usage_totals AS held (tenant, usage_class, messages, bytes, batch)
SELECT *, $5 FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
ON CONFLICT (tenant, usage_class) DO UPDATE SET messages = held.messages + excluded.messages,
  bytes = held.bytes + excluded.bytes, batch = excluded.batch, stored_at = excluded.stored_at
"""

_AS_OF = "UPDATE parley.usage_progress SET as_of = greatest(as_of, $1) RETURNING as_of"


def _sums_statement(table: str) -> str:
    return f"""
INSERT INTO parley.{table} AS held (start, tenant, site, usage_class, messages, bytes, batch)
SELECT *, $7 FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
ON CONFLICT (tenant, start, site, usage_class) DO UPDATE SET messages = held.messages + excluded.messages,
  bytes = held.bytes + excluded.bytes, batch = excluded.batch, stored_at = excluded.stored_at
"""  # noqa: S608  (the names are ours)


_MINUTES = _sums_statement("usage_minutes")
_QUARTER_HOURS = _sums_statement("usage_quarter_hours")
_DAYS = _sums_statement("usage_days")


@dataclass(frozen=True, slots=True)
class Booked:
    """What a transaction did. `confirmed` has every run that the batch touched; `as_of` is ms since the epoch."""

    new: int
    lines: int
    repeats: int
    conflicts: int
    bad: int
    confirmed: dict[str, int]
    as_of: int


class LedgerStore:
    """Writes the ledger over one connection. Raises what asyncpg raises; then nothing was written."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def take_reader_lock(self) -> bool:
        """Whether this process is the one that reads the stream; for as long as the connection lives."""
        return bool(await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", READER_LOCK))

    async def book(self, intake: Intake, now_ms: int) -> Booked:
        """Add a batch. Whoever else books waits meanwhile: the row of progress is held to the end."""
        async with self._connection.transaction():
            progress = await self._connection.fetchrow(_PROGRESS)
            assert progress is not None  # the migration made the row
            batch = int(progress["batch"])
            new = against(intake, await self._held(intake.arrived))
            await self._write_records(new, intake.settled, batch)
            await self._write_refused(intake.refused)
            counting = [arrived.record for arrived in new if arrived.id not in intake.settled]
            await self._write_sums(fold(counting, progress["exact_since"]), batch)
            confirmed = await self._confirm({run for run, _ in intake.arrived})
            # A gateway whose clock is ahead does not make the ledger newer than now.
            newest = max((record.sealed_at for record in counting), default=0)
            as_of = int(await self._connection.fetchval(_AS_OF, min(newest, now_ms)))
        lines = sum(len(record.lines) for record in counting)
        return Booked(len(counting), lines, intake.repeats, intake.conflicts, intake.bad, confirmed, as_of)

    async def caught_up(self, now_ms: int) -> int:
        """Nothing is left on the stream at `now_ms`. Returns what the ledger now is complete up to."""
        return int(await self._connection.fetchval(_AS_OF, now_ms))

    async def _held(self, ids: Iterable[RecordId]) -> dict[RecordId, bytes]:
        pairs = list(ids)
        rows = await self._connection.fetch(_HELD, [run for run, _ in pairs], [number for _, number in pairs])
        return {(row["run"], row["number"]): row["digest"] for row in rows}

    async def _write_records(self, new: list[Arrived], settled: set[RecordId], batch: int) -> None:
        if not new:
            return
        await self._connection.execute(
            _RECORDS,
            [arrived.record.run for arrived in new],
            [arrived.record.number for arrived in new],
            [arrived.digest for arrived in new],
            [_clamped(arrived.record.sealed_at) for arrived in new],
            [arrived.id in settled for arrived in new],
            [arrived.body for arrived in new],
            batch,
        )

    async def _write_refused(self, refused: list[Refused]) -> None:
        if not refused:
            return
        await self._connection.execute(
            _REFUSED,
            [each.run for each in refused],
            [each.number for each in refused],
            [each.digest for each in refused],
            [each.why for each in refused],
            [each.body for each in refused],
        )

    async def _write_sums(self, rollup: Rollup, batch: int) -> None:
        if not rollup.totals:
            return
        columns = Columns()
        if rollup.minutes:
            await self._connection.execute(_MINUTES, *columns.of(rollup.minutes), batch)
        await self._connection.execute(_QUARTER_HOURS, *columns.of(rollup.quarter_hours), batch)
        await self._connection.execute(_DAYS, *columns.of(rollup.days), batch)
        totals = sorted(rollup.totals.items())
        tenants = [tenant for (tenant, _), _ in totals]
        await self._connection.execute(
            _TOTALS,
            tenants,
            [usage_class for (_, usage_class), _ in totals],
            [messages for _, (messages, _) in totals],
            [size for _, (_, size) in totals],
            batch,
        )
        await self._connection.execute(_SERIES, tenants)

    async def _confirm(self, runs: set[str]) -> dict[str, int]:
        names = sorted(runs)
        held = {row["run"]: row["confirmed"] for row in await self._connection.fetch(_RUNS, names)}
        before = [held.get(run, 0) for run in names]
        above = await self._connection.fetch(_NUMBERS_ABOVE, names, before)
        numbers = {row["run"]: row["numbers"] for row in above}
        confirmed = {run: advance(number, numbers.get(run, ())) for run, number in zip(names, before, strict=True)}
        await self._connection.execute(_CONFIRM, names, list(confirmed.values()))
        return confirmed


def _clamped(time_ms: int) -> int:
    """A refused record may say any time; what it said stands in its body."""
    return max(0, min(time_ms, 2**62))
