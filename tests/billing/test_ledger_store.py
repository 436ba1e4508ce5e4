"""The ledger in a real Postgres: whole batches, each record once, and one tenant's eyes only."""

import random
from collections.abc import AsyncIterator

import asyncpg
import pytest

from kit.usage import NOON, ledger_sums, random_record, sums_of
from parley.usage import UsageLine, UsageRecord, encode_record
from parley_billing.core.intake import take_in
from parley_billing.core.usage_report import UsageQuestion, answer, ask
from parley_billing.shell.exporter import LedgerExporter
from parley_billing.shell.ledger_store import LedgerStore
from parley_billing.shell.usage_store import UsageStore, as_tenant
from parley_runtime.database import Pool, connect

pytestmark = pytest.mark.servers

TABLES = ("usage_minutes", "usage_quarter_hours", "usage_days", "usage_totals")


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = await connect(database_url, "parley_billing", size=4)
    yield pool
    await pool.close()


class Crash(Exception):
    """Stands for the end of the process: nothing after it happens."""


async def book(pool: Pool, *records: UsageRecord, crash: bool = False) -> dict[str, int]:
    async with pool.acquire() as connection:
        try:
            async with connection.transaction():
                booked = await LedgerStore(connection).book(take_in(map(encode_record, records)), NOON)
                if crash:
                    raise Crash
        except Crash:
            return {}
        return booked.confirmed


async def test_random_batches_with_repeats_holes_and_crashes_add_up_to_the_distinct_records(
    pool: Pool, database_url: str
) -> None:
    rng = random.Random(7)
    records = [random_record(rng, run, number) for run in ("r1", "r2", "r3") for number in range(1, 31)]
    rng.shuffle(records)
    booked: dict[tuple[str, int], UsageRecord] = {}
    waiting = list(records)
    while waiting:
        batch = waiting[: rng.randint(1, 9)] + rng.sample(records, 2)
        crash = rng.random() < 0.3
        confirmed = await book(pool, *batch, crash=crash)
        if crash:
            continue
        del waiting[: len(batch) - 2]
        booked |= {(each.run, each.number): each for each in batch}
        for run, number in confirmed.items():
            assert all((run, n) in booked for n in range(1, number + 1))
            assert (run, number + 1) not in booked
    connection = await asyncpg.connect(database_url)
    for table in TABLES:
        assert await ledger_sums(connection, table) == sums_of(records)
    assert await connection.fetchval("SELECT count(*) FROM parley.usage_records") == len(records)
    held = await connection.fetch("SELECT run, confirmed FROM parley.usage_runs")
    assert {row["run"]: row["confirmed"] for row in held} == {"r1": 30, "r2": 30, "r3": 30}
    assert await connection.fetchval("SELECT count(*) FROM parley.usage_refused") == 0
    await connection.close()


async def test_the_same_id_with_another_content_is_refused_and_flagged(pool: Pool, database_url: str) -> None:
    first = UsageRecord("r", 1, NOON, [UsageLine("acme", "", "publish", NOON, 1, 10)])
    other = UsageRecord("r", 1, NOON, [UsageLine("acme", "", "publish", NOON, 2, 20)])
    wrong = UsageRecord("r", 2, NOON, [UsageLine("acme", "", "publish", NOON, -5, 20)])
    assert await book(pool, first) == {"r": 1}
    assert await book(pool, other, other, wrong) == {"r": 2}, "a refused record's number is settled"
    assert await book(pool, other, wrong) == {"r": 2}
    connection = await asyncpg.connect(database_url)
    assert await ledger_sums(connection, "usage_totals") == sums_of([first])
    flagged = await connection.fetch("SELECT number, digest, body FROM parley.usage_refused ORDER BY number")
    assert [(row["number"], row["digest"]) for row in flagged] == [(1, other.digest()), (2, wrong.digest())]
    assert flagged[1]["body"] == encode_record(wrong)
    await connection.close()


async def test_records_keep_event_time_stored_time_and_the_batch_in_commit_order(pool: Pool, database_url: str) -> None:
    late = UsageRecord("r", 1, NOON, [UsageLine("acme", "", "publish", NOON - 40 * 86_400_000, 1, 10)])
    await book(pool, late)
    await book(pool, random_record(random.Random(1), "r", 2))
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT number, batch, sealed_at, body FROM parley.usage_records ORDER BY number")
    assert rows[0]["batch"] < rows[1]["batch"]
    assert rows[0]["body"] == encode_record(late)
    row = await connection.fetchrow("SELECT * FROM parley.usage_days ORDER BY start LIMIT 1")
    assert row is not None
    assert row["start"] <= NOON - 40 * 86_400_000 < row["start"] + 86_400_000
    assert row["stored_at"] is not None
    await connection.close()


