"""A real ledger against its own records: what somebody changed behind its back is found and named."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner, Result

from kit.clock import FrozenClock
from kit.servers import run_apart
from kit.usage import NOON, random_record
from kit.waiting import until
from parley.metrics import RECONCILED, RECONCILIATION_UNEQUAL
from parley.usage import UsageLine, UsageRecord, encode_record
from parley_billing.core.intake import take_in
from parley_billing.core.reconciliation import LEVELS, Scope
from parley_billing.core.rollup import DAY_MS
from parley_billing.shell import ledger_check
from parley_billing.shell.ledger_check import Checked, check
from parley_billing.shell.ledger_store import LedgerStore
from parley_billing.shell.minute_sweep import sweep_minutes
from parley_billing.shell.reconciliation import RECONCILER_LOCK, Reconciliation
from parley_billing.usage_command import usage
from parley_runtime.database import Pool, connect
from parley_runtime.telemetry import Metrics

pytestmark = pytest.mark.servers

RECORDS = [random_record(random.Random(number), "r", number) for number in range(1, 41)]
#: Some UTC day within RECORDS, half-open.
DAY = (NOON - NOON % DAY_MS, NOON - NOON % DAY_MS + DAY_MS)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = await connect(database_url, "parley_billing", size=4)
    yield pool
    await pool.close()


async def book(pool: Pool, *records: UsageRecord) -> None:
    async with pool.acquire() as connection:
        await LedgerStore(connection).book(take_in(map(encode_record, records)), NOON)


async def checked(pool: Pool, scope: Scope | None = None, most: int = 10) -> Checked:
    async with pool.acquire() as connection:
        return await check(connection, scope or Scope(), most)


async def test_a_ledger_is_equal_to_its_records_and_its_digest_is_theirs(pool: Pool) -> None:
    empty = await checked(pool)
    assert (empty.differing, empty.records, set(empty.tables.values())) == (0, 0, {0})
    for place in range(0, len(RECORDS), 7):
        await book(pool, *RECORDS[place : place + 7])
    first = await checked(pool)
    assert (first.differing, first.differences) == (0, [])
    assert (first.batch, first.records, first.lines) == (6, 40, 160)
    for table, rows in first.tables.items():
        assert rows == await pool.fetchval(f"SELECT count(*) FROM parley.{table}")
    assert set(first.tables) == {level.table for level in LEVELS} | {"invoices"}
    assert (await checked(pool)).digest == first.digest != empty.digest


async def test_what_does_not_fit_in_memory_is_spilled_and_gives_the_same(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await book(pool, *RECORDS)
    whole = await checked(pool)
    for name, value in (("SUMS_IN_MEMORY", 3), ("RECORDS_AT_ONCE", 4), ("SUMS_AT_ONCE", 5)):
        monkeypatch.setattr(ledger_check, name, value)
    monkeypatch.setattr("parley_billing.shell.sorted_sums.PARTS_MOST", 3)
    monkeypatch.setattr("parley_billing.shell.sorted_sums.BLOCK", 2)
    assert await checked(pool) == whole
    await pool.execute("UPDATE parley.usage_totals SET bytes = bytes + 1 WHERE tenant = 'acme'")
    assert (await checked(pool)).differing == 4


@pytest.mark.parametrize("table", [level.table for level in LEVELS])
@pytest.mark.parametrize("column", ["messages", "bytes"])
async def test_a_changed_row_is_found_and_named_and_a_removed_one_too(pool: Pool, table: str, column: str) -> None:
    await book(pool, *RECORDS)
    row = await pool.fetchrow(f"SELECT * FROM parley.{table} WHERE bytes > 0 ORDER BY random() LIMIT 1")
    assert row is not None
    key = {"tenant": row["tenant"], "class": row["usage_class"]}
    where = "tenant = $1 AND usage_class = $2"
    arguments = [row["tenant"], row["usage_class"]]
    if table != "usage_totals":
        key |= {"start": row["start"], "site": row["site"]}
        where += " AND start = $3 AND site = $4"
        arguments += [row["start"], row["site"]]
    await pool.execute(f"UPDATE parley.{table} SET {column} = {column} + 1 WHERE {where}", *arguments)
    found = await checked(pool)
    assert found.differing == 1
    (only,) = found.differences
    assert (only.table, only.key) == (table, key)
    counts = {"messages": row["messages"], "bytes": row["bytes"]}
    assert (only.expected, only.found) == (counts, {**counts, column: counts[column] + 1})
    await pool.execute(f"DELETE FROM parley.{table} WHERE {where}", *arguments)
    (only,) = (await checked(pool)).differences
    assert (only.key, only.expected, only.found) == (key, counts, None)
    other = "globex" if row["tenant"] == "acme" else "acme"
    assert (await checked(pool, Scope(other))).differing == 0
    assert (await checked(pool, Scope(row["tenant"]))).differing == 1


async def test_refused_repeated_and_conflicting_records_do_not_disturb(pool: Pool) -> None:
    line = UsageLine("acme", "", "publish", NOON, 1, 10)
    first = UsageRecord("r", 1, NOON, [line])
    other = UsageRecord("r", 1, NOON, [UsageLine("acme", "", "publish", NOON, 2, 20)])
    wrong = UsageRecord("r", 2, NOON, [line, UsageLine("acme", "", "publish", NOON, -5, 20)])
    await book(pool, first, other, wrong)
    await book(pool, other, first, wrong)
    found = await checked(pool)
    assert (found.differing, found.records, found.lines) == (0, 1, 1)
    assert await pool.fetchval("SELECT count(*) FROM parley.usage_refused") == 2


async def test_a_record_that_was_changed_or_removed_is_found(pool: Pool) -> None:
    await book(pool, *RECORDS)
    changed = encode_record(UsageRecord("r", 3, NOON, [UsageLine("initech", "", "publish", NOON, 1, 1)]))
    await pool.execute("UPDATE parley.usage_records SET body = $1 WHERE number = 3", changed)
    found = await checked(pool, most=1_000)
    assert {"run": "r", "number": 3} in [each.key for each in found.differences]
    assert {"tenant": "initech", "class": "publish"} in [each.key for each in found.differences]
    await pool.execute("DELETE FROM parley.usage_records WHERE number = 3")
    found = await checked(pool, most=2)
    assert found.differing > len(found.differences) == 2


async def test_minutes_that_were_given_up_are_not_missed(pool: Pool) -> None:
    await book(pool, *RECORDS)
    before = await checked(pool)
    await sweep_minutes(pool, NOON + 34 * DAY_MS)
    after = await checked(pool)
    assert after.differing == 0 < after.tables["usage_minutes"] < before.tables["usage_minutes"]
    await book(pool, random_record(random.Random(99), "late", 1, lines=30))
    assert (await checked(pool)).differing == 0


async def test_a_period_is_compared_by_itself(pool: Pool) -> None:
    await book(pool, *RECORDS)
    await pool.execute("UPDATE parley.usage_days SET bytes = bytes + 1 WHERE start < $1", DAY[0])
    assert (await checked(pool, Scope(None, *DAY))).differing == 0
    assert (await checked(pool, Scope(None, None, DAY[0]))).differing > 0
    within = await checked(pool, Scope("acme", *DAY))
    assert 0 < within.lines < 160 and "usage_totals" not in within.tables


async def test_booking_goes_on_meanwhile_and_the_snapshot_stays_one(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await book(pool, *RECORDS[:20])
    reached, on = asyncio.Event(), asyncio.Event()
    gather = ledger_check._gather
    loop = asyncio.get_running_loop()

    def gathering(*arguments: object) -> None:
        gather(*arguments)  # type: ignore[arg-type]
        loop.call_soon_threadsafe(reached.set)
        asyncio.run_coroutine_threadsafe(on.wait(), loop).result()

    monkeypatch.setattr(ledger_check, "_gather", gathering)
    running = asyncio.create_task(checked(pool))
    await reached.wait()
    await book(pool, *RECORDS[20:])
    on.set()
    found = await running
    assert (found.differing, found.batch, found.records) == (0, 1, 20)


@pytest.fixture
def configured(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    monkeypatch.setenv("PARLEY_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    yield database_url


def verify(*arguments: str) -> Result:
    return CliRunner().invoke(usage, ["verify", *arguments])


def change(url: str, *statements: str) -> None:
    async def run() -> None:
        pool = await connect(url, "parley_billing", size=1)
        try:
            await book(pool, *RECORDS)
            for statement in statements:
                await pool.execute(statement)
        finally:
            await pool.close()

    run_apart(run)


def test_the_command_says_equal_with_counts_and_digest(configured: str) -> None:
    change(configured)
    result = verify()
    assert result.exit_code == 0, result.output
    assert "Compared 160 lines of 40 records" in result.output and "up to batch 1." in result.output
    assert "Equal. Digest " in result.output
    assert verify().output == result.output
    assert verify("--tenant", "acme", "--from", "2026-11-22", "--to", "2026-11-24").exit_code == 0
    assert "There is no usage of that tenant" in verify("--tenant", "nobody").output


def test_the_command_says_where_not_and_shows_as_many_as_asked(configured: str) -> None:
    change(configured, "UPDATE parley.usage_totals SET messages = messages + 7 WHERE tenant = 'acme'")
    result = verify("--show", "1")
    assert result.exit_code == 1
    first, *rest = result.output.splitlines()
    told = json.loads(first)
    assert (told["table"], told["key"]) == ("usage_totals", {"tenant": "acme", "class": "delivery"})
    assert told["found"]["messages"] == told["expected"]["messages"] + 7
    assert rest[-1] == "NOT EQUAL: 4 differences, 3 not shown."
    assert verify("--tenant", "globex").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [("--from", "2026-11-24", "--to", "2026-11-24"), ("--from", "yesterday"), ("--tenant", ""), ("--show", "-1")],
)
def test_a_question_that_is_none_is_told_from_an_answer(configured: str, arguments: tuple[str, ...]) -> None:
    result = verify(*arguments)
    assert result.exit_code == 2 and "Error: " in result.output


def test_a_database_out_of_reach_is_trouble_not_inequality(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PARLEY_DATABASE_URL", "postgresql://someone:hidden-password@127.0.0.1:9/parley")
    monkeypatch.chdir(tmp_path)
    result = verify()
    assert result.exit_code == 2
    assert "could not be read" in result.output and "hidden-password" not in result.output


async def test_one_process_of_all_reconciles_and_says_so_as_metrics(pool: Pool, database_url: str) -> None:
    await book(pool, *RECORDS)
    await pool.execute("UPDATE parley.usage_days SET bytes = bytes + 1")
    days = await pool.fetchval("SELECT count(*) FROM parley.usage_days")
    clock, all_metrics = FrozenClock(NOON), [Metrics(), Metrics()]
    tasks = [
        asyncio.create_task(Reconciliation(database_url, clock, each, first_after=0).run()) for each in all_metrics
    ]

    async def said() -> bool:
        return any(RECONCILED.name.encode() in each.text() for each in all_metrics)

    await until(said)
    connection = await asyncpg.connect(database_url)

    async def only_one_is_connected() -> bool:
        asked = (
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return bool(await connection.fetchval(asked) == 1)

    await until(only_one_is_connected)
    with_it = [each for each in all_metrics if RECONCILED.name.encode() in each.text()]
    assert len(with_it) == 1
    assert with_it[0].registry.get_sample_value(RECONCILIATION_UNEQUAL.name) == days
    assert with_it[0].registry.get_sample_value(RECONCILED.name) == NOON / 1000
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await until(lambda: _is_free(connection))
    await connection.close()


async def _is_free(connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", RECONCILER_LOCK))
