"""Periods are exact to the minute: cut anywhere, their parts add up; and what is too old is widened, and says so."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from kit.usage import NOON
from parley.usage import MINUTE_MS, USAGE_CLASSES, UsageLine, UsageRecord, encode_record
from parley_billing.core.intake import take_in
from parley_billing.core.rollup import DAY_MS, MINUTES_KEPT_DAYS, QUARTER_HOUR_MS
from parley_billing.core.usage_report import HOUR_MS, answer, ask
from parley_billing.shell import minute_sweep
from parley_billing.shell.ledger_store import LedgerStore
from parley_billing.shell.minute_sweep import sweep_minutes
from parley_billing.shell.usage_store import UsageStore
from parley_runtime.database import Pool, connect

pytestmark = pytest.mark.servers

SPLITS = ("period", "day", "hour", "site")
SITES = ("", "https://a.test", "https://b.test", "https://c.test")


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = await connect(database_url, "parley_billing", size=4)
    yield pool
    await pool.close()


def random_lines(rng: random.Random, tenant: str, span: int, number: int) -> list[UsageLine]:
    """Lines of the last `span` minutes, some of them of the same minute, site and class."""
    return [
        UsageLine(
            tenant, rng.choice(SITES), rng.choice(USAGE_CLASSES), NOON - rng.randrange(span) * MINUTE_MS,
            rng.randrange(100), rng.randrange(100_000),
        )
        for _ in range(number)
    ]  # fmt: skip


async def book(pool: Pool, run: str, *records: Iterable[UsageLine]) -> None:
    for number, lines in enumerate(records, 1):
        async with pool.acquire() as connection:
            record = UsageRecord(run, number, NOON, list(lines))
            await LedgerStore(connection).book(take_in([encode_record(record)]), NOON)


async def usage(pool: Pool, tenant: str, from_ms: int, to_ms: int, by: str = "period") -> dict[str, Any]:
    question = ask({"from": str(from_ms), "to": str(to_ms), "by": by}, NOON)
    return answer(tenant, await UsageStore(pool).read(tenant, question))


def of_classes(told: dict[str, Any]) -> "Counter[Any]":
    return Counter({(name, unit): count for name, counts in told["classes"].items() for unit, count in counts.items()})


def of_series(told: dict[str, Any], by: str) -> "Counter[Any]":
    """The entries of a series by what they are about: a site, or the hour or day that they are (a part of)."""
    step = {"hour": HOUR_MS, "day": DAY_MS}.get(by)
    sums: Counter[Any] = Counter()
    for entry in told["series"]:
        name = entry["site"] if by == "site" else entry["from"] // step if step else None
        for key, count in of_classes(entry).items():
            sums[name, *key] += count
    return +sums


def counted(lines: Iterable[UsageLine], from_ms: int, to_ms: int) -> "Counter[Any]":
    sums: Counter[Any] = Counter()
    for line in lines:
        if from_ms <= line.minute < to_ms:
            sums[line.usage_class, "messages"] += line.messages
            sums[line.usage_class, "bytes"] += line.bytes
    return +sums


async def test_a_period_cut_at_any_minute_is_the_sum_of_its_parts_by_every_split(pool: Pool) -> None:
    rng = random.Random(17)
    sets: dict[str, list[UsageLine]] = {}
    for number, span in enumerate((20, 50, 200, 2_000, 5_000)):
        tenant = f"tenant-{number}"
        sets[tenant] = random_lines(rng, tenant, span, 150)
        await book(pool, tenant, sets[tenant][:60], sets[tenant][60:61], sets[tenant][61:])
        for _ in range(8):
            start, cut, end = sorted(NOON + MINUTE_MS - rng.randrange(span + 3) * MINUTE_MS for _ in range(3))
            if not start < cut < end:
                continue
            for by in SPLITS:
                whole = await usage(pool, tenant, start, end, by)
                first = await usage(pool, tenant, start, cut, by)
                second = await usage(pool, tenant, cut, end, by)
                assert (whole["from"], first["to"], second["from"], whole["to"]) == (start, cut, cut, end)
                assert +of_classes(whole) == counted(sets[tenant], start, end)
                assert of_classes(first) + of_classes(second) == +of_classes(whole)
                assert of_series(first, by) + of_series(second, by) == of_series(whole, by)
                for told in (whole, first, second):
                    assert sum(map(of_classes, told["series"]), Counter()) == +of_classes(told)
                    for entry in told["series"] if by in ("day", "hour") else ():
                        assert +of_classes(entry) == counted(sets[tenant], entry["from"], entry["to"])


async def test_the_last_minute_is_the_last_minute(pool: Pool) -> None:
    minutes = [UsageLine("acme", "", "delivery", NOON - n * MINUTE_MS, 1, 10**n) for n in range(5)]
    await book(pool, "r", minutes)
    for n in range(5):
        start = NOON - n * MINUTE_MS
        assert (await usage(pool, "acme", start, start + MINUTE_MS))["pubSubBandwidth"] == 10**n
        assert (await usage(pool, "acme", start + 1, start + 2))["pubSubBandwidth"] == 10**n, "widened to the minute"


async def test_minutes_given_up_leave_the_sums_and_the_answer_says_what_it_is_about(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minute_sweep, "ROWS_AT_ONCE", 7)
    since = NOON - MINUTES_KEPT_DAYS * DAY_MS
    old = [UsageLine("acme", site, "publish", since - n * MINUTE_MS, 1, 100) for n in range(1, 21) for site in SITES]
    kept = [UsageLine("acme", "", "publish", since + n * MINUTE_MS, 1, 100) for n in range(20)]
    await book(pool, "r", old, kept)
    assert await sweep_minutes(pool, NOON - QUARTER_HOUR_MS) == 5 * len(SITES)
    assert await sweep_minutes(pool, NOON + QUARTER_HOUR_MS - 1) == 15 * len(SITES)
    assert await sweep_minutes(pool, NOON - DAY_MS) == 0, "a clock that went back brings nothing back"
    # A record that comes late counts in the quarter, and does not pretend to be all there was of its minute.
    late = UsageLine("acme", "", "publish", since - MINUTE_MS, 1, 100)
    await book(pool, "late", [late])
    assert await pool.fetchval("SELECT count(*) FROM parley.usage_minutes") == len(kept)
    for start, end, said in (
        (since - 3 * MINUTE_MS, since - 2 * MINUTE_MS, (since - QUARTER_HOUR_MS, since)),
        (since - 3 * MINUTE_MS, since + 2 * MINUTE_MS, (since - QUARTER_HOUR_MS, since + 2 * MINUTE_MS)),
        (since, since + MINUTE_MS, (since, since + MINUTE_MS)),
    ):
        for by in SPLITS:
            told = await usage(pool, "acme", start, end, by)
            assert (told["from"], told["to"], told["exactSince"]) == (*said, since)
            assert +of_classes(told) == counted([*old, *kept, late], *said)
            assert sum(map(of_classes, told["series"]), Counter()) == +of_classes(told)


async def test_a_sweep_that_ended_half_way_has_taken_nothing_from_any_answer(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = random_lines(random.Random(23), "acme", 60, 200)
    await book(pool, "r", lines)
    now = NOON + MINUTES_KEPT_DAYS * DAY_MS
    delete = minute_sweep._DELETE
    monkeypatch.setattr(minute_sweep, "ROWS_AT_ONCE", 3)
    monkeypatch.setattr(minute_sweep, "_DELETE", f"{delete.replace('SELECT count(*)', 'SELECT 1 / 0')}")
    with pytest.raises(Exception, match="division by zero"):
        await sweep_minutes(pool, now)
    told = await usage(pool, "acme", NOON - 7 * MINUTE_MS, NOON - MINUTE_MS)
    assert (told["from"], told["to"]) == (NOON - QUARTER_HOUR_MS, NOON)
    assert +of_classes(told) == counted(lines, told["from"], told["to"])
    monkeypatch.setattr(minute_sweep, "_DELETE", delete)
    before = await pool.fetchval("SELECT count(*) FROM parley.usage_minutes WHERE start < $1", NOON)
    assert await sweep_minutes(pool, now) == before > 3


async def test_while_minutes_go_and_records_come_each_answer_is_the_sum_of_what_it_says(pool: Pool) -> None:
    rng = random.Random(29)
    lines = random_lines(rng, "acme", 600, 400)
    await book(pool, "r", lines)
    others = [random_lines(rng, "globex", 600, 5) for _ in range(30)]
    answers: list[dict[str, Any]] = []
    swept = asyncio.Event()

    async def sweep() -> None:
        start = NOON + MINUTES_KEPT_DAYS * DAY_MS - 600 * MINUTE_MS
        for step in range(41):
            await sweep_minutes(pool, start + step * QUARTER_HOUR_MS)
        swept.set()

    async def read() -> None:
        while not swept.is_set():
            start, end = sorted(NOON - rng.randrange(600) * MINUTE_MS for _ in range(2))
            answers.append(await usage(pool, "acme", start, end + MINUTE_MS, rng.choice(SPLITS)))

    await asyncio.gather(sweep(), read(), book(pool, "others", *others))
    assert len({told["exactSince"] for told in answers}) > 1, "it was read while minutes went"
    for told in answers:
        assert +of_classes(told) == counted(lines, told["from"], told["to"])
    left = [line for line in sum(others, lines) if line.minute >= NOON]
    kept = await pool.fetchval("SELECT coalesce(sum(messages), 0) FROM parley.usage_minutes")
    assert kept == sum(line.messages for line in left)