async def test_without_a_where_a_reader_still_sees_one_tenant_only(pool: Pool) -> None:
    await book(pool, *(random_record(random.Random(3), "r", number) for number in range(1, 6)))
    for tenant in ("acme", "globex"):
        async with as_tenant(pool, tenant) as connection:
            for table in TABLES:
                rows = await connection.fetch(f"SELECT DISTINCT tenant FROM parley.{table}")
                assert [row["tenant"] for row in rows] == [tenant]
    async with as_tenant(pool, "") as connection:
        assert await connection.fetch("SELECT * FROM parley.usage_days") == []


@pytest.mark.parametrize("table", ["usage_records", "usage_refused", "usage_runs", "usage_series"])
async def test_a_reader_has_nothing_to_do_with_what_mixes_tenants(pool: Pool, table: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with as_tenant(pool, "acme") as connection:
            await connection.fetch(f"SELECT * FROM parley.{table}")


async def test_a_reader_writes_nothing_and_the_role_ends_with_its_transaction(pool: Pool) -> None:
    with pytest.raises(asyncpg.PostgresError):
        async with as_tenant(pool, "acme") as connection:
            await connection.execute("UPDATE parley.usage_totals SET messages = 0")
    for _ in range(4):
        async with pool.acquire() as connection:
            assert await connection.fetchval("SELECT current_user") == "parley_billing"
            assert not await connection.fetchval("SELECT current_setting('parley.tenant', true)")


async def test_every_split_of_every_period_is_the_sum_over_its_minutes(pool: Pool) -> None:
    rng = random.Random(11)
    records = [random_record(rng, "r", number, lines=20) for number in range(1, 16)]
    await book(pool, *records)
    store = UsageStore(pool)
    for _ in range(15):
        ends = sorted(NOON - rng.randrange(3_000) * 60_000 for _ in range(2))
        for by in ("period", "day", "hour", "site"):
            question = ask({"from": str(ends[0]), "to": str(ends[1] + 1), "by": by}, NOON)
            found = answer("acme", await store.read("acme", question))
            assert (found["from"], found["to"]) == (question.from_ms, question.to_ms) == (ends[0], ends[1] + 60_000)
            counted = [
                line
                for record in records
                for line in record.lines
                if line.tenant == "acme" and question.from_ms <= line.minute < question.to_ms
            ]
            for usage_class in ("publish", "delivery", "presence", "replay"):
                of_class = [line for line in counted if line.usage_class == usage_class]
                assert found["classes"][usage_class] == {
                    "messages": sum(line.messages for line in of_class),
                    "bytes": sum(line.bytes for line in of_class),
                }
            assert found["pubSubBandwidth"] == sum(entry["pubSubBandwidth"] for entry in found["series"])
            for entry in found["series"]:
                part = [
                    line for line in counted
                    if line.usage_class in ("publish", "delivery")
                    and (line.site == entry["site"] if by == "site" else entry["from"] <= line.minute < entry["to"])
                ]  # fmt: skip
                assert entry["pubSubMessageCount"] == sum(line.messages for line in part)


async def test_more_sites_than_shown_are_summed_up(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parley_billing.shell.usage_store.SITES_MOST", 2)
    lines = [UsageLine("acme", f"https://{n}.test", "delivery", NOON, 1, 10 * n) for n in range(1, 6)]
    await book(pool, UsageRecord("r", 1, NOON, lines))
    question = UsageQuestion(NOON - 86_400_000, NOON + 86_400_000, "site")
    series = answer("acme", await UsageStore(pool).read("acme", question))["series"]
    assert [(entry["site"], entry["pubSubBandwidth"]) for entry in series] == [
        ("https://5.test", 50), ("https://4.test", 40), (None, 60),
    ]  # fmt: skip


async def test_the_totals_are_exported_as_they_stand_in_the_ledger_also_by_a_new_process(pool: Pool) -> None:
    exporter = LedgerExporter(pool)
    await exporter.refresh()
    records = []
    for number in range(1, 5):
        record = random_record(random.Random(number), "r", number)
        records.append(record)
        await book(pool, record)
        await book(pool, record)
        await exporter.refresh()
        expected = {
            f'parley_pubsub_{unit}_total{{tenant="{tenant}",class="{usage_class}"}} {counted}'
            for (tenant, usage_class, unit), counted in sums_of(records).items()
        }
        afresh = LedgerExporter(pool)
        await afresh.refresh()
        for text in (exporter.text().decode(), afresh.text().decode()):
            assert {line for line in text.splitlines() if line[0] != "#" and not line.endswith(" 0")} == expected


async def test_only_one_process_reads_the_stream(pool: Pool) -> None:
    async with pool.acquire() as first, pool.acquire() as second:
        assert await LedgerStore(first).take_reader_lock()
        assert not await LedgerStore(second).take_reader_lock()
    async with pool.acquire() as third:
        assert await LedgerStore(third).take_reader_lock()
